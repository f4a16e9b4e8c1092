"""How much may wait at an agent: bounded in number and bytes, for each sender and for all."""

from __future__ import annotations

from collections import Counter

__all__ = ["Crowd"]


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
        self._number_of = Counter[str]()
        self._bytes_of = Counter[str]()

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
        there = self._number_of[sender]
        if not there:
            return self._bytes < self._most_bytes
        return (
            there < self._most // 4
            and self._bytes + size <= self._most_bytes
            and self._bytes_of[sender] + size <= self._most_bytes // 2
        )

    def come(self, sender: str, size: int) -> None:
        """Count one that came in."""
        self._number += 1
        self._bytes += size
        self._number_of[sender] += 1
        self._bytes_of[sender] += size

    def go(self, sender: str, size: int) -> None:
        """Count one that is done."""
        self._number -= 1
        self._bytes -= size
        self._number_of[sender] -= 1
        self._bytes_of[sender] -= size
        if not self._number_of[sender]:
            del self._number_of[sender], self._bytes_of[sender]
