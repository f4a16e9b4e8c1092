"""SIGTERM: running work is finished or handed back, and the process goes quickly."""

from __future__ import annotations

import signal
import time

import pytest

from hubbub import Mesh
from hubbub.testing import ServerProcess
from hubbub.wire.envelope import AgentMessage

from .conftest import Start
from .kit import settled, until


async def test_an_idle_agent_is_gone_within_a_second_and_says_so(worker: Start, mesh: Mesh):
    ant = await worker("Ant")
    told = time.monotonic()
    ant.signal(signal.SIGTERM)
    assert await ant.ended() == 0
    assert time.monotonic() - told < 1
    assert ant.all_told("gone")
    assert await mesh.list_agents() == []
    said = await mesh.connection.read_back("HISTORY", "agents.all")
    events = [AgentMessage.from_bytes(stored.data).metadata.get("event") for stored in said]
    assert [event for event in events if event] == ["join", "leave"]


async def test_running_work_is_finished_within_the_grace_period(worker: Start, mesh: Mesh):
    ant = await worker("Ant")
    task = (await mesh.send_direct_message("Ant", "wait")).task_id
    await ant.told("started")
    ant.signal(signal.SIGTERM)
    waiting = (await mesh.send_direct_message("Ant", "quick")).task_id

    async def draining() -> bool | None:
        return [str(card.status) for card in await mesh.list_agents()] == ["draining"] or None

    await until(draining, within=5)
    await ant.say("go")
    assert await ant.ended() == 0
    found = await settled(mesh, "ant", [task], sender="boss", waiting=1)
    assert found.finals(task) == ["completed"]
    # It took nothing new.
    assert not ant.all_told("started", task=waiting)


@pytest.mark.parametrize("work", ["wait", "write"])
async def test_work_that_takes_longer_is_handed_back_at_once(worker: Start, mesh: Mesh, work: str):
    # With this lease, nobody would find it before the test is over.
    settings = {"HUBBUB_LEASE_SECONDS": "60", "HUBBUB_GRACE_SECONDS": "0.2"}
    first = await worker("Ant", **settings)
    task = (await mesh.send_direct_message("Ant", work)).task_id
    await first.told("started")
    second = await worker("Ant", **settings)
    told = time.monotonic()
    first.signal(signal.SIGTERM)
    again = await second.told("started", within=5)
    assert again["attempt"] == 1
    assert await first.ended() == 0
    assert time.monotonic() - told < 5
    await second.say("go")
    found = await settled(mesh, "ant", [task], sender="boss")
    found.assert_exact()
    kinds = [kind for kind in found.kinds(task) if kind != "progress"]
    assert kinds == ["claimed", "released", "claimed", "completed"]


async def test_a_thread_that_cannot_be_stopped_does_not_keep_the_process(worker: Start, mesh: Mesh):
    settings = {"HUBBUB_LEASE_SECONDS": "60", "HUBBUB_GRACE_SECONDS": "0.2"}
    first = await worker("Ant", style="sync", **settings)
    task = (await mesh.send_direct_message("Ant", "block 30")).task_id
    await first.told("started")
    told = time.monotonic()
    first.signal(signal.SIGTERM)
    assert await first.ended() == 0
    assert time.monotonic() - told < 3
    handle = mesh.task("Ant", task)
    assert await handle.state() == "submitted"


async def test_it_goes_also_while_the_server_is_away(
    worker: Start, mesh: Mesh, server: ServerProcess
):
    ant = await worker("Ant", HUBBUB_GRACE_SECONDS="0.2")
    await mesh.send_direct_message("Ant", "wait")
    await ant.told("started")
    server.kill()
    told = time.monotonic()
    ant.signal(signal.SIGTERM)
    assert await ant.ended(within=20) == 0
    assert time.monotonic() - told < 10


async def test_a_program_that_fails_hands_its_work_back_as_well(worker: Start, mesh: Mesh):
    settings = {"HUBBUB_LEASE_SECONDS": "60", "HUBBUB_GRACE_SECONDS": "0.2"}
    first = await worker("Ant", style="mesh", **settings)
    await mesh.send_direct_message("Ant", "wait")
    await first.told("started")
    second = await worker("Ant", **settings)
    await first.say("fall")
    await second.told("started", attempt=1, within=5)
    assert await first.ended() == 1
    assert len(await mesh.list_agents()) == 1
