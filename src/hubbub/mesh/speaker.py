"""The verbs of the mesh, the same on an agent, a task, a mixin and a connected mesh."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any

from hubbub.errors import InvalidMessage, TooManyHops
from hubbub.mesh.activity import Activity, current_activity
from hubbub.mesh.connection import Connection
from hubbub.mesh.handle import TaskHandle
from hubbub.mesh.headers import MESSAGE_ID
from hubbub.mesh.outbox import put_in_inbox, store
from hubbub.mesh.presence import is_present, list_cards
from hubbub.mesh.requester import Requester
from hubbub.wire.card import AgentCard
from hubbub.wire.codec import JSON
from hubbub.wire.envelope import AgentMessage, MessageType, new_id
from hubbub.wire.names import agent_token

__all__ = ["Line", "Speaker"]

_DIRECT_PRIORITY = 3
_HANDOFF_PRIORITY = 2


@dataclass(frozen=True, slots=True)
class Line:
    """What a speaker speaks over.

    Attributes:
        connection: the mesh.
        requester: asks for it.
        sender: the name it speaks under.
    """

    connection: Connection
    requester: Requester
    sender: str


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
    ) -> TaskHandle:
        """Set an agent to work; returns once the message is stored, online or not.

        Args:
            to_agent: name of the receiver.
            content: text, or any JSON value.
            metadata: anything else that is JSON.
            priority: 1 (most urgent) to 5.
            context_id: the conversation to go on with.
            message_id: the same id twice is stored once; a fresh one by default.

        Returns:
            A handle on the task that the message opens.

        Raises:
            InvalidAgentName: the name cannot be an agent's.
            InvalidMessage: content or metadata are no JSON, or too large.
            InboxFull: too many messages of this sender wait there.
            TooManyHops: the chain of messages has become too long.
            ConnectionLost: the server does not confirm it.
        """
        message, activity = self._compose(
            "request", to_agent, content, metadata, priority, context_id, message_id
        )
        return await self._put(to_agent, message, activity)

    async def handoff_to_agent(
        self,
        to_agent: str,
        content: JSON,
        *,
        metadata: dict[str, Any] | None = None,
        priority: int = _HANDOFF_PRIORITY,
        context_id: str | None = None,
        message_id: str | None = None,
    ) -> TaskHandle:
        """Pass work on to an agent, and put that on record.

        When it is done, the sender of the first message hears of it, like the one who passed it
        on. Arguments, result and errors are those of `send_direct_message`.
        """
        message, activity = self._compose(
            "handoff", to_agent, content, metadata, priority, context_id, message_id
        )
        origin: tuple[str, str] | None = None
        if activity is not None:
            first = activity.message
            origin = activity.origin or (first.from_agent, first.message_id)
        handle = await self._put(to_agent, message, activity, origin=origin)
        connection = self._line().connection
        await store(
            connection,
            connection.layout.handoff(agent_token(message.from_agent), agent_token(to_agent)),
            message.to_bytes(),
            headers={MESSAGE_ID: f"{message.message_id}.handoff"},
        )
        return handle

    async def request_from_agent(
        self,
        to_agent: str,
        content: JSON,
        *,
        metadata: dict[str, Any] | None = None,
        timeout: float | None = None,
        context_id: str | None = None,
    ) -> AgentMessage:
        """Ask an agent and wait for its answer.

        Args:
            to_agent: name of the agent.
            content: text, or any JSON value.
            metadata: anything else that is JSON.
            timeout: seconds to wait; by default the `message_timeout` of the settings.
            context_id: the conversation to go on with.

        Raises:
            InvalidAgentName: the name cannot be an agent's.
            InvalidMessage: content or metadata are no JSON, or too large.
            AgentUnavailable: nobody serves the name now.
            RequestTimeout: no answer in time.
            RemoteError: the agent's handler failed.
            TooManyHops: the chain of messages has become too long.
        """
        message, _ = self._compose(
            "request", to_agent, content, metadata, _DIRECT_PRIORITY, context_id, None
        )
        line = self._line()
        seconds = line.connection.config.message_timeout if timeout is None else timeout
        return await line.requester.ask(to_agent, message, timeout=seconds)

    async def stream_from_agent(
        self,
        to_agent: str,
        content: JSON,
        *,
        metadata: dict[str, Any] | None = None,
        timeout: float | None = None,
        context_id: str | None = None,
    ) -> AsyncGenerator[str]:
        """Ask an agent and yield its answer piece by piece.

        Arguments and errors are those of `request_from_agent`; the timeout is for the first sign
        of life, after which 15 s of silence are a `RemoteError`.
        """
        message, _ = self._compose(
            "request", to_agent, content, metadata, _DIRECT_PRIORITY, context_id, None
        )
        line = self._line()
        seconds = line.connection.config.message_timeout if timeout is None else timeout
        async for piece in line.requester.stream(to_agent, message, timeout=seconds):
            yield piece

    async def broadcast_message(
        self, content: JSON, *, metadata: dict[str, Any] | None = None
    ) -> None:
        """Tell all agents something; it sets none of them to work.

        Raises:
            InvalidMessage: content or metadata are no JSON, or too large.
            TooManyHops: the chain of messages has become too long.
            ConnectionLost: there is no connection.
        """
        # Monitors look for a status in every announcement.
        facts = {"status": "online", **(metadata or {})}
        message, _ = self._compose("announcement", None, content, facts, 3, None, None)
        connection = self._line().connection
        subject = connection.layout.everybody(agent_token(message.from_agent))
        await connection.publish(subject, message.to_bytes())

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
        return await is_present(self._line().connection, agent_token(agent))

    def task(self, agent: str, task_id: str) -> TaskHandle:
        """Return a handle on a task by its id."""
        return TaskHandle(self._line().connection, agent, task_id)

    def _compose(
        self,
        message_type: MessageType,
        to_agent: str | None,
        content: JSON,
        metadata: dict[str, Any] | None,
        priority: int,
        context_id: str | None,
        message_id: str | None,
    ) -> tuple[AgentMessage, Activity | None]:
        line, activity, hops = self._line(), self._activity(), 0
        if activity is not None:
            hops = activity.message.hops + 1
            limit = line.connection.config.max_hops
            if hops > limit:
                raise TooManyHops(hops, limit)
            context_id = context_id or activity.message.conversation
            message_id = message_id or activity.next_message_id(message_type, to_agent or "")
        message_id = message_id or new_id()
        message = AgentMessage(
            message_type=message_type,
            from_agent=line.sender,
            to_agent=to_agent,
            content=content,
            metadata=metadata or {},
            message_id=message_id,
            priority=priority,
            context_id=context_id or message_id,
            hops=hops,
        )
        size, limit = len(message.to_bytes()), line.connection.max_content
        if size > limit:
            raise InvalidMessage(
                f"the message has {size:,} bytes, this mesh takes {limit:,}: "
                "send less, or put the data elsewhere and send a reference"
            )
        return message, activity

    async def _put(
        self,
        to_agent: str,
        message: AgentMessage,
        activity: Activity | None,
        *,
        origin: tuple[str, str] | None = None,
    ) -> TaskHandle:
        connection = self._line().connection
        await put_in_inbox(connection, to_agent, message, origin=origin)
        if activity is not None and activity.record is not None:
            facts = {
                "message_type": message.message_type,
                "to_agent": to_agent,
                "message_id": message.message_id,
            }
            await activity.record("sent", facts)
        return TaskHandle(connection, to_agent, message.message_id)
