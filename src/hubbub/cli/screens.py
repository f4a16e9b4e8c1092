"""A task on the terminal, together with what those ask that it has opened."""

from __future__ import annotations

from hubbub.cli.happenings import Entry
from hubbub.cli.screen import TaskScreen
from hubbub.mesh.tasks.handle import TaskHandle

__all__ = ["Screens"]


class Screens:
    """Prints what happens.

    Args:
        handle: the task that is followed.
        json: whether to print JSON.
        hints: whether questions are printed, with how they can be answered.

    Attributes:
        own: the screen of the task itself.
    """

    def __init__(self, handle: TaskHandle, *, json: bool = False, hints: bool = True) -> None:
        self.own = TaskScreen(handle.task_id, json=json, hints=hints)
        self._handle = handle
        self._hints = hints
        self._others: dict[str, TaskScreen] = {}

    def tell(self, one: Entry) -> None:
        """Print one event; of how another task ends, nothing."""
        if one.handle is self._handle:
            self.own.tell(one.sequence, one.event)
        elif not one.event.is_final:
            self.own.finish_line()
            self._screen_of(one.handle).tell(one.sequence, one.event)

    def show_hints(self) -> None:
        """Print questions from here on."""
        self._hints = True
        for screen in (self.own, *self._others.values()):
            screen.hints = True

    def _screen_of(self, other: TaskHandle) -> TaskScreen:
        screen = self._others.get(other.task_id)
        if screen is None:
            screen = TaskScreen(other.task_id, who=other.agent, hints=self._hints)
            self._others[other.task_id] = screen
        return screen
