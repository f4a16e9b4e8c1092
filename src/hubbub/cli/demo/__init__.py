"""`hubbub demo`: a shop in the web console, and three agents whose talk the terminal shows."""

from __future__ import annotations

from typing import Annotated

import typer

from hubbub.cli.console_page import Open
from hubbub.cli.running import run_async

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(demo)


def demo(
    once: Annotated[bool, typer.Option("--once", help="End after the script.")] = False,
    open: Open = True,  # noqa: A002 - named after its option
) -> None:
    """See a shop at work in the web console, and three agents talk, hand over, fail and recover."""
    from hubbub.cli.demo.story import play

    run_async(play(stay=not once, show=open))
