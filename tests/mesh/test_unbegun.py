"""A task that nobody has begun with is found by its id, and one that is not there costs little."""

from __future__ import annotations

import asyncio

import pytest

import hubbub
from hubbub import Agent, Mesh, NATSConfig, Task
from hubbub.errors import TaskNotFound
from hubbub.mesh.transport.streams import ensure_streams
from hubbub.testing import ServerProcess

WAITING = 600


async def cost(mesh: Mesh, task_id: str) -> int:
    """Look for a task that is not there, and return how many messages that took us to send."""
    before = mesh.connection.client.stats["out_msgs"]
    with pytest.raises(TaskNotFound):
        await mesh.find_task(task_id)
    return mesh.connection.client.stats["out_msgs"] - before


async def absent(mesh: Mesh, task_id: str) -> bool:
    try:
        await mesh.find_task(task_id)
    except TaskNotFound:
        return True
    return False


async def test_what_waits_is_looked_at_once(own_server: ServerProcess) -> None:
    async with hubbub.connect(config=NATSConfig(nats_url=own_server.url)) as mesh:
        sent = [await mesh.send_direct_message("Away", str(n)) for n in range(WAITING)]
        assert await cost(mesh, "nobody") <= 10
        # Reading, looking at two logs, and at how far the inboxes go.
        assert await cost(mesh, "nobody-else") <= 3
        assert await cost(mesh, "s9999") <= 4
        for number in (0, WAITING // 2, WAITING - 1):
            found = await mesh.find_task(sent[number].task_id)
            assert (found.content, found.agent, found.state) == (str(number), "Away", "submitted")
        later = await mesh.send_direct_message("Away-Too", "later")
        assert (await mesh.find_task(later.task_id)).content == "later"
        many = await asyncio.gather(*(cost(mesh, f"nobody-{n}") for n in range(50)))
        assert max(many) <= 110, "all share one reading"


async def test_messages_of_plain_clients_are_found(own_server: ServerProcess) -> None:
    async with hubbub.connect(config=NATSConfig(nats_url=own_server.url)) as mesh:
        await ensure_streams(mesh.connection)
        for subject in ("agents.direct.away", "agents.direct.away.2"):
            stored = await mesh.connection.store(subject, b"by hand")
            found = await mesh.find_task(f"s{stored.seq}")
            assert (found.content, found.agent, found.from_agent) == (
                "by hand",
                "away",
                "anonymous",
            )
        ours = await mesh.send_direct_message("Away", "by name")
        assert await absent(mesh, "s3"), "it has a name of its own"
        assert not await absent(mesh, ours.task_id)


async def test_what_has_gone_is_not_found(own_server: ServerProcess) -> None:
    agent = Agent("Quick")

    @agent.agentic_run
    async def work(task: Task) -> str:
        return "done"

    async with hubbub.connect(config=NATSConfig(nats_url=own_server.url)) as mesh:
        begun = await mesh.send_direct_message("Quick", "x")
        assert (await mesh.find_task(begun.task_id)).state == "submitted"
        gone = await mesh.send_direct_message("Away", "x")
        assert (await mesh.find_task(gone.task_id)).state == "submitted"
        async with mesh.serve(agent):
            await begun.result(timeout=10)
        assert (await mesh.find_task(begun.task_id)).state == "completed"
        await mesh.connection.api("STREAM.PURGE.INBOX")
        assert await absent(mesh, gone.task_id)


async def test_more_waits_than_can_be_remembered(
    own_server: ServerProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hubbub.mesh.tasks.unbegun._MOST", 5)
    async with hubbub.connect(config=NATSConfig(nats_url=own_server.url)) as mesh:
        sent = [await mesh.send_direct_message("Away", str(n)) for n in range(20)]
        assert await absent(mesh, "nobody")
        for number, handle in enumerate(sent):
            assert (await mesh.find_task(handle.task_id)).content == str(number)


async def test_a_server_that_lost_its_store_is_read_anew(own_server: ServerProcess) -> None:
    async with hubbub.connect(config=NATSConfig(nats_url=own_server.url)) as mesh:
        old = [await mesh.send_direct_message("Away", str(n)) for n in range(5)]
        assert await absent(mesh, "nobody")
        await mesh.connection.api("STREAM.DELETE.INBOX")
        await ensure_streams(mesh.connection)
        new = [await mesh.send_direct_message("Away", str(n)) for n in range(10)]
        assert await absent(mesh, "nobody")
        assert [await absent(mesh, handle.task_id) for handle in new] == [False] * 10
        assert [await absent(mesh, handle.task_id) for handle in old] == [True] * 5
