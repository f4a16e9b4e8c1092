"""The leases of the tasks that this process works on, and their renewal.

They are renewed in the thread of `life.py`: a handler that blocks the event loop, however long,
does not lose its task to another instance.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Generator

from hubbub.mesh.transport.concurrency import Wake
from hubbub.mesh.transport.connection import Connection

__all__ = ["LeaseKeeper"]

_IN_PROGRESS = b"+WPI"


class LeaseKeeper:
    """The leases that one process holds.

    Args:
        lease_seconds: the mesh's lease; those of single agents may be shorter.
    """

    def __init__(self, lease_seconds: float) -> None:
        self._held: set[str] = set()
        self._shortest_seconds = lease_seconds
        self._lock = threading.Lock()
        self._wake = Wake()

    @contextlib.contextmanager
    def hold(self, ack_subject: str, lease_seconds: float) -> Generator[None]:
        """Have a lease renewed while the context lasts; in whichever thread that is."""
        with self._lock:
            self._held.add(ack_subject)
            sooner = lease_seconds < self._shortest_seconds
            if sooner:
                self._shortest_seconds = lease_seconds
        if sooner:
            self._wake.ring()
        try:
            yield
        finally:
            with self._lock:
                self._held.discard(ack_subject)

    async def renew(self, connection: Connection) -> None:
        """Renew what is held, again and again, until this is cancelled."""
        with self._wake.heard():
            while True:
                await self._wake.wait(self._shortest_seconds / 4)
                if not connection.client.is_connected:
                    continue  # kept for later, they would fill the buffer and help nobody
                with self._lock:
                    held = tuple(self._held)
                for ack_subject in held:
                    await connection.publish(ack_subject, _IN_PROGRESS)
