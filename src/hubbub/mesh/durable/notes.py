"""What a handler is told while it runs: notes, given to it between two steps, each once.

A call that finds nothing new writes nothing. That it brought nothing must not change, though, once
anything on record may depend on it: the next event of the run says so of all such calls at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hubbub.wire.recording import NOTES_READ, UNSTEERED, Recording

if TYPE_CHECKING:
    from hubbub.mesh.durable.branches import Call
    from hubbub.mesh.durable.run import Run

__all__ = ["STEERING", "Notes", "read_notes"]

STEERING = "steering"
"""The kind of the calls that ask for notes."""


class Notes:
    """Which notes of a run are under way to its handler, and which calls brought none."""

    def __init__(self) -> None:
        self._handed: set[str] = set()
        self._unsteered: dict[str, int] = {}

    def take(self, recording: Recording) -> list[str]:
        """Return the ids of what the handler has not been given, for this call alone."""
        # Whether or not it can be put on record: what is lost then is not given twice.
        ids = [note_id for note_id in recording.unread() if note_id not in self._handed]
        self._handed.update(ids)
        return ids

    def brought_none(self, call: Call) -> None:
        """Remember a call that has no event of its own."""
        self._unsteered[call.branch] = max(number_of(call), self._unsteered.get(call.branch, 0))

    def facts(self) -> dict[str, Any]:
        """Return what the next event is to tell of calls that have none of their own."""
        return {UNSTEERED: dict(self._unsteered)} if self._unsteered else {}

    def have_told(self, facts: dict[str, Any]) -> None:
        """Forget what is on record by now."""
        for branch, number in facts.get(UNSTEERED, {}).items():
            if self._unsteered.get(branch) == number:
                del self._unsteered[branch]


def number_of(call: Call) -> int:
    """Return the number of a call among those of its kind and branch, from 1."""
    return int(call.key.rpartition("#")[2])


async def read_notes(run: Run, call: Call, place: int) -> list[str]:
    """Return the texts of the notes that have come since the last call, oldest first.

    Args:
        run: the run.
        call: the call that asks.
        place: how many calls with a place its branch had made before it.

    Raises:
        StepMismatch: on record is that it was given notes elsewhere.
    """
    run.waits.check()
    if not run.is_kept:
        return []
    recording = run.recording
    settled = recording.settled.get(call.key)
    if settled is not None:
        recorded = settled.data.get("after")
        if recorded != place:
            raise run.mismatch(_described(call, recorded), _described(call, place))
        ids = run.outcome(call, settled).get("ids", [])
        return [recording.notes[note_id] for note_id in ids if note_id in recording.notes]
    if number_of(call) <= recording.unsteered.get(call.branch, 0):
        return []
    # A log that was begun by code which did not ask for notes: these belong to what comes next.
    ids = [] if recording.goes_on(call.branch, place) else run.notes.take(recording)
    if not ids:
        run.notes.brought_none(call)
        return []
    run.begin(call)
    await run.put(NOTES_READ, call, {"ids": ids, "after": place})
    return [recording.notes[note_id] for note_id in ids]


def _described(call: Call, place: object) -> str:
    return f"{call.key} behind {place} calls"
