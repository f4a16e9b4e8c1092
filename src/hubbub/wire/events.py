"""What happens to a task: the events of its log, and the state they add up to.

The states are those of A2A. A log opens with a claim (or is canceled before one), and exactly one
final event ends it.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Any

import msgspec

from hubbub.errors import InvalidMessage
from hubbub.wire.codec import JSON, check_json, decode, encode
from hubbub.wire.envelope import now

__all__ = [
    "FINAL_KINDS",
    "EventKind",
    "TaskEvent",
    "TaskSnapshot",
    "TaskState",
    "fold",
    "state_after",
]


class TaskState(StrEnum):
    """Where a task stands (A2A task states)."""

    SUBMITTED = "submitted"
    WORKING = "working"
    INPUT_REQUIRED = "input-required"
    AUTH_REQUIRED = "auth-required"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELED = "canceled"
    REJECTED = "rejected"

    @property
    def is_final(self) -> bool:
        """Whether nothing can happen to the task any more."""
        return self in _FINAL_STATES


_FINAL_STATES = frozenset(
    {TaskState.COMPLETED, TaskState.FAILED, TaskState.CANCELED, TaskState.REJECTED}
)


class EventKind(StrEnum):
    """The events that move a task; every other kind only tells what it did."""

    CLAIMED = "claimed"
    RELEASED = "released"
    RETRYING = "retrying"
    PARKED = "parked"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELED = "canceled"
    REJECTED = "rejected"


FINAL_KINDS = frozenset(str(state) for state in _FINAL_STATES)

_STATE_AFTER = {
    EventKind.CLAIMED: TaskState.WORKING,
    EventKind.RELEASED: TaskState.SUBMITTED,
    EventKind.RETRYING: TaskState.SUBMITTED,
    EventKind.PARKED: TaskState.INPUT_REQUIRED,
    EventKind.COMPLETED: TaskState.COMPLETED,
    EventKind.FAILED: TaskState.FAILED,
    EventKind.CANCELED: TaskState.CANCELED,
    EventKind.REJECTED: TaskState.REJECTED,
}

# A claim that ended in one of these was no attempt that failed.
_NO_ATTEMPT = frozenset({EventKind.RELEASED, EventKind.PARKED})


class TaskEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a task's log.

    Attributes:
        kind: an `EventKind`, or what the handler did: `tool_call`, `progress`, `phase`, ...
        at: when, ISO 8601.
        data: the facts, JSON.
    """

    kind: str
    at: str = msgspec.field(default_factory=now)
    data: dict[str, Any] = msgspec.field(default_factory=dict[str, Any])

    @property
    def is_final(self) -> bool:
        """Whether this event ends the log."""
        return self.kind in FINAL_KINDS

    def to_bytes(self) -> bytes:
        """Return the event as JSON.

        Raises:
            InvalidMessage: the facts hold what JSON cannot carry.
        """
        check_json(self.data, what=f"the {self.kind} event", depth=1)
        return encode(self)

    @classmethod
    def from_bytes(cls, data: bytes) -> TaskEvent:
        """Read an event from bytes.

        Raises:
            InvalidMessage: they are no event.
        """
        return decode(data, _decoder)


_decoder = msgspec.json.Decoder(TaskEvent)


def state_after(state: TaskState | None, kind: str) -> TaskState:
    """Return the state that an event leads to.

    Args:
        state: the state before it; None before the first event.
        kind: the event's kind.

    Raises:
        InvalidMessage: no such event may follow.
    """
    if state is not None and state.is_final:
        raise InvalidMessage(f"a {state} task takes no {kind} event")
    if state is None and kind not in (EventKind.CLAIMED, EventKind.CANCELED):
        raise InvalidMessage(f"a log cannot begin with a {kind} event")
    after = _STATE_AFTER.get(kind)  # pyright: ignore[reportCallIssue, reportArgumentType]
    return after if after is not None else (state or TaskState.WORKING)


class TaskSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """A task as its log tells it.

    Attributes:
        state: where it stands.
        result: what the handler returned, once completed.
        error: why it failed, was rejected or canceled.
        instance: which process claimed it last.
        inbox_sequence: which inbox entry the claim belongs to.
        attempts: how many claims count as attempts.
        errors: the error of each failed attempt.
    """

    state: TaskState = TaskState.SUBMITTED
    result: JSON = None
    error: str = ""
    instance: str = ""
    inbox_sequence: int = 0
    attempts: int = 0
    errors: list[str] = msgspec.field(default_factory=list[str])


def fold(events: Iterable[TaskEvent]) -> TaskSnapshot:
    """Return the task that a log adds up to.

    Raises:
        InvalidMessage: the log breaks its own rules.
    """
    state: TaskState | None = None
    snapshot = TaskSnapshot()
    attempts, errors, claimed = 0, list[str](), False
    for event in events:
        state = state_after(state, event.kind)
        if event.kind == EventKind.CLAIMED:
            attempts, claimed = attempts + 1, True
            sequence = event.data.get("inbox_sequence", 0)
            if type(sequence) is not int:
                raise InvalidMessage("the inbox sequence of a claim must be a whole number")
            snapshot = msgspec.structs.replace(
                snapshot, instance=_text(event, "instance"), inbox_sequence=sequence
            )
        elif event.kind in _NO_ATTEMPT:
            # Only the claim it ends is taken back; said twice, it takes back no other.
            attempts, claimed = attempts - claimed, False
        elif event.kind == EventKind.RETRYING:
            errors.append(_text(event, "error"))
            claimed = False
        elif event.is_final:
            snapshot = msgspec.structs.replace(
                snapshot,
                result=event.data.get("result"),
                error=_text(event, "error"),
            )
    if state is None:
        return snapshot
    return msgspec.structs.replace(snapshot, state=state, attempts=attempts, errors=errors)


def _text(event: TaskEvent, key: str) -> str:
    value = event.data.get(key)
    return "" if value is None else str(value)
