"""Many deadlines on one timer."""

from __future__ import annotations

import asyncio
import sys

from hubbub.mesh.transport.deadlines import Deadlines


async def test_what_is_due_is_called_in_its_order_and_not_before_its_time() -> None:
    loop = asyncio.get_running_loop()
    deadlines, began, called = Deadlines(loop), loop.time(), list[tuple[float, float]]()
    done = asyncio.Event()

    def due_in(seconds: float) -> None:
        def function() -> None:
            called.append((seconds, loop.time() - began))
            if len(called) == 4:
                done.set()

        deadlines.add(seconds, function)

    for seconds in (0.08, 0.03, 0.05, 0.03):
        due_in(seconds)
    await done.wait()

    assert [seconds for seconds, _ in called] == [0.03, 0.03, 0.05, 0.08]
    assert all(after >= seconds for seconds, after in called)


async def test_what_was_taken_back_is_not_called() -> None:
    deadlines, called, done = Deadlines(asyncio.get_running_loop()), list[str](), asyncio.Event()

    def taken_back() -> None:
        called.append("taken back")

    def also_taken_back() -> None:
        called.append("taken back by the other one")

    def first() -> None:
        deadlines.remove(other, also_taken_back)
        deadlines.remove(tick, first)  # it is being called

    deadlines.remove(deadlines.add(0.01, taken_back), taken_back)
    other = deadlines.add(0.02, also_taken_back)
    tick = deadlines.add(0.01, first)
    deadlines.add(0.05, done.set)
    await done.wait()

    assert called == []


async def test_what_is_called_may_add_something() -> None:
    deadlines, done = Deadlines(asyncio.get_running_loop()), asyncio.Event()

    def function() -> None:
        deadlines.add(0.01, done.set)

    deadlines.add(0.01, function)

    await done.wait()


async def test_nothing_is_too_long() -> None:
    deadlines, done = Deadlines(asyncio.get_running_loop()), asyncio.Event()

    deadlines.add(sys.float_info.max, lambda: None)
    deadlines.add(0.01, done.set)

    await done.wait()
