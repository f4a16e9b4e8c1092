"""A task on the terminal, together with what those ask that it has opened."""

from __future__ import annotations

import sys

from hubbub.cli.happenings import Absence, Entry
from hubbub.cli.output import console, safe
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
        self._json = json
        self._hints = hints
        self._others: dict[str, TaskScreen] = {}

    def tell(self, one: Entry | Absence) -> None:
        """Print one event, except for how another task ends, or that nobody is there."""
        if isinstance(one, Absence):
            self._tell_absence(one)
        elif one.handle is self._handle:
            self.own.tell(one.sequence, one.event)
        elif not one.event.is_final:
            self.own.finish_line()
            self._screen_of(one.handle).tell(one.sequence, one.event)

    def show_hints(self) -> None:
        """Print questions from here on."""
        self._hints = True
        for screen in (self.own, *self._others.values()):
            screen.hints = True

    def _tell_absence(self, absence: Absence) -> None:
        text = f"nobody serves {safe(absence.agent)} just now: it goes on as soon as somebody does"
        if self._json:
            sys.stderr.write(f"hubbub: {text}\n")
        else:
            self.own.finish_line()
            console.print(f"  {text}")

    def _screen_of(self, other: TaskHandle) -> TaskScreen:
        screen = self._others.get(other.task_id)
        if screen is None:
            screen = TaskScreen(other.task_id, who=other.agent, hints=self._hints)
            self._others[other.task_id] = screen
        return screen
