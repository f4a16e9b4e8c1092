"""The verbs of the mesh, the same on an agent, a task, a mixin and a connected mesh."""

from __future__ import annotations

import contextlib
import functools
import math
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator
from datetime import datetime
from typing import Any

from hubbub.mesh.activity import Activity, current_activity
from hubbub.mesh.composing import Line, composed, drafted
from hubbub.mesh.durable.run import Run
from hubbub.mesh.durable.talk import ask_once, put_once, stream_once, tell_once
from hubbub.mesh.files import StoredFile, find_file, put_file, read_pieces
from hubbub.mesh.presence.cards import instances_of, list_cards
from hubbub.mesh.tasks.handle import TaskHandle
from hubbub.mesh.tasks.outbox import put_in_inbox, store
from hubbub.mesh.tasks.timing import plan
from hubbub.mesh.transport.connection import Connection
from hubbub.mesh.transport.headers import MESSAGE_ID, ORIGIN, OWNER, PARENT, pair_header
from hubbub.wire.card import AgentCard
from hubbub.wire.codec import JSON
from hubbub.wire.envelope import AgentMessage
from hubbub.wire.names import agent_token

__all__ = ["Speaker"]

_DIRECT_PRIORITY = 3
_HANDOFF_PRIORITY = 2


class Speaker(ABC):
    """Somebody who talks to agents.

    Inside a handler every verb acts for the task or request being worked on: the message belongs
    to the same conversation, counts one hop more, and is sent once however often a task runs.
    """

    @abstractmethod
    def _line(self) -> Line:
        """Return what to speak over.

        Raises:
            ConnectionLost: there is no connection.
        """

    def _activity(self) -> Activity | None:
        """Return what is being worked on while this speaks."""
        return current_activity()

    async def send_direct_message(
        self,
        to_agent: str,
        content: JSON,
        *,
        metadata: dict[str, Any] | None = None,
        priority: int = _DIRECT_PRIORITY,
        context_id: str | None = None,
        message_id: str | None = None,
        deliver_in: float | None = None,
        deliver_at: datetime | None = None,
        expires_in: float | None = None,
        timeout: float | None = None,
        owner: str | None = None,
    ) -> TaskHandle:
        """Set an agent to work; returns once the message is stored, online or not.

        Args:
            to_agent: name of the receiver.
            content: text, or any JSON value.
            metadata: anything else that is JSON.
            priority: 1 (most urgent) to 5.
            context_id: the conversation to go on with.
            message_id: the same id twice is stored once; a fresh one by default.
            deliver_in: seconds before the agent may begin.
            deliver_at: when the agent may begin; local time if it has no time zone.
            expires_in: seconds in which an agent must begin, or else the task fails.
            timeout: seconds in which the task must end, or else it is stopped and fails; what is
                sent from within a task ends no later than that task must.
            owner: the person that it is done for; by default whom the current task is done for.

        Returns:
            A handle on the task that the message opens.

        Raises:
            InvalidAgentName: the name cannot be an agent's.
            InvalidMessage: content or metadata are no JSON, or too large, or the times make no
                sense.
            InboxFull: too many messages of this sender wait there.
            TooManyHops: the chain of messages has become too long.
            ConnectionLost: the server does not confirm it.
        """
        line, activity = self._line(), self._activity()
        message = composed(
            line, activity, "request", to_agent, content, metadata, priority, context_id, message_id
        )
        timing = plan(
            deliver_in=deliver_in,
            deliver_at=deliver_at,
            expires_in=expires_in,
            timeout=timeout,
            latest=activity.deadline if activity is not None else math.inf,
        )
        return await self._put(
            line.connection, to_agent, message, activity, timing.headers(), owner
        )

    async def handoff_to_agent(
        self,
        to_agent: str,
        content: JSON,
        *,
        metadata: dict[str, Any] | None = None,
        priority: int = _HANDOFF_PRIORITY,
        context_id: str | None = None,
        message_id: str | None = None,
        deliver_in: float | None = None,
        deliver_at: datetime | None = None,
        expires_in: float | None = None,
        timeout: float | None = None,
        owner: str | None = None,
    ) -> TaskHandle:
        """Pass work on to an agent, and put that on record.

        When it is done, the sender of the first message hears of it, like the one who passed it
        on. Arguments, result and errors are those of `send_direct_message`.
        """
        line, activity = self._line(), self._activity()
        message = composed(
            line, activity, "handoff", to_agent, content, metadata, priority, context_id, message_id
        )
        timing = plan(
            deliver_in=deliver_in,
            deliver_at=deliver_at,
            expires_in=expires_in,
            timeout=timeout,
            latest=activity.deadline if activity is not None else math.inf,
        )
        headers = timing.headers()
        if activity is not None:
            first = activity.message
            origin = activity.origin or (first.from_agent, first.message_id)
            headers[ORIGIN] = pair_header(*origin)
        return await self._put(line.connection, to_agent, message, activity, headers, owner)

    async def request_from_agent(
        self,
        to_agent: str,
        content: JSON,
        *,
        metadata: dict[str, Any] | None = None,
        timeout: float | None = None,
        wait_for_agent: float | None = None,
        context_id: str | None = None,
        message_id: str | None = None,
        owner: str | None = None,
    ) -> AgentMessage:
        """Ask an agent and wait for its answer.

        Args:
            to_agent: name of the agent.
            content: text, or any JSON value.
            metadata: anything else that is JSON.
            timeout: seconds to wait; by default the `message_timeout` of the settings.
            wait_for_agent: seconds to wait for somebody to serve the name; by default none. The
                timeout counts from the moment somebody does.
            context_id: the conversation to go on with.
            message_id: an id of your own. Asked again under the same id within two minutes, the
                agent gives the same answer without running its handler again, or lets the caller
                wait for the run that is under way; what failed runs again.
            owner: the person that it is asked for; by default whom the current task is done for.

        Raises:
            InvalidAgentName: the name cannot be an agent's.
            InvalidMessage: content or metadata are no JSON, or too large, or an id or a time is
                none.
            AgentUnavailable: nobody serves the name now.
            RequestTimeout: no answer in time.
            RateLimited: the agent takes no more requests just now.
            RemoteError: the agent's handler failed.
            TooManyHops: the chain of messages has become too long.
        """
        line, activity = self._line(), self._activity()
        message = drafted(line, activity, to_agent, content, metadata, context_id, message_id)
        seconds = line.connection.config.message_timeout if timeout is None else timeout
        if owner is None:
            owner = activity.owner if activity is not None else ""
        ask = functools.partial(
            line.requester.ask,
            to_agent,
            message,
            timeout=seconds,
            wait=wait_for_agent,
            repeated=message_id is not None,
            owner=owner,
        )
        if activity is None or activity.run is None:
            return await ask()
        return await ask_once(activity.run, message, ask)

    async def stream_from_agent(
        self,
        to_agent: str,
        content: JSON,
        *,
        metadata: dict[str, Any] | None = None,
        timeout: float | None = None,
        wait_for_agent: float | None = None,
        context_id: str | None = None,
        message_id: str | None = None,
        owner: str | None = None,
    ) -> AsyncGenerator[str]:
        """Ask an agent and yield its answer piece by piece.

        Arguments and errors are those of `request_from_agent`; the timeout is for the first sign
        of life, after which 15 s of silence are a `RemoteError`. An id of your own is to be a
        fresh one: a stream is never given again.
        """
        line = self._line()
        message = drafted(
            line, self._activity(), to_agent, content, metadata, context_id, message_id
        )
        seconds = line.connection.config.message_timeout if timeout is None else timeout
        pieces = line.requester.stream(
            to_agent,
            message,
            timeout=seconds,
            wait=wait_for_agent,
            owner=self._owner() if owner is None else owner,
        )
        if (run := self._current_run()) is not None:
            pieces = stream_once(run, message, pieces)
        # Whoever leaves early must not leave the agent at work until the garbage is collected.
        async with contextlib.aclosing(pieces):
            async for piece in pieces:
                yield piece

    async def broadcast_message(
        self,
        content: JSON,
        *,
        metadata: dict[str, Any] | None = None,
        message_id: str | None = None,
    ) -> None:
        """Tell all agents something; it sets none of them to work.

        Args:
            content: text, or any JSON value.
            metadata: anything else that is JSON.
            message_id: an id of your own. It is then waited for that the message is stored, once
                under the same id within two minutes; who listens may hear it again.

        Raises:
            InvalidMessage: content or metadata are no JSON, or too large.
            TooManyHops: the chain of messages has become too long.
            ConnectionLost: there is no connection.
        """
        # Monitors look for a status in every announcement.
        facts = {"status": "online", **(metadata or {})}
        line = self._line()
        message = composed(
            line, self._activity(), "announcement", None, content, facts, 3, None, message_id
        )
        if self._is_rehearsed():
            return
        connection = line.connection
        subject = connection.layout.everybody(agent_token(message.from_agent))

        async def publish() -> None:
            if message_id is None:
                await connection.publish(subject, message.to_bytes())
            else:
                headers = {MESSAGE_ID: message_id}
                await store(connection, subject, message.to_bytes(), headers=headers)

        run = self._current_run()
        await (publish() if run is None else tell_once(run, message, publish))

    async def list_agents(
        self, capability: str | None = None, *, include_offline: bool = False
    ) -> list[AgentCard]:
        """Return the cards of the agents that are there, by name.

        Args:
            capability: only those that offer it.
            include_offline: also those that were there once.
        """
        cards = await list_cards(self._line().connection, include_offline=include_offline)
        return [card for card in cards if capability is None or card.has_capability(capability)]

    async def is_online(self, agent: str) -> bool:
        """Tell whether an instance of an agent is there.

        Raises:
            InvalidAgentName: the name cannot be an agent's.
        """
        return bool(await instances_of(self._line().connection, agent_token(agent)))

    async def put_file(
        self, data: bytes, *, name: str, media_type: str = "application/octet-stream"
    ) -> StoredFile:
        """Store a file, which then goes with messages as one of `metadata["files"]`.

        Within a task it belongs to the person that the task is done for. What runs again stores it
        again: do it in a step.

        Args:
            data: what it holds.
            name: how it is called.
            media_type: what it is, such as `image/png`.

        Raises:
            InvalidMessage: name or type cannot be.
            FilesFull: there is no room for it.
            ConnectionLost: the server does not confirm it.
        """

        async def whole() -> AsyncGenerator[bytes]:
            yield data

        connection = self._line().connection
        return await put_file(
            connection, whole(), name=name, media_type=media_type, owner=self._owner()
        )

    async def read_file(self, file_id: str) -> tuple[bytes, StoredFile]:
        """Return what a file holds, and what is known of it.

        Raises:
            StoredFileNotFound: there is none with this id, or not any more.
            ConnectionLost: the server does not answer.
        """
        connection = self._line().connection
        file = await find_file(connection, file_id)
        return b"".join([piece async for piece in read_pieces(connection, file)]), file

    def task(self, agent: str, task_id: str) -> TaskHandle:
        """Return a handle on a task by its id."""
        return TaskHandle(self._line().connection, agent, task_id)

    async def _put(
        self,
        connection: Connection,
        to_agent: str,
        message: AgentMessage,
        activity: Activity | None,
        headers: dict[str, str],
        owner: str | None,
    ) -> TaskHandle:
        if owner is None and activity is not None:
            owner = activity.owner
        if owner:
            headers = {**headers, OWNER: owner}
        if activity is not None and activity.task_id is not None:
            parent = pair_header(agent_token(activity.agent), activity.task_id)
            headers = {**headers, PARENT: parent}

        async def put() -> None:
            await put_in_inbox(connection, to_agent, message, headers=headers)
            if message.message_type == "handoff":
                await store(
                    connection,
                    connection.layout.handoff(
                        agent_token(message.from_agent), agent_token(to_agent)
                    ),
                    message.to_bytes(),
                    headers={MESSAGE_ID: f"{message.message_id}.handoff"},
                )

        run = self._current_run()
        await (put() if run is None else put_once(run, to_agent, message, put))
        return TaskHandle(
            connection, to_agent, message.message_id, message=message, owner=owner or ""
        )

    def _is_rehearsed(self) -> bool:
        run = self._current_run()
        return run is not None and run.is_rehearsed

    def _owner(self) -> str:
        """Return the person that what is said is for; empty if nobody in particular."""
        activity = self._activity()
        return activity.owner if activity is not None else ""

    def _current_run(self) -> Run | None:
        """Return the run that what is said belongs to, None outside of tasks."""
        activity = self._activity()
        return activity.run if activity is not None else None
