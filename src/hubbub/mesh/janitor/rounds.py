"""The janitor: one process of the mesh, elected, that does what is nobody's work (DESIGN 3).

Every serving process runs one, and whoever holds the lock makes the rounds. All it does is fenced
or does no harm when done again, so that it may die at any moment, and that two of them may for a
while believe to be the one.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import random
from dataclasses import dataclass, fields

from hubbub.errors import HubbubError
from hubbub.mesh.janitor.locks import Lock
from hubbub.mesh.janitor.old_inputs import OldInputs
from hubbub.mesh.janitor.old_logs import OldLogs
from hubbub.mesh.janitor.unclaimed import Unclaimed
from hubbub.mesh.transport.connection import Connection
from hubbub.mesh.transport.streams import ensure_streams

__all__ = ["Janitor", "Tally"]

log = logging.getLogger("hubbub.janitor")

_LOCK = "janitor"
_LONGEST_LOCK_SECONDS = 15
_RELEASE_SECONDS = 2.0
_BEHIND = 0.2


@dataclass(slots=True)
class Tally:
    """What a janitor has done since it began.

    Attributes:
        rounds: how many rounds it has made.
        undeliverable: messages to names that nobody can have, which are dead letters now.
        expired: messages that nobody had begun with in time, which are dead letters now.
        closed: tasks without an instance whose end it has completed.
        logs: finished logs that it has removed.
        inputs: inputs that it has removed, of tasks that take none any more.
    """

    rounds: int = 0
    undeliverable: int = 0
    expired: int = 0
    closed: int = 0
    logs: int = 0
    inputs: int = 0


class _NotTheJanitor(Exception):
    """Somebody else has the lock by now."""


class Janitor:
    """Stands by to keep the mesh tidy.

    Args:
        connection: the mesh.

    Attributes:
        tally: what it has done.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._pause_seconds = connection.config.janitor_seconds
        lasts = min(_LONGEST_LOCK_SECONDS, math.ceil(self._pause_seconds))
        self._lock = Lock(connection, _LOCK, connection.id, seconds=lasts)
        self._unclaimed = Unclaimed(connection)
        self._old_logs = OldLogs(connection)
        self._old_inputs = OldInputs(connection)
        self.tally = Tally()

    @property
    def is_elected(self) -> bool:
        """Whether this is the one that makes the rounds."""
        return self._lock.is_held

    async def run(self) -> None:
        """Stand by, and make the rounds while elected, for ever."""
        clock = asyncio.get_running_loop().time
        next_round = clock() + self._jittered(self._pause_seconds)
        try:
            while True:
                await asyncio.sleep(
                    self._jittered(min(self._lock.seconds / 3, self._pause_seconds))
                )
                try:
                    if await self._elected() and clock() >= next_round:
                        pause = self._pause_seconds
                        if not await self.make_round():
                            pause *= _BEHIND  # there is more to be done than one round can do
                        next_round = clock() + self._jittered(pause)
                except _NotTheJanitor:
                    log.info("Another process is the janitor now")
                except HubbubError as error:
                    log.debug("The janitor waits: %s", error)
                except Exception:
                    # Agents must not end of it.
                    log.exception("The janitor's round was cut off")
                    next_round = clock() + self._jittered(self._pause_seconds)
        finally:
            await self.close()

    async def close(self) -> None:
        """Let somebody else be the janitor."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_RELEASE_SECONDS):
                await self._lock.release()

    async def make_round(self) -> bool:
        """Look once at everything that may need it, within bounds.

        Returns:
            Whether no old logs are left.

        Raises:
            HubbubError: the server does not answer, or refuses.
        """
        before = {field.name: getattr(self.tally, field.name) for field in fields(Tally)}
        try:
            await ensure_streams(self._connection)
            await self._unclaimed.tidy(self.tally, self._go_on)
            await self._old_inputs.tidy(self.tally, self._go_on)
            all_done = await self._old_logs.tidy(self.tally, self._go_on)
            self.tally.rounds += 1
        finally:
            done = {
                name: now - count
                for name, count in before.items()
                if name != "rounds" and (now := getattr(self.tally, name)) != count
            }
            if done:
                log.info("Tidied up: %s", ", ".join(f"{name} {n}" for name, n in done.items()))
        return all_done

    async def _elected(self) -> bool:
        if self._lock.is_held and not self._lock.is_due:
            return True
        was_held = self._lock.is_held
        elected = await self._lock.take()
        if elected and not was_held:
            log.debug("This process is the janitor now")
        return elected

    async def _go_on(self) -> None:
        """See, between two pieces of work, that we still are the janitor."""
        if not await self._elected():
            raise _NotTheJanitor

    def _jittered(self, seconds: float) -> float:
        return seconds * random.uniform(0.8, 1.2)  # noqa: S311
