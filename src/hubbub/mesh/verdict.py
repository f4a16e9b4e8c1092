"""What came of an attempt at a task: the event to write, and whether it is tried again."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass
from typing import Any

from hubbub.errors import HubbubError, InvalidMessage, Reject, Retry
from hubbub.mesh.complaints import text_of
from hubbub.mesh.connection import Connection
from hubbub.mesh.service import Work
from hubbub.mesh.tasklog import Fenced
from hubbub.wire.codec import JSON, check_json, encode
from hubbub.wire.events import EventKind, TaskSnapshot

__all__ = ["CANCELED_UNSTARTED", "End", "described", "exhausted", "verdict"]

_LONGEST_BACKOFF_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class End:
    """How an attempt ended.

    Attributes:
        kind: the event to write.
        data: its facts.
        again_after: seconds until the next attempt; None if there is none.
    """

    kind: EventKind
    data: dict[str, Any]
    again_after: float | None = None


CANCELED_UNSTARTED = End(EventKind.CANCELED, {"error": "canceled while no process worked on it"})


def verdict(
    connection: Connection, handler: asyncio.Task[JSON], work: Work, *, releasing: bool
) -> End:
    """Return what a handler that is done came to.

    Args:
        connection: knows the limits.
        handler: the task it ran in.
        work: what it worked on.
        releasing: whether handlers are being stopped because the process goes away.

    Raises:
        Fenced: the task has another owner by now.
    """
    if handler.cancelled():
        if work.canceled.is_set():
            return End(EventKind.CANCELED, {"error": "canceled on request"})
        if releasing:
            return End(EventKind.RELEASED, {"reason": "the process is going away"}, 0.0)
        return End(EventKind.CANCELED, {"error": "the handler canceled itself"})
    error = handler.exception()
    if isinstance(error, Fenced):
        raise error
    if isinstance(error, Reject):
        return End(EventKind.REJECTED, {"error": described(error)})
    if error is not None:
        return _failure(connection, error, work.attempt)
    return _completion(connection, handler.result())


def exhausted(before: TaskSnapshot) -> End:
    """Return the end of a task whose last allowed attempt was cut off."""
    reason = f"the process died in each of {before.attempts} attempts"
    if before.errors:
        died = f"the process died in the last of {before.attempts} attempts"
        reason = f"{died}; before that: {before.errors[-1]}"
    return End(EventKind.FAILED, {"error": reason})


def described(error: BaseException) -> str:
    """Return an error in words; an error of ours needs no type in front of them."""
    text = text_of(error)
    return text if isinstance(error, HubbubError) else f"{type(error).__name__}: {text}"


def _completion(connection: Connection, result: JSON) -> End:
    try:
        check_json(result, what="the result", depth=2)
        size = len(encode(result))
    except InvalidMessage as error:
        return End(EventKind.FAILED, {"error": f"the handler's result cannot travel: {error}"})
    if size > connection.max_content:
        reason = f"the result has {size:,} bytes, more than the NATS server takes"
        return End(EventKind.FAILED, {"error": reason})
    return End(EventKind.COMPLETED, {"result": result})


def _failure(connection: Connection, error: BaseException, attempt: int) -> End:
    config = connection.config
    reason = described(error)
    permanent = isinstance(error, HubbubError) and error.is_permanent
    if permanent or attempt >= config.max_attempts:
        return End(EventKind.FAILED, {"error": reason})
    after = error.after if isinstance(error, Retry) else None
    if after is None:
        backoff = config.retry_seconds * 2 ** (attempt - 1)
        after = min(backoff, _LONGEST_BACKOFF_SECONDS) * random.uniform(0.8, 1.2)  # noqa: S311
    data = {"error": reason, "attempt": attempt, "after": round(after, 3)}
    return End(EventKind.RETRYING, data, after)
