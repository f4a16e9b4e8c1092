"""Where happenings come from: streams read onwards, and what is heard without being stored."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator

from hubbub.errors import HubbubError, InvalidMessage, PermissionDenied
from hubbub.gateway.live.happenings import Happening, QuestionsSeen, of_event, of_letter
from hubbub.mesh.history.feed import open_feed
from hubbub.mesh.tasks.burial import read_dead_letter
from hubbub.mesh.transport.connection import Connection
from hubbub.mesh.transport.headers import CONTEXT, OWNER
from hubbub.wire.events import TaskEvent
from hubbub.wire.subjects import parse

__all__ = ["read_letter", "read_logged", "tail"]

log = logging.getLogger("hubbub.gateway")

_LOOK_SECONDS = 1.0
_PAUSE_SECONDS = 0.25


async def tail(
    connection: Connection, stream: str, subject: str, *, after: int
) -> AsyncGenerator[tuple[int, str, bytes, dict[str, str]]]:
    """Yield what a stream takes in behind a sequence: sequence, subject, payload, headers.

    Raises:
        PermissionDenied: we may not read the stream.
        ConnectionLost: the connection is closed.
    """
    changed = asyncio.Event()
    async with open_feed(connection, stream, [subject], after=after, changed=changed) as feed:
        while True:
            changed.clear()
            pause = _LOOK_SECONDS
            try:
                await feed.tend()
            except PermissionDenied:
                raise
            except HubbubError as error:
                if connection.client.is_closed:
                    raise
                log.warning("%s cannot be read on just now: %s", stream, error)
                feed.interrupt()
                pause = _PAUSE_SECONDS
            while feed.head is not None:
                taken = feed.take()
                message = taken.message
                yield taken.sequence, message.subject, message.data, dict(message.headers or {})
                if feed.is_low:
                    break
            else:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(pause):
                        await changed.wait()


def read_logged(
    sequence: int, subject: str, data: bytes, headers: dict[str, str], seen: QuestionsSeen
) -> Happening | None:
    """Read an event of a task's log; None if it is none."""
    address = parse(subject)
    if address is None:
        return None
    try:
        event = TaskEvent.from_bytes(data)
    except InvalidMessage:
        return None
    return of_event(
        address.agent,
        address.task_id,
        event,
        sequence=sequence,
        context=headers.get(CONTEXT, ""),
        owner=headers.get(OWNER, ""),
        seen=seen,
    )


def read_letter(sequence: int, subject: str, headers: dict[str, str]) -> Happening:
    """Read a dead letter, or what stands where one was."""
    _, agent, task_id = (*subject.split("."), "", "")[:3]
    try:
        read_dead_letter(headers)
        gone = False
    except InvalidMessage:
        gone = True
    return of_letter(agent, task_id, sequence=sequence, gone=gone)
