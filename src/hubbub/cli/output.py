"""What commands print: for people on a terminal, plain lines in a pipe, JSON where asked for."""

from __future__ import annotations

import sys
from typing import Any

import msgspec
from rich.console import Console

__all__ = ["console", "print_json"]

console = Console(highlight=False, soft_wrap=True, markup=False, emoji=False)
"""Colours where the terminal has them, plain text where not; markup in messages is never read."""


def print_json(value: Any) -> None:
    """Print a value as one line of JSON."""
    sys.stdout.write(msgspec.json.encode(value).decode() + "\n")
    sys.stdout.flush()
