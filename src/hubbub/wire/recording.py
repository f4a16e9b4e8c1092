"""What a task's log tells a handler that runs again: which of its calls have an outcome already.

Every durable call has a key, `{branch}/{kind}:{name}#{n}`, fixed where it is called. Events that
carry a key either open a call (`asked`, `sleeping`, `step_started`), settle it, or only mark that
something was shown. Within a branch, calls have places, 0, 1, 2 and so on: a call that stands in
another place than the record has it belongs to other code.

A call that asks for notes has no place, only a number, and no event of its own if there was
nothing new: then the next event of the run tells that, by the highest such number of each branch.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterable
from typing import Any

import msgspec

from hubbub.errors import InvalidMessage
from hubbub.wire import clock
from hubbub.wire.events import EventKind, TaskEvent, add_usage
from hubbub.wire.questions import Question

__all__ = [
    "NOTES_READ",
    "OPENING_KINDS",
    "SETTLING_KINDS",
    "STEERED",
    "TAKEN_OVER",
    "UNSTEERED",
    "Recording",
    "branch_of",
    "note_mark",
]

OPENING_KINDS = frozenset({"asked", "sleeping", "step_started"})
STEERED = "steered"
"""The event with which a task takes in a note."""
NOTES_READ = "notes_read"
"""The event with which its handler is given notes."""
UNSTEERED = "unsteered"
"""In the facts of an event: up to which call, of each branch, those without an event of their own
have brought no notes."""
SETTLING_KINDS = frozenset(
    {"step", "replied", "model", "now", "answered", "timed_out", "woken", "child", NOTES_READ}
)
TAKEN_OVER = "taken_over"
"""The event behind what a task has copied from the log of the one that it runs again."""
_PARKING = (EventKind.PARKED, EventKind.WAITING)


def branch_of(key: str) -> str:
    """Return the branch that a key belongs to; empty for the handler itself."""
    return key.rpartition("/")[0]


def note_mark(note_id: str) -> str:
    """Return the key of the event that takes in a note."""
    return f"steer:{note_id}"


class Recording:
    """What earlier attempts have put on record, and what this one adds.

    Attributes:
        opened: calls that have begun, by key.
        settled: the outcomes of calls, by key.
        marks: keys of what was said or shown.
        sent: ids of messages that have certainly been stored.
        notes: the texts of notes that were taken in, by their ids, the oldest first.
        read: ids of the notes that the handler has been given.
        unsteered: up to which call for notes, of each branch, those without an event of their own
            have brought none.
        usage: what model calls have used, summed up.
        seconds_at_rest: for how long the run has been at rest, between its claims.
        lineage: the tasks whose record it has taken over, the oldest first.
        redone: keys under which those have done a step that is now done anew.
        fresh: how many of those tasks may still use the ids that are derived from them.
        adopted: ids of messages that those have sent.
    """

    def __init__(self, events: Iterable[TaskEvent] = ()) -> None:
        self.opened: dict[str, TaskEvent] = {}
        self.settled: dict[str, TaskEvent] = {}
        self.marks: dict[str, TaskEvent] = {}
        self.sent: set[str] = set()
        self.notes: dict[str, str] = {}
        self.read: set[str] = set()
        self.unsteered: dict[str, int] = {}
        self.usage: Counter[str] = Counter()
        self.seconds_at_rest = 0.0
        self.lineage: tuple[str, ...] = ()
        self.redone: frozenset[str] = frozenset()
        self.fresh = 0
        self.adopted: frozenset[str] = frozenset()
        self._rests_since = ""
        self._places: dict[tuple[str, int], str] = {}
        self._last_places: dict[str, int] = {}
        self._unsure: set[str] = set()
        for event in events:
            self.add(event)

    def add(self, event: TaskEvent) -> None:
        """Take in an event of the log."""
        self._add_unsteered(event.data.get(UNSTEERED))
        if event.kind in ("usage", "model"):
            add_usage(self.usage, event.data if event.kind == "usage" else event.data.get("usage"))
        if event.kind in _PARKING:
            # The handler had come to rest: nothing it sent was still on its way.
            self.sent |= self._unsure
            self._unsure.clear()
            self._rests_since = event.at
            return
        if event.kind == EventKind.CLAIMED and self._rests_since:
            with contextlib.suppress(InvalidMessage):  # what others wrote may be no time
                rested = clock.read_iso(event.at) - clock.read_iso(self._rests_since)
                self.seconds_at_rest += max(rested, 0.0)
            self._rests_since = ""
        if event.kind == EventKind.RETRYING:
            self.forget(event.data.get("forgets"))
            return
        if event.kind == TAKEN_OVER:
            self._take_over(event.data)
            return
        key = event.data.get("key")
        if not isinstance(key, str):
            return
        if event.kind == "step_retrying":
            self.forget(event.data.get("forgets"))
        elif event.kind in SETTLING_KINDS:
            self.settled.setdefault(key, event)  # who was first wins
            if event.kind == NOTES_READ:
                self.read.update(_texts(event.data.get("ids")))
        elif event.kind in OPENING_KINDS:
            self.opened[key] = event
        elif event.kind == "unsent":
            self.marks.pop(key, None)
            self._unsure.discard(str(event.data.get("message_id")))
            if isinstance(event.data.get("raised"), dict):
                self.settled[key] = event
        else:
            self.marks[key] = event
            if event.kind == "sent":
                self._unsure.add(str(event.data.get("message_id")))
            elif event.kind == STEERED:
                self._add_note(key, event.data)
        place = event.data.get("place")
        if type(place) is int:
            branch = branch_of(key)
            self._places[branch, place] = key
            self._last_places[branch] = max(place, self._last_places.get(branch, -1))

    def _add_note(self, key: str, facts: dict[str, Any]) -> None:
        note_id, text = facts.get("id"), facts.get("text")
        if isinstance(note_id, str) and isinstance(text, str) and key == note_mark(note_id):
            self.notes.setdefault(note_id, text)

    def _add_unsteered(self, numbers: Any) -> None:
        if not isinstance(numbers, dict):
            return
        for branch, number in numbers.items():  # pyright: ignore[reportUnknownVariableType]
            if isinstance(branch, str) and type(number) is int:  # pyright: ignore[reportUnknownArgumentType]
                self.unsteered[branch] = max(number, self.unsteered.get(branch, 0))

    def unread(self) -> list[str]:
        """Return the ids of the notes that the handler has not been given yet, oldest first."""
        return [note_id for note_id in self.notes if note_id not in self.read]

    def _take_over(self, facts: dict[str, Any]) -> None:
        """Know what is on record so far as another task's."""
        self.adopted = frozenset(self.sent | self._unsure)
        self._unsure = set(_texts(facts.get("unsure")))
        self.sent = set(self.adopted - self._unsure)
        self.lineage = _texts(facts.get("lineage"))
        self.redone = frozenset(_texts(facts.get("redone")))
        fresh = facts.get("fresh")
        self.fresh = fresh if type(fresh) is int else 0
        self.usage.clear()  # that was used by others

    def forget(self, keys: Any) -> None:
        """Forget the outcomes of some calls, which are to be made anew."""
        if isinstance(keys, list):
            for key in map(str, keys):  # pyright: ignore[reportUnknownArgumentType]
                self.settled.pop(key, None)
                # It has ended, if badly, and was not cut off; a question stays asked.
                if key in self.opened and self.opened[key].kind == "step_started":
                    del self.opened[key]

    def at(self, branch: str, place: int) -> str | None:
        """Return the key that the record has at a place of a branch, None if it has none."""
        return self._places.get((branch, place))

    def goes_on(self, branch: str, place: int) -> bool:
        """Tell whether the record has a call of a branch at a place, or behind it."""
        return place <= self._last_places.get(branch, -1)

    def places(self, branch: str) -> dict[int, str]:
        """Return the keys that the record has in a branch, by their places."""
        return {place: key for (where, place), key in self._places.items() if where == branch}

    def question(self, key: str) -> Question | None:
        """Return the question that a key stands for, None if it has not been asked."""
        event = self.opened.get(key)
        if event is None or event.kind != "asked":
            return None
        try:
            return msgspec.convert(event.data.get("question"), Question)
        except msgspec.ValidationError:
            return None

    def open_questions(self) -> dict[str, Question]:
        """Return the questions that nobody has answered yet, by their keys."""
        keys = [key for key in self.opened if key not in self.settled]
        questions = {key: self.question(key) for key in keys}
        return {key: question for key, question in questions.items() if question is not None}


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, list) else ()  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
