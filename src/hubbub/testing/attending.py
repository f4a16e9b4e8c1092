"""Somebody who attends to a task: answers what it asks, lets the time pass that it waits for."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Iterable

from hubbub.errors import AlreadyAnswered
from hubbub.mesh.mesh import Mesh
from hubbub.mesh.tasks.answering import give_answer
from hubbub.mesh.tasks.log import read_log
from hubbub.testing.mortal import Place
from hubbub.wire import clock
from hubbub.wire.codec import JSON
from hubbub.wire.events import TaskEvent, fold
from hubbub.wire.questions import Question
from hubbub.wire.recording import Recording

__all__ = ["Answers", "Attendant"]

Answers = Callable[[Question], JSON]
"""Returns the answer to a question; None for none, so that its time passes if it has one."""

_BY = "crash-test"


class Attendant:
    """Attends to one task, over all processes that work on it.

    Args:
        mesh: where it is worked on.
        agent: token of its agent.
        task_id: the task.
        answers: what to answer.
    """

    def __init__(self, mesh: Mesh, agent: str, task_id: str, answers: Answers | None) -> None:
        self._mesh = mesh
        self._agent = agent
        self._task_id = task_id
        self._answers = answers
        self._answered = set[str]()

    async def is_over(self, worked_off: Collection[Place]) -> bool:
        """Do what a task at rest waits for; tell whether nothing more comes of it.

        Args:
            worked_off: the places of what has been acknowledged of it.
        """
        connection = self._mesh.connection
        log = await read_log(connection, self._agent, self._task_id)
        events = [event for _, event in log]
        task = fold(events)
        if task.state.is_final:
            lease = (
                (True, task.wake_sequence) if task.wake_sequence else (False, task.inbox_sequence)
            )
            return lease in worked_off or not task.inbox_sequence
        if not task.is_parked:
            return False
        for question in task.questions:
            await self._answer(question)
        if any(question.id in self._answered for question in task.questions):
            return False
        times = [*_times_of_sleeps(events), *_times_of(task.questions)]
        if times:
            clock.move(max(min(times) - clock.seconds(), 0.0))
            return False
        return bool(task.questions)

    async def _answer(self, question: Question) -> None:
        if self._answers is None or question.id in self._answered:
            return
        answer = self._answers(question)
        if answer is None:
            return
        # The process in which we did so may have died before we heard of it.
        with contextlib.suppress(AlreadyAnswered):
            await give_answer(
                self._mesh.connection, self._agent, self._task_id, answer, question.id, by=_BY
            )
        self._answered.add(question.id)


def _times_of_sleeps(events: Iterable[TaskEvent]) -> list[float]:
    """Return when a task wakes up by itself; the end of another one comes without the clock."""
    recording = Recording(events)
    return [
        clock.read_iso(str(event.data.get("until")))
        for key, event in recording.opened.items()
        if key not in recording.settled and key.rpartition("/")[2].startswith("sleep#")
    ]


def _times_of(questions: Iterable[Question]) -> list[float]:
    return [clock.read_iso(question.expires_at) for question in questions if question.expires_at]
