"""`hubbub send`, `request`, `handoff` and `broadcast`."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from hubbub.cli.options import As, Follow, Json, Metadata, Name, Priority, Text, read_metadata
from hubbub.cli.output import console, print_json, safe
from hubbub.cli.running import on_mesh, run_async
from hubbub.errors import TaskCanceled, TaskFailed
from hubbub.mesh.handle import TaskHandle
from hubbub.wire.codec import JSON, encode
from hubbub.wire.events import EventKind, TaskEvent

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
    follow: Follow = False,
    json: Json = False,
) -> None:
    """Set an agent to work; the message waits if it is away."""
    run_async(_give(name, text, sender, metadata, priority, follow, json, as_handoff=False))


def handoff(
    name: Name,
    text: Text,
    sender: As = None,
    metadata: Metadata = None,
    priority: Priority = 2,
    follow: Follow = False,
    json: Json = False,
) -> None:
    """Pass work on to an agent, on record and ahead of ordinary messages."""
    run_async(_give(name, text, sender, metadata, priority, follow, json, as_handoff=True))


def request(
    name: Name,
    text: Text,
    sender: As = None,
    metadata: Metadata = None,
    timeout: Annotated[
        float | None, typer.Option(min=0.001, help="Seconds to wait for the answer.")
    ] = None,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Show the answer while it is being made.")
    ] = False,
    json: Json = False,
) -> None:
    """Ask an agent and wait for its answer."""
    run_async(_ask(name, text, sender, metadata, timeout, follow, json))


def broadcast(text: Text, sender: As = None, metadata: Metadata = None, json: Json = False) -> None:
    """Tell all agents something."""
    run_async(_tell_all(text, sender, metadata, json))


async def _give(
    name: str,
    text: str,
    sender: str | None,
    metadata: list[str] | None,
    priority: int,
    follow: bool,
    json: bool,
    *,
    as_handoff: bool,
) -> None:
    facts, content = read_metadata(metadata), _content(text)
    async with on_mesh(sender, start_server=True) as mesh:
        verb = mesh.handoff_to_agent if as_handoff else mesh.send_direct_message
        handle = await verb(name, content, metadata=facts, priority=priority)
        if json and not follow:
            print_json({"agent": handle.agent, "task_id": handle.task_id})
        elif not json:
            console.print(f"Stored for {handle.agent}: task {handle.task_id}")
            if follow and not await mesh.is_online(name):
                console.print(f"  waits: {name} is not online")
        if follow:
            await _follow(handle, json)


async def _follow(handle: TaskHandle, json: bool) -> None:
    """Print what happens to a task.

    Raises:
        TaskFailed: it failed or was rejected.
        TaskCanceled: it was canceled.
    """
    async for event in handle.events():
        if json:
            print_json(
                {"task_id": handle.task_id, "kind": event.kind, "at": event.at, **event.data}
            )
        else:
            for line in _lines(event):
                console.print(safe(line))
        reason = str(event.data.get("error", ""))
        if event.kind in (EventKind.FAILED, EventKind.REJECTED):
            raise TaskFailed(handle.task_id, event.kind, reason)
        if event.kind == EventKind.CANCELED:
            raise TaskCanceled(handle.task_id, reason)


def _lines(event: TaskEvent) -> list[str]:
    data = event.data
    match event.kind:
        case EventKind.CLAIMED:
            again = f" (attempt {data['attempt']})" if data.get("attempt", 1) != 1 else ""
            return [f"  started{again}"]
        case EventKind.RETRYING:
            return [f"  failed: {data.get('error')}; again in {data.get('after')} s"]
        case EventKind.RELEASED:
            return ["  handed back: its process is going away"]
        case "said" | "progress":
            return [f"  {data.get('text')}"]
        case "tool_call":
            return [f"  calls {data.get('name')} {_short(data.get('arguments'))}"]
        case "tool_result":
            return [f"  {data.get('name')} returned {_short(data.get('result'))}"]
        case "sent":
            return [f"  {data.get('message_type')} to {data.get('to_agent')}"]
        case EventKind.COMPLETED:
            return [_text(data.get("result"))]
        case _:
            return []


async def _ask(
    name: str,
    text: str,
    sender: str | None,
    metadata: list[str] | None,
    timeout: float | None,
    follow: bool,
    json: bool,
) -> None:
    facts, content = read_metadata(metadata), _content(text)
    async with on_mesh(sender) as mesh:
        if follow:
            pieces = mesh.stream_from_agent(name, content, metadata=facts, timeout=timeout)
            async for piece in pieces:
                if json:
                    print_json({"delta": piece})
                else:
                    console.print(safe(piece), end="")
            if not json:
                console.print()
            return
        answer = await mesh.request_from_agent(name, content, metadata=facts, timeout=timeout)
        if json:
            print_json(answer)
        else:
            console.print(safe(_text(answer.content)))


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


def _text(value: JSON) -> str:
    return value if isinstance(value, str) else encode(value).decode()


def _short(value: Any) -> str:
    text = _text(value)
    return text if len(text) <= 200 else text[:197] + "..."
