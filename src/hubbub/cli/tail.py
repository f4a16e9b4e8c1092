"""`hubbub tail`: the conversation on the mesh, as it goes on."""

from __future__ import annotations

import asyncio
import sys
from typing import Annotated, Any

import typer
from nats.aio.msg import Msg

from hubbub.cli.conversation import Listener, Utterance, rendered
from hubbub.cli.options import Json
from hubbub.cli.output import console, print_json
from hubbub.cli.running import on_mesh, run_async
from hubbub.wire.names import agent_token

__all__ = ["register"]

_PIPE_COLUMNS = 10_000


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
    json: Json = False,
) -> None:
    """Watch the agents talk."""
    run_async(_tail(agent, context, json))


async def _tail(agent: str | None, context: str | None, json: bool) -> None:
    token = None if agent is None else agent_token(agent)
    listener = Listener()
    heard: asyncio.Queue[Msg] = asyncio.Queue()
    width = console.width if console.is_terminal else _PIPE_COLUMNS
    async with on_mesh() as mesh, mesh.connection.subscription("agents.>", heard.put):
        await mesh.connection.flush()
        # Beside the output, so that a pipe gets the conversation alone.
        sys.stderr.write(f"Watching {mesh.connection.url}; Ctrl-C ends it\n")
        while True:
            utterance = listener.hear(await heard.get())
            if utterance is None or not _wanted(utterance, token, context):
                continue
            if json:
                print_json(_facts(utterance))
            else:
                console.print(rendered(utterance, width=width))


def _wanted(utterance: Utterance, token: str | None, context: str | None) -> bool:
    message = utterance.message
    if context is not None and message.conversation != context:
        return False
    if token is None:
        return True
    names = (message.from_agent, utterance.to_agent)
    return token in {agent_token(name) for name in names if name}


def _facts(utterance: Utterance) -> dict[str, Any]:
    facts = {"kind": utterance.kind, **utterance.message.to_builtins()}
    if utterance.seconds is not None:
        facts["seconds"] = round(utterance.seconds, 6)
    return facts
