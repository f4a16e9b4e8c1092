"""How much one user may do at a time, in this process: requests a second, and open streams.

The counts are in memory: behind several processes a user gets as many times the limit.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections import Counter, OrderedDict
from collections.abc import Generator

from hubbub.gateway.problems import Refusal

__all__ = ["RequestRate", "Slots"]

_MOST_USERS = 10_000


class RequestRate:
    """A token bucket for each user.

    Args:
        per_second: tokens that come back each second.
        burst: tokens that a bucket holds.
    """

    def __init__(self, per_second: float, burst: int) -> None:
        self._per_second = per_second
        self._burst = float(burst)
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, user: str) -> None:
        """Count one request.

        Raises:
            Refusal: 429, with `Retry-After`.
        """
        now = time.monotonic()
        tokens, at = self._buckets.pop(user, (self._burst, now))
        tokens = min(self._burst, tokens + (now - at) * self._per_second)
        allowed = tokens >= 1
        self._buckets[user] = (tokens - 1 if allowed else tokens, now)
        if len(self._buckets) > _MOST_USERS:
            # Whoever has been quiet the longest has a full bucket, most likely.
            self._buckets.popitem(last=False)
        if not allowed:
            wait = (1 - tokens) / self._per_second
            raise Refusal(
                429,
                "too-many-requests",
                f"More than {self._per_second:g} requests a second: go slower",
                headers={"Retry-After": str(math.ceil(wait))},
            )


class Slots:
    """How many of something each user has open: event streams and sockets, or requests.

    Args:
        most: how many a user may have.
        what: what they are, in the plural; part of the problem's code.
    """

    def __init__(self, most: int, what: str = "streams") -> None:
        self._most = most
        self._what = what
        self._taken: Counter[str] = Counter()

    @property
    def open(self) -> int:
        """How many are open, of all users."""
        return self._taken.total()

    @contextlib.contextmanager
    def taken(self, user: str) -> Generator[None]:
        """Hold one while the context lasts.

        Raises:
            Refusal: 429, the user has as many as are allowed.
        """
        if self._taken[user] >= self._most:
            raise Refusal(
                429,
                f"too-many-{self._what.replace(' ', '-')}",
                f"This user has {self._most} {self._what}, as many as may be: let one end first",
                headers={"Retry-After": "5"},
            )
        self._taken[user] += 1
        try:
            yield
        finally:
            self._taken[user] -= 1
            if not self._taken[user]:
                del self._taken[user]
