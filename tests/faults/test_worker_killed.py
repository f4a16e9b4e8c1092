"""A worker dies by SIGKILL: its work is done all the same, and is reported once."""

from __future__ import annotations

import asyncio
import time

from hubbub import Mesh

from .conftest import LEASE_SECONDS, Start
from .kit import ledger, settled


async def test_a_second_instance_takes_over_within_a_lease_and_a_second(worker: Start, mesh: Mesh):
    first, second = await asyncio.gather(worker("Ant"), worker("Ant"))
    task = (await mesh.send_direct_message("Ant", "wait")).task_id
    await asyncio.wait(
        [
            asyncio.ensure_future(first.told("started")),
            asyncio.ensure_future(second.told("started")),
        ],
        return_when=asyncio.FIRST_COMPLETED,
    )
    victim, heir = (first, second) if first.all_told("started") else (second, first)
    await victim.kill()
    killed = time.monotonic()
    taken = await heir.told("started", attempt=2)
    assert taken["at"] - killed < LEASE_SECONDS + 1
    await heir.say("go")
    found = await settled(mesh, "ant", [task], sender="boss")
    found.assert_exact()
    assert found.kinds(task) == ["claimed", "claimed", "completed"]


async def test_the_restarted_worker_does_the_work(worker: Start, mesh: Mesh):
    victim = await worker("Ant")
    task = (await mesh.send_direct_message("Ant", "wait")).task_id
    await victim.told("started")
    await victim.kill()
    again = await worker("Ant")
    await again.told("started", attempt=2)
    await again.say("go")
    found = await settled(mesh, "ant", [task], sender="boss")
    found.assert_exact()


async def test_the_sender_hears_of_the_end_once(worker: Start, mesh: Mesh):
    boss, victim = await asyncio.gather(worker("Chief"), worker("Ant"))
    await boss.say("send Ant wait")
    task = (await boss.told("sent"))["task"]
    await victim.told("started")
    await victim.kill()
    again = await worker("Ant")
    await again.say("go")
    heard = await boss.told("heard", in_reply_to=task)
    assert heard["state"] == "completed"
    (await settled(mesh, "ant", [task], sender="chief")).assert_exact()
    # One more message behind it shows that nothing else was on its way.
    await boss.say("send Ant quick")
    other = (await boss.told("sent", times=2))["task"]
    await boss.told("heard", in_reply_to=other)
    assert len(boss.all_told("heard")) == 2


async def test_a_worker_that_dies_of_every_attempt_leaves_a_dead_letter(worker: Start, mesh: Mesh):
    task = (await mesh.send_direct_message("Ant", "wait")).task_id
    for attempt in (1, 2):
        victim = await worker("Ant", HUBBUB_MAX_ATTEMPTS="2")
        await victim.told("started", attempt=attempt)
        await victim.kill()
    last = await worker("Ant", HUBBUB_MAX_ATTEMPTS="2")
    found = await settled(mesh, "ant", [task], sender="boss")
    found.assert_exact(state="failed")
    assert found.dead == 1
    assert not last.all_told("started")
    assert "died" in str(found.logs[task][-1].data["error"])


async def test_what_others_sent_meanwhile_is_done_too(worker: Start, mesh: Mesh):
    victim = await worker("Ant", 2)
    tasks = [(await mesh.send_direct_message("Ant", "wait")).task_id for _ in range(2)]
    await victim.told("started", times=2)
    await victim.kill()
    tasks += [(await mesh.send_direct_message("Ant", "quick", priority=n)).task_id for n in (1, 5)]
    again = await worker("Ant", 2)
    await again.say("go")
    (await settled(mesh, "ant", tasks, sender="boss")).assert_exact()
    assert (await ledger(mesh, "ant", tasks, sender="boss")).dead == 0
