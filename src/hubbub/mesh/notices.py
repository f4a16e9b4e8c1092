"""Completions and other responses, delivered once to an agent that listens for them."""

from __future__ import annotations

import asyncio
import logging

from nats.aio.msg import Msg

from hubbub.errors import HubbubError, InvalidMessage, TooManyHops
from hubbub.mesh.activity import Activity, acting
from hubbub.mesh.connection import Connection
from hubbub.mesh.puller import open_puller
from hubbub.mesh.replies import NO_RESPONDERS, status_of
from hubbub.mesh.service import Listener
from hubbub.mesh.streams import NOTICES
from hubbub.wire.card import AgentCard
from hubbub.wire.envelope import read_plain

__all__ = ["deliver_notices", "expect_notices"]

log = logging.getLogger("hubbub.notices")

_WAIT_SECONDS = 5.0
_PAUSE_SECONDS = 0.5
_LEASE_SECONDS = 60
_FORGOTTEN_AFTER = 7 * 86_400 * 1_000_000_000


async def expect_notices(connection: Connection, agent: str) -> None:
    """Have the server keep an agent's notices for it until it has heard them.

    Args:
        connection: the mesh.
        agent: the agent's token.

    Raises:
        APIError: the server refuses.
        ConnectionLost: the server does not answer.
    """
    config = {
        "durable_name": agent,
        "name": agent,
        "ack_policy": "explicit",
        "ack_wait": _LEASE_SECONDS * 1_000_000_000,
        "max_deliver": 5,
        # Also what came before the agent first listened: somebody sent under its name.
        "deliver_policy": "all",
        "inactive_threshold": _FORGOTTEN_AFTER,
        "filter_subjects": [connection.layout.done(agent)],
    }
    await connection.api(
        f"CONSUMER.CREATE.{NOTICES}.{agent}", {"stream_name": NOTICES, "config": config}
    )


async def deliver_notices(connection: Connection, card: AgentCard, listener: Listener) -> None:
    """Give an agent's notices to its listener, one after the other, for ever.

    The consumer is durable and shared by the agent's instances: each notice reaches one of them,
    also what came while none was there.

    Args:
        connection: the mesh.
        card: the agent; see `expect_notices`.
        listener: who hears them; a notice that it fails on comes again.
    """
    ready = True
    async with open_puller(connection) as puller:
        while True:
            try:
                if not ready:
                    await expect_notices(connection, card.token)
                    ready = True
                message = await puller.pull(NOTICES, card.token, wait_seconds=_WAIT_SECONDS)
                status = status_of(message)
                ready = status != NO_RESPONDERS
                if not status:
                    await _hear(connection, message, card, listener)
            except (HubbubError, TimeoutError) as error:
                log.debug("%s waits for notices: %s", card.name, error)
                await asyncio.sleep(_PAUSE_SECONDS)


async def _hear(connection: Connection, raw: Msg, card: AgentCard, listener: Listener) -> None:
    """Give a notice to the listener, and tell the server how that went."""
    answer = b"+ACK"
    try:
        message = read_plain(raw.data, to_agent=card.name)
        with acting(Activity(agent=card.name, message=message, task_id=None)):
            await listener(message)
    except (InvalidMessage, TooManyHops) as error:
        log.warning("%s cannot hear a notice, now or later: %s", card.name, error)
        answer = b"+TERM"
    except asyncio.CancelledError:
        answer = b"-NAK"  # we are going away; another instance, or we ourselves, hear it again
        raise
    except Exception:
        log.exception("%s failed on a notice; it comes again", card.name)
        answer = b'-NAK {"delay":1000000000}'
    finally:
        await connection.publish(raw.reply, answer)
