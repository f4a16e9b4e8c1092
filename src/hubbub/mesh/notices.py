"""Completions and other responses, delivered once to an agent that listens for them."""

from __future__ import annotations

import asyncio
import logging

from nats.aio.msg import Msg

from hubbub.errors import HubbubError, InvalidMessage
from hubbub.mesh.connection import Connection
from hubbub.mesh.puller import open_puller
from hubbub.mesh.replies import NO_RESPONDERS, status_of
from hubbub.mesh.service import Listener
from hubbub.mesh.streams import NOTICES
from hubbub.wire.envelope import read_plain

__all__ = ["deliver_notices"]

log = logging.getLogger("hubbub.notices")

_WAIT_SECONDS = 5.0
_PAUSE_SECONDS = 0.5
_LEASE_SECONDS = 60
_FORGOTTEN_AFTER = 7 * 86_400 * 1_000_000_000


async def deliver_notices(connection: Connection, agent: str, listener: Listener) -> None:
    """Give an agent's notices to its listener, one after the other, for ever.

    The consumer is durable and shared by the agent's instances: each notice reaches one of them,
    also what came while none was there.

    Args:
        connection: the mesh.
        agent: the agent's token.
        listener: who hears them; a notice that it fails on comes again.
    """
    ready = False
    async with open_puller(connection) as puller:
        while True:
            try:
                if not ready:
                    await _create_consumer(connection, agent)
                    ready = True
                message = await puller.pull(NOTICES, agent, wait_seconds=_WAIT_SECONDS)
            except (HubbubError, TimeoutError) as error:
                log.debug("%s waits for notices: %s", agent, error)
                await asyncio.sleep(_PAUSE_SECONDS)
                continue
            status = status_of(message)
            ready = status != NO_RESPONDERS
            if not status:
                await connection.publish(message.reply, await _hear(message, agent, listener))


async def _hear(message: Msg, agent: str, listener: Listener) -> bytes:
    """Give a notice to the listener; return what to tell the server about it."""
    try:
        await listener(read_plain(message.data, to_agent=agent))
    except InvalidMessage as error:
        log.warning("%s got an unreadable notice: %s", agent, error)
        return b"+TERM"
    except Exception:
        log.exception("%s failed on a notice; it comes again", agent)
        return b'-NAK {"delay":1000000000}'
    return b"+ACK"


async def _create_consumer(connection: Connection, agent: str) -> None:
    config = {
        "durable_name": agent,
        "name": agent,
        "ack_policy": "explicit",
        "ack_wait": _LEASE_SECONDS * 1_000_000_000,
        "max_deliver": 5,
        # What was said before the agent first listened is not news to it.
        "deliver_policy": "new",
        "inactive_threshold": _FORGOTTEN_AFTER,
        "filter_subjects": [connection.layout.done(agent)],
    }
    await connection.api(
        f"CONSUMER.CREATE.{NOTICES}.{agent}", {"stream_name": NOTICES, "config": config}
    )
