"""A lock that one process of the mesh holds, and that is free again when its holder dies."""

from __future__ import annotations

import contextlib
import time

from hubbub.errors import HubbubError
from hubbub.mesh.transport.answers import APIError
from hubbub.mesh.transport.connection import Connection
from hubbub.mesh.transport.headers import EXPECTED_SEQUENCE, TTL
from hubbub.mesh.transport.streams import LOCKS_BUCKET

__all__ = ["Lock"]

_STREAM = f"KV_{LOCKS_BUCKET}"


class Lock:
    """A key in the bucket of locks, which the server drops unless its holder writes it again.

    A holder that was frozen may for a moment believe that it still has it: what is done under a
    lock must bear being done by two.

    Args:
        connection: the mesh.
        name: a subject token, the same for all who want it.
        holder: a name that no other process has.
        seconds: how long it lasts without a sign of life, at least 1.
    """

    def __init__(self, connection: Connection, name: str, holder: str, *, seconds: int) -> None:
        self._connection = connection
        self._subject = f"$KV.{LOCKS_BUCKET}.{name}"
        self._holder = holder.encode()
        self._sequence = 0
        self._written = 0.0
        self.seconds = seconds

    @property
    def is_held(self) -> bool:
        """Whether nobody else can have it yet."""
        return bool(self._sequence) and time.monotonic() < self._written + self.seconds

    @property
    def is_due(self) -> bool:
        """Whether it is time for a sign of life."""
        return time.monotonic() >= self._written + self.seconds / 3

    async def take(self) -> bool:
        """Take the lock, or give a sign of life if it is ours; tell whether we have it now.

        Raises:
            HubbubError: the server does not answer, or refuses.
        """
        began = time.monotonic()
        headers = {EXPECTED_SEQUENCE: str(self._sequence), TTL: f"{self.seconds}s"}
        try:
            ack = await self._connection.store(self._subject, self._holder, headers=headers)
        except APIError as error:
            if not error.is_fence:
                raise
            # Ours all the same, if the confirmation of a write got lost. How old that is we
            # cannot tell, so the next sign of life makes it ours.
            there = await self._connection.last_of(_STREAM, self._subject)
            ours = there is not None and there.data == self._holder
            self._sequence = there.sequence if there is not None and ours else 0
            self._written = 0.0
            return False
        self._sequence, self._written = ack.seq, began
        return True

    async def release(self) -> None:
        """Let somebody else have it, if we have it and the server is there."""
        if self._sequence:
            sequence, self._sequence = self._sequence, 0
            with contextlib.suppress(HubbubError):
                await self._connection.api(f"STREAM.MSG.DELETE.{_STREAM}", {"seq": sequence})
