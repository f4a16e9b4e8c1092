"""`hubbub start`: a workflow started and followed, its questions asked at the prompt."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from hubbub.cli.dialogue import converse
from hubbub.cli.following import follow
from hubbub.cli.form import WrongParameter, described, fitting, missing, read_parameters
from hubbub.cli.keyboard import Keyboard, is_interactive
from hubbub.cli.options import As, Deadline, Json, Priority
from hubbub.cli.output import console, print_json, safe
from hubbub.cli.running import on_mesh, run_async
from hubbub.errors import AgentUnavailable
from hubbub.mesh.mesh import Mesh
from hubbub.mesh.presence.cards import find_card
from hubbub.wire.card import AgentCard, AgentStatus
from hubbub.wire.names import agent_token
from hubbub.wire.schemas import Schema

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(start)


def start(
    workflow: Annotated[str, typer.Argument(metavar="WORKFLOW", help="Its name.")],
    parameters: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME=VALUE]...", help="Its parameters; a list is JSON, or each."),
    ] = None,
    sender: As = None,
    priority: Priority = 3,
    timeout: Deadline = None,
    detach: Annotated[
        bool, typer.Option("--detach", "-d", help="Only start it; print the task's id.")
    ] = False,
    json: Json = False,
) -> None:
    """Start a workflow, and follow it; on a terminal, answer its questions there.

    Ctrl-C ends the watching, with exit code 130; the run goes on.
    """
    run_async(_start(workflow, parameters or [], sender, priority, timeout, detach, json))


async def _start(
    workflow: str,
    pairs: list[str],
    sender: str | None,
    priority: int,
    timeout: float | None,
    detach: bool,
    json: bool,
) -> None:
    asks = is_interactive() and not json
    keyboard = Keyboard() if asks else None
    async with on_mesh(sender) as mesh:
        card = await _card(mesh, workflow)
        params = await _parameters(card, pairs, keyboard)
        handle = await mesh.send_direct_message(
            card.name,
            "",
            metadata={} if params is None else {"params": params},
            priority=priority,
            timeout=timeout,
            owner=mesh.name,
        )
        if json and detach:
            print_json({"agent": handle.agent, "task_id": handle.task_id})
        elif not json:
            console.print(f"Started {handle.agent}: task {handle.task_id}")
            if detach and card.status is AgentStatus.OFFLINE:
                console.print(f"  waits: {card.name} is not online")
        if detach:
            return
        try:
            if keyboard is None:
                await follow(mesh, handle, json=json)
            else:
                await converse(mesh, handle, keyboard)
        except BaseException as ending:
            if not json and not isinstance(ending, Exception):  # Ctrl-C
                console.print(f"\nThe run goes on: hubbub tasks show {handle.task_id} --follow")
            raise


async def _card(mesh: Mesh, name: str) -> AgentCard:
    """Return the card of an agent that is there, or was there once.

    Raises:
        InvalidAgentName: nobody can have this name.
        AgentUnavailable: nobody ever had.
    """
    token = agent_token(name)
    if (card := await find_card(mesh.connection, token)) is not None:
        return card
    raise AgentUnavailable(name, f"agents.direct.{token}")


async def _parameters(
    card: AgentCard, pairs: list[str], keyboard: Keyboard | None
) -> dict[str, Any] | None:
    """Return the parameters to start with; None for what takes none.

    Raises:
        typer.BadParameter: one is wrong, or missing and nobody can be asked.
    """
    schema = card.input_schema
    if schema is None:
        if pairs:
            raise typer.BadParameter(f"{card.name} takes no parameters")
        return None
    try:
        params = read_parameters(pairs, schema)
    except WrongParameter as wrong:
        raise typer.BadParameter(f"{card.name}: {wrong}") from None
    needed = missing(params, schema)
    if needed and keyboard is None:
        what = "; ".join(described(name, schema) for name in needed)
        raise typer.BadParameter(f"{card.name} needs {what}")
    for name in needed:
        if keyboard is not None:
            params[name] = await _asked(keyboard, name, schema)
    return params


async def _asked(keyboard: Keyboard, name: str, schema: Schema) -> Any:
    while True:
        try:
            text = await keyboard.line(f"{safe(described(name, schema))}: ")
            return fitting(name, [text], schema)
        except WrongParameter as wrong:
            console.print(f"  {safe(wrong.reason)}")
        except EOFError:
            raise typer.Abort from None
