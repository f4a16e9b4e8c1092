"""A worker that is frozen beyond its lease: nothing it does afterwards counts."""

from __future__ import annotations

import asyncio
import signal
import time

import pytest

from hubbub import Mesh

from .conftest import LEASE_SECONDS, Start
from .kit import settled


@pytest.mark.parametrize("while_frozen", ["finished", "at work"])
async def test_a_frozen_worker_writes_nothing_that_counts(
    worker: Start, mesh: Mesh, while_frozen: str
):
    first = await worker("Ant")
    task = (await mesh.send_direct_message("Ant", "wait")).task_id
    await first.told("started")
    second = await worker("Ant")
    first.signal(signal.SIGSTOP)
    frozen = time.monotonic()
    taken = await second.told("started", attempt=2)
    assert taken["at"] - frozen < LEASE_SECONDS + 1
    if while_frozen == "finished":
        await second.say("go")
        await second.told("finished")
    await first.say("go")
    first.signal(signal.SIGCONT)
    await first.told("finished", attempt=1)
    if while_frozen == "at work":
        # What the zombie does now must not take the message away from its new owner.
        other = (await mesh.send_direct_message("Ant", "quick")).task_id
        await first.told("finished", task=other)
        await second.kill()
        third = await worker("Ant")
        await third.say("go")
    found = await settled(mesh, "ant", [task], sender="boss")
    found.assert_exact()
    result = found.logs[task][-1].data["result"]
    assert result == ("wait by attempt 2" if while_frozen == "finished" else "wait by attempt 3")


async def test_a_thawed_worker_goes_on_with_later_messages(worker: Start, mesh: Mesh):
    first = await worker("Ant")
    task = (await mesh.send_direct_message("Ant", "wait")).task_id
    await first.told("started")
    first.signal(signal.SIGSTOP)
    second = await worker("Ant")
    await second.told("started")
    await second.say("go")
    await settled(mesh, "ant", [task], sender="boss")
    await second.kill()
    first.signal(signal.SIGCONT)
    await first.say("go")
    later = (await mesh.send_direct_message("Ant", "quick")).task_id
    await first.told("finished", task=later)
    (await settled(mesh, "ant", [task, later], sender="boss")).assert_exact()


@pytest.mark.parametrize("how", ["block", "thread"])
async def test_a_handler_that_blocks_for_three_leases_is_started_once(
    worker: Start, mesh: Mesh, how: str
):
    first, second = await asyncio.gather(worker("Ant"), worker("Ant"))
    task = (await mesh.send_direct_message("Ant", f"{how} {3 * LEASE_SECONDS}")).task_id
    found = await settled(mesh, "ant", [task], sender="boss")
    found.assert_exact()
    assert len(first.all_told("started") + second.all_told("started")) == 1
    assert found.kinds(task) == ["claimed", "completed"]
