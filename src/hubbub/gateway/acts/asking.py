"""The open questions that somebody may see, in pages."""

from __future__ import annotations

import re
from typing import NamedTuple

import msgspec

from hubbub.errors import InvalidCursor
from hubbub.gateway.identity.principals import Principal
from hubbub.gateway.live.open_questions import OpenQuestion, OpenQuestions, TaskKey
from hubbub.mesh.mesh import Mesh
from hubbub.mesh.tasks.lists import summaries_of
from hubbub.mesh.tasks.summary import TaskSummary
from hubbub.mesh.tasks.untaken import with_what_waits
from hubbub.wire.questions import Question

__all__ = ["Asking", "AskingPage", "open_questions"]

_CURSOR = re.compile(r"([0-9TZ:.+-]{0,40})~([A-Za-z0-9_-]{1,64})~([A-Za-z0-9_-]{1,64})")


class Asking(NamedTuple):
    """A question, and the task that asks it."""

    task: TaskSummary
    question: Question


class AskingPage(NamedTuple):
    """Some questions, and where the next page begins; None if there is none."""

    questions: list[Asking]
    before: str | None


async def open_questions(
    mesh: Mesh, known: OpenQuestions, who: Principal, *, before: str | None, limit: int
) -> AskingPage:
    """Return a page of the open questions that somebody may see, the oldest first.

    Raises:
        InvalidCursor: `before` is no cursor.
        ConnectionLost: the server does not answer.
    """
    start = _read_place(before)
    asked = [one for one in await known.all() if who.sees(one.owner) and _place(one) > start]
    asked.sort(key=_place)
    shown = asked[:limit]
    tasks = await _tasks(mesh, shown)
    questions = [
        Asking(task, question)
        for one in shown
        if (task := tasks.get(one.task)) is not None
        for question in task.questions
        if question.id == one.question.id
    ]
    return AskingPage(questions, "~".join(_place(shown[-1])) if len(asked) > limit else None)


async def _tasks(mesh: Mesh, asked: list[OpenQuestion]) -> dict[TaskKey, TaskSummary]:
    """Return the tasks that ask, with what of it is on this page, unless they have ended."""
    questions: dict[TaskKey, list[Question]] = {}
    for one in asked:
        questions.setdefault(one.task, []).append(one.question)
    found = await summaries_of(mesh.connection, questions)
    open_ones = {
        key: msgspec.structs.replace(task, questions=questions[key])
        for key, task in found.items()
        if not task.state.is_final
    }
    waiting = await with_what_waits(mesh.connection, [*open_ones.values()])
    return dict(zip(open_ones, waiting, strict=True))


def _place(one: OpenQuestion) -> tuple[str, str, str]:
    """Return where a question stands among all: by when it was asked."""
    return one.question.asked_at, one.task[1], one.question.id


def _read_place(before: str | None) -> tuple[str, str, str]:
    if before is None:
        return "", "", ""
    match = _CURSOR.fullmatch(before)
    if match is None:
        raise InvalidCursor(f"{before[:40]!r} is not where a page of questions begins")
    return match[1], match[2], match[3]
