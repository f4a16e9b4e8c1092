"""The safety net under the hints: what waits in the inboxes of this process, asked at intervals.

It finds messages whose hint got lost, retries of other instances, and the work of a process that
died, as soon as its lease has run out.
"""

from __future__ import annotations

import asyncio
from typing import Any

from hubbub.errors import HubbubError
from hubbub.mesh.connection import Connection
from hubbub.mesh.inbox import Inbox
from hubbub.mesh.streams import INBOX
from hubbub.wire.subjects import parse

__all__ = ["sweep_inboxes"]

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
    """
    while True:
        try:
            watchful = await _sweep(connection, inboxes)
        except (HubbubError, TimeoutError):
            watchful = True
        changed.clear()
        try:
            async with asyncio.timeout(_WATCHFUL_SECONDS if watchful else _IDLE_SECONDS):
                await changed.wait()
                await asyncio.sleep(_WATCHFUL_SECONDS)
        except TimeoutError:
            continue


async def _sweep(connection: Connection, inboxes: list[Inbox]) -> bool:
    """Sweep once; tell whether some messages are not in our hands."""
    stored: dict[str, dict[int, int]] = {}
    for subject, count in (await _waiting(connection, {inbox.agent for inbox in inboxes})).items():
        address = parse(subject)
        if address is not None and address.kind == "direct":
            lanes = stored.setdefault(address.agent, {})
            lanes[address.priority] = lanes.get(address.priority, 0) + count
    found = [inbox.found(stored.get(inbox.agent, {})) for inbox in list(inboxes)]
    return any(found)


async def _waiting(connection: Connection, agents: set[str]) -> dict[str, int]:
    """Return how many messages each subject of some agents' inboxes holds."""
    if len(agents) == 1:
        (agent,) = agents
        filters = [f"agents.direct.{agent}.>", f"agents.direct.{agent}"]
    else:
        filters = ["agents.direct.>"] if agents else []
    counts: dict[str, int] = {}
    for subject_filter in filters:
        offset, total = 0, 1
        while offset < total:
            answer = await connection.api(
                f"STREAM.INFO.{INBOX}", {"subjects_filter": subject_filter, "offset": offset}
            )
            subjects: dict[str, Any] = answer["state"].get("subjects") or {}
            counts.update(subjects)
            total = int(answer.get("total", 0))
            offset += max(len(subjects), 1)
    return counts
