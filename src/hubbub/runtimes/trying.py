"""Calling a tool with patience: again if it asks for that, not at all while it is out of order."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from hubbub.errors import HubbubError, RateLimited, Retry
from hubbub.mesh.activity import current_activity
from hubbub.runtimes.breaker import CircuitBreaker

__all__ = ["breaker_of_a_tool", "tried"]

_ATTEMPTS = 4
_LONGEST_WAIT_SECONDS = 60.0


class _OutOfOrder(HubbubError):
    """A tool is not called because what it works with keeps failing."""

    def __init__(self, failures: int, retry_after: float) -> None:
        super().__init__(
            f"it failed {failures} times in a row, so it is not called for another "
            f"{retry_after:.0f} s"
        )


def breaker_of_a_tool() -> CircuitBreaker:
    """Return a breaker that counts failures of the world, not of the arguments."""
    return CircuitBreaker(
        _OutOfOrder, counts=lambda error: isinstance(error, OSError | TimeoutError | RateLimited)
    )


async def tried(call: Callable[[], Awaitable[Any]], breaker: CircuitBreaker) -> Any:
    """Return what a call returns.

    One that raises `RateLimited` or `Retry` is made again after the time that it names, unless
    that is too long, or the time of the task would be over by then.

    Args:
        call: makes it.
        breaker: lets it through.

    Raises:
        Exception: what the last call raised.
    """
    import stamina  # only where models are at work

    async for attempt in stamina.retry_context(
        on=_again,
        attempts=_ATTEMPTS,
        timeout=None,
        wait_initial=0.2,
        wait_max=5.0,
        wait_jitter=0.1,
    ):
        with attempt, breaker.guard():
            return await call()
    raise AssertionError("the last attempt either returns or raises")


def _again(error: Exception) -> bool | float:
    """Tell whether to call again, or after how many seconds."""
    match error:
        case RateLimited(retry_after=wait) | Retry(after=wait):
            pass
        case _:
            return False
    if wait is None:
        return True
    activity = current_activity()
    left = activity.budget.seconds_left() if activity and activity.budget else None
    longest = _LONGEST_WAIT_SECONDS if left is None else min(left, _LONGEST_WAIT_SECONDS)
    return wait if 0 <= wait < longest else False
