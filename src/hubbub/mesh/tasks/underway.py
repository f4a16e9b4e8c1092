"""The runs of one agent in this process: which there are, and what stops them."""

from __future__ import annotations

from dataclasses import dataclass, field

from hubbub.mesh.tasks.attempt import Attempt
from hubbub.mesh.tasks.verdict import Stop

__all__ = ["Underway"]


@dataclass
class Underway:
    """What is being dealt with here.

    Attributes:
        leases: what is the lease of each task that is being dealt with here.
        attempts: the handlers at work, by their tasks.
        canceled: tasks whose end has been asked for.
        noted: tasks for which notes may lie ready, so that whoever begins with one looks for them.
        is_releasing: whether every task is to be handed back.
    """

    leases: dict[str, tuple[bool, int]] = field(default_factory=dict)
    attempts: dict[str, Attempt] = field(default_factory=dict)
    canceled: set[str] = field(default_factory=set)
    noted: set[str] = field(default_factory=set)
    is_releasing: bool = False
    _newly_noted: set[str] = field(default_factory=set)

    def expect_notes(self, task_id: str) -> None:
        """Have whoever begins with a task look for notes: one has just been sent."""
        self.noted.add(task_id)
        self._newly_noted.add(task_id)

    def expect_all_notes(self, task_ids: set[str]) -> None:
        """Take in for which tasks notes lie ready; what has come since we asked is kept."""
        self.noted = task_ids | self._newly_noted
        self._newly_noted = set()

    def cancel(self, task_id: str) -> None:
        """Stop the handler of a task, if it runs here or is about to."""
        if task_id in self.leases:
            self.canceled.add(task_id)
        if task_id in self.attempts:
            self.attempts[task_id].stop(Stop.CANCELED)

    def release_all(self) -> None:
        """Stop every handler and hand its task back."""
        self.is_releasing = True
        for attempt in self.attempts.values():
            attempt.stop(Stop.RELEASED)
