"""The clock of the mesh: the wall clock, which tests may move.

Everything that happens at a time (a delivery, a deadline, a retry) asks here. Durations of a
single wait, such as the timeout of a request, stay with the event loop.
"""

from __future__ import annotations

import functools
import math
import time
from datetime import UTC, datetime

from hubbub.errors import InvalidMessage

__all__ = [
    "check_seconds",
    "is_moved",
    "iso",
    "move",
    "moved_by",
    "now",
    "read_iso",
    "restore",
    "seconds",
    "seconds_until",
]

_LOOK_AGAIN_SECONDS = 0.05

_moved_by: float | None = None


def seconds() -> float:
    """Return the present time in seconds since 1970."""
    return time.time() + (_moved_by or 0.0)


def now() -> str:
    """Return the present time as ISO 8601 in UTC with microseconds."""
    if _moved_by is not None:
        return iso(seconds())
    whole, nanoseconds = divmod(time.time_ns(), 1_000_000_000)
    return f"{_second(whole)}.{nanoseconds // 1000:06d}Z"


def iso(moment: float) -> str:
    """Return a time in seconds since 1970 as ISO 8601 in UTC with microseconds.

    Raises:
        InvalidMessage: no calendar has that time.
    """
    try:
        return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    except (ValueError, OverflowError, OSError):
        raise InvalidMessage(f"{moment!r} seconds from 1970 is no date") from None


def read_iso(text: str) -> float:
    """Return the time that an ISO 8601 text names, in seconds since 1970; UTC if it does not say.

    Raises:
        InvalidMessage: it names none.
    """
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, OverflowError):
        raise InvalidMessage(f"{text[:40]!r} must be an ISO 8601 date and time") from None


def seconds_until(moment: float) -> float:
    """Return for how long to wait, by the real clock, before a time may have come; 0 if it has.

    A clock that is being moved may get there at any moment, so that one looks at it often.
    """
    left = max(0.0, moment - seconds())
    return left if _moved_by is None else min(left, _LOOK_AGAIN_SECONDS)


def check_seconds(name: str, seconds: float) -> None:
    """Refuse what is no length of time.

    Args:
        name: what it is for.
        seconds: what was given.

    Raises:
        InvalidMessage: it is less than 0, infinite, or no number.
    """
    if not 0 <= seconds < math.inf:
        raise InvalidMessage(f"{name} is {seconds!r}: it must be a number of seconds, 0 or more")


def is_moved() -> bool:
    """Tell whether a test has taken over the clock."""
    return _moved_by is not None


def moved_by() -> float | None:
    """Return by how many seconds a test has moved the clock; None if none has taken it over."""
    return _moved_by


def move(by_seconds: float) -> None:
    """Move the clock of this process; for tests only."""
    global _moved_by
    _moved_by = (_moved_by or 0.0) + by_seconds


def restore(moved_by: float | None = None) -> None:
    """Go back to the real time, or to what `moved_by` told."""
    global _moved_by
    _moved_by = moved_by


@functools.lru_cache(maxsize=4)
def _second(whole: int) -> str:
    return datetime.fromtimestamp(whole, UTC).strftime("%Y-%m-%dT%H:%M:%S")
