"""Sending: a direct message or handoff becomes one stored write into the receiver's inbox."""

from __future__ import annotations

import contextlib
import logging

from hubbub.errors import ConnectionLost, InboxFull, InvalidMessage
from hubbub.mesh.answers import APIError, PubAck, StreamMissing
from hubbub.mesh.connection import Connection
from hubbub.mesh.headers import MESSAGE_ID, ORIGIN, origin_header
from hubbub.mesh.streams import INBOX, ensure_streams
from hubbub.wire.envelope import AgentMessage
from hubbub.wire.names import agent_token
from hubbub.wire.subjects import parse

__all__ = ["put_in_inbox", "store"]

_INBOX_FULL = 10077

activity_log = logging.getLogger("hubbub.activity")


async def store(
    connection: Connection, subject: str, data: bytes, *, headers: dict[str, str]
) -> PubAck:
    """Store a message, setting up the streams first if this server has none yet.

    Raises:
        InvalidMessage: larger than the server takes.
        APIError: the stream refused it.
        ConnectionLost: the server does not confirm it.
    """
    try:
        return await connection.store(subject, data, headers=headers)
    except StreamMissing:
        await ensure_streams(connection)
        return await connection.store(subject, data, headers=headers)


async def put_in_inbox(
    connection: Connection,
    to_agent: str,
    message: AgentMessage,
    *,
    origin: tuple[str, str] | None = None,
) -> PubAck:
    """Store a message in its receiver's inbox and tell the receiver.

    Args:
        connection: the mesh.
        to_agent: name of the receiver.
        message: a request or handoff.
        origin: sender and id of the message that began this chain of handoffs.

    Raises:
        InboxFull: too many messages of this sender wait there already.
        InvalidMessage: it cannot be written, is larger than the server takes, or its id is that
            of a message to another agent.
        ConnectionLost: the server does not confirm it.
    """
    receiver, sender = agent_token(to_agent), agent_token(message.from_agent)
    layout = connection.layout
    headers = {MESSAGE_ID: message.message_id}
    if origin is not None:
        headers[ORIGIN] = origin_header(*origin)
    try:
        ack = await store(
            connection,
            layout.direct(receiver, message.priority, sender),
            message.to_bytes(),
            headers=headers,
        )
    except APIError as error:
        if error.error_code == _INBOX_FULL:
            raise InboxFull(to_agent, message.priority) from None
        raise
    if ack.duplicate and await _is_another_agents(connection, ack.seq, receiver):
        raise InvalidMessage(
            f"the message id {message.message_id!r} has been used for another agent a moment ago: "
            "every message needs an id of its own"
        )
    # The lane in the hint saves the receiver from looking into all five. Without a connection
    # there is no hint; a sweep finds what is stored.
    with contextlib.suppress(ConnectionLost):
        await connection.publish(layout.hint(receiver), str(message.priority).encode())
    if activity_log.isEnabledFor(logging.INFO):
        activity_log.info(
            "stored %s",
            message.message_type,
            extra={"mesh": message, "inbox_sequence": ack.seq},
        )
    return ack


async def _is_another_agents(connection: Connection, sequence: int, receiver: str) -> bool:
    """Tell whether an inbox entry is still there and belongs to another agent."""
    stored = await connection.at(INBOX, sequence)
    address = parse(stored.subject) if stored is not None else None
    return address is not None and address.agent != receiver
