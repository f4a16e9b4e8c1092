"""What is told to a task from outside: answers, notes, times, the ends of what it opened.

Each input has a key within its task and is written once: the first one wins.
"""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

from hubbub.errors import InvalidMessage
from hubbub.wire.codec import JSON, decode, encode
from hubbub.wire.names import check_message_id
from hubbub.wire.recording import STEERED, Recording, note_mark

__all__ = [
    "CANCEL",
    "DEADLINE_KEY",
    "Answer",
    "ChildEnd",
    "Note",
    "answer_key",
    "check_note",
    "child_call",
    "child_key",
    "is_child_call",
    "is_note",
    "is_timer",
    "note_key",
    "settling",
    "timer_key",
]

CANCEL = "cancel"
DEADLINE_KEY = "at-deadline"

_ANSWER, _TIMER, _CHILD, _NOTE = "answer-", "at-", "child-", "steer-"
_LONGEST_NOTE, _LONGEST_NAME = 16_000, 1_000
# However its text is written, there is room for it in a log.
_LARGEST_NOTE = 128 * 1024


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


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody says to a task while it runs.

    Attributes:
        id: names this note among those to the same task.
        text: what is said.
        by: who says it.
        at: when, ISO 8601.
    """

    id: str
    text: str
    by: str
    at: str

    def to_bytes(self) -> bytes:
        """Return the note as JSON."""
        return encode(self)

    @classmethod
    def from_bytes(cls, data: bytes) -> Note:
        """Read a note.

        Raises:
            InvalidMessage: it is none.
        """
        if len(data) > _LARGEST_NOTE:
            raise InvalidMessage(f"a note of {len(data):,} bytes is none of ours")
        note = decode(data, _notes)
        check_note(note.id, note.text, note.by)
        return note


def check_note(note_id: str, text: str, by: str) -> None:
    """See that a note can be taken in.

    Args:
        note_id: its id.
        text: its text.
        by: who says it.

    Raises:
        InvalidMessage: the id cannot be one, or the text is empty or too long, or the name is.
    """
    check_message_id(note_id)
    if not text.strip():
        raise InvalidMessage("a note needs a text")
    if len(text) > _LONGEST_NOTE:
        raise InvalidMessage(
            f"a note may have {_LONGEST_NOTE:,} characters, this one has {len(text):,}: "
            "send the rest as a message, or put it into a file"
        )
    if len(by) > _LONGEST_NAME:
        raise InvalidMessage(f"the name of who sends a note may have {_LONGEST_NAME} characters")


_answers = msgspec.json.Decoder(Answer)
_notes = msgspec.json.Decoder(Note)
_ends = msgspec.json.Decoder(ChildEnd)


def answer_key(question_id: str) -> str:
    """Return the key of the input that answers a question."""
    return _ANSWER + question_id


def timer_key(call: str) -> str:
    """Return the key of the input that tells that the time of a call has come."""
    return _TIMER + hashlib.blake2b(call.encode(), digest_size=8).hexdigest()


def note_key(note_id: str) -> str:
    """Return the key of the input that is a note."""
    return _NOTE + note_id


def is_note(key: str) -> bool:
    """Tell whether an input is a note."""
    return key.startswith(_NOTE)


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
    elif is_note(key):
        note = Note.from_bytes(data)
        if note_key(note.id) == key and note.id not in recording.notes:
            return STEERED, {"key": note_mark(note.id), **msgspec.to_builtins(note)}
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
