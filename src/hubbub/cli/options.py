"""The options that several commands share."""

from __future__ import annotations

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
    "Priority",
    "TaskID",
    "Text",
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

DeliverIn = Annotated[
    float | None,
    typer.Option("--deliver-in", metavar="SECONDS", help="The agent may not begin before."),
]
ExpiresIn = Annotated[
    float | None,
    typer.Option("--expires-in", metavar="SECONDS", help="An agent must begin within."),
]
Deadline = Annotated[
    float | None,
    typer.Option("--timeout", metavar="SECONDS", help="The task must have ended within."),
]


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
