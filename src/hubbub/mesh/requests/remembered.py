"""Answers kept for a while, so that a repeated request gets the same one again."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

__all__ = ["Remembered", "RequestKey"]

RequestKey = tuple[str, str]
"""Token of the sender, and message id."""


class Remembered:
    """The latest answers, within bounds of time, number and bytes.

    Args:
        seconds: how long each is kept.
        most: how many are kept.
        most_bytes: how many bytes of answers are kept.
        clock: tells the seconds since some moment.
    """

    def __init__(
        self,
        *,
        seconds: float = 120.0,
        most: int = 10_000,
        most_bytes: int = 8 * 1024 * 1024,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._seconds = seconds
        self._most = most
        self._most_bytes = most_bytes
        self._clock = clock
        # Each with the time until which it is kept, the oldest first.
        self._answers: OrderedDict[RequestKey, tuple[bytes, float]] = OrderedDict()
        self._bytes = 0
        self._look_at = 0.0

    def __len__(self) -> int:
        return len(self._answers)

    def put(self, key: RequestKey, data: bytes) -> None:
        """Keep an answer; the oldest ones make room for it."""
        answers, now = self._answers, self._clock()
        if key in answers:
            self._bytes -= len(answers.pop(key)[0])
        answers[key] = (data, now + self._seconds)
        self._bytes += len(data)
        while len(answers) > self._most or self._bytes > self._most_bytes:
            self._drop_oldest()
        if self._look_at <= now:
            while answers and next(iter(answers.values()))[1] <= now:
                self._drop_oldest()
            self._look_at = now + 1.0

    def get(self, key: RequestKey) -> bytes | None:
        """Return an answer that is still kept."""
        data, until = self._answers.get(key, (None, 0.0))
        return data if until > self._clock() else None

    def _drop_oldest(self) -> None:
        self._bytes -= len(self._answers.popitem(last=False)[1][0])
