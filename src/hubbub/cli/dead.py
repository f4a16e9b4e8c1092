"""`hubbub dead`: what could not be worked off, and what to do with it."""

from __future__ import annotations

import asyncio
import os
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.table import Table
from rich.text import Text

from hubbub.cli.options import Json
from hubbub.cli.output import console, print_json, safe
from hubbub.cli.running import on_mesh, run_async
from hubbub.errors import DeadLetterNotFound, InvalidMessage
from hubbub.mesh.letters.reading import DeadLetter
from hubbub.mesh.mesh import Mesh
from hubbub.wire.codec import JSON, encode

__all__ = ["register"]

_LONGEST_REASON = 160

_PAGE = 100
_SHOWN_CHARACTERS = 4_000

dead = typer.Typer(
    help="Show what could not be worked off; try it again or throw it away.",
    invoke_without_command=True,
    rich_markup_mode=None,
)

Id = Annotated[str, typer.Argument(metavar="ID", help="As `hubbub dead` shows it, or a task's.")]
To = Annotated[str | None, typer.Option("--to", metavar="NAME", help="Give it to this agent.")]
Of = Annotated[str | None, typer.Option("--agent", metavar="NAME", help="Only this agent's.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(dead, name="dead")


@dead.callback()
def list_all(
    context: typer.Context,
    agent: Of = None,
    limit: Annotated[int, typer.Option(min=1, help="How many at the most.")] = _PAGE,
    before: Annotated[
        int | None, typer.Option(min=1, metavar="NUMBER", help="Only older ones, to go on.")
    ] = None,
    json: Json = False,
) -> None:
    """Show what could not be worked off; try it again or throw it away."""
    if context.invoked_subcommand is None:
        run_async(_list(agent, limit, before, json))


@dead.command()
def show(letter_id: Id, json: Json = False) -> None:
    """Show everything that is known about one."""
    run_async(_show(letter_id, json))


@dead.command()
def retry(letter_id: Id, to: To = None, json: Json = False) -> None:
    """Try it again, as a new task."""
    run_async(_retry(letter_id, to, json))


@dead.command()
def edit(
    letter_id: Id,
    content: Annotated[
        str | None,
        typer.Option(metavar="TEXT", help="The new content, text or JSON; `-` reads stdin."),
    ] = None,
    to: To = None,
    json: Json = False,
) -> None:
    """Change what it says, in $EDITOR unless --content is given, and try it again."""
    run_async(_edit(letter_id, content, to, json))


@dead.command()
def discard(
    letter_id: Annotated[str | None, typer.Argument(metavar="ID")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All of one agent's.")] = False,
    agent: Of = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    json: Json = False,
) -> None:
    """Throw one away, or all of an agent."""
    if (letter_id is None) == (not everything) or everything != (agent is not None):
        raise typer.BadParameter("give an ID, or --all with --agent NAME")
    run_async(_discard(letter_id, agent, yes, json))


async def _list(agent: str | None, limit: int, before: int | None, json: bool) -> None:
    async with on_mesh() as mesh:
        letters = await mesh.dead_letters(agent, limit=limit, before=before)
    if json:
        print_json([letter.to_builtins() for letter in letters])
    elif not letters:
        console.print("No dead letters")
    else:
        console.print(_table(letters))
        if len(letters) == limit:
            console.print(f"There may be more: --before {letters[-1].sequence}")


def _table(letters: list[DeadLetter]) -> Table:
    grid = Table(box=None, pad_edge=False, header_style="bold")
    grid.add_column("ID", no_wrap=True)  # what people copy from here
    for column in ("AT", "FROM", "REASON"):
        grid.add_column(column, overflow="fold")
    for letter in letters:
        message = letter.message
        grid.add_row(
            Text(safe(letter.id)),
            Text(letter.at[:19].replace("T", " ")),
            Text(safe(message.from_agent) if message is not None else ""),
            Text(safe(" ".join(letter.reason.split()))[:_LONGEST_REASON]),
        )
    return grid


async def _show(letter_id: str, json: bool) -> None:
    async with on_mesh() as mesh:
        letter = await mesh.dead_letter(letter_id)
    if json:
        print_json(letter.to_builtins())
        return
    message = letter.message
    facts = {
        "id": letter.id,
        "agent": letter.agent,
        "kind": letter.kind,
        "at": letter.at,
        "reason": letter.reason,
        "subject": letter.subject,
    }
    if message is not None:
        facts |= {"from": message.from_agent, "conversation": message.conversation}
    for name, value in facts.items():
        console.print(f"{name + ':':<13} {safe(value)}")
    for number, error in enumerate(letter.errors, start=1):
        console.print(f"{f'attempt {number}:':<13} {safe(error)}")
    for name, value in letter.headers.items():
        console.print(f"{'header:':<13} {safe(f'{name}: {value}')}")
    if message is not None and message.metadata:
        console.print(f"{'metadata:':<13} {safe(encode(message.metadata).decode())}")
    text = letter.text if message is None else message.text
    note = ", the beginning of it" if letter.truncated or len(text) > _SHOWN_CHARACTERS else ""
    console.print(f"{'payload' if message is None else 'content'}{note}:")
    console.print(safe(text[:_SHOWN_CHARACTERS]))


async def _retry(letter_id: str, to: str | None, json: bool) -> None:
    async with on_mesh() as mesh:
        await _try_again(await mesh.dead_letter(letter_id), None, to, json)


async def _edit(letter_id: str, content: str | None, to: str | None, json: bool) -> None:
    async with on_mesh() as mesh:
        letter = await mesh.dead_letter(letter_id)
        if content == "-":
            content = sys.stdin.read().removesuffix("\n")
        if content is None:
            # In a thread, so that the connection stays alive meanwhile.
            content = await asyncio.to_thread(_edited, letter)
        await _try_again(letter, _read(content), to, json)


def _edited(letter: DeadLetter) -> str:
    """Let the user change the content in an editor."""
    message = letter.message
    before = letter.text if message is None else message.text
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "content.txt"
        file.write_text(before, "utf-8")
        try:
            subprocess.run([*shlex.split(editor), str(file)], check=True)
        except (OSError, ValueError, subprocess.CalledProcessError) as error:
            raise InvalidMessage(
                f"The editor {editor!r} failed: {error}. "
                "Set EDITOR to another one, or use --content"
            ) from None
        after = file.read_text("utf-8")
    # Editors end the last line; that is no change.
    if after.removesuffix("\n") == before.removesuffix("\n"):
        raise InvalidMessage("Nothing was changed, so nothing is sent; `hubbub dead retry` does")
    return after.removesuffix("\n")


def _read(text: str) -> JSON:
    """Return what somebody typed: an object or list if it is one, else text."""
    if text.lstrip()[:1] in ("{", "["):
        try:
            return msgspec.json.decode(text.encode())
        except msgspec.MsgspecError:
            return text
    return text


async def _try_again(letter: DeadLetter, content: JSON, to: str | None, json: bool) -> None:
    handle = await letter.retry(content=content, to_agent=to)
    if handle is None:
        if json:
            print_json({"id": letter.id, "agent": letter.agent})
        else:
            console.print(f"Told {safe(letter.agent)} once more")
    elif json:
        print_json({"id": letter.id, "agent": handle.agent, "task_id": handle.task_id})
    else:
        console.print(f"Stored for {safe(handle.agent)}: task {handle.task_id}")


async def _discard(letter_id: str | None, agent: str | None, yes: bool, json: bool) -> None:
    async with on_mesh() as mesh:
        if letter_id is not None:
            letters = [await mesh.dead_letter(letter_id)]
        else:
            letters = await _all_of(mesh, agent)
        if letter_id is None and letters and not yes:
            typer.confirm(
                f"Throw away {len(letters)} dead letters of {agent}?", abort=True, err=True
            )
        for letter in letters:
            try:
                await letter.discard()
            except DeadLetterNotFound:
                if letter_id is not None:
                    raise  # among many, some may have been tried again meanwhile
    if json:
        print_json({"discarded": [letter.id for letter in letters]})
    else:
        console.print(f"Discarded {len(letters)} dead letter{'' if len(letters) == 1 else 's'}")


async def _all_of(mesh: Mesh, agent: str | None) -> list[DeadLetter]:
    letters = await mesh.dead_letters(agent, limit=_PAGE)
    while len(letters) % _PAGE == 0 and letters:
        more = await mesh.dead_letters(agent, limit=_PAGE, before=letters[-1].sequence)
        if not more:
            break
        letters += more
    return letters
