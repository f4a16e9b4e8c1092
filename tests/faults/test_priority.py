"""Priority holds across processes: whatever waits, the most urgent message starts next."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest

import hubbub
from hubbub import Agent, Mesh, Task
from hubbub.mesh.transport.streams import ensure_streams

from .conftest import Start
from .kit import Program, until, waiting_for

pytestmark = pytest.mark.timeout(120)

QUEUED = 1_000
HANDLER_SECONDS = 0.005


@pytest.fixture(autouse=True)
def ordinary_lease(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine must not look like a dead worker."""
    monkeypatch.setenv("HUBBUB_LEASE_SECONDS", "30")


async def fill(mesh: Mesh, count: int = QUEUED, *, priority: int = 3) -> None:
    """Queue messages, each with its number, in order."""
    await ensure_streams(mesh.connection)
    for number in range(count):
        await mesh.send_direct_message("Queue", f"{priority} {number}", priority=priority)


async def workers(start: Start, count: int, seconds: object) -> list[Program]:
    """Start processes that serve `Queue`, each with a `Door` of its own."""
    programs = [
        await start("starter.py", "Queue", str(seconds), f"Door-{number}")
        for number in range(count)
    ]
    for program in programs:
        await program.told("ready")
    return programs


def starts(programs: Sequence[Program]) -> list[dict[str, Any]]:
    """What has started in any of the processes, in order; they share a clock."""
    told = [one for program in programs for one in program.all_told("started")]
    return sorted(told, key=lambda one: one["when"])


async def all_started(programs: Sequence[Program], count: int) -> list[dict[str, Any]]:
    async def look() -> list[dict[str, Any]] | None:
        found = starts(programs)
        return found if len(found) >= count else None

    return await until(look, within=60)


@pytest.mark.parametrize("processes", [1, 3, 5])
async def test_with_a_thousand_waiting_an_urgent_one_starts_next_wherever_a_slot_is_free(
    start: Start, mesh: Mesh, processes: int
) -> None:
    await fill(mesh)
    programs = await workers(start, processes, "hold")
    await all_started(programs, processes)
    for number, program in enumerate(programs):
        begun = len(program.all_told("started"))
        await mesh.send_direct_message("Queue", f"1 {number}", priority=1)
        await mesh.request_from_agent(f"Door-{number}", "next, please")
        told = await program.told("started", times=begun + 1)
        assert told["content"] == f"1 {number}"
    for number, program in enumerate(programs):
        begun = len(program.all_told("started"))
        await mesh.request_from_agent(f"Door-{number}", "next, please")
        told = await program.told("started", times=begun + 1)
        assert told["content"] == f"3 {processes + number}"
    assert await waiting_for(mesh, "queue") >= QUEUED - processes


@pytest.mark.parametrize("processes", [1, 5])
async def test_an_urgent_one_overtakes_a_thousand_while_all_are_at_work(
    start: Start, mesh: Mesh, processes: int
) -> None:
    await fill(mesh)
    programs = await workers(start, processes, HANDLER_SECONDS)
    await all_started(programs, 50)
    sent: list[tuple[str, float]] = []
    for number in range(5):
        handle = await mesh.send_direct_message("Queue", f"1 {number}", priority=1)
        sent.append((f"1 {number}", time.monotonic()))
        await handle.result(timeout=10)
    assert await waiting_for(mesh, "queue") > 0, "nothing was left to be overtaken"
    found = starts(programs)
    for content, at in sent:
        (urgent,) = [one for one in found if one["content"] == content]
        overtook_it = [one for one in found if at < one["when"] < urgent["when"]]
        # Each may have one in hand, and take some more while the news is on its way.
        assert len(overtook_it) <= 3 * processes, (content, overtook_it)


async def test_an_urgent_one_starts_next_at_any_instance_of_one_process(mesh: Mesh) -> None:
    await fill(mesh, 200)
    started: list[str] = []
    hold = asyncio.Event()

    def instance() -> Agent:
        agent = Agent("Queue", concurrency=2)

        @agent.agentic_run
        async def work(task: Task) -> None:
            started.append(task.content)
            await hold.wait()

        return agent

    async def all_busy() -> bool | None:
        return len(started) == 6 or None

    async def all_done() -> bool | None:
        return await waiting_for(mesh, "queue") == 0 or None

    async with (
        hubbub.connect() as one,
        hubbub.connect() as other,
        one.serve(instance()),
        other.serve(instance(), instance()),
    ):
        await until(all_busy)
        assert sorted(started) == sorted(f"3 {n}" for n in range(6))
        await mesh.send_direct_message("Queue", "5 last", priority=5)
        handle = await mesh.send_direct_message("Queue", "1 first", priority=1)
        hold.set()
        await handle.result(timeout=10)
        assert started.index("1 first") < 12, started[:20]
        await until(all_done)
    # They start side by side: it is one of the last that six slots have in hand.
    assert started.index("5 last") >= len(started) - 12
    assert len(started) == len(set(started)) == 202


async def test_five_workers_keep_the_order(start: Start, mesh: Mesh) -> None:
    each = 200
    await ensure_streams(mesh.connection)
    for number in range(each):
        for priority in (5, 3, 1, 4, 2):
            await mesh.send_direct_message("Queue", f"{priority} {number}", priority=priority)
    programs = await workers(start, 5, HANDLER_SECONDS)
    found = await all_started(programs, 5 * each)
    assert len({one["content"] for one in found}) == len(found) == 5 * each
    assert {one["pid"] for one in found} == {program.pid for program in programs}
    numbers = [tuple(map(int, one["content"].split())) for one in found]
    for program in programs:
        own = [n for n, one in zip(numbers, found, strict=True) if one["pid"] == program.pid]
        # What was fetched ahead and handed back comes a little later, to whoever asks.
        assert sum(one > other for one, other in pairwise(own)) <= len(programs)
    # Five start side by side, so a message may begin some places from where it belongs, and
    # farther where the machine let one of them wait.
    right = sorted(numbers)
    place = {content: n for n, content in enumerate(right)}
    displaced = [place[content] - n for n, content in enumerate(numbers)]
    far = [d for d in displaced if abs(d) > 2 * len(programs)]
    assert len(far) <= len(numbers) // 10, json.dumps(displaced)
    # Nobody begins a lane while more of the one above is left than the others have in hand: the
    # one that each works on, and the one that it has fetched ahead.
    for lane in (2, 3, 4, 5):
        first = min(n for n, one in enumerate(numbers) if one[0] == lane)
        late = [one for one in numbers[first:] if one[0] < lane]
        assert len(late) < 2 * len(programs), (lane, late)
