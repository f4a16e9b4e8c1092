"""Logs of finished tasks, kept for some days and up to some number.

The events of all tasks lie in one stream, in the order in which they happened. Its beginning is
read forwards, and a log goes, whole, where its final event is met. Logs of unfinished tasks are
passed over, however old they are.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Protocol

from hubbub.mesh.janitor.glance import glance
from hubbub.mesh.transport.concurrency import all_of
from hubbub.mesh.transport.connection import Connection
from hubbub.mesh.transport.streams import INBOX, TASKS
from hubbub.wire import clock

__all__ = ["OldLogs"]

_MOST_AT_ONCE = 256
_MOST_BYTES_AT_ONCE = 8 * 1024 * 1024
_MOST_REMEMBERED = 10_000
_SIDE_BY_SIDE = 128
_PURGE_SECONDS = 30.0
_DAY_SECONDS = 86_400.0


class _Counts(Protocol):
    logs: int


class OldLogs:
    """Goes through the logs from the oldest event on, and goes on there in the next round."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._cursor = 0
        self._oldest_entry = 0
        # Which inbox entry a task came from, for the latest of those that are not finished yet.
        self._entries: OrderedDict[str, int] = OrderedDict()
        # Passed over, for their message is still in its inbox.
        self._kept_back: set[str] = set()

    async def tidy(self, counts: _Counts, go_on: Callable[[], Awaitable[None]]) -> bool:
        """Remove the logs that have become too old or too many.

        Args:
            counts: where to add what was done.
            go_on: called now and then; raises if we are to stop.

        Returns:
            Whether that was all; it takes its time, and no more than the pause between rounds.

        Raises:
            HubbubError: the server does not answer, or refuses.
        """
        config, loop = self._connection.config, asyncio.get_running_loop()
        state = (await self._connection.api(f"STREAM.INFO.{TASKS}"))["state"]
        excess = max(0, int(state.get("num_subjects", 0)) - config.keep_logs)
        oldest = clock.iso(clock.seconds() - config.keep_logs_days * _DAY_SECONDS)
        inbox = (await self._connection.api(f"STREAM.INFO.{INBOX}"))["state"]
        self._oldest_entry = int(inbox["first_seq"])
        ends = loop.time() + config.janitor_seconds
        kept_back, self._kept_back = [*self._kept_back], set[str]()
        counts.logs += await self._purge(kept_back)
        while loop.time() < ends:
            await go_on()
            some = await self._connection.read_some(
                TASKS,
                start=self._cursor + 1,
                limit=_MOST_AT_ONCE,
                max_bytes=_MOST_BYTES_AT_ONCE,
            )
            doomed, reached_the_end = list[str](), not some
            for stored in some:
                if len(doomed) >= excess and stored.time[:19] >= oldest[:19]:
                    reached_the_end = True
                    break
                event = glance(stored.data)
                if event.data.inbox_sequence:
                    self._remember(stored.subject, event.data.inbox_sequence)
                if event.is_final:
                    doomed.append(stored.subject)
                self._cursor = stored.sequence
            counts.logs += await self._purge(doomed)
            excess -= len(doomed)
            if reached_the_end:
                return True
        return False

    def _remember(self, log: str, entry: int) -> None:
        self._entries[log] = entry
        if len(self._entries) > _MOST_REMEMBERED:
            self._entries.popitem(last=False)

    async def _purge(self, logs: list[str]) -> int:
        """Remove some logs, and return how many could be."""
        before = len(self._kept_back)
        for start in range(0, len(logs), _SIDE_BY_SIDE):
            await all_of(self._purge_one(log) for log in logs[start : start + _SIDE_BY_SIDE])
        return len(logs) - (len(self._kept_back) - before)

    async def _purge_one(self, log: str) -> None:
        entry = self._entries.pop(log, None)
        if entry is None:
            first = await self._connection.read_some(
                TASKS, start=1, subject=log, limit=1, max_bytes=_MOST_BYTES_AT_ONCE
            )
            entry = glance(first[0].data).data.inbox_sequence if first else 0
        # While the message lies in the inbox, only its log tells that the work has been done.
        may_wait = entry >= self._oldest_entry
        if entry and may_wait and await self._connection.at(INBOX, entry) is not None:
            self._kept_back.add(log)
            return
        await self._connection.api(f"STREAM.PURGE.{TASKS}", {"filter": log}, timeout=_PURGE_SECONDS)
