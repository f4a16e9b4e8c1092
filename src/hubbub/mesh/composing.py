"""Putting messages together, as what is being worked on wants them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hubbub.errors import InvalidMessage, TooManyHops
from hubbub.mesh.activity import Activity
from hubbub.mesh.requests.requester import Requester
from hubbub.mesh.transport.connection import Connection
from hubbub.wire.codec import JSON
from hubbub.wire.draft import Draft
from hubbub.wire.envelope import AgentMessage, MessageType
from hubbub.wire.ids import new_id
from hubbub.wire.names import agent_token, check_message_id

__all__ = ["Line", "composed", "drafted"]

_REQUEST_PRIORITY = 3


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


def composed(
    line: Line,
    activity: Activity | None,
    message_type: MessageType,
    to_agent: str | None,
    content: JSON,
    metadata: dict[str, Any] | None,
    priority: int,
    context_id: str | None,
    message_id: str | None,
) -> AgentMessage:
    """Put a message together.

    Args:
        line: what it will be sent over.
        activity: what is being worked on; None outside of handlers.
        message_type: what it is.
        to_agent: who it is for; None for everybody.
        content: text, or any JSON value.
        metadata: anything else that is JSON.
        priority: 1 (most urgent) to 5.
        context_id: its conversation, if not that of the activity.
        message_id: its id, if it is to have a certain one.

    Raises:
        InvalidMessage: a part of it cannot be what it is, or it is too large.
        TooManyHops: the chain of messages has become too long.
        LimitReached: what is being worked on may send no more.
    """
    said = [content, metadata or {}]
    message_id, context_id, hops = _placed(
        activity, line, message_type, to_agent or "", said, context_id, message_id
    )
    message = AgentMessage(
        message_type=message_type,
        from_agent=line.sender,
        to_agent=to_agent,
        content=content,
        metadata=metadata or {},
        message_id=message_id,
        priority=priority,
        context_id=context_id,
        hops=hops,
    )
    size, limit = len(message.to_bytes()), line.connection.max_content
    if size > limit:
        raise InvalidMessage(
            f"the message has {size:,} bytes, this mesh takes {limit:,}: "
            "send less, or put the data elsewhere and send a reference"
        )
    return message


def drafted(
    line: Line,
    activity: Activity | None,
    to_agent: str,
    content: JSON,
    metadata: dict[str, Any] | None,
    context_id: str | None,
    message_id: str | None,
) -> Draft:
    """Put a request together; what it takes from the caller has been checked.

    Arguments are those of `composed`.

    Raises:
        InvalidAgentName: the name cannot be an agent's.
        InvalidMessage: the metadata or an id are none.
        TooManyHops: the chain of messages has become too long.
        LimitReached: what is being worked on may send no more.
    """
    agent_token(to_agent)
    if metadata is not None and not isinstance(metadata, dict):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InvalidMessage(f"metadata {metadata!r:.40} must be a dictionary")
    if context_id is not None:
        check_message_id(context_id)
    if message_id is not None:
        check_message_id(message_id)
    said = [content, metadata or {}]
    message_id, context_id, hops = _placed(
        activity, line, "request", to_agent, said, context_id, message_id
    )
    return Draft(
        message_type="request",
        from_agent=line.sender,
        to_agent=to_agent,
        content=content,
        metadata=metadata or {},
        message_id=message_id,
        priority=_REQUEST_PRIORITY,
        context_id=context_id,
        hops=hops,
    )


def _placed(
    activity: Activity | None,
    line: Line,
    verb: MessageType,
    to_agent: str,
    said: JSON,
    context_id: str | None,
    message_id: str | None,
) -> tuple[str, str, int]:
    """Return id, conversation and hops of a message, as what is being worked on wants them.

    Raises:
        TooManyHops: the chain of messages has become too long.
        LimitReached: what is being worked on may send no more.
    """
    if activity is None:
        message_id = message_id or new_id()
        return message_id, context_id or message_id, 0
    hops, limit = activity.message.hops + 1, line.connection.config.max_hops
    if hops > limit:
        raise TooManyHops(hops, limit)
    message_id = message_id or activity.next_message_id(verb, to_agent, said)
    if activity.budget is not None:
        activity.budget.count_message(message_id)
    return message_id, context_id or activity.message.conversation, hops
