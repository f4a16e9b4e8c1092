"""What commands print: for people on a terminal, plain lines in a pipe, JSON where asked for."""

from __future__ import annotations

import sys
from typing import Any

import msgspec
from rich.console import Console

__all__ = ["console", "print_json", "safe"]

_PIPE_COLUMNS = 10_000

console = Console(
    highlight=False,
    soft_wrap=True,
    markup=False,
    emoji=False,
    width=None if sys.stdout is not None and sys.stdout.isatty() else _PIPE_COLUMNS,
)
"""Colours where the terminal has them, plain text where not; markup in messages is never read."""

_KEPT = "\n\t\u200d"  # the last joins emoji
_PICTURES = 0x2400  # where Unicode has pictures of the control characters


def safe(text: str) -> str:
    """Return a text from somebody else so that it cannot steer a terminal.

    Control characters are shown as their pictures; in a pipe everything is left as it is.
    """
    if not console.is_terminal or text.isprintable():
        return text
    return "".join(char if char.isprintable() or char in _KEPT else _picture(char) for char in text)


def _picture(char: str) -> str:
    return chr(_PICTURES + ord(char)) if ord(char) < 0x20 else "\N{REPLACEMENT CHARACTER}"


def print_json(value: Any) -> None:
    """Print a value as one line of JSON."""
    sys.stdout.write(msgspec.json.encode(value).decode() + "\n")
    sys.stdout.flush()
