"""A run that does nothing: it gives the code what is on record, and sees where it departs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hubbub.errors import StepMismatch
from hubbub.mesh.durable.branches import Call
from hubbub.mesh.durable.run import Run
from hubbub.mesh.durable.waiting import RunParked
from hubbub.wire.events import TaskEvent
from hubbub.wire.recording import UNSTEERED, Recording

__all__ = ["Departure", "Rehearsal"]

_OURS = ("key", "place", UNSTEERED)


@dataclass(frozen=True, slots=True)
class Departure:
    """Where code does something else than what is on record.

    Attributes:
        key: the call.
        recorded: what is on record.
        found: what the code does.
    """

    key: str
    recorded: Any
    found: Any


class Rehearsal(Run):
    """A run over a record that is never written to.

    Attributes:
        departure: the first difference; None if there is none.
        beyond: the first call that is not on record, where the handler is stopped; empty if none.
        given: how many outcomes the code was given.
        reworded: what is said or shown otherwise now, which keeps no run from going on.
    """

    def __init__(self, agent: str, task_id: str, recording: Recording) -> None:
        super().__init__(agent, task_id, recording, self._refuse)
        self.departure: Departure | None = None
        self.beyond = ""
        self.given = 0
        self.reworded: list[str] = []
        self.rests_for_others = True
        self.waits.watch(self.waits.park)

    @property
    def is_rehearsed(self) -> bool:
        """Whether nothing may be done."""
        return True

    def begin(self, call: Call) -> None:
        """Stop the handler at the first call that is not on record.

        Raises:
            RunParked: always.
        """
        self.beyond = self.beyond or call.key
        self.waits.park()
        raise RunParked

    def call(self, kind: str, name: str = "", *, named: bool = False) -> Call:
        """Return the call that is being made, and note if on record is another one.

        Raises:
            StepMismatch: on record is another call at its place.
        """
        try:
            return super().call(kind, name, named=named)
        except StepMismatch as error:
            self.depart(error.recorded, error.recorded, error.found)
            raise

    def outcome(self, call: Call, settled: TaskEvent) -> dict[str, Any]:
        """Return the facts of a settled call, or raise what it raised."""
        self.given += 1
        return super().outcome(call, settled)

    def showing(self, call: Call, data: dict[str, Any]) -> None:
        """Note if the code shows something else than what was shown."""
        event = self.recording.marks[call.key]
        recorded = {name: value for name, value in event.data.items() if name not in _OURS}
        if recorded != data:
            self.reworded.append(call.key)

    def depart(self, key: str, recorded: Any, found: Any) -> None:
        """Note a difference, if it is the first."""
        if self.departure is None:
            self.departure = Departure(key, recorded, found)

    async def _refuse(self, kind: str, data: dict[str, Any]) -> TaskEvent:
        self.begin(Call(str(data.get("key", kind)), ""))
        raise RunParked
