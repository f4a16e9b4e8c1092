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
from hubbub.wire.questions import Question

__all__ = [
    "FINAL_KINDS",
    "EventKind",
    "TaskEvent",
    "TaskSnapshot",
    "TaskState",
    "add_usage",
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
    WAITING = "waiting"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELED = "canceled"
    REJECTED = "rejected"


FINAL_KINDS = frozenset(str(state) for state in _FINAL_STATES)

_STATE_AFTER: dict[str, TaskState] = {
    EventKind.CLAIMED: TaskState.WORKING,
    EventKind.RELEASED: TaskState.SUBMITTED,
    EventKind.RETRYING: TaskState.SUBMITTED,
    # Parked means waiting for a person; waiting is for a time, or for another task.
    EventKind.PARKED: TaskState.INPUT_REQUIRED,
    EventKind.WAITING: TaskState.SUBMITTED,
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
_KINDS_OF_REST = frozenset(EventKind)
_OF_THE_OPENING: tuple[tuple[str, type, str], ...] = (
    ("inbox_sequence", int, "a whole number"),
    ("message", dict, "an object"),
    ("headers", dict, "an object"),
)


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
        questions: what people are asked and have not answered yet, oldest first.
        owner: the person that it is done for; empty if nobody in particular.
        version: the version of the workflow that it began with.
        subject: where the message that opened it had been published.
        headers: that message's headers.
        is_parked: whether it has come to rest: whatever wakes it is an input, not its message.
        wake_sequence: which input the claim belongs to; 0 if it belongs to the inbox entry.
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
    questions: list[Question] = msgspec.field(default_factory=list[Question])
    owner: str = ""
    version: str = ""
    subject: str = ""
    headers: dict[str, str] = msgspec.field(default_factory=dict[str, str])
    is_parked: bool = False
    wake_sequence: int = 0
    created_at: str = ""
    updated_at: str = ""


def fold(events: Iterable[TaskEvent]) -> TaskSnapshot:
    """Return the task that a log adds up to.

    Raises:
        InvalidMessage: the log breaks its own rules.
    """
    state: TaskState | None = None
    facts: dict[str, Any] = {}
    attempts, errors, sent = 0, list[str](), dict[tuple[str, str], None]()
    usage, claimed, questions = Counter[str](), False, dict[str, Question]()
    for event in events:
        state = state_after(state, event.kind)
        facts.setdefault("created_at", event.at)
        facts["updated_at"] = event.at
        if event.kind in _KINDS_OF_REST:
            facts["is_parked"] = event.kind in (EventKind.PARKED, EventKind.WAITING)
        match event.kind:
            case EventKind.CLAIMED:
                attempts, claimed = attempts + 1, True
                facts |= _opening(event) | {"again_at": ""}
                wake = event.data.get("wake_sequence")
                facts["wake_sequence"] = wake if type(wake) is int else 0
            case EventKind.RELEASED | EventKind.PARKED | EventKind.WAITING:
                # Such a claim was no attempt that failed.
                attempts, claimed = attempts - claimed, False
                facts["again_at"] = _text(event, "again_at")
                if event.kind != EventKind.RELEASED:
                    questions = {question.id: question for question in _open_questions(event)}
            case EventKind.RETRYING:
                errors.append(_text(event, "error"))
                facts["again_at"] = _text(event, "again_at")
                claimed = False
            case "asked":
                question = _question(event)
                questions[question.id] = question
            case "answered" | "timed_out":
                questions.pop(_text(event, "id"), None)
            case "sent":
                sent[_text(event, "to_agent"), _text(event, "message_id")] = None
            case "unsent":
                sent.pop((_text(event, "to_agent"), _text(event, "message_id")), None)
            case "taken_over":  # what stands before it was done by another task
                sent.clear()
                usage.clear()
            case "usage":
                add_usage(usage, event.data)
            case "model":
                add_usage(usage, event.data.get("usage"))
            case _ if event.is_final:
                if "message" in event.data:
                    facts |= _opening(event)
                facts |= {"result": event.data.get("result"), "error": _text(event, "error")}
                questions.clear()
                if "usage" in event.data:  # all of it, for those who read no more than the end
                    usage.clear()
                    add_usage(usage, event.data["usage"])
            case _:
                pass
    if state is None:
        return TaskSnapshot()
    return TaskSnapshot(
        state=state,
        attempts=attempts,
        errors=errors,
        sent=[*sent],
        usage=dict(usage),
        questions=[*questions.values()],
        **facts,
    )


def _opening(event: TaskEvent) -> dict[str, Any]:
    """Return what an event tells of how the task came about; only the first need tell all of it.

    Raises:
        InvalidMessage: it is not what a claim holds.
    """
    data, facts = event.data, dict[str, Any]()
    for name, kind, what in _OF_THE_OPENING:
        if name in data:
            if type(data[name]) is not kind:
                raise InvalidMessage(f"the {name} of a claim must be {what}")
            facts[name] = data[name]
    for name in ("instance", "owner", "version", "subject", "retry_of"):
        if name in data:
            facts[name] = _text(event, name)
    parent = data.get("parent")
    if isinstance(parent, list) and len(parent) == 2:  # pyright: ignore[reportUnknownArgumentType]
        facts["parent"] = (str(parent[0]), str(parent[1]))  # pyright: ignore
    return facts


def _question(event: TaskEvent) -> Question:
    """Return the question of an `asked` event.

    Raises:
        InvalidMessage: it holds none.
    """
    try:
        return msgspec.convert(event.data.get("question"), Question)
    except msgspec.ValidationError as error:
        raise InvalidMessage(f"an asked event holds no question: {error}") from None


def _open_questions(event: TaskEvent) -> list[Question]:
    try:
        return msgspec.convert(event.data.get("questions", []), list[Question])
    except msgspec.ValidationError as error:
        raise InvalidMessage(f"a {event.kind} event holds no questions: {error}") from None


def add_usage(usage: Counter[str], amounts: Any) -> None:
    """Add what model calls have used, as far as it is well-formed."""
    if isinstance(amounts, dict):
        for key in _USAGE:
            amount = amounts.get(key)  # pyright: ignore[reportUnknownVariableType]
            usage[key] += amount if type(amount) is int else 0  # pyright: ignore[reportUnknownArgumentType]


def _text(event: TaskEvent, key: str) -> str:
    value = event.data.get(key)
    return "" if value is None else str(value)
