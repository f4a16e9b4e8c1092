"""The open questions of all tasks that somebody may see."""

from __future__ import annotations

import re
from typing import NamedTuple

from hubbub.errors import InvalidCursor
from hubbub.gateway.identity.ownership import visible_tasks
from hubbub.gateway.identity.principals import Principal
from hubbub.mesh.mesh import Mesh
from hubbub.mesh.tasks.summary import TaskSummary
from hubbub.wire.events import TaskState
from hubbub.wire.questions import Question

__all__ = ["Asking", "AskingPage", "open_questions"]

_PAGE = 200
_MOST_TASKS = 2_000
_CURSOR = re.compile(r"([0-9TZ:.+-]{0,40})~([A-Za-z0-9_-]{1,64})")
# A task that goes on in one branch may ask in another.
_STATES = [str(TaskState.INPUT_REQUIRED), str(TaskState.AUTH_REQUIRED), str(TaskState.WORKING)]


class Asking(NamedTuple):
    """A question, and the task that asks it."""

    task: TaskSummary
    question: Question

    @property
    def place(self) -> tuple[str, str]:
        """Where it stands among all: by when it was asked."""
        return self.question.asked_at, self.question.id


class AskingPage(NamedTuple):
    """Some questions, and where the next page begins; None if there is none."""

    questions: list[Asking]
    before: str | None


async def open_questions(
    mesh: Mesh, who: Principal, *, before: str | None, limit: int
) -> AskingPage:
    """Return a page of the open questions that somebody may see, the oldest first.

    Of the tasks that wait, it looks at the 2,000 that changed last.

    Raises:
        InvalidCursor: `before` is no cursor.
        ConnectionLost: the server does not answer.
    """
    start = _place(before)
    found: list[Asking] = []
    place, looked_at = None, 0
    while looked_at < _MOST_TASKS:
        page = await visible_tasks(
            mesh, who, agent=None, states=_STATES, context=None, before=place, limit=_PAGE
        )
        for task in page.tasks:
            found += [Asking(task, question) for question in task.questions]
        place, looked_at = page.before, looked_at + len(page.tasks)
        if place is None:
            break
    found = sorted((one for one in found if one.place > start), key=lambda one: one.place)
    shown = found[:limit]
    more = len(found) > limit
    return AskingPage(shown, "~".join(shown[-1].place) if more else None)


def _place(before: str | None) -> tuple[str, str]:
    if before is None:
        return "", ""
    match = _CURSOR.fullmatch(before)
    if match is None:
        raise InvalidCursor(f"{before[:40]!r} is not where a page of questions begins")
    return match[1], match[2]
