"""Sending: a direct message or handoff becomes one stored write into the receiver's inbox."""

from __future__ import annotations

import asyncio
import contextlib
import logging

from hubbub.errors import ConnectionLost, InboxFull, InvalidMessage
from hubbub.mesh.tasks.log import read_log
from hubbub.mesh.transport.answers import APIError, PubAck, StreamMissing
from hubbub.mesh.transport.connection import Connection
from hubbub.mesh.transport.headers import MESSAGE_ID
from hubbub.mesh.transport.streams import INBOX, ensure_streams, expect_streams
from hubbub.wire.envelope import AgentMessage
from hubbub.wire.names import agent_token
from hubbub.wire.subjects import parse

__all__ = ["put_in_inbox", "store"]

_INBOX_FULL = 10077
_FIRST_PAUSE_SECONDS = 0.005
_LAST_PAUSE_SECONDS = 0.2

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
    await expect_streams(connection)
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
    headers: dict[str, str] | None = None,
) -> PubAck:
    """Store a message in its receiver's inbox and tell the receiver.

    Args:
        connection: the mesh.
        to_agent: name of the receiver.
        message: a request or handoff.
        headers: what else travels with it.

    Raises:
        InboxFull: too many messages of this sender wait there already.
        InvalidMessage: it cannot be written, is larger than the server takes, or its id is that
            of another message.
        ConnectionLost: the server does not confirm it.
    """
    receiver, sender = agent_token(to_agent), agent_token(message.from_agent)
    layout = connection.layout
    headers = {**(headers or {}), MESSAGE_ID: message.message_id}
    subject = layout.direct(receiver, message.priority, sender)
    try:
        ack = await store(connection, subject, message.to_bytes(), headers=headers)
    except APIError as error:
        if error.error_code == _INBOX_FULL:
            raise InboxFull(to_agent, message.priority) from None
        raise
    if ack.duplicate and not await _is_repeated(connection, ack.seq, subject, message):
        raise InvalidMessage(
            f"the message id {message.message_id!r} has been used for another message a moment "
            "ago, and this one is not stored: every message needs an id of its own"
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


async def _is_repeated(
    connection: Connection, sequence: int, subject: str, message: AgentMessage
) -> bool:
    """Tell whether what was stored before under this message's id is this message.

    It is in the inbox, or else the log of the task that it opened begins with it. In a cluster we
    may read from a replica that gets to know of either later.
    """
    address = parse(subject)
    if address is None:
        return False
    pause = _FIRST_PAUSE_SECONDS
    while True:
        stored = await connection.at(INBOX, sequence)
        if stored is not None:
            return stored.subject == subject
        events = await read_log(connection, address.agent, message.message_id)
        if events:
            break
        if pause > _LAST_PAUSE_SECONDS:
            return False
        await asyncio.sleep(pause)
        pause *= 2
    claimed = events[0][1].data.get("message")
    # Canceled before anybody claimed it: then the log does not tell whose it was.
    return claimed is None or claimed.get("from_agent") == message.from_agent
