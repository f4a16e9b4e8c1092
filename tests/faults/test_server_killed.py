"""The server dies by SIGKILL, or is frozen: everybody goes on once it is back."""

from __future__ import annotations

import asyncio
import shutil
import time

import pytest

import hubbub
from hubbub import Agent, AgentUnavailable, ConnectionLost, HubbubError, Mesh
from hubbub.testing import ServerProcess

from .conftest import LEASE_SECONDS, Start
from .kit import settled, until


async def outage(server: ServerProcess, *, seconds: float = 0.0) -> None:
    """Kill the server and have it back after some seconds."""
    server.kill()
    await asyncio.sleep(seconds)
    await asyncio.to_thread(server.start)


async def test_what_waited_for_an_agent_survives(worker: Start, mesh: Mesh, server: ServerProcess):
    tasks = [
        (await mesh.send_direct_message("Ant", "quick", priority=1 + n % 5)).task_id
        for n in range(20)
    ]
    await outage(server)
    await worker("Ant")
    (await settled(mesh, "ant", tasks, sender="boss")).assert_exact()


async def test_what_waits_behind_a_running_task_survives(
    worker: Start, mesh: Mesh, server: ServerProcess
):
    ant = await worker("Ant")
    tasks = [(await mesh.send_direct_message("Ant", do)).task_id for do in ("wait", "quick")]
    await ant.told("started")
    await outage(server)
    await ant.say("go")
    (await settled(mesh, "ant", tasks, sender="boss")).assert_exact()
    assert len(ant.all_told("started")) == 2


@pytest.mark.parametrize("seconds", [0, 1.5 * LEASE_SECONDS])
async def test_work_that_ends_during_the_outage_is_not_done_again(
    worker: Start, mesh: Mesh, server: ServerProcess, seconds: float
):
    ant = await worker("Ant")
    task = (await mesh.send_direct_message("Ant", "wait")).task_id
    await ant.told("started")
    server.kill()
    await ant.say("go")
    await ant.told("finished")
    await outage(server, seconds=seconds)
    found = await settled(mesh, "ant", [task], sender="boss")
    found.assert_exact()
    assert found.kinds(task) == ["claimed", "completed"]


async def test_a_lease_that_ran_out_in_the_outage_starts_no_task_twice_in_a_process(
    worker: Start, mesh: Mesh, server: ServerProcess
):
    ant = await worker("Ant", 2)
    long = (await mesh.send_direct_message("Ant", "wait")).task_id
    await ant.told("started")
    await outage(server, seconds=2 * LEASE_SECONDS)
    # The free slot looks into the inbox, and gets what the other one works on.
    quick = [(await mesh.send_direct_message("Ant", "quick")).task_id for _ in range(5)]
    await ant.told("finished", times=5)
    await ant.say("go")
    (await settled(mesh, "ant", [long, *quick], sender="boss")).assert_exact()
    assert len(ant.all_told("started", task=long)) == 1


async def test_agents_are_there_again_by_themselves(
    worker: Start, mesh: Mesh, server: ServerProcess
):
    boss, _ = await asyncio.gather(worker("Chief"), worker("Ant"))
    # For longer than the server remembers who is there.
    await outage(server, seconds=3.5)

    async def answered() -> bool | None:
        try:
            answer = await mesh.request_from_agent("Ant", "anybody?", timeout=5)
        except AgentUnavailable:  # it may be back a moment later than we
            return None
        return answer.text == "answer to anybody?"

    assert await until(answered)

    async def listed() -> bool | None:
        names = {card.name for card in await mesh.list_agents()}
        return names == {"Ant", "Chief"} or None

    # With beats of a second: at once, not with the next.
    await until(listed, within=3)
    await boss.say("send Ant quick")
    await boss.told("heard", state="completed", within=5)


@pytest.mark.parametrize("wiped", [False, True])
async def test_messages_are_taken_at_once_after_an_outage(
    worker: Start, mesh: Mesh, server: ServerProcess, wiped: bool
):
    await worker("Ant")
    server.kill()
    if wiped:
        shutil.rmtree(server.directory / "jetstream")
    await asyncio.to_thread(server.start)
    task = (await mesh.send_direct_message("Ant", "quick", priority=2)).task_id
    sent = time.monotonic()
    (await settled(mesh, "ant", [task], sender="boss")).assert_exact()
    assert time.monotonic() - sent < 2


