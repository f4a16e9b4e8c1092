"""A worker that crashes, or freezes, before and after each of its writes."""

from __future__ import annotations

import asyncio
import itertools
from pathlib import Path

import pytest

from hubbub import Mesh
from hubbub.testing import ServerProcess

from .conftest import Start
from .kit import Program, settled

CRASHED = 77


@pytest.fixture
async def breaker(server: ServerProcess, start: Start, monkeypatch: pytest.MonkeyPatch) -> Program:
    monkeypatch.setenv("HUBBUB_LEASE_SECONDS", "0.5")
    monkeypatch.setenv("HUBBUB_MAX_ATTEMPTS", "3")
    return await start("breaker.py")


async def broken_at(
    breaker: Program, mesh: Mesh, name: str, content: str, plan: str
) -> tuple[str, int | None]:
    """Send a message to an agent that breaks at a write.

    Returns the task, and which process broke; None if it ended the task before that.
    """
    task = (await mesh.send_direct_message(name, content)).task_id
    await breaker.say(f"start {name} {plan}")
    pid = (await breaker.told("born", name=name))["pid"]
    ends = {
        asyncio.create_task(breaker.told(event, pid=pid)): event
        for event in ("acknowledged", "ended", "frozen")
    }
    done, late = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    for other in late:
        other.cancel()
    if ends[done.pop()] == "acknowledged":
        return task, None
    return task, pid


WORK = {
    "quick": ("completed", 4),
    "fail": ("failed", 6),
    "send": ("completed", 6),
    "handoff": ("completed", 7),
}


@pytest.mark.parametrize("do", WORK)
async def test_a_crash_at_any_write_loses_and_doubles_nothing(
    breaker: Program, mesh: Mesh, do: str
):
    state, writes = WORK[do]
    covered: list[int] = []

    async def crash(number: int, when: str) -> None:
        name = f"Ant-{when}-{number}"
        token, heir = name.lower().replace("-", "_"), f"Heir-{when}-{number}"
        content = f"{do} {heir}"
        task, pid = await broken_at(breaker, mesh, name, content, f"crash {when} {number}")
        if pid is None:
            return
        covered.append(number)
        assert (await breaker.told("ended", pid=pid))["code"] == CRASHED
        await breaker.say(f"start {name}")
        found = await settled(mesh, token, [task], sender="boss")
        found.assert_exact(state=state)
        assert found.dead == (state == "failed")
        subject = f"agents.direct.{heir.lower().replace('-', '_')}.>"
        sent = await mesh.connection.read_back("INBOX", subject)
        assert len(sent) == (do in ("send", "handoff"))

    points = list(itertools.product(range(1, writes + 1), ("before", "after")))
    async with asyncio.TaskGroup() as group:
        for number, when in points:
            group.create_task(crash(number, when))
    assert sorted(covered) == sorted(number for number, _ in points)


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_freeze_at_any_write_takes_nothing_from_the_new_owner(
    breaker: Program, mesh: Mesh, tmp_path: Path, when: str
):
    async def freeze(number: int) -> None:
        name, token = f"Ant-{number}", f"ant_{number}"
        gate = tmp_path / f"gate-{number}"
        if number > 1:
            gate.touch()  # so that it comes as far
        task, zombie = await broken_at(
            breaker, mesh, name, f"wait {gate}", f"freeze {when} {number}"
        )
        assert zombie is not None
        gate.unlink(missing_ok=True)
        # The new owner is at work when the zombie comes back, and is killed soon after.
        await breaker.say(f"start {name}")
        owner = (await breaker.told("born", times=2, name=name))["pid"]
        ended = number > 2 or (number == 2 and when == "after")
        if not ended:
            await breaker.told("started", pid=owner, task=task)
        await breaker.say(f"thaw {zombie}")
        # While the owner is at work, only the zombie can take this, after what it was at.
        later = (await mesh.send_direct_message(name, f"wait {gate}")).task_id
        if (when, number) == ("after", 1):
            await breaker.told("started", pid=zombie, task=task)
        else:
            await breaker.told("started", task=later)
        await breaker.say(f"kill {owner}")
        await breaker.told("ended", pid=owner)
        gate.touch()
        found = await settled(mesh, token, [task, later], sender="boss")
        found.assert_exact()

    async with asyncio.TaskGroup() as group:
        for number in range(1, 5):
            group.create_task(freeze(number))
