"""How often an agent is set to work: token buckets, for all senders together and for each.

A bucket holds as many tokens as its rate gives in one second, at least one: that many may come at
once after a pause. Each start takes a token from both buckets.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

__all__ = ["Clock", "RateLimits", "TokenBucket"]

Clock = Callable[[], float]

_MOST_SENDERS = 10_000


class TokenBucket:
    """Tokens that come at a steady rate.

    Args:
        rate: tokens a second, more than 0.
        clock: tells the seconds since some moment.

    Attributes:
        rate: tokens a second.
        burst: how many it holds when it is full.
    """

    def __init__(self, rate: float, clock: Clock = time.monotonic) -> None:
        self.rate = rate
        self.burst = max(rate, 1.0)
        self._clock = clock
        self._tokens = self.burst
        self._filled_at = clock()

    def delay(self) -> float:
        """Return the seconds until there is a token, 0 if there is one now."""
        now = self._clock()
        self._tokens = min(self.burst, self._tokens + max(now - self._filled_at, 0.0) * self.rate)
        self._filled_at = now
        # What adds up to a token may fall short of it by a rounding error.
        missing = 1.0 - self._tokens
        return missing / self.rate if missing > 1e-9 else 0.0

    def take(self) -> None:
        """Take a token, one of those that are still to come if there is none."""
        self._tokens -= 1.0


class RateLimits:
    """The limits of one agent in one process.

    Args:
        rate: starts a second, None for any number.
        sender_rate: starts a second for each sender, None for any number.
        clock: tells the seconds since some moment.
    """

    def __init__(
        self,
        rate: float | None = None,
        sender_rate: float | None = None,
        *,
        clock: Clock = time.monotonic,
    ) -> None:
        self._all = None if rate is None else TokenBucket(rate, clock)
        self._sender_rate = sender_rate
        self._senders: OrderedDict[str, TokenBucket] = OrderedDict()
        self._clock = clock

    def delay_for(self, sender: str) -> float:
        """Take the tokens for one start, or tell when there will be some.

        Args:
            sender: token of the agent that asks for it.

        Returns:
            0 if it may start now: its tokens are taken. Otherwise the seconds after which it
            makes sense to ask again; nothing is taken.
        """
        if self._all is None and self._sender_rate is None:
            return 0.0
        buckets = self._buckets_of(sender)
        delay = max((bucket.delay() for bucket in buckets), default=0.0)
        if not delay:
            for bucket in buckets:
                bucket.take()
        return delay

    def reserve_for(self, sender: str) -> float:
        """Take the tokens for one start, and tell when it may happen.

        Args:
            sender: token of the agent that asks for it.

        Returns:
            The seconds after which it may start; it need not ask again.
        """
        buckets = self._buckets_of(sender)
        delay = max((bucket.delay() for bucket in buckets), default=0.0)
        for bucket in buckets:
            bucket.take()
        return delay

    def _buckets_of(self, sender: str) -> list[TokenBucket]:
        buckets = [self._all] if self._all is not None else []
        if self._sender_rate is not None:
            buckets.append(self._bucket_of(sender, self._sender_rate))
        return buckets

    def _bucket_of(self, sender: str, rate: float) -> TokenBucket:
        bucket = self._senders.get(sender)
        if bucket is None:
            bucket = self._senders[sender] = TokenBucket(rate, self._clock)
            if len(self._senders) > _MOST_SENDERS:
                # Whoever has been quiet for longest has a full bucket, and loses nothing.
                self._senders.popitem(last=False)
        self._senders.move_to_end(sender)
        return bucket
