"""A circuit breaker: what keeps failing gets a pause instead of more calls."""

from __future__ import annotations

import contextlib
import functools
import time
from collections.abc import Callable, Generator

from hubbub.runtimes.errors import ModelCircuitOpen

__all__ = ["CircuitBreaker", "breaker_for"]


class CircuitBreaker:
    """Opens after some failures in a row, lets one call through after a pause, closes on success.

    Args:
        refuse: makes the error of a call that is not let through, of the number of failures and
            the seconds until one is.
        threshold: failures in a row that open it.
        pause_seconds: how long it stays open before one call is let through.
        counts: which exceptions are failures; others change nothing.
        clock: seconds, monotonic.
    """

    def __init__(
        self,
        refuse: Callable[[int, float], Exception],
        *,
        threshold: int = 5,
        pause_seconds: float = 10.0,
        counts: Callable[[BaseException], bool] = lambda error: isinstance(error, Exception),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.failures = 0
        self._refuse = refuse
        self._threshold = threshold
        self._pause_seconds = pause_seconds
        self._counts = counts
        self._clock = clock
        self._opened_at: float | None = None
        self._trying = False

    @property
    def state(self) -> str:
        """`closed`, `open` or `half-open`."""
        if self._opened_at is None:
            return "closed"
        return "half-open" if self._trying or self._wait() <= 0 else "open"

    @contextlib.contextmanager
    def guard(self) -> Generator[None, None, None]:
        """Let the body of a `with` statement through, or refuse it, and note how it went.

        Raises:
            Exception: what `refuse` makes: it has its pause, or the one call that may try is
                under way.
        """
        probing = self._opened_at is not None
        if probing:
            if self._trying or self._wait() > 0:
                raise self._refuse(self.failures, max(self._wait(), 1.0))
            self._trying = True
        try:
            yield
        except BaseException as error:
            if self._counts(error):
                self.failures += 1
                if probing or self.failures >= self._threshold:
                    self._opened_at = self._clock()
            raise
        else:
            self.reset()
        finally:
            if probing:
                self._trying = False

    def reset(self) -> None:
        """Close it and forget the failures."""
        self.failures = 0
        self._opened_at = None

    def _wait(self) -> float:
        opened_at = self._opened_at
        return 0.0 if opened_at is None else opened_at + self._pause_seconds - self._clock()


_breakers: dict[str, CircuitBreaker] = {}


def breaker_for(base_url: str, counts: Callable[[BaseException], bool]) -> CircuitBreaker:
    """Return the one breaker that all clients of a model server in this process share."""
    if base_url not in _breakers:
        refuse = functools.partial(ModelCircuitOpen, base_url)
        _breakers[base_url] = CircuitBreaker(refuse, counts=counts)
    return _breakers[base_url]
