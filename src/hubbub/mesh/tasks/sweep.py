"""The safety net under the hints: what waits in the inboxes of this process, asked at intervals.

It finds messages whose hint got lost, retries of other instances, and the work of a process that
died, as soon as its lease has run out.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter

from hubbub.errors import HubbubError
from hubbub.mesh.tasks.inbox import WAKE_LANE, Inbox
from hubbub.mesh.transport.answers import APIError
from hubbub.mesh.transport.connection import Connection
from hubbub.mesh.transport.streams import INBOX, WAKE, ensure_streams, stored_subjects
from hubbub.wire.inputs import is_note, is_timer
from hubbub.wire.subjects import parse

__all__ = ["sweep", "sweep_inboxes"]

log = logging.getLogger("hubbub.inbox")

_STREAM_NOT_FOUND = 10059
# For more, asking about everybody's messages costs less than asking about each.
_FEW_AGENTS = 8
_IDLE_SECONDS = 5.0
# While work lies elsewhere, its lease may run out at any moment.
_WATCHFUL_SECONDS = 0.5


async def sweep_inboxes(
    connection: Connection, inboxes: list[Inbox], changed: asyncio.Event
) -> None:
    """Ask the server what waits, and tell the inboxes, for ever.

    Args:
        connection: the mesh.
        inboxes: may change at any time.
        changed: set when an inbox was added or got a hint, so that the next sweep comes soon.

    Raises:
        ConnectionLost: the connection is closed.
    """
    with connection.on_reconnect(changed.set):
        while True:
            changed.clear()
            try:
                watchful = await sweep(connection, inboxes)
            except HubbubError as error:
                if connection.client.is_closed:
                    raise  # for good: nobody must believe that agents are at work here
                watchful = True
                if isinstance(error, APIError) and error.error_code == _STREAM_NOT_FOUND:
                    await _set_up_again(connection)
            try:
                async with asyncio.timeout(_WATCHFUL_SECONDS if watchful else _IDLE_SECONDS):
                    await changed.wait()
                    await asyncio.sleep(_WATCHFUL_SECONDS)
            except TimeoutError:
                continue


async def _set_up_again(connection: Connection) -> None:
    """Declare the streams to a server that has lost its store."""
    log.warning("The NATS server has lost its streams, and what was in them; setting them up anew")
    try:
        await ensure_streams(connection)
    except HubbubError as error:
        log.warning("The streams cannot be set up: %s", error)


async def sweep(connection: Connection, inboxes: list[Inbox], *, with_inputs: bool = True) -> bool:
    """Ask the server once what waits, and tell the inboxes.

    Args:
        connection: the mesh.
        inboxes: whom to tell.
        with_inputs: whether to ask for inputs of their tasks, too.

    Returns:
        Whether it is worth asking again soon: some messages are not in our hands.

    Raises:
        HubbubError: the server does not answer, or has lost its streams.
    """
    agents = {inbox.agent for inbox in inboxes}
    stored: dict[str, dict[int, int]] = {agent: {} for agent in agents}
    timers = Counter[str]()
    notes: dict[str, list[str]] = {agent: [] for agent in agents}
    for subject, count in (await _waiting(connection, agents, with_inputs)).items():
        address = parse(subject)
        if address is None or address.agent not in stored:
            continue
        lanes = stored[address.agent]
        if address.kind == "direct":
            lanes[address.priority] = lanes.get(address.priority, 0) + count
        elif address.kind == "input":
            lanes[WAKE_LANE] = lanes.get(WAKE_LANE, 0) + count
            timers[address.agent] += count * is_timer(address.key)
            if is_note(address.key):
                notes[address.agent].append(subject)
    found = [
        inbox.found(
            stored.get(inbox.agent, {}),
            timers=timers[inbox.agent],
            notes=notes.get(inbox.agent, ()),
        )
        for inbox in list(inboxes)
    ]
    return any(found)


async def _waiting(connection: Connection, agents: set[str], with_inputs: bool) -> dict[str, int]:
    """Return how many messages each subject of some agents' inboxes and inputs holds."""
    direct, inputs = ["agents.direct.>"], ["tasks.*.*.in.*"]
    if len(agents) <= _FEW_AGENTS:
        direct = [f"agents.direct.{agent}{rest}" for agent in agents for rest in ("", ".>")]
        inputs = [connection.layout.input_filter(agent) for agent in agents]
    counts = await _counts(connection, INBOX, direct)
    if not with_inputs:
        return counts
    answer = await connection.api(f"STREAM.INFO.{WAKE}")
    if answer["state"]["messages"]:  # for the most part there is nothing
        counts |= await _counts(connection, WAKE, inputs)
    return counts


async def _counts(connection: Connection, stream: str, filters: list[str]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for subjects in filters:
        counts |= await stored_subjects(connection, stream, subjects)
    return counts
