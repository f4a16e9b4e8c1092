"""The options that several commands share."""

from __future__ import annotations

import math
from typing import Annotated, Any

import msgspec
import typer

__all__ = [
    "As",
    "Deadline",
    "DeliverIn",
    "ExpiresIn",
    "Follow",
    "Json",
    "Metadata",
    "Name",
    "Patience",
    "Priority",
    "TaskID",
    "Text",
    "Wait",
    "read_metadata",
]

Name = Annotated[str, typer.Argument(metavar="NAME", help="The agent's name.")]
Text = Annotated[str, typer.Argument(metavar="TEXT", help="What to say; `-` reads it from stdin.")]
As = Annotated[str | None, typer.Option("--as", metavar="NAME", help="Send under this name.")]
Metadata = Annotated[
    list[str] | None,
    typer.Option("--metadata", "-m", metavar="KEY=VALUE", help="Send along; may be repeated."),
]
TaskID = Annotated[str, typer.Argument(metavar="ID", help="The task's id.")]
Priority = Annotated[int, typer.Option("--priority", "-p", min=1, max=5, help="1 is most urgent.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Follow = Annotated[
    bool, typer.Option("--follow", "-f", help="Show what happens until it has ended.")
]


def _finite(seconds: float | None) -> float | None:
    if seconds is not None and not math.isfinite(seconds):
        raise typer.BadParameter("it must be a number of seconds")
    return seconds


def _seconds(name: str, about: str, *, least: float = 0) -> Any:
    return typer.Option(name, metavar="SECONDS", min=least, callback=_finite, help=about)


DeliverIn = Annotated[float | None, _seconds("--deliver-in", "The agent may not begin before.")]
ExpiresIn = Annotated[float | None, _seconds("--expires-in", "An agent must begin within.")]
Deadline = Annotated[float | None, _seconds("--timeout", "The task must have ended within.")]
Patience = Annotated[
    float | None, _seconds("--timeout", "How long to wait for the answer.", least=0.001)
]
Wait = Annotated[float | None, _seconds("--wait", "How long to wait for the agent to come up.")]


def read_metadata(pairs: list[str] | None) -> dict[str, Any]:
    """Return what `--metadata` says; a value that is JSON is taken as such.

    Raises:
        typer.BadParameter: a pair has no `=`.
    """
    metadata: dict[str, Any] = {}
    for pair in pairs or []:
        key, separator, value = pair.partition("=")
        if not separator or not key:
            raise typer.BadParameter(f"{pair!r} must look like key=value")
        try:
            metadata[key] = msgspec.json.decode(value.encode())
        except msgspec.DecodeError:
            metadata[key] = value
    return metadata
