"""Loops between agents end by themselves, and the others are served while they last."""

from __future__ import annotations

import asyncio
import contextlib
import os

import pytest

import hubbub
from hubbub import HubbubError, Mesh

from .conftest import Start
from .kit import PATIENCE, Program, until, waiting_for
from .vandal import resident_mib

pytestmark = pytest.mark.timeout(240)

SCALE = float(os.environ.get("HUBBUB_TEST_SCALE") or 0.2)


@pytest.fixture(autouse=True)
def quiet_times(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine must not look like a dead worker."""
    monkeypatch.setenv("HUBBUB_LEASE_SECONDS", "30")
    monkeypatch.setenv("HUBBUB_MAX_ATTEMPTS", "1")


async def players(start: Start, verb: str, branches: int, limit: int) -> list[Program]:
    programs = [
        await start("player.py", name, other, verb, str(branches), str(limit))
        for name, other in (("Ping", "Pong"), ("Pong", "Ping"))
    ]
    for program in programs:
        await program.told("ready")
    return programs


async def bystander(start: Start) -> Program:
    program = await start("steady.py", "Target", "0")
    await program.told("ready")
    return program


async def is_served(mesh: Mesh) -> None:
    assert (await mesh.request_from_agent("Target", "x", timeout=PATIENCE)).text == "x"
    handle = await mesh.send_direct_message("Target", "x")
    assert await handle.result(timeout=PATIENCE) == "x"


async def until_it_ends(mesh: Mesh, programs: list[Program]) -> list[int]:
    """See that others are served until nothing more happens; return the hops of all that began."""
    before = -1
    while (now := sum(len(program.all_told("started")) for program in programs)) != before:
        before = now
        for _ in range(5):
            await is_served(mesh)

        async def idle() -> bool | None:
            waiting = [await waiting_for(mesh, name) for name in ("ping", "pong")]
            return not any(waiting) or None

        await until(idle, within=120)
    return [told["hops"] for program in programs for told in program.all_told("started")]


async def _is_far(programs: list[Program]) -> bool | None:
    """See whether a chain has come to where it must end."""
    told = [one for program in programs for one in program.all_told("started")]
    return any(one["hops"] >= 15 for one in told) or None


@pytest.mark.parametrize("layout", ["open", "secured"])
@pytest.mark.parametrize("verb", ["direct", "handoff", "request", "listen", "broadcast"])
async def test_a_ping_pong_ends_and_the_others_are_served(
    start: Start, mesh: Mesh, verb: str, layout: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if layout == "secured" and verb in ("handoff", "request"):
        pytest.skip("as in the open layout: the path is the same")
    monkeypatch.setenv("HUBBUB_LAYOUT", layout)
    programs = await players(start, verb, 1, 0)
    await bystander(start)
    async with hubbub.connect(name="Somebody") as somebody:
        with contextlib.suppress(HubbubError):  # that it goes too far may reach us
            await somebody.request_from_agent("Ping", "begin", timeout=30)
        await until(lambda: _is_far(programs))
        hops = await until_it_ends(somebody, programs)
    assert max(hops) <= 16
    assert sorted(set(hops)) == list(range(max(hops) + 1))
    assert len(hops) <= 2 * 17


async def test_branching_loops_end_too_and_limits_keep_them_small(
    start: Start, mesh: Mesh, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HUBBUB_MAX_HOPS", "6")
    # Each wants to send five; the limit lets it send two.
    programs = await players(start, "direct", 5, 2)
    await bystander(start)
    await mesh.send_direct_message("Ping", "begin")
    hops = await until_it_ends(mesh, programs)
    assert [hops.count(n) for n in range(8)] == [1, 2, 4, 8, 16, 32, 64, 0]


async def test_a_branching_loop_without_limits_leaves_others_served(
    start: Start, mesh: Mesh, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HUBBUB_MAX_HOPS", "6")
    programs = await players(start, "direct", 3, 0)
    await bystander(start)
    before = [resident_mib(program.pid) for program in programs]
    await mesh.send_direct_message("Ping", "begin")
    hops = await until_it_ends(mesh, programs)
    assert [hops.count(n) for n in range(8)] == [*(3**n for n in range(7)), 0]
    for program, resident in zip(programs, before, strict=True):
        assert resident_mib(program.pid) - resident < 32


@pytest.mark.slow
async def test_the_memory_of_a_worker_is_flat(start: Start, mesh: Mesh) -> None:
    program = await start("steady.py", "Target", "0", "16")
    await program.told("ready")
    each, taken = max(1, int(20_000 * SCALE / 8)), list[float]()
    waiting = asyncio.Semaphore(32)

    async def task() -> None:
        async with waiting:
            handle = await mesh.send_direct_message("Target", "x" * 200)
            await handle.result(timeout=60)

    async def request() -> None:
        async with waiting:
            await mesh.request_from_agent("Target", "x" * 200, timeout=60)

    for _ in range(8):
        async with asyncio.TaskGroup() as group:
            for _ in range(each // 2):
                group.create_task(task())
                group.create_task(request())
        taken.append(resident_mib(program.pid))
    # Answers are remembered for two minutes, ten thousand of them and eight MiB at the most.
    assert taken[-1] - taken[0] < 16, taken
    assert taken[-1] - taken[-3] < 6, taken
