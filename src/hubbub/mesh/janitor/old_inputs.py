"""Inputs that no task will take any more."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

from hubbub.mesh.janitor.glance import glance
from hubbub.mesh.tasks.finding import is_unbegun
from hubbub.mesh.tasks.unbegun import Unbegun
from hubbub.mesh.transport.answers import StoredMessage
from hubbub.mesh.transport.connection import Connection
from hubbub.mesh.transport.streams import TASKS, WAKE
from hubbub.wire import clock
from hubbub.wire.inputs import is_note
from hubbub.wire.subjects import parse

__all__ = ["OldInputs"]

_MOST_A_ROUND = 5_000
_MOST_AT_ONCE = 256
_MOST_BYTES_AT_ONCE = 4 * 1024 * 1024
# An input of a task without a log: it has been purged, or somebody made the id up.
_UNKNOWN_SECONDS = 3_600.0


class _Counts(Protocol):
    inputs: int


class OldInputs:
    """Goes through the inputs, a piece of them each round, and begins anew at their end."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._unbegun = Unbegun(connection)
        self._cursor = 0

    async def tidy(self, counts: _Counts, go_on: Callable[[], Awaitable[None]]) -> None:
        """Look at the next piece of the inputs.

        Args:
            counts: where to add what was done.
            go_on: called now and then; raises if we are to stop.

        Raises:
            HubbubError: the server does not answer, or refuses.
        """
        left = _MOST_A_ROUND
        while left > 0:
            await go_on()
            some = await self._connection.read_some(
                WAKE,
                start=self._cursor + 1,
                limit=_MOST_AT_ONCE,
                max_bytes=_MOST_BYTES_AT_ONCE,
            )
            if not some:
                self._cursor = 0
                return
            logs = {stored.subject: self._log_of(stored) for stored in some}
            last = await self._connection.last_of_each(TASKS, [*set(logs.values())])
            for stored in some:
                if await self._is_useless(stored, last.get(logs[stored.subject])):
                    await self._connection.remove(WAKE, stored.sequence)
                    counts.inputs += 1
            self._cursor = some[-1].sequence
            left -= len(some)

    async def _is_useless(self, stored: StoredMessage, last: StoredMessage | None) -> bool:
        if last is not None:
            return glance(last.data).is_final
        if clock.read_iso(stored.time) >= clock.seconds() - _UNKNOWN_SECONDS:
            return False
        address = parse(stored.subject)
        if address is None or not is_note(address.key):
            return True
        # A note is kept for as long as its task waits for somebody to begin with it.
        return not await is_unbegun(self._connection, address.agent, address.task_id, self._unbegun)

    def _log_of(self, stored: StoredMessage) -> str:
        """Return the log of the task that an input is for; one that nobody has for a stranger's."""
        address = parse(stored.subject)
        agent, task_id = (address.agent, address.task_id) if address else ("-", "-")
        return self._connection.layout.log(agent, task_id)
