"""A task as it goes on, told on the terminal line by line."""

from __future__ import annotations

from typing import Any

from hubbub.cli.output import console, print_json, safe
from hubbub.errors import TaskCanceled, TaskFailed
from hubbub.mesh.tasks.handle import TaskHandle
from hubbub.wire.codec import JSON, encode
from hubbub.wire.events import EventKind, TaskEvent

__all__ = ["as_text", "follow", "show_event"]

_LONGEST = 200


async def follow(handle: TaskHandle, *, json: bool) -> None:
    """Print what happens to a task until it has ended.

    Raises:
        TaskFailed: it failed or was rejected.
        TaskCanceled: it was canceled.
    """
    async for sequence, event in handle.log():
        show_event(handle.task_id, sequence, event, json=json)
        reason = str(event.data.get("error", ""))
        if event.kind in (EventKind.FAILED, EventKind.REJECTED):
            raise TaskFailed(handle.task_id, event.kind, reason)
        if event.kind == EventKind.CANCELED:
            raise TaskCanceled(handle.task_id, reason)


def show_event(task_id: str, sequence: int, event: TaskEvent, *, json: bool) -> None:
    """Print one event."""
    if json:
        facts = {"task_id": task_id, "sequence": sequence, "kind": event.kind, "at": event.at}
        print_json({**event.data, **facts})
        return
    for line in _lines(event):
        console.print(safe(line))


def as_text(value: JSON) -> str:
    """Return a text as it is, and any other JSON value in its JSON form."""
    return value if isinstance(value, str) else encode(value).decode()


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
        case "unsent":
            return [f"  could not send to {data.get('to_agent')}: {data.get('error')}"]
        case EventKind.COMPLETED:
            return [as_text(data.get("result"))]
        case _:
            return []


def _short(value: Any) -> str:
    text = as_text(value)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."
