"""What a mesh keeps, to be read back: tasks, dead letters, and what was said."""

from __future__ import annotations

import functools
from collections.abc import AsyncGenerator, Collection
from datetime import datetime

from hubbub.mesh.history.entries import EntryKind, HistoryEntry, Selection
from hubbub.mesh.history.following import following
from hubbub.mesh.history.pages import HistoryPage, read_page
from hubbub.mesh.letters.reading import DeadLetter, find_dead_letter, list_dead_letters
from hubbub.mesh.tasks.answering import give_answer
from hubbub.mesh.tasks.finding import find_task
from hubbub.mesh.tasks.handle import TaskHandle
from hubbub.mesh.tasks.lists import TaskPage, list_tasks
from hubbub.mesh.tasks.rerun import run_again
from hubbub.mesh.tasks.steering import send_note
from hubbub.mesh.tasks.summary import TaskSummary
from hubbub.mesh.tasks.unbegun import Unbegun
from hubbub.mesh.transport.connection import Connection
from hubbub.wire.codec import JSON
from hubbub.wire.events import TaskState
from hubbub.wire.names import agent_token
from hubbub.wire.questions import Question

__all__ = ["Records"]


class Records:
    """Reads what is kept; part of `Mesh`.

    Attributes:
        connection: where to read.
        name: who reads, and retries dead letters.
    """

    connection: Connection
    name: str

    @functools.cached_property
    def _unbegun(self) -> Unbegun:
        return Unbegun(self.connection)

    async def tasks(
        self,
        agent: str | None = None,
        *,
        state: TaskState | str | Collection[TaskState | str] | None = None,
        context: str | None = None,
        owner: str | None = None,
        before: str | None = None,
        limit: int = 50,
    ) -> TaskPage:
        """Return a page of tasks, the one that changed last first.

        Args:
            agent: only tasks of this agent.
            state: only tasks in this state, or in one of these.
            context: only tasks of this conversation.
            owner: only tasks that are done for this person.
            before: the `before` of the page that this one follows on.
            limit: how many tasks the page has at the most.

        Raises:
            InvalidAgentName: the name cannot be an agent's.
            InvalidCursor: `before` is no cursor.
            ValueError: there is no such state.
            ConnectionLost: the server does not answer.
        """
        states = [state] if isinstance(state, str) else state or ()
        return await list_tasks(
            self.connection,
            agent=None if agent is None else agent_token(agent),
            states=frozenset(TaskState(one) for one in states),
            context=context,
            owner=owner,
            before=before,
            limit=limit,
        )

    async def answer_task(
        self, task_id: str, answer: JSON, question_id: str | None = None, *, by: str | None = None
    ) -> Question:
        """Answer a question of a task, and return the question; see `TaskHandle.answer`.

        Args:
            task_id: the task.
            answer: a text, a choice, a list of choices, or for an approval an object with
                `decision` ("approve" or "reject"), `arguments` and `comment`.
            question_id: which question; may be left out if one alone is open.
            by: who answers; by default the name of this mesh.

        Raises:
            TaskNotFound: there is no such task.
            AlreadyAnswered: somebody else was first.
            QuestionNotFound: there is no such question, or several and none is named.
            InvalidAnswer: it does not fit.
            ConnectionLost: the server does not confirm it.
        """
        task = await find_task(self.connection, task_id, self._unbegun)
        by = self.name if by is None else by
        token = agent_token(task.agent)
        return await give_answer(self.connection, token, task_id, answer, question_id, by=by)

    async def steer_task(
        self, task_id: str, text: str, *, by: str | None = None, note_id: str | None = None
    ) -> str:
        """Send a note to a task that has not ended, and return the note's id.

        Its handler gets it from `Task.steering`, which agents with a model call before each step.

        Args:
            task_id: the task.
            text: what is said; 16,000 characters at the most.
            by: who says it; by default the name of this mesh.
            note_id: under the same id a task takes in one note.

        Raises:
            TaskNotFound: there is no such task.
            TaskFinished: it has ended.
            TooManyNotes: it has 100 that it has not read.
            InvalidMessage: the text is empty or too long, or the id cannot be one.
            ConnectionLost: the server does not confirm it.
        """
        task = await find_task(self.connection, task_id, self._unbegun)
        by = self.name if by is None else by
        token = agent_token(task.agent)
        return await send_note(self.connection, token, task_id, text, by=by, note_id=note_id)

    async def find_task(self, task_id: str) -> TaskSummary:
        """Return a task by its id alone; `task` with its agent gives a handle on it.

        Raises:
            TaskNotFound: there is none, or several agents have one.
            ConnectionLost: the server does not answer.
        """
        return await find_task(self.connection, task_id, self._unbegun)

    async def rerun_task(self, task_id: str, after: int | None = None) -> TaskHandle:
        """Run a task again from a place in its log: with what is on record up to there.

        A new task of the same agent, for the same person and in the same conversation, takes over
        the outcomes of steps, answers, requests and model calls, and what was said and sent; what
        follows is done anew. So one goes on after the code was mended, without asking people
        again. The other task stays as it is; it may go on, too.

        Args:
            task_id: the task, which may have ended or not.
            after: up to and including which event, by its sequence in `TaskHandle.log`; 0 for
                nothing; None for all that is on record, but what the task failed of.

        Raises:
            TaskNotFound: there is no such task, or its log has been removed.
            RerunRefused: nobody has begun with it, or its log has no such event.
            InboxFull: too many messages wait for its agent.
            ConnectionLost: the server does not confirm it.
        """
        task = await find_task(self.connection, task_id, self._unbegun)
        return await run_again(self.connection, self.name, task, after)

    async def dead_letters(
        self, agent: str | None = None, *, limit: int = 100, before: int | None = None
    ) -> list[DeadLetter]:
        """Return what could not be worked off, the newest first.

        Args:
            agent: only that agent's; `-` for messages to names that nobody can have.
            limit: how many at the most.
            before: only those older than the letter with this `sequence`, to go on from page to
                page.

        Raises:
            InvalidAgentName: the name cannot be an agent's.
            ConnectionLost: the server does not answer.
        """
        return await list_dead_letters(
            self.connection, self.name, agent=agent, limit=limit, before=before
        )

    async def dead_letter(self, letter_id: str) -> DeadLetter:
        """Return one dead letter, to look at it, `retry` or `discard` it.

        Args:
            letter_id: its `id`, or the id of its task.

        Raises:
            DeadLetterNotFound: there is none, or several agents have one: use its `id` then.
            ConnectionLost: the server does not answer.
        """
        return await find_dead_letter(self.connection, self.name, letter_id)

    async def history(
        self,
        agent: str | None = None,
        *,
        context: str | None = None,
        kind: EntryKind | Collection[EntryKind] | None = None,
        since: datetime | float | None = None,
        before: str | None = None,
        limit: int = 100,
        look_at: int | None = None,
    ) -> HistoryPage:
        """Return a page of what was said: the last one, or the one before another.

        Args:
            agent: only what this agent said or was told.
            context: only this conversation.
            kind: only entries of this kind, or of these.
            since: only what was stored at or after this time, or so many seconds ago.
            before: the `before` of the page that follows the one to read.
            limit: how many entries the page has at the most; of large ones, it ends at 16 MiB.
            look_at: give up after about so many messages; the page may then be short, or empty,
                and its `before` tells where to look on.

        Raises:
            InvalidAgentName: the name cannot be an agent's.
            InvalidCursor: `before` is no cursor.
            ValueError: there is no such kind; `limit` or `look_at` is below 1.
            ConnectionLost: the server does not answer.
        """
        selection = Selection.of(agent, context, kind)
        return await read_page(
            self.connection, selection, since=since, before=before, limit=limit, look_at=look_at
        )

    async def follow_history(
        self,
        agent: str | None = None,
        *,
        context: str | None = None,
        kind: EntryKind | Collection[EntryKind] | None = None,
        since: datetime | float | None = None,
        after: str | None = None,
        requests: bool = False,
        live: bool = True,
    ) -> AsyncGenerator[HistoryEntry]:
        """Yield what was said from a point on, and then what is being said, for ever.

        What is stored comes once each and without a gap, however often the connection is lost.

        Args:
            agent: only what this agent says or is told.
            context: only this conversation.
            kind: only entries of this kind, or of these.
            since: begin at this time, or so many seconds ago; by default now.
            after: begin behind this cursor instead, of an entry or a page.
            requests: also yield requests and replies, while they are live; copies that are kept of
                some of them are then left out.
            live: whether to go on; otherwise it ends with what is stored now, and begins with the
                first that is stored unless `since` or `after` says otherwise.

        Raises:
            InvalidAgentName: the name cannot be an agent's.
            InvalidCursor: `after` is no cursor.
            ValueError: there is no such kind.
            PermissionDenied: these credentials may not read the history.
            ConnectionLost: the connection is closed, or the server does not answer at the start.
        """
        selection = Selection.of(agent, context, kind)
        async with following(
            self.connection, selection, since=since, after=after, requests=requests, live=live
        ) as entries:
            async for entry in entries:
                yield entry
