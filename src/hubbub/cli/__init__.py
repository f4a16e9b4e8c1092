"""The `hubbub` command."""

from __future__ import annotations

__all__ = ["main"]


def main() -> None:
    """Run the command line; the entry point of the `hubbub` program."""
    from hubbub.cli.app import run

    run()
