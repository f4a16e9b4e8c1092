"""`hubbub send`, `request`, `handoff` and `broadcast`."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from hubbub.cli.following import follow
from hubbub.cli.options import (
    As,
    Deadline,
    DeliverIn,
    ExpiresIn,
    Follow,
    Json,
    Metadata,
    Name,
    Patience,
    Priority,
    Text,
    Wait,
    read_metadata,
)
from hubbub.cli.output import console, print_json, safe
from hubbub.cli.running import on_mesh, run_async
from hubbub.cli.screen import as_text

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(send)
    app.command()(request)
    app.command()(handoff)
    app.command()(broadcast)


def send(
    name: Name,
    text: Text,
    sender: As = None,
    metadata: Metadata = None,
    priority: Priority = 3,
    deliver_in: DeliverIn = None,
    expires_in: ExpiresIn = None,
    timeout: Deadline = None,
    following: Follow = False,
    json: Json = False,
) -> None:
    """Set an agent to work; the message waits if it is away."""
    times = {"deliver_in": deliver_in, "expires_in": expires_in, "timeout": timeout}
    run_async(_give(name, text, sender, metadata, priority, times, following, json))


def handoff(
    name: Name,
    text: Text,
    sender: As = None,
    metadata: Metadata = None,
    priority: Priority = 2,
    deliver_in: DeliverIn = None,
    expires_in: ExpiresIn = None,
    timeout: Deadline = None,
    following: Follow = False,
    json: Json = False,
) -> None:
    """Pass work on to an agent, on record and ahead of ordinary messages."""
    times = {"deliver_in": deliver_in, "expires_in": expires_in, "timeout": timeout}
    run_async(
        _give(name, text, sender, metadata, priority, times, following, json, as_handoff=True)
    )


def request(
    name: Name,
    text: Text,
    sender: As = None,
    metadata: Metadata = None,
    timeout: Patience = None,
    wait: Wait = None,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Show the answer while it is being made.")
    ] = False,
    json: Json = False,
) -> None:
    """Ask an agent and wait for its answer."""
    run_async(_ask(name, text, sender, metadata, timeout, wait, follow, json))


def broadcast(text: Text, sender: As = None, metadata: Metadata = None, json: Json = False) -> None:
    """Tell all agents something."""
    run_async(_tell_all(text, sender, metadata, json))


async def _give(
    name: str,
    text: str,
    sender: str | None,
    metadata: list[str] | None,
    priority: int,
    times: dict[str, float | None],
    following: bool,
    json: bool,
    *,
    as_handoff: bool = False,
) -> None:
    facts, content = read_metadata(metadata), _content(text)
    async with on_mesh(sender, start_server=True) as mesh:
        verb = mesh.handoff_to_agent if as_handoff else mesh.send_direct_message
        handle = await verb(
            name,
            content,
            metadata=facts,
            priority=priority,
            deliver_in=times["deliver_in"],
            expires_in=times["expires_in"],
            timeout=times["timeout"],
        )
        if json and not following:
            print_json({"agent": handle.agent, "task_id": handle.task_id})
        elif not json:
            console.print(f"Stored for {handle.agent}: task {handle.task_id}")
        if following:
            await follow(mesh, handle, json=json)


async def _ask(
    name: str,
    text: str,
    sender: str | None,
    metadata: list[str] | None,
    timeout: float | None,
    wait: float | None,
    follow: bool,
    json: bool,
) -> None:
    facts, content = read_metadata(metadata), _content(text)
    async with on_mesh(sender) as mesh:
        if follow:
            pieces = mesh.stream_from_agent(
                name, content, metadata=facts, timeout=timeout, wait_for_agent=wait
            )
            async for piece in pieces:
                if json:
                    print_json({"delta": piece})
                else:
                    console.print(safe(piece), end="")
            if not json:
                console.print()
            return
        answer = await mesh.request_from_agent(
            name, content, metadata=facts, timeout=timeout, wait_for_agent=wait
        )
        if json:
            print_json(answer)
        else:
            console.print(safe(as_text(answer.content)))


async def _tell_all(text: str, sender: str | None, metadata: list[str] | None, json: bool) -> None:
    facts, content = read_metadata(metadata), _content(text)
    async with on_mesh(sender) as mesh:
        await mesh.broadcast_message(content, metadata=facts)
        listening = len(await mesh.list_agents())
        if json:
            print_json({"agents": listening})
        else:
            console.print(f"Told {listening} agent{'' if listening == 1 else 's'}")


def _content(text: str) -> str:
    # Whoever pipes a line means its text, not the end of it.
    return sys.stdin.read().removesuffix("\n") if text == "-" else text
