"""`hubbub model pull`: the small real model that runs on this machine."""

from __future__ import annotations

from typing import Annotated

import typer

from hubbub.cli.output import console
from hubbub.runtimes.local import DEFAULT_MODEL, has_engine, pull

__all__ = ["register"]

model_app = typer.Typer(help="The small local model.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(model_app, name="model")


@model_app.callback()
def model() -> None:
    """The small local model."""


@model_app.command("pull")
def pull_weights(
    name: Annotated[str, typer.Argument(help="Which model.")] = DEFAULT_MODEL,
) -> None:
    """Fetch the weights of a model and check them."""
    path = pull(name, tell=console.print)
    console.print(f"{name} is here: {path}")
    if not has_engine():
        console.print("To run it, install its engine: pip install 'hubbub[local]'")
