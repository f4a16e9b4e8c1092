"""Three servers with replicated streams: one of them dies in the middle, and work goes on."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from hubbub import Mesh
from hubbub.mesh.transport.streams import declarations
from hubbub.testing import Cluster, ServerProcess

from .conftest import Start
from .kit import settled, until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


@pytest.fixture
def server(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    """The cluster takes the place of the one server of the other tests."""
    monkeypatch.setenv("NATS_URL", cluster.urls)
    monkeypatch.setenv("HUBBUB_REPLICAS", "3")
    return cluster


@contextlib.asynccontextmanager
async def leader_killed(
    cluster: Cluster, stream: str, consumer: str | None = None
) -> AsyncGenerator[ServerProcess]:
    """`Cluster.leader_killed`, off the event loop."""
    killing = cluster.leader_killed(stream, consumer)
    leader = await asyncio.to_thread(killing.__enter__)
    try:
        yield leader
    finally:
        await asyncio.to_thread(killing.__exit__, None, None, None)


async def test_every_stream_bucket_and_consumer_has_three_copies(worker: Start, mesh: Mesh):
    await worker("Ant")
    connection = mesh.connection

    async def copies(page: str) -> int:
        answer: dict[str, Any] = await connection.api(page)
        return 1 + len(answer["cluster"]["replicas"])

    for declared in declarations(connection.layout, connection.config):
        assert await copies(f"STREAM.INFO.{declared['name']}") == 3, declared["name"]
    await mesh.send_direct_message("Ant", "quick", priority=1)
    for consumer in ("INBOX.ant-3", "NOTICES.ant"):
        assert await copies(f"CONSUMER.INFO.{consumer}") == 3, consumer


@pytest.mark.parametrize(
    ("stream", "consumer"),
    [("INBOX", None), ("TASKS", None), ("NOTICES", None), ("INBOX", "ant-3")],
    ids=lambda value: value or "",
)
async def test_work_goes_on_without_the_leader(
    worker: Start, mesh: Mesh, cluster: Cluster, stream: str, consumer: str | None
):
    ant = await worker("Ant", 2)
    tasks = [(await mesh.send_direct_message("Ant", do)).task_id for do in ("wait", "write")]
    await ant.told("started", times=2)
    async with leader_killed(cluster, stream, consumer) as leader:
        # Sends, steps and ends fall into the election.
        async with asyncio.TaskGroup() as group:
            sending = [
                group.create_task(mesh.send_direct_message("Ant", "quick", priority=1 + n % 5))
                for n in range(10)
            ]
            await ant.say("go")
        tasks += [send.result().task_id for send in sending]
        (await settled(mesh, "ant", tasks, sender="boss")).assert_exact()
        assert not leader.is_running
    (await settled(mesh, "ant", tasks, sender="boss")).assert_exact()
    assert len(ant.all_told("started")) == len(tasks), "an attempt was lost to the election"


async def test_agents_come_and_work_while_one_server_is_down(
    worker: Start, mesh: Mesh, cluster: Cluster
):
    await mesh.send_direct_message("Ant", "quick")  # so that the streams are there
    cluster.servers[0].kill()
    boss, _ = await asyncio.gather(worker("Chief"), worker("Ant"))
    await boss.say("send Ant quick")
    task = (await boss.told("sent"))["task"]
    heard = await boss.told("heard", in_reply_to=task)
    assert heard["state"] == "completed"
    (await settled(mesh, "ant", [task], sender="chief")).assert_exact()


async def test_a_message_sent_again_after_an_election_is_stored_once(
    worker: Start, mesh: Mesh, cluster: Cluster
):
    again: dict[str, Any] = {"message_id": "the-same", "priority": 1}
    await mesh.send_direct_message("Ant", "quick", **again)
    async with leader_killed(cluster, "INBOX"):
        await mesh.send_direct_message("Ant", "quick", **again)
        ant = await worker("Ant")
        (await settled(mesh, "ant", ["the-same"], sender="boss")).assert_exact()
        await mesh.send_direct_message("Ant", "quick", **again)
    (await settled(mesh, "ant", ["the-same"], sender="boss")).assert_exact()
    assert len(ant.all_told("started")) == 1


async def test_a_leader_that_hangs_is_waited_for(worker: Start, mesh: Mesh, cluster: Cluster):
    ant = await worker("Ant")
    tasks = [(await mesh.send_direct_message("Ant", "wait")).task_id]
    await ant.told("started")
    leader = await asyncio.to_thread(cluster.leader_of, "TASKS")
    assert leader is not None
    leader.freeze()
    await ant.say("go")
    sending = asyncio.create_task(mesh.send_direct_message("Ant", "quick"))
    await asyncio.sleep(3)
    leader.thaw()
    tasks.append((await sending).task_id)
    (await settled(mesh, "ant", tasks, sender="boss")).assert_exact()


async def test_the_end_of_a_task_is_written_when_there_is_a_majority_again(
    worker: Start, mesh: Mesh, cluster: Cluster
):
    ant = await worker("Ant")
    task = (await mesh.send_direct_message("Ant", "wait")).task_id
    await ant.told("started")
    for server in cluster.servers[:2]:
        server.kill()
    await ant.say("go")
    await ant.told("finished")
    for server in cluster.servers[:2]:
        await asyncio.to_thread(server.start)
    found = await settled(mesh, "ant", [task], sender="boss", within=60)
    found.assert_exact()
    assert found.kinds(task) == ["claimed", "completed"]


async def test_the_leader_of_what_is_not_there_is_nobody(mesh: Mesh, cluster: Cluster):
    assert await asyncio.to_thread(cluster.leader_of, "NOWHERE") is None
    await mesh.send_direct_message("Ant", "quick")

    async def led() -> ServerProcess | None:
        return await asyncio.to_thread(cluster.leader_of, "INBOX")

    assert await until(led) in cluster.servers
