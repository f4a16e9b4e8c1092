"""`hubbub demo`: three agents, each in a process of its own, and the conversation they have."""

from __future__ import annotations

from typing import Annotated

import typer

from hubbub.cli.running import run_async

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(demo)


def demo(
    once: Annotated[bool, typer.Option("--once", help="End after the script.")] = False,
) -> None:
    """Watch three agents announce themselves, talk, hand over, fail and recover."""
    from hubbub.cli.demo.story import play

    run_async(play(stay=not once))
