"""One slot of an agent: which message it works on next, and the one it fetches ahead (DESIGN 5.5).

A message fetched ahead saves the wait for the server, but no other instance can take it. So it is
fetched only while handlers are quick, gives way to a more urgent one, and goes back when the
handler before it turns out to be slow.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any

from hubbub.errors import HubbubError
from hubbub.mesh.tasks.inbox import Delivery, Inbox
from hubbub.mesh.transport.concurrency import background
from hubbub.mesh.transport.connection import Connection
from hubbub.mesh.transport.puller import Puller, open_puller

__all__ = ["Pace", "Worker", "run_slot"]

log = logging.getLogger("hubbub.inbox")

_QUICK_SECONDS = 0.05
_REMEMBERED = 16
_PATIENCE_SECONDS = 0.1

Worker = Callable[[Delivery, asyncio.Event], Coroutine[Any, Any, None]]
"""Works off a message, and sets the event as soon as the slot may have the next one."""


class Pace:
    """How long the handlers of an agent take."""

    def __init__(self) -> None:
        self._quick: deque[bool] = deque(maxlen=_REMEMBERED)

    def note(self, seconds: float) -> None:
        """Take in how long one has taken."""
        self._quick.append(seconds < _QUICK_SECONDS)

    @property
    def is_quick(self) -> bool:
        """Whether most of the last ones took less than 50 ms; not known until some have ended."""
        return len(self._quick) == _REMEMBERED and 2 * sum(self._quick) > _REMEMBERED


async def run_slot(connection: Connection, inbox: Inbox, worker: Worker, pace: Pace) -> None:
    """Work off one message after the other until the inbox is closed.

    What follows the final event of a task is done while the next message is worked on already:
    it is the server's turn then, and the order of the messages does not depend on it.

    Args:
        connection: the mesh.
        inbox: where the messages come from.
        worker: works them off.
        pace: tells whether it makes sense to fetch ahead.
    """
    ahead: Delivery | None = None
    ending: asyncio.Task[None] | None = None
    async with open_puller(connection) as puller, background() as group:
        try:
            while (delivery := await _next(inbox, puller, ahead)) is not None:
                ahead = None if delivery is ahead else ahead
                free = asyncio.Event()
                work = group.create_task(worker(delivery, free))
                if ahead is None and pace.is_quick:
                    ahead = await _fetch_ahead(inbox, puller)
                if ahead is not None and not await _comes_soon(free):
                    await inbox.give_back(ahead)
                    ahead = None
                await free.wait()
                if ending is not None:
                    await ending
                ending = work
        finally:
            if ahead is not None:
                with contextlib.suppress(HubbubError):  # its lease then runs out
                    await inbox.give_back(ahead)


async def _next(inbox: Inbox, puller: Puller, ahead: Delivery | None) -> Delivery | None:
    """Return the next message to work on, None if the inbox is closed."""
    if ahead is None or inbox.is_closed:
        return await inbox.next(puller)
    with contextlib.suppress(TimeoutError, HubbubError):
        return await inbox.take(puller, before=ahead.lane) or ahead
    return ahead


async def _fetch_ahead(inbox: Inbox, puller: Puller) -> Delivery | None:
    try:
        return await inbox.take(puller)
    except (TimeoutError, HubbubError) as error:
        log.debug("%s cannot fetch ahead: %s", inbox.agent, error)
        return None


async def _comes_soon(free: asyncio.Event) -> bool:
    """Tell whether an event comes before it would be unfair to wait any longer."""
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            await free.wait()
    except TimeoutError:
        return False
    return True
