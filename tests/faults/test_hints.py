"""Messages that nobody announced: a sweep finds them, a plain client's wake the agent at once."""

from __future__ import annotations

import time

import nats

from hubbub import AgentMessage, Mesh
from hubbub.testing import ServerProcess

from .conftest import Start
from .kit import settled, until

SWEEP_SECONDS = 5.0


async def test_a_message_without_a_hint_is_found_by_the_sweep(worker: Start, mesh: Mesh):
    await worker("Ant")
    tasks: list[str] = []
    stored = time.monotonic()
    for lane in range(1, 6):
        message = AgentMessage(
            message_type="request", from_agent="Boss", to_agent="Ant", content="quick"
        )
        await mesh.connection.store(
            mesh.connection.layout.direct("ant", lane, "boss"),
            message.to_bytes(),
            headers={"Nats-Msg-Id": message.message_id},
        )
        tasks.append(message.message_id)
    (await settled(mesh, "ant", tasks, sender="boss")).assert_exact()
    assert time.monotonic() - stored < SWEEP_SECONDS + 1


async def test_urgent_messages_that_waited_come_first_when_the_agent_returns(
    worker: Start, mesh: Mesh
):
    for priority in (5, 3, 4, 1, 2, 3):
        await mesh.send_direct_message("Ant", f"lane {priority}", priority=priority)
    ant = await worker("Ant")
    await ant.told("finished", times=6, within=3)
    order = [told["content"] for told in ant.all_told("started")]
    assert order == ["lane 1", "lane 2", "lane 3", "lane 3", "lane 4", "lane 5"]


async def test_a_plain_publish_wakes_the_agent_at_once(
    worker: Start, mesh: Mesh, server: ServerProcess
):
    ant = await worker("Ant")
    client = await nats.connect(server.url)
    try:
        for number, subject in enumerate(("agents.direct.ant", "agents.direct.ant.1"), start=1):
            published = time.monotonic()
            await client.publish(subject, b"quick")
            await client.flush()
            finished = await ant.told("finished", times=number)
            assert finished["at"] - published < 1
    finally:
        await client.close()

    async def empty() -> bool | None:
        return not await mesh.connection.read_back("INBOX", "agents.direct.>") or None

    await until(empty)