async def test_a_server_that_lost_its_store_is_set_up_again(
    worker: Start, mesh: Mesh, server: ServerProcess
):
    boss, ant = await asyncio.gather(worker("Chief"), worker("Ant"))
    await mesh.send_direct_message("Ant", "wait")
    await ant.told("started")
    server.kill()
    shutil.rmtree(server.directory / "jetstream")
    await asyncio.to_thread(server.start)

    async def listed() -> bool | None:
        try:
            cards = await mesh.list_agents(include_offline=True)
        except HubbubError:
            return None
        return {card.name for card in cards if card.instances} == {"Ant", "Chief"} or None

    await until(listed, within=5)
    # The task is gone with the store; who worked on it lives on.
    await ant.say("go")
    await boss.say("send Ant quick")
    await boss.told("heard", state="completed", within=5)
    assert (await mesh.request_from_agent("Ant", "still there?", timeout=5)).text


async def test_a_frozen_server_keeps_nobody_from_going_on(
    worker: Start, mesh: Mesh, server: ServerProcess
):
    ant = await worker("Ant", 2)
    tasks = [(await mesh.send_direct_message("Ant", "wait")).task_id]
    await ant.told("started")
    server.freeze()
    sending = asyncio.create_task(mesh.send_direct_message("Ant", "quick"))
    # Longer than a lease, and than it takes to give up waiting for an answer.
    await asyncio.sleep(3 * LEASE_SECONDS)
    server.thaw()
    tasks.append((await sending).task_id)
    await ant.say("go")
    (await settled(mesh, "ant", tasks, sender="boss")).assert_exact()


async def test_a_cancel_that_came_during_an_outage_is_obeyed(
    worker: Start, mesh: Mesh, server: ServerProcess, monkeypatch: pytest.MonkeyPatch
):
    ant = await worker("Ant")
    handle = await mesh.send_direct_message("Ant", "wait")
    await ant.told("started")
    await outage(server)
    # Stored without being heard: as by somebody who was back earlier than the agent.
    async with hubbub.connect(name="Early") as early:
        await early.task("Ant", handle.task_id).cancel()
    await ant.told("stopped")
    (await settled(mesh, "ant", [handle.task_id], sender="boss")).assert_exact(state="canceled")
    left = await mesh.connection.read_back("WAKE", "tasks.ant.*.in.*")
    assert not left


async def test_an_agent_does_not_outlive_a_connection_that_is_closed_for_good(mesh: Mesh):
    agent = Agent("Ant")
    agent.run(lambda: "")

    async def serve() -> None:
        async with hubbub.connect() as own, own.serve(agent):
            # nats-py does this by itself when the server says that we may not be here any more.
            await own.connection.client.close()
            await asyncio.Event().wait()

    with pytest.raises(ConnectionLost):
        await asyncio.wait_for(serve(), 10)


async def test_every_send_that_returned_while_the_server_restarts_is_done(
    worker: Start, mesh: Mesh, server: ServerProcess
):
    await worker("Ant", 4)
    sent: list[str] = []
    refused: list[Exception] = []
    stop = asyncio.Event()

    async def keep_sending() -> None:
        while not stop.is_set():
            try:
                sent.append((await mesh.send_direct_message("Ant", "quick")).task_id)
            except HubbubError as error:
                refused.append(error)

    async with asyncio.TaskGroup() as group:
        for _ in range(4):
            group.create_task(keep_sending())
        for _ in range(3):
            before = len(sent)
            await outage(server)

            async def goes_on(before: int = before) -> bool | None:
                return len(sent) > before + 20 or None

            await until(goes_on)
        stop.set()
    found = await settled(mesh, "ant", sent, sender="boss")
    assert all(found.finals(task) == ["completed"] for task in sent)
    # The server keeps the last thousand completions of a sender.
    assert set(found.completions.values()) == {1}
