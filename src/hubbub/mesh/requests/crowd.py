"""How much may wait at an agent: bounded in number and bytes, for each sender and for all."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Crowd"]


@dataclass(slots=True)
class _Share:
    """What one sender has there."""

    number: int = 0
    bytes: int = 0


class Crowd:
    """Counts what waits or is being worked on, and says when it is too much.

    One sender may have a quarter of all there, and half of the bytes, so that others find room.

    Args:
        most: how many all senders together may have there.
        most_bytes: how many bytes; the first of a sender comes in however large it is.
    """

    def __init__(self, *, most: int = 20_000, most_bytes: int = 64 * 1024 * 1024) -> None:
        self._most = most
        self._most_bytes = most_bytes
        self._number = 0
        self._bytes = 0
        self._shares: dict[str, _Share] = {}

    def __len__(self) -> int:
        return self._number

    def has_room(self, sender: str, size: int) -> bool:
        """Tell whether one more may come in.

        Args:
            sender: token of the sender.
            size: its bytes.
        """
        if self._number >= self._most:
            return False
        share = self._shares.get(sender)
        if share is None:
            return self._bytes < self._most_bytes
        return (
            share.number < self._most // 4
            and self._bytes + size <= self._most_bytes
            and share.bytes + size <= self._most_bytes // 2
        )

    def come(self, sender: str, size: int) -> None:
        """Count one that came in."""
        share = self._shares.get(sender)
        if share is None:
            share = self._shares[sender] = _Share()
        self._number += 1
        self._bytes += size
        share.number += 1
        share.bytes += size

    def go(self, sender: str, size: int) -> None:
        """Count one that is done."""
        share = self._shares[sender]
        self._number -= 1
        self._bytes -= size
        share.number -= 1
        share.bytes -= size
        if not share.number:
            del self._shares[sender]
