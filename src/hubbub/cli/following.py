"""A task as it goes on, told on the terminal line by line."""

from __future__ import annotations

from hubbub.cli.happenings import Entry, Piece, happenings
from hubbub.cli.output import console
from hubbub.cli.screens import Screens
from hubbub.errors import TaskCanceled, TaskFailed
from hubbub.mesh.mesh import Mesh
from hubbub.mesh.tasks.handle import TaskHandle
from hubbub.wire.events import EventKind, TaskEvent

__all__ = ["follow", "raise_failure"]


async def follow(mesh: Mesh, handle: TaskHandle, *, json: bool) -> None:
    """Print what happens to a task until it has ended, and what those ask that it has opened.

    As JSON, only its own events are printed.

    Raises:
        TaskFailed: it failed or was rejected.
        TaskCanceled: it was canceled.
    """
    screens = Screens(handle, json=json)
    pieces = console.is_terminal and not json
    async with happenings(mesh, handle, pieces=pieces, family=not json) as heard:
        while (one := await heard.get()) is not None:
            if isinstance(one, Piece):
                screens.own.write(one)
                continue
            screens.tell(one)
            if isinstance(one, Entry) and one.handle is handle:
                raise_failure(handle.task_id, one.event)


def raise_failure(task_id: str, event: TaskEvent) -> None:
    """Raise what an event tells, if it is a bad end.

    Raises:
        TaskFailed: the task failed or was rejected.
        TaskCanceled: it was canceled.
    """
    reason = str(event.data.get("error", ""))
    if event.kind in (EventKind.FAILED, EventKind.REJECTED):
        raise TaskFailed(task_id, event.kind, reason)
    if event.kind == EventKind.CANCELED:
        raise TaskCanceled(task_id, reason)
