"""What came of an attempt at a task: the event to write, and whether it is tried again."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass
from enum import Enum
from typing import Any, cast

from msgspec import to_builtins

from hubbub.errors import HubbubError, InvalidMessage, Reject, Retry, StepMismatch
from hubbub.mesh.complaints import text_of
from hubbub.mesh.durable.run import Run
from hubbub.mesh.tasks.log import Fenced
from hubbub.mesh.transport.connection import Connection
from hubbub.wire import clock
from hubbub.wire.codec import JSON, check_json, encode
from hubbub.wire.events import EventKind, TaskSnapshot

__all__ = ["CANCELED_UNSTARTED", "End", "Stop", "described", "exhausted", "verdict"]

_LONGEST_BACKOFF_SECONDS = 60.0
_FAR_SECONDS = 10 * 365 * 86_400.0


class Stop(Enum):
    """Why a handler is stopped."""

    CANCELED = "canceled on request"
    RELEASED = "the process is going away"
    DEADLINE = "it did not end by its deadline"


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
    connection: Connection,
    handler: asyncio.Task[JSON],
    *,
    attempt: int,
    stopped: Stop | None,
    deadline: float,
    run: Run,
) -> End:
    """Return what a handler that is done came to.

    Args:
        connection: knows the limits.
        handler: the task it ran in.
        attempt: which attempt it was, 1 for the first.
        stopped: why it was asked to end, if it was.
        deadline: when the task must have ended, in seconds since 1970.
        run: knows what is on record.

    Raises:
        Fenced: the task has another owner by now.
    """
    if run.waits.is_parked and stopped in (None, Stop.RELEASED):
        return _rest(run)
    if handler.cancelled() or run.waits.is_parked:
        match stopped:
            case Stop.CANCELED:
                return End(EventKind.CANCELED, {"error": stopped.value})
            case Stop.RELEASED:
                return End(EventKind.RELEASED, {"reason": stopped.value}, 0.0)
            case Stop.DEADLINE:
                return End(EventKind.FAILED, {"error": stopped.value})
            case None:
                # Nobody asked for that: a library that the handler uses gave something up.
                error = HubbubError("the handler was canceled, and nobody had asked for that")
                return _failure(connection, error, attempt, deadline, [])
    error = handler.exception()
    if isinstance(error, Fenced):
        raise error
    if error is not None and stopped is Stop.CANCELED:
        return End(EventKind.CANCELED, {"error": f"{stopped.value}; {described(error)}"})
    if error is not None and any(isinstance(one, Reject) for one in _leaves(error)):
        return End(EventKind.REJECTED, _reason(error, run.forgets(error)))
    if error is not None:
        return _failure(connection, error, attempt, deadline, run.forgets(error))
    try:
        run.check_complete()
    except StepMismatch as mismatch:
        return End(EventKind.FAILED, {"error": described(mismatch)})
    return _completion(connection, handler.result())


def _rest(run: Run) -> End:
    """Return the end of an attempt whose run waits."""
    questions = run.recording.open_questions().values()
    times = run.waits.times()
    # Whole, so that lists need not look for them.
    data: dict[str, Any] = {"questions": [to_builtins(question) for question in questions]}
    if times:
        data["again_at"] = clock.iso(min(times.values()))
    return End(EventKind.PARKED if data["questions"] else EventKind.WAITING, data)


def exhausted(before: TaskSnapshot) -> End:
    """Return the end of a task whose last allowed attempt was cut off."""
    reason = f"the process died in each of {before.attempts} attempts"
    if before.errors:
        died = f"the process died in the last of {before.attempts} attempts"
        reason = f"{died}; before that: {before.errors[-1]}"
    return End(EventKind.FAILED, {"error": reason})


def described(error: BaseException) -> str:
    """Return an error in words; an error of ours needs no type in front of them."""
    if isinstance(error, BaseExceptionGroup):
        return "; ".join(dict.fromkeys(described(one) for one in _leaves(error)))
    text = text_of(error)
    return text if isinstance(error, HubbubError) else f"{type(error).__name__}: {text}"


def _leaves(error: Any) -> list[BaseException]:
    """Return the errors that a group holds, or else the error itself."""
    if not isinstance(error, BaseExceptionGroup):
        return [error]
    group = cast("BaseExceptionGroup[BaseException]", error)
    return [leaf for one in group.exceptions for leaf in _leaves(one)]


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


def _failure(
    connection: Connection,
    error: BaseException,
    attempt: int,
    deadline: float,
    forgets: list[str],
) -> End:
    config = connection.config
    reason = described(error)
    permanent = any(isinstance(one, HubbubError) and one.is_permanent for one in _leaves(error))
    if permanent or attempt >= config.max_attempts:
        return End(EventKind.FAILED, _reason(error, forgets))
    after = next((one.after for one in _leaves(error) if isinstance(one, Retry)), None)
    if after is None:
        backoff = config.retry_seconds * 2 ** (attempt - 1)
        after = min(backoff, _LONGEST_BACKOFF_SECONDS) * random.uniform(0.8, 1.2)  # noqa: S311
    after = min(after, _FAR_SECONDS) if after > 0 else 0.0
    again_at = clock.seconds() + after
    if again_at >= deadline:
        facts = _reason(error, forgets)
        facts["error"] = f"{reason}; its deadline leaves no time to retry"
        return End(EventKind.FAILED, facts)
    data = _reason(error, forgets)
    data |= {"attempt": attempt, "after": round(after, 3), "again_at": clock.iso(again_at)}
    return End(EventKind.RETRYING, data, after)


def _reason(error: BaseException, forgets: list[str]) -> dict[str, Any]:
    """Return why an attempt failed, and the calls that are made anew when it is tried again."""
    return {"error": described(error), **({"forgets": forgets} if forgets else {})}
