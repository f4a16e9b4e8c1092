"""Completions and other responses, delivered once to an agent that listens for them."""

from __future__ import annotations

import asyncio
import logging

from nats.aio.msg import Msg

from hubbub.errors import HubbubError, InvalidMessage, TooManyHops
from hubbub.mesh.activity import Activity, acting
from hubbub.mesh.service import Listener
from hubbub.mesh.tasks.burial import bury
from hubbub.mesh.tasks.inbox import Delivery
from hubbub.mesh.tasks.verdict import described
from hubbub.mesh.transport.connection import Connection
from hubbub.mesh.transport.puller import open_puller
from hubbub.mesh.transport.replies import NO_RESPONDERS, status_of
from hubbub.mesh.transport.streams import NOTICES
from hubbub.wire.card import AgentCard
from hubbub.wire.envelope import read_plain

__all__ = ["deliver_notices", "expect_notices"]

log = logging.getLogger("hubbub.notices")

_WAIT_SECONDS = 5.0
_NOTHING_CAME = "408"
_PAUSE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 60.0
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
        # Who gives up, and when, is decided here: nothing is dropped in silence.
        "max_deliver": -1,
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
        listener: who hears them; a notice that it fails on comes again, as often as a task does,
            and is a dead letter then.
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
                elif status != _NOTHING_CAME:
                    # The consumer is gone, or its server is; a new leader takes its time.
                    await asyncio.sleep(_PAUSE_SECONDS)
            except (HubbubError, TimeoutError) as error:
                log.debug("%s waits for notices: %s", card.name, error)
                await asyncio.sleep(_PAUSE_SECONDS)


async def _hear(connection: Connection, raw: Msg, card: AgentCard, listener: Listener) -> None:
    """Give a notice to the listener, and tell the server how that went."""
    delivery, most = Delivery.of(raw), connection.config.max_attempts
    answer = b"+ACK"
    try:
        if delivery.deliveries > most:
            raise _GivenUp("its process went away each time before it had been heard")
        message = read_plain(raw.data, to_agent=card.name)
        with acting(Activity(agent=card.name, message=message, task_id=None)):
            await listener(message)
    except asyncio.CancelledError:
        # We are going away; another instance, or we ourselves, hear it again.
        await connection.publish(raw.reply, b"-NAK")
        raise
    except (InvalidMessage, TooManyHops, _GivenUp) as error:
        answer = await _give_up(connection, card, delivery, str(error))
    except Exception as error:
        if delivery.deliveries >= most:
            answer = await _give_up(connection, card, delivery, described(error))
        else:
            pause = connection.config.retry_seconds * 2 ** (delivery.deliveries - 1)
            log.exception("%s failed on a notice; it comes again", card.name)
            answer = b'-NAK {"delay":%d}' % int(min(pause, _LONGEST_PAUSE_SECONDS) * 1e9)
    await connection.publish(raw.reply, answer)


class _GivenUp(Exception):
    """A notice has been tried for long enough."""


async def _give_up(
    connection: Connection, card: AgentCard, delivery: Delivery, reason: str
) -> bytes:
    """Keep a notice that cannot be heard as a dead letter, and return the answer for it."""
    log.warning("%s cannot hear a notice, which is a dead letter now: %s", card.name, reason)
    await bury(
        connection,
        card.token,
        f"n{delivery.sequence}",
        delivery,
        reason=f"its listener failed: {reason}",
        errors=[reason],
        kind="notice",
    )
    return b"+TERM"
