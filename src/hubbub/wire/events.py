"""What happens to a task: the events of its log, and the state they add up to.

The states are those of A2A. A log opens with a claim (or is canceled before one), and exactly one
final event ends it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from enum import StrEnum
from typing import Any

import msgspec

from hubbub.errors import InvalidMessage
from hubbub.wire.clock import now
from hubbub.wire.codec import JSON, check_json, decode, encode

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

_STATE_AFTER: dict[str, TaskState] = {
    EventKind.CLAIMED: TaskState.WORKING,
    EventKind.RELEASED: TaskState.SUBMITTED,
    EventKind.RETRYING: TaskState.SUBMITTED,
    EventKind.PARKED: TaskState.INPUT_REQUIRED,
    EventKind.COMPLETED: TaskState.COMPLETED,
    EventKind.FAILED: TaskState.FAILED,
    EventKind.CANCELED: TaskState.CANCELED,
    EventKind.REJECTED: TaskState.REJECTED,
}

# From where an event may come, if not from `working` alone. None is a log without events. Who
# finds a task at work takes it over: its process has died. A task may end before anybody has
# claimed it, because it was canceled, or came too late.
_ANY_TIME = frozenset(
    {
        None,
        TaskState.SUBMITTED,
        TaskState.WORKING,
        TaskState.INPUT_REQUIRED,
        TaskState.AUTH_REQUIRED,
    }
)
_STATES_BEFORE: dict[str, frozenset[TaskState | None]] = dict.fromkeys(
    (EventKind.CLAIMED, EventKind.FAILED, EventKind.CANCELED), _ANY_TIME
)
_AT_WORK: frozenset[TaskState | None] = frozenset({TaskState.WORKING})


_USAGE = ("requests", "input_tokens", "output_tokens")


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
    before = _STATES_BEFORE.get(kind, _AT_WORK)
    if state not in before:
        if state is None:
            raise InvalidMessage(f"a log cannot begin with a {kind} event")
        raise InvalidMessage(f"a {state} task takes no {kind} event")
    return _STATE_AFTER.get(kind, TaskState.WORKING)


class TaskSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """A task as its log tells it.

    Attributes:
        state: where it stands.
        message: the envelope that opened it, as JSON; empty if nobody has claimed it.
        result: what the handler returned, once completed.
        error: why it failed, was rejected or canceled.
        instance: which process claimed it last.
        inbox_sequence: which inbox entry the claim belongs to.
        attempts: how many claims count as attempts.
        errors: the error of each failed attempt.
        again_at: when the next attempt is due, ISO 8601; empty if none is planned.
        sent: agent and task id of each task that it has opened, oldest first.
        usage: what model calls have used, summed up: `requests`, `input_tokens`, `output_tokens`.
        parent: agent and id of the task that opened it; empty if none did.
        retry_of: the failed task that this one tries again; empty if it is none.
        created_at: time of the first event, ISO 8601.
        updated_at: time of the last event, ISO 8601.
    """

    state: TaskState = TaskState.SUBMITTED
    message: dict[str, Any] = msgspec.field(default_factory=dict[str, Any])
    result: JSON = None
    error: str = ""
    instance: str = ""
    inbox_sequence: int = 0
    attempts: int = 0
    errors: list[str] = msgspec.field(default_factory=list[str])
    again_at: str = ""
    sent: list[tuple[str, str]] = msgspec.field(default_factory=list[tuple[str, str]])
    usage: dict[str, int] = msgspec.field(default_factory=dict[str, int])
    parent: tuple[str, str] | None = None
    retry_of: str = ""
    created_at: str = ""
    updated_at: str = ""


def fold(events: Iterable[TaskEvent]) -> TaskSnapshot:
    """Return the task that a log adds up to.

    Raises:
        InvalidMessage: the log breaks its own rules.
    """
    state: TaskState | None = None
    facts: dict[str, Any] = {}
    attempts, errors, sent = 0, list[str](), list[tuple[str, str]]()
    usage, claimed = Counter[str](), False
    for event in events:
        state = state_after(state, event.kind)
        facts.setdefault("created_at", event.at)
        facts["updated_at"] = event.at
        match event.kind:
            case EventKind.CLAIMED:
                attempts, claimed = attempts + 1, True
                facts |= _opening(event) | {"again_at": ""}
            case EventKind.RELEASED | EventKind.PARKED:
                # Such a claim was no attempt that failed.
                attempts, claimed = attempts - claimed, False
            case EventKind.RETRYING:
                errors.append(_text(event, "error"))
                facts["again_at"] = _text(event, "again_at")
                claimed = False
            case "sent":
                sent.append((_text(event, "to_agent"), _text(event, "message_id")))
            case "unsent":
                refused = (_text(event, "to_agent"), _text(event, "message_id"))
                sent = [child for child in sent if child != refused]
            case "usage":
                for key in _USAGE:
                    amount = event.data.get(key)
                    usage[key] += amount if type(amount) is int else 0
            case _ if event.is_final:
                if "message" in event.data:
                    facts |= _opening(event)
                facts |= {"result": event.data.get("result"), "error": _text(event, "error")}
            case _:
                pass
    if state is None:
        return TaskSnapshot()
    return TaskSnapshot(
        state=state, attempts=attempts, errors=errors, sent=sent, usage=dict(usage), **facts
    )


def _opening(event: TaskEvent) -> dict[str, Any]:
    """Return what the first event of a log tells of how the task came about.

    Raises:
        InvalidMessage: it is not what a claim holds.
    """
    sequence, message = event.data.get("inbox_sequence", 0), event.data.get("message", {})
    if type(sequence) is not int:
        raise InvalidMessage("the inbox sequence of a claim must be a whole number")
    if not isinstance(message, dict):
        raise InvalidMessage("the message of a claim must be an object")
    parent = event.data.get("parent")
    known = isinstance(parent, list) and len(parent) == 2  # pyright: ignore[reportUnknownArgumentType]
    return {
        "inbox_sequence": sequence,
        "message": message,
        "instance": _text(event, "instance"),
        "parent": (str(parent[0]), str(parent[1])) if known else None,  # pyright: ignore
        "retry_of": _text(event, "retry_of"),
    }


def _text(event: TaskEvent, key: str) -> str:
    value = event.data.get(key)
    return "" if value is None else str(value)
