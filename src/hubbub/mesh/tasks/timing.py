"""When a message may be worked on, and until when: what its sender wants, in its headers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime

from hubbub.errors import InvalidMessage
from hubbub.mesh.transport.headers import DEADLINE, EXPIRES, NOT_BEFORE
from hubbub.wire import clock

__all__ = ["AT_ANY_TIME", "Timing", "plan", "timing_of"]


@dataclass(frozen=True, slots=True)
class Timing:
    """The times of one message, in seconds since 1970.

    Attributes:
        not_before: when it may be worked on.
        expires: until when work on it must have begun.
        deadline: until when work on it must have ended.
    """

    not_before: float = 0.0
    expires: float = math.inf
    deadline: float = math.inf

    def too_late(self, *, begun: bool) -> str:
        """Return why it is too late to work on the message, empty if it is not.

        Args:
            begun: whether somebody has begun before.
        """
        if self.deadline <= clock.seconds():
            return f"it had to be done by {clock.iso(self.deadline)}"
        if not begun and self.expires <= clock.seconds():
            return f"it expired at {clock.iso(self.expires)}, before anybody began with it"
        return ""

    def headers(self) -> dict[str, str]:
        """Return the headers that say so.

        Raises:
            InvalidMessage: a time is beyond all calendars.
        """
        if self is AT_ANY_TIME:
            return {}
        times = {NOT_BEFORE: self.not_before, EXPIRES: self.expires, DEADLINE: self.deadline}
        return {name: clock.iso(time) for name, time in times.items() if 0 < time < math.inf}


AT_ANY_TIME = Timing()
"""The times of a message that waits for as long as it takes."""


def timing_of(headers: dict[str, str]) -> Timing:
    """Return the times that the headers of a message name.

    Raises:
        InvalidMessage: one of them is no time.
    """
    if not (NOT_BEFORE in headers or EXPIRES in headers or DEADLINE in headers):
        return AT_ANY_TIME
    try:
        return Timing(
            clock.read_iso(headers[NOT_BEFORE]) if NOT_BEFORE in headers else 0.0,
            clock.read_iso(headers[EXPIRES]) if EXPIRES in headers else math.inf,
            clock.read_iso(headers[DEADLINE]) if DEADLINE in headers else math.inf,
        )
    except InvalidMessage as error:
        raise InvalidMessage(f"its times cannot be read: {error}") from None


def plan(
    *,
    deliver_in: float | None,
    deliver_at: datetime | None,
    expires_in: float | None,
    timeout: float | None,
    latest: float,
) -> Timing:
    """Return the times that a sender asks for.

    Args:
        deliver_in: seconds from now before it may be worked on.
        deliver_at: when it may be worked on; local time if it has no time zone.
        expires_in: seconds from now in which work on it must begin.
        timeout: seconds from now in which work on it must end.
        latest: the deadline of the task that sends it, in seconds since 1970.

    Raises:
        InvalidMessage: a number of seconds makes no sense, or the times exclude each other.
    """
    if deliver_in is None and deliver_at is None and expires_in is None and timeout is None:
        return AT_ANY_TIME if latest == math.inf else Timing(deadline=latest)
    if deliver_in is not None and deliver_at is not None:
        raise InvalidMessage("deliver_in and deliver_at say the same: give one of them")
    now = clock.seconds()
    not_before = _after(now, "deliver_in", deliver_in, unset=0.0)
    if deliver_at is not None:
        not_before = deliver_at.timestamp()
    timing = Timing(
        not_before,
        _after(now, "expires_in", expires_in, unset=math.inf),
        min(_after(now, "timeout", timeout, unset=math.inf), latest),
    )
    if not_before >= min(timing.expires, timing.deadline):
        raise InvalidMessage("it would be delivered when it is too late for it already")
    return timing


def _after(now: float, name: str, seconds: float | None, *, unset: float) -> float:
    if seconds is None:
        return unset
    clock.check_seconds(name, seconds)
    return now + seconds
