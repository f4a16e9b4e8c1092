"""Whoever asks for much leaves room, and a turn, for the others."""

from __future__ import annotations

import asyncio

from hubbub.mesh.requests.crowd import Crowd
from hubbub.mesh.requests.slots import Slots


async def test_slots_go_in_turn_to_each_who_waits() -> None:
    slots, served = Slots(1), list[str]()
    assert slots.take_now()

    async def take(sender: str) -> None:
        await slots.take(sender)
        served.append(sender)
        slots.give_back()

    async with asyncio.TaskGroup() as group:
        for sender in ("flood", "flood", "flood", "boss", "flood", "aide", "boss"):
            group.create_task(take(sender))
        await asyncio.sleep(0)
        slots.give_back()
    assert served == ["flood", "boss", "aide", "flood", "boss", "flood", "flood"]
    assert slots.take_now()
    assert not slots.take_now()


async def test_a_slot_is_not_lost_to_whoever_gives_up_waiting() -> None:
    slots = Slots(1)
    assert slots.take_now()
    waiting = [asyncio.create_task(slots.take(sender)) for sender in ("a", "a", "b")]
    await asyncio.sleep(0)
    waiting[0].cancel()
    waiting[2].cancel()
    await asyncio.wait((waiting[0], waiting[2]))
    slots.give_back()
    await waiting[1]
    slots.give_back()
    assert slots.take_now()


async def test_a_slot_that_was_handed_to_somebody_who_is_canceled_then_is_handed_on() -> None:
    slots = Slots(1)
    assert slots.take_now()
    one, other = (asyncio.create_task(slots.take(sender)) for sender in ("a", "b"))
    await asyncio.sleep(0)
    slots.give_back()
    one.cancel()
    await asyncio.wait((one, other), timeout=5)
    assert one.cancelled()
    assert other.done()
    assert not other.cancelled()


def test_one_sender_has_a_quarter_of_the_room() -> None:
    crowd = Crowd(most=8, most_bytes=1_000)
    for sender in ("a", "a", "b", "b"):
        assert crowd.has_room(sender, 1)
        crowd.come(sender, 1)
    assert not crowd.has_room("a", 1)
    assert crowd.has_room("c", 1)
    crowd.go("a", 1)
    assert crowd.has_room("a", 1)
    for sender in ("c", "d", "e", "f", "g"):
        crowd.come(sender, 1)
    assert not crowd.has_room("h", 1)
    assert len(crowd) == 8


def test_one_sender_has_half_of_the_bytes_and_the_first_comes_in_however_large() -> None:
    crowd = Crowd(most=100, most_bytes=1_000)
    crowd.come("a", 400)
    assert not crowd.has_room("a", 101)
    assert crowd.has_room("a", 100)
    assert crowd.has_room("b", 5_000)
    crowd.come("b", 5_000)
    assert not crowd.has_room("c", 1)
    crowd.go("b", 5_000)
    crowd.go("a", 400)
    assert len(crowd) == 0
    assert crowd.has_room("c", 1)
