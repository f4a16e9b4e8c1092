"""What is told to a task from outside: answers, times that have come, ends of what it opened.

Each input has a key within its task and is written once: the first one wins.
"""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

from hubbub.wire.codec import JSON, decode, encode
from hubbub.wire.recording import Recording

__all__ = [
    "CANCEL",
    "DEADLINE_KEY",
    "Answer",
    "ChildEnd",
    "answer_key",
    "child_call",
    "child_key",
    "is_child_call",
    "is_timer",
    "settling",
    "timer_key",
]

CANCEL = "cancel"
DEADLINE_KEY = "at-deadline"

_ANSWER, _TIMER, _CHILD = "answer-", "at-", "child-"


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """A person's answer to a question.

    Attributes:
        id: names this answer among others to the same question.
        answer: what was answered, as `checked_answer` returns it.
        by: who answered.
        at: when, ISO 8601.
    """

    id: str
    answer: JSON
    by: str
    at: str

    def to_bytes(self) -> bytes:
        """Return the answer as JSON."""
        return encode(self)

    @classmethod
    def from_bytes(cls, data: bytes) -> Answer:
        """Read an answer.

        Raises:
            InvalidMessage: it is none.
        """
        return decode(data, _answers)


class ChildEnd(msgspec.Struct, frozen=True, kw_only=True):
    """How a task ended that another one had opened.

    Attributes:
        agent: token of the agent that worked on it.
        task_id: its id.
        state: its final state.
        result: what it returned; None if that is too large to travel along.
        error: why it failed, was rejected or canceled.
        whole: whether `result` is there.
    """

    agent: str
    task_id: str
    state: str
    result: JSON = None
    error: str = ""
    whole: bool = True

    def to_bytes(self) -> bytes:
        """Return it as JSON."""
        return encode(self)

    @classmethod
    def from_bytes(cls, data: bytes) -> ChildEnd:
        """Read it.

        Raises:
            InvalidMessage: it is none.
        """
        return decode(data, _ends)


_answers = msgspec.json.Decoder(Answer)
_ends = msgspec.json.Decoder(ChildEnd)


def answer_key(question_id: str) -> str:
    """Return the key of the input that answers a question."""
    return _ANSWER + question_id


def timer_key(call: str) -> str:
    """Return the key of the input that tells that the time of a call has come."""
    return _TIMER + hashlib.blake2b(call.encode(), digest_size=8).hexdigest()


def child_key(task_id: str) -> str:
    """Return the key of the input that tells the end of a task that this one opened."""
    return _CHILD + task_id


def child_call(agent: str, task_id: str) -> str:
    """Return the key of the call that waits for the end of a task."""
    return f"child:{agent}.{task_id}"


def is_child_call(call: str) -> bool:
    """Tell whether a call waits for the end of a task."""
    return call.startswith("child:")


def is_timer(key: str) -> bool:
    """Tell whether an input only says that a time has come."""
    return key.startswith(_TIMER)


def settling(key: str, data: bytes, recording: Recording) -> tuple[str, dict[str, Any]] | None:
    """Return the event with which a task takes in an input, None if it has no use for it.

    Args:
        key: the input's key.
        data: its payload.
        recording: what the task has on record.

    Raises:
        InvalidMessage: the payload is none of ours.
    """
    if key.startswith(_ANSWER):
        for call, question in recording.open_questions().items():
            if question.id == key.removeprefix(_ANSWER):
                answer = Answer.from_bytes(data)
                facts = {"id": question.id, "answer": answer.answer, "by": answer.by}
                facts |= {"answer_id": answer.id, "at": answer.at, "secret": question.secret}
                return "answered", {"key": call, **facts}
    elif key.startswith(_CHILD):
        end = ChildEnd.from_bytes(data)
        call = child_call(end.agent, end.task_id)
        if call not in recording.settled:
            return "child", {"key": call, **msgspec.to_builtins(end)}
    elif key.startswith(_TIMER):
        for call, event in recording.opened.items():
            if timer_key(call) == key and call not in recording.settled:
                if event.kind == "asked":
                    question = recording.question(call)
                    return "timed_out", {"key": call, "id": question.id if question else ""}
                return "woken", {"key": call}
    return None
