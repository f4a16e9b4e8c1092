"""How things are timed: rounds that take turns, calls one by one, calls with many in flight."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable

__all__ = ["in_flight", "one_by_one", "repeated", "taking_turns"]

Measure = Callable[[], Awaitable[float]]
Call = Callable[[int], Awaitable[object]]


async def taking_turns(
    rounds: int, ours: Measure, theirs: Measure
) -> tuple[list[float], list[float]]:
    """Measure two sides in turn, A B A B ..., so that what disturbs the machine disturbs both.

    Args:
        rounds: how many count; one more is run before them and thrown away.
        ours: measures our side once.
        theirs: measures the other side once.

    Returns:
        The figures of both sides, round by round.
    """
    found: tuple[list[float], list[float]] = ([], [])
    for number in range(rounds + 1):
        pair = await ours(), await theirs()
        if number:
            for figures, figure in zip(found, pair, strict=True):
                figures.append(figure)
    return found


async def repeated(rounds: int, measure: Measure, *, warm_up: bool = True) -> list[float]:
    """Measure something that has no other side, and return the figures round by round."""
    figures = [await measure() for _ in range(rounds + warm_up)]
    return figures[warm_up:]


async def one_by_one(total: int, call: Call) -> float:
    """Make calls one after the other and return how long the median one took, in ms."""
    took: list[float] = []
    for number in range(total):
        began = time.perf_counter()
        await call(number)
        took.append(time.perf_counter() - began)
    return statistics.median(took) * 1_000


async def in_flight(width: int, total: int, call: Call) -> float:
    """Make calls, so many at the same time, and return how many were done in a second."""
    numbers = iter(range(total))

    async def lane() -> None:
        for number in numbers:
            await call(number)

    began = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(width):
            group.create_task(lane())
    return total / (time.perf_counter() - began)
