"""Slots go round in order, and none is lost."""

from __future__ import annotations

import asyncio

import pytest

from hubbub.mesh.requests.slots import Slots


async def _settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_slots_are_handed_on_in_order() -> None:
    slots, order = Slots(2), list[int]()

    async def one(number: int) -> None:
        await slots.take()
        order.append(number)

    assert slots.take_now()
    assert slots.take_now()
    assert not slots.take_now()
    tasks = [asyncio.create_task(one(number)) for number in range(3)]
    await _settle()
    assert order == []
    for given in range(1, 4):
        slots.give_back()
        # Whoever comes now does not get in before those who wait.
        assert not slots.take_now()
        await _settle()
        assert order == list(range(given))
    slots.give_back()
    assert slots.take_now()
    await asyncio.gather(*tasks)


@pytest.mark.parametrize("when", ["granted", "waiting", "passed over"])
async def test_one_who_leaves_takes_no_slot_along(when: str) -> None:
    slots = Slots(1)
    assert slots.take_now()
    first, second = (asyncio.create_task(slots.take()) for _ in range(2))
    await _settle()
    if when == "granted":
        slots.give_back()
    first.cancel()
    if when == "waiting":
        await _settle()
    if when != "granted":
        slots.give_back()
    await asyncio.wait({first, second}, timeout=5)
    assert first.cancelled()
    assert second.done()
    slots.give_back()
    assert slots.take_now()
    assert not slots.take_now()
