"""Keeps the leases of running tasks alive from a thread of its own, with its own connection.

A handler that blocks the event loop, however long, does not lose its task to another instance.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import AsyncGenerator, Generator

from hubbub.errors import HubbubError
from hubbub.mesh.connecting import open_connection
from hubbub.settings import NATSConfig

__all__ = ["LeaseKeeper", "keep_leases"]

log = logging.getLogger("hubbub.leases")

_IN_PROGRESS = b"+WPI"


class LeaseKeeper:
    """The leases that one process holds, and the thread that renews them."""

    def __init__(self, config: NATSConfig, url: str) -> None:
        self._config = config
        self._url = url
        self._held: set[str] = set()
        self._shortest_seconds = config.lease_seconds
        self._stopping = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="hubbub-leases", daemon=True)

    @contextlib.contextmanager
    def hold(self, ack_subject: str, lease_seconds: float) -> Generator[None]:
        """Renew a lease while the context lasts."""
        with self._changed:
            self._held.add(ack_subject)
            if lease_seconds < self._shortest_seconds:
                self._shortest_seconds = lease_seconds
                self._changed.notify()
        try:
            yield
        finally:
            with self._changed:
                self._held.discard(ack_subject)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Tell the thread to end; blocks for the moment that takes."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping:
            try:
                asyncio.run(self._renew())
            except HubbubError as error:
                # Leases then live as long as they are, and work that takes longer starts twice.
                log.error("Leases are not renewed: %s", error)
                self._wait()

    async def _renew(self) -> None:
        async with open_connection(self._config, self._url, name="hubbub leases") as connection:
            while await asyncio.to_thread(self._wait):
                if not connection.client.is_connected:
                    continue  # kept for later, they would fill the buffer and help nobody
                for ack_subject in tuple(self._held):
                    await connection.publish(ack_subject, _IN_PROGRESS)

    def _wait(self) -> bool:
        """Sleep until the next round; tell whether there is one."""
        with self._changed:
            if not self._stopping:
                self._changed.wait(self._shortest_seconds / 4)
            return not self._stopping


@contextlib.asynccontextmanager
async def keep_leases(config: NATSConfig, url: str) -> AsyncGenerator[LeaseKeeper]:
    """Run a keeper while the context lasts."""
    keeper = LeaseKeeper(config, url)
    keeper.start()
    try:
        yield keeper
    finally:
        await asyncio.to_thread(keeper.stop)
