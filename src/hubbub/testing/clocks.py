"""A clock to move: what is due in two days happens now."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from hubbub.wire import clock as wire_clock

if TYPE_CHECKING:
    from collections.abc import Generator

__all__ = ["Clock", "clock"]


class Clock:
    """The clock of this process while a test has it; made by `clock`.

    It goes on by itself, as any clock does, and jumps when it is moved.
    """

    @property
    def now(self) -> datetime:
        """What time it is, in UTC."""
        return datetime.fromtimestamp(wire_clock.seconds(), UTC)

    def move(
        self, *, days: float = 0, hours: float = 0, minutes: float = 0, seconds: float = 0
    ) -> None:
        """Move the clock forward. What is then due happens within a tenth of a second.

        Raises:
            ValueError: it would go backwards.
        """
        by = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
        if by < timedelta(0):
            raise ValueError(f"the clock cannot go backwards, by {by}")
        wire_clock.move(by.total_seconds())

    def move_to(self, moment: datetime) -> None:
        """Move the clock forward to a time; local time if it has no time zone.

        Raises:
            ValueError: that time is past.
        """
        self.move(seconds=moment.timestamp() - wire_clock.seconds())


@contextmanager
def clock() -> Generator[Clock]:
    """Take over the clock of this process.

    It decides when messages are delivered and expire, when tasks must have ended, and when they
    are retried. Enter the context before the first of those messages is sent: what was put off
    before comes when the real time has come. Rate limits, timeouts of requests, leases and
    heartbeats stay with the real time.

    Example:
        ```python
        with clock() as time:
            task = await mesh.send_direct_message("Greeter", "Ada", deliver_in=172_800)
            time.move(days=2)
            await task.result(timeout=5)
        ```
    """
    before = wire_clock.moved_by()
    wire_clock.move(0.0)
    try:
        yield Clock()
    finally:
        wire_clock.restore(before)
