"""Answers kept for a while, so that a repeated request gets the same one again."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple

__all__ = ["Remembered", "RequestKey"]

RequestKey = tuple[str, str]
"""Token of the sender, and message id."""


class _Answer(NamedTuple):
    data: bytes
    until: float


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
        self._answers: OrderedDict[RequestKey, _Answer] = OrderedDict()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._answers)

    def put(self, key: RequestKey, data: bytes) -> None:
        """Keep an answer; the oldest ones make room for it."""
        answers, now = self._answers, self._clock()
        known = answers.pop(key, None)
        if known is not None:
            self._bytes -= len(known.data)
        answers[key] = _Answer(data, now + self._seconds)
        self._bytes += len(data)
        while answers:
            oldest = next(iter(answers))
            if (
                len(answers) <= self._most
                and self._bytes <= self._most_bytes
                and answers[oldest].until > now
            ):
                return
            self._bytes -= len(answers.pop(oldest).data)

    def get(self, key: RequestKey) -> bytes | None:
        """Return an answer that is still kept."""
        answer = self._answers.get(key)
        return answer.data if answer is not None and answer.until > self._clock() else None
