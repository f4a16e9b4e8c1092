"""The completion of a task comes once, and costs the same however much its sender has not read."""

from __future__ import annotations

from collections.abc import Callable

import nats
from nats.aio.msg import Msg

import hubbub
from hubbub import Agent, AgentMessage, NATSConfig, Retry, Task
from hubbub.mesh.tasks.completion import report_completion
from hubbub.mesh.transport.connection import Connection
from hubbub.mesh.transport.streams import NOTICES, ensure_streams
from hubbub.testing import ServerProcess
from hubbub.wire import agent_token, clock
from hubbub.wire.events import TaskSnapshot, TaskState

Name = Callable[[str], str]

READ = f"$JS.API.DIRECT.GET.{NOTICES}"


async def test_a_task_that_was_delivered_again_is_reported_without_reading_what_waits(
    config: NATSConfig, name: Name
) -> None:
    worker = Agent(name("Worker"))

    @worker.agentic_run
    async def work(task: Task) -> str:
        if task.attempt == 1:
            raise Retry("not yet", after=0)
        return "done"

    heard: list[Msg] = []

    async def hear(message: Msg) -> None:
        heard.append(message)

    client = await nats.connect(config.nats_url or "")
    await client.subscribe(READ, cb=hear)
    await client.flush()
    async with hubbub.connect(config=config, name=name("Ann")) as mesh, mesh.serve(worker):
        handle = await mesh.send_direct_message(worker.name, "x")
        assert await handle.result(timeout=20) == "done"
    await client.flush()
    await client.close()
    assert not heard


async def _told(connection: Connection, sender: str) -> list[bytes]:
    done = connection.layout.done(agent_token(sender))
    return [one.data for one in await connection.read_back(NOTICES, done)]


async def test_what_was_reported_before_the_server_forgot_it_is_not_reported_again(
    own_server: ServerProcess,
) -> None:
    async with hubbub.connect(own_server.url) as mesh:
        connection = mesh.connection
        await ensure_streams(connection)
        declared = (await connection.api(f"STREAM.INFO.{NOTICES}"))["config"]
        await connection.api(
            f"STREAM.UPDATE.{NOTICES}", {**declared, "duplicate_window": 100_000_000}
        )

        async def report(number: int, ended: float, *, again: bool) -> None:
            message = AgentMessage(
                message_type="request", from_agent="Ann", content="x", message_id=f"m{number}"
            )
            end = TaskSnapshot(
                state=TaskState.COMPLETED, result=number, updated_at=clock.iso(ended)
            )
            await report_completion(
                connection, "Worker", message, f"t{number}", end, origin=None, again=again
            )

        now = clock.seconds()
        for number in range(600):
            await report(number, now, again=False)
        before = await _told(connection, "Ann")
        assert len(before) == 600
        await report(1, now, again=True)
        await report(2, now - 90, again=False)  # by the process that was frozen meanwhile
        assert await _told(connection, "Ann") == before
        await report(600, now - 3_600, again=True)
        assert len(await _told(connection, "Ann")) == 601
