"""A handle on a task: its state, its result, its events, and the way to cancel it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from typing import Any

from hubbub.errors import HubbubError, InvalidMessage, RequestTimeout, TaskCanceled, TaskFailed
from hubbub.mesh.activity import current_activity
from hubbub.mesh.durable.branches import Call
from hubbub.mesh.tasks.answering import give_answer
from hubbub.mesh.tasks.children import child_end
from hubbub.mesh.tasks.job import opened_task, read_opener
from hubbub.mesh.tasks.log import follow_log, read_log
from hubbub.mesh.tasks.steering import send_note
from hubbub.mesh.transport.answers import APIError
from hubbub.mesh.transport.connection import Connection
from hubbub.mesh.transport.headers import CONTEXT, EXPECTED_SEQUENCE, OWNER
from hubbub.mesh.transport.streams import INBOX
from hubbub.wire.clock import check_seconds
from hubbub.wire.codec import JSON
from hubbub.wire.envelope import AgentMessage
from hubbub.wire.events import EventKind, TaskEvent, TaskSnapshot, TaskState, fold
from hubbub.wire.inputs import child_call
from hubbub.wire.names import agent_token
from hubbub.wire.questions import Question

__all__ = ["TaskHandle"]

_MOST_LOOKS = 8


class TaskHandle:
    """A task that was given to an agent.

    Attributes:
        agent: display name of the agent.
        task_id: the task.
    """

    def __init__(
        self,
        connection: Connection,
        agent: str,
        task_id: str,
        *,
        message: AgentMessage | None = None,
        owner: str = "",
    ) -> None:
        self._message = message
        self._owner = owner
        self._connection = connection
        self._token = agent_token(agent)
        self.agent = agent
        self.task_id = task_id

    def __repr__(self) -> str:
        return f"TaskHandle(agent={self.agent!r}, task_id={self.task_id!r})"

    async def snapshot(self) -> TaskSnapshot:
        """Return the task as its log tells it; `submitted` while nobody has claimed it."""
        return fold(event for _, event in await self.stored_log())

    async def state(self) -> TaskState:
        """Return where the task stands."""
        return (await self.snapshot()).state

    async def stored_log(self) -> list[tuple[int, TaskEvent]]:
        """Return what has happened to the task so far, with the sequences of the log."""
        return await read_log(self._connection, self._token, self.task_id)

    async def events(self, *, after: int = 0) -> AsyncGenerator[TaskEvent]:
        """Yield what happens to the task, from the beginning until its final event.

        Args:
            after: only events behind this sequence of the log; see `log`.
        """
        async with contextlib.aclosing(self.log(after=after)) as entries:
            async for _, event in entries:
                yield event

    async def log(self, *, after: int = 0) -> AsyncGenerator[tuple[int, TaskEvent]]:
        """Yield the events with their sequences, from which one can go on later with `after`."""
        followed = follow_log(self._connection, self._token, self.task_id, after=after)
        async with contextlib.aclosing(followed):
            async for entry in followed:
                yield entry

    async def result(self, timeout: float | None = None) -> JSON:
        """Wait for the end of the task and return what the handler returned.

        Args:
            timeout: seconds to wait; None waits for as long as it takes.

        Raises:
            TaskFailed: it failed or was rejected.
            TaskCanceled: it was canceled.
            RequestTimeout: it did not end in time; it goes on all the same.
            InvalidMessage: the timeout is no number of seconds.
        """
        if timeout is not None:
            check_seconds("timeout", timeout)
        activity = current_activity()
        if activity is not None and (run := activity.run) is not None:
            end = await child_end(self._connection, run, self._token, self.task_id, timeout)
            if end is not None:
                try:
                    return self._result_of(end)
                except HubbubError as error:
                    run.note_raised(Call(child_call(self._token, self.task_id), ""), error)
                    raise
        try:
            async with asyncio.timeout(timeout), contextlib.aclosing(self.events()) as events:
                async for event in events:
                    if event.is_final:
                        return self._result_of(event)
        except TimeoutError:
            subject = self._connection.layout.log(self._token, self.task_id)
            raise RequestTimeout(self.agent, subject, timeout or 0) from None
        raise TaskFailed(self.task_id, "failed", "its log has no end")

    def _result_of(self, event: TaskEvent) -> JSON:
        reason = str(event.data.get("error", ""))
        if event.kind == EventKind.COMPLETED:
            return event.data.get("result")
        if event.kind == EventKind.CANCELED:
            raise TaskCanceled(self.task_id, reason)
        raise TaskFailed(self.task_id, event.kind, reason)

    async def answer(
        self, answer: JSON, question_id: str | None = None, *, by: str = ""
    ) -> Question:
        """Answer a question of the task, and return the question.

        Args:
            answer: a text, a choice, a list of choices, or for an approval an object with
                `decision` ("approve" or "reject"), `arguments` and `comment`.
            question_id: which question; may be left out if one alone is open.
            by: who answers.

        Raises:
            AlreadyAnswered: somebody else was first.
            QuestionNotFound: there is no such question, or several and none is named.
            InvalidAnswer: it does not fit.
            ConnectionLost: the server does not confirm it.
        """
        return await give_answer(
            self._connection, self._token, self.task_id, answer, question_id, by=by
        )

    async def steer(self, text: str, *, by: str = "", note_id: str | None = None) -> str:
        """Send a note to the task, and return the note's id; see `Mesh.steer_task`.

        Args:
            text: what is said; 16,000 characters at the most.
            by: who says it.
            note_id: under the same id the task takes in one note.

        Raises:
            TaskFinished: the task has ended.
            TooManyNotes: it has 100 that it has not read.
            InvalidMessage: the text is empty or too long, or the id cannot be one.
            ConnectionLost: the server does not confirm it.
        """
        return await send_note(
            self._connection, self._token, self.task_id, text, by=by, note_id=note_id
        )

    async def cancel(self) -> None:
        """Ask for the end of the task; does nothing if it has ended.

        A task that nobody works on yet is canceled at once. A running handler is canceled as
        asyncio tasks are, and the state changes when it has ended.

        Raises:
            ConnectionLost: the server does not confirm it.
        """
        layout = self._connection.layout
        facts: dict[str, Any] = {"error": "canceled before it began"}
        marks = dict[str, str]()
        # For lists: nobody else will have read it.
        message, owner = self._message, self._owner
        if message is None:
            message, owner = await self._waiting()
        if message is not None:
            facts["message"] = message.to_builtins()
            marks = {CONTEXT: message.conversation}
        if owner:
            facts["owner"] = marks[OWNER] = owner
        event = TaskEvent(kind=EventKind.CANCELED, data=facts)
        fence = {EXPECTED_SEQUENCE: "0"}
        try:
            log_subject = layout.log(self._token, self.task_id)
            headers = {**fence, **marks}
            await self._connection.store(log_subject, event.to_bytes(), headers=headers)
        except APIError as error:
            if not error.is_fence:
                raise
        else:
            return
        if (await self.state()).is_final:
            return
        try:
            subject = layout.input(self._token, self.task_id, "cancel")
            await self._connection.store(subject, b"{}", headers=fence)
        except APIError as error:
            if not error.is_fence:  # somebody else has asked already
                raise

    async def _waiting(self) -> tuple[AgentMessage | None, str]:
        """Return what opens the task and for whom, if it waits in the inbox among the first."""
        secured = self._connection.layout.secured
        inbox, start = f"agents.direct.{self._token}.>", 1
        for _ in range(_MOST_LOOKS):
            some = await self._connection.read_some(INBOX, subject=inbox, start=start)
            for stored in some:
                with contextlib.suppress(InvalidMessage):
                    message = read_opener(stored, to_agent=self.agent, secured=secured)
                    if opened_task(stored, message) == self.task_id:
                        return message, stored.headers.get(OWNER, "")
            if not some:
                break
            start = some[-1].sequence + 1
        return None, ""
