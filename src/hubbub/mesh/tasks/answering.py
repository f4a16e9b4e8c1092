"""A person's answer to a question of a task: the first one wins, and the others are told."""

from __future__ import annotations

from hubbub.errors import AlreadyAnswered, QuestionNotFound
from hubbub.mesh.tasks.inputs import write_input
from hubbub.mesh.tasks.log import LoggedEvent, read_log
from hubbub.mesh.transport.connection import Connection
from hubbub.mesh.transport.streams import WAKE
from hubbub.wire import clock
from hubbub.wire.codec import JSON
from hubbub.wire.events import TaskSnapshot, fold
from hubbub.wire.ids import new_id
from hubbub.wire.inputs import Answer, answer_key
from hubbub.wire.questions import Question, checked_answer

__all__ = ["give_answer"]


async def give_answer(
    connection: Connection,
    agent: str,
    task_id: str,
    answer: JSON,
    question_id: str | None,
    *,
    by: str,
) -> Question:
    """Store an answer, and return the question that it is for.

    Args:
        connection: the mesh.
        agent: token of the agent the task belongs to.
        task_id: the task.
        answer: see `checked_answer`.
        question_id: which question; may be None if one alone is open.
        by: who answers.

    Raises:
        AlreadyAnswered: somebody else was first.
        QuestionNotFound: there is no such question, or several and none is named.
        InvalidAnswer: it does not fit.
        ConnectionLost: the server does not confirm it.
    """
    events = await read_log(connection, agent, task_id)
    question = _open_question(task_id, events, question_id)
    if question.expires_at and clock.read_iso(question.expires_at) <= clock.seconds():
        raise QuestionNotFound(task_id, question.id, "its question timed out")
    kept = checked_answer(question, answer)
    given = Answer(id=new_id(), answer=kept, by=by, at=clock.now())
    key = answer_key(question.id)
    first = await write_input(connection, agent, task_id, key, given.to_bytes())
    if not first:
        there = await connection.last_of(WAKE, connection.layout.input(agent, task_id, key))
        if there is not None:
            winner = Answer.from_bytes(there.data)
            raise AlreadyAnswered(question.id, winner.by, winner.at)
    # An answer that the task has taken in leaves its place free for another: the log decides.
    after = events[-1][0] if events else 0
    later = await read_log(connection, agent, task_id, after=after)
    _see_that_it_is_ours(question, later, given)
    return question


def _open_question(task_id: str, events: list[LoggedEvent], question_id: str | None) -> Question:
    snapshot: TaskSnapshot = fold(event for _, event in events)
    if question_id is None:
        if len(snapshot.questions) == 1:
            return snapshot.questions[0]
        if not snapshot.questions:
            raise QuestionNotFound(task_id, None, f"it is {snapshot.state} and asks nothing now")
        count = len(snapshot.questions)
        raise QuestionNotFound(task_id, None, f"it has {count} open questions; name one by its id")
    for question in snapshot.questions:
        if question.id == question_id:
            return question
    for _, event in events:
        if event.data.get("id") != question_id:
            continue
        if event.kind == "answered":
            by, at = str(event.data.get("by", "")), str(event.data.get("at", event.at))
            raise AlreadyAnswered(question_id, by, at)
        if event.kind == "timed_out":
            raise QuestionNotFound(task_id, question_id, "its question timed out")
    ended = f"it is {snapshot.state}" if snapshot.state.is_final else "it asks no such question"
    raise QuestionNotFound(task_id, question_id, ended)


def _see_that_it_is_ours(question: Question, later: list[LoggedEvent], given: Answer) -> None:
    for _, event in later:
        if event.kind == "answered" and event.data.get("id") == question.id:
            if event.data.get("answer_id") != given.id:
                by, at = str(event.data.get("by", "")), str(event.data.get("at", event.at))
                raise AlreadyAnswered(question.id, by, at)
            return
