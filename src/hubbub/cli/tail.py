"""`hubbub tail`: the conversation on the mesh, from the past and as it goes on."""

from __future__ import annotations

import re
import sys
from datetime import datetime
from typing import Annotated, Any

import typer

from hubbub.cli.conversation import Listener, Utterance, rendered
from hubbub.cli.options import Json
from hubbub.cli.output import console, print_json
from hubbub.cli.running import on_mesh, run_async
from hubbub.mesh.history.entries import KINDS, EntryKind, HistoryEntry, Selection
from hubbub.mesh.history.following import following

__all__ = ["read_since", "register"]

_PIPE_COLUMNS = 10_000
_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_AGO = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,6})?)\s*([smhdw])")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(tail)


def tail(
    agent: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only what this agent says or is told.")
    ] = None,
    context: Annotated[
        str | None, typer.Option(metavar="ID", help="Only this conversation.")
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(metavar="WHEN", help="Begin in the past: 30s, 15m, 1h, 2d, or an ISO date."),
    ] = None,
    kind: Annotated[
        list[str] | None,
        typer.Option(metavar="KIND", help=f"Only this kind; may be repeated: {', '.join(KINDS)}."),
    ] = None,
    follow: Annotated[
        bool, typer.Option("--follow/--no-follow", help="Go on, or end with what is stored now.")
    ] = True,
    json: Json = False,
) -> None:
    """Watch the agents talk."""
    watching = _tail(
        agent,
        context,
        kind=_kinds(kind),
        since=None if since is None else read_since(since),
        on=follow,
        json=json,
    )
    try:
        run_async(watching)
    except BrokenPipeError:
        # Whoever read our output has seen enough; Python would complain when it flushes.
        sys.stdout = None


def read_since(text: str) -> datetime | float:
    """Return a point in time, or so many seconds ago.

    Args:
        text: a number with a unit, or an ISO 8601 date and time; local time if it does not say.

    Raises:
        typer.BadParameter: it is neither.
    """
    if ago := _AGO.fullmatch(text.strip()):
        return float(ago[1]) * _UNITS[ago[2]]
    try:
        moment = datetime.fromisoformat(text.strip())
        moment.timestamp()
    except (ValueError, OverflowError):
        raise typer.BadParameter(
            f"--since {text!r} must be a time ago, such as 30s, 15m, 1h or 2d, "
            "or a date, such as 2026-01-31 or 2026-01-31T09:00"
        ) from None
    return moment


def _kinds(kinds: list[str] | None) -> list[EntryKind]:
    known: dict[str, EntryKind] = {kind: kind for kind in KINDS}
    unknown = [kind for kind in kinds or [] if kind not in known]
    if unknown:
        raise typer.BadParameter(f"--kind {unknown[0]!r} must be one of {', '.join(KINDS)}")
    return [known[kind] for kind in kinds or []]


async def _tail(
    agent: str | None,
    context: str | None,
    *,
    kind: list[EntryKind],
    since: datetime | float | None,
    on: bool,
    json: bool,
) -> None:
    listener = Listener()

    def show(entry: HistoryEntry) -> None:
        utterance = listener.tell(entry)
        if json:
            print_json(_facts(entry, utterance))
        elif console.is_terminal:
            console.print(rendered(utterance, width=console.width))
        else:
            sys.stdout.write(f"{rendered(utterance, width=_PIPE_COLUMNS)}\n")
            sys.stdout.flush()

    selection = Selection.of(agent, context, kind)
    async with (
        on_mesh() as mesh,
        following(
            mesh.connection, selection, since=since, after=None, requests=on, live=on
        ) as entries,
    ):
        if on:
            # Beside the output, so that a pipe gets the conversation alone.
            sys.stderr.write(f"Watching {mesh.connection.url}; Ctrl-C ends it\n")
        async for entry in entries:
            # The end of a streamed answer says nothing.
            if entry.kind != "reply" or entry.failed or entry.message.text:
                show(entry)


def _facts(entry: HistoryEntry, utterance: Utterance) -> dict[str, Any]:
    # The message may hold fields of any name; ours come last, so that they are what they say.
    facts: dict[str, Any] = {"kind": entry.kind, **entry.message.to_builtins()}
    facts |= {
        "kind": entry.kind,
        "failed": entry.failed,
        "at": entry.at,
        "cursor": entry.cursor,
    }
    if utterance.seconds is not None:
        facts["seconds"] = round(utterance.seconds, 6)
    return facts
