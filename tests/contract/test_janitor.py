"""The janitor: what nobody takes becomes a dead letter, what is old goes, and one does it all."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import AsyncGenerator, Callable, Iterator

import pytest

import hubbub
from hubbub import Agent, AgentCard, AgentMessage, Mesh, NATSConfig, Task, TaskState
from hubbub.mesh.janitor.locks import Lock
from hubbub.mesh.janitor.rounds import Janitor
from hubbub.mesh.tasks.log import TaskLog
from hubbub.mesh.tasks.outbox import store
from hubbub.mesh.transport.headers import EXPECTED_SEQUENCE, MESSAGE_ID, NOT_BEFORE
from hubbub.mesh.transport.streams import ensure_streams
from hubbub.testing import ServerProcess, nats_server
from hubbub.wire import agent_token, clock
from hubbub.wire.events import TaskEvent

from .conftest import Layout
from .kit import inbox_of, listener, soon, stored, take, until

Name = Callable[[str], str]


@pytest.fixture(scope="module")
def tidy_servers() -> Iterator[dict[Layout, ServerProcess]]:
    """Servers on which only these tests tidy up, for a janitor looks at everybody's messages."""
    with nats_server() as one, nats_server() as two:
        yield {"open": one, "secured": two}


@pytest.fixture
def config(layout: Layout, tidy_servers: dict[Layout, ServerProcess]) -> NATSConfig:
    """Rounds are made by hand here."""
    return NATSConfig(
        nats_url=tidy_servers[layout].url, layout=layout, max_attempts=2, retry_seconds=0.05
    )


@contextlib.asynccontextmanager
async def tidied(config: NATSConfig, **changes: object) -> AsyncGenerator[tuple[Mesh, Janitor]]:
    """A mesh, and a janitor that makes a round when it is told to."""
    async with hubbub.connect(config=config.model_copy(update=changes), name="Boss") as mesh:
        await ensure_streams(mesh.connection)
        yield mesh, Janitor(mesh.connection)


async def make_round(janitor: Janitor) -> None:
    """Make a round; those of other tests let us have the lock soon."""

    async def elected() -> bool:
        try:
            await janitor.make_round()
        except Exception as error:
            if type(error).__name__ == "_NotTheJanitor":
                return False
            raise
        return True

    await until(elected)
    await janitor.close()


async def completions(mesh: Mesh, agent: str) -> list[AgentMessage]:
    notices = await stored(mesh, "NOTICES", f"agents.direct.{agent_token(agent)}.done")
    return [AgentMessage.from_bytes(one.data) for one in notices]


async def test_a_message_to_a_name_nobody_can_have_is_a_dead_letter_and_its_sender_hears_of_it(
    config: NATSConfig, name: Name
) -> None:
    raw, boss, message_id = name("Weather-Bot"), name("boss"), name("m")
    async with tidied(config) as (mesh, janitor):
        secured = config.layout == "secured"
        sender = f".3.from.{agent_token(boss)}" if secured else ""
        message = AgentMessage(
            message_type="request", from_agent=boss, content="hi", message_id=message_id
        )
        subject = f"agents.direct.{raw}{sender}"
        headers = {MESSAGE_ID: message_id}
        await store(mesh.connection, subject, message.to_bytes(), headers=headers)
        await store(mesh.connection, f"agents.direct.{raw}.2.from.x_1", b"\xff", headers={})
        await make_round(janitor)
        assert janitor.tally.undeliverable == 2
        assert not await stored(mesh, "INBOX", f"agents.direct.{raw}.>")
        letters = {letter.payload: letter for letter in await mesh.dead_letters("-")}
        letter = letters[message.to_bytes()]
        assert b"\xff" in letters
        assert (letter.agent, letter.subject) == (raw, subject)
        assert raw in letter.reason
        assert letter.headers == headers
        (told,) = await completions(mesh, boss)
        assert told.in_reply_to == message_id
        assert told.metadata["state"] == "failed"
        again = await letter.retry()
        assert again is not None
        assert len(await inbox_of(mesh, raw)) == 1


async def test_an_expired_message_nobody_began_with_fails_and_its_sender_hears_of_it(
    config: NATSConfig, name: Name
) -> None:
    hermit, boss = name("Hermit"), name("Boss")
    async with tidied(config) as (mesh, janitor):
        line, _ = listener(boss)
        async with mesh.serve(line):
            late = await line.send_direct_message(hermit, "late", expires_in=0.01)
            due = await line.send_direct_message(hermit, "due", timeout=0.01)
            kept = await line.send_direct_message(hermit, "kept", expires_in=1_000)
        await until(lambda: is_past(0.01))
        await make_round(janitor)
        assert janitor.tally.expired == 2
        for handle, why in ((late, "expired"), (due, "had to be done")):
            snapshot = await handle.snapshot()
            assert snapshot.state is TaskState.FAILED
            assert why in snapshot.error
            assert snapshot.message["from_agent"] == boss
            letter = await mesh.dead_letter(handle.task_id)
            assert why in letter.reason
        told = await completions(mesh, boss)
        assert {one.in_reply_to for one in told} == {late.task_id, due.task_id}
        (left,) = await inbox_of(mesh, hermit)
        assert AgentMessage.from_bytes(left.data).message_id == kept.task_id
        await make_round(janitor)
        assert janitor.tally.expired == 2


async def is_past(seconds: float) -> bool:
    await asyncio.sleep(seconds)
    return True


async def test_what_somebody_claimed_is_left_to_the_instances(
    config: NATSConfig, name: Name
) -> None:
    hermit = name("Hermit")
    async with tidied(config) as (mesh, janitor):
        handle = await mesh.send_direct_message(hermit, "late", expires_in=0.01)
        claim = TaskEvent(kind="claimed", data={"inbox_sequence": 1, "message": {}})
        log = mesh.connection.layout.log(agent_token(hermit), handle.task_id)
        await store(mesh.connection, log, claim.to_bytes(), headers={EXPECTED_SEQUENCE: "0"})
        await make_round(janitor)
        assert janitor.tally.expired == 0
        assert len(await inbox_of(mesh, hermit)) == 1
        assert await handle.state() is TaskState.WORKING


async def test_the_end_of_a_task_without_an_instance_is_completed(
    config: NATSConfig, name: Name
) -> None:
    hermit, boss = name("Hermit"), name("Boss")
    line, _ = listener(boss)
    async with tidied(config) as (mesh, janitor):
        async with mesh.serve(line):
            handle = await line.send_direct_message(hermit, "never mind")
        await handle.cancel()
        await make_round(janitor)
        await make_round(janitor)
        assert janitor.tally.closed == 1
        assert not await inbox_of(mesh, hermit)
        (told,) = await completions(mesh, boss)
        assert told.metadata["state"] == "canceled"


async def test_finished_logs_go_when_they_are_old_and_others_stay(
    config: NATSConfig, name: Name
) -> None:
    worker, gate = Agent(name("Worker")), asyncio.Event()

    @worker.agentic_run
    async def work(task: Task) -> str:
        if task.content == "wait":
            await gate.wait()
        return "done"

    worker_config = config.model_copy(update={"keep_logs_days": 1.0})
    try:
        async with tidied(worker_config) as (mesh, janitor), mesh.serve(worker):
            done = await mesh.send_direct_message(worker.name, "go")
            assert await done.result(timeout=10) == "done"
            await until(lambda: is_empty(mesh, worker.name))
            waits = await mesh.send_direct_message(worker.name, "wait")
            await until(lambda: is_working(mesh, worker.name, waits.task_id))
            await make_round(janitor)
            assert await logged(mesh, worker.name, done.task_id)
            clock.move(86_500)
            await make_round(janitor)
            assert janitor.tally.logs >= 1
            assert not await logged(mesh, worker.name, done.task_id)
            assert await logged(mesh, worker.name, waits.task_id)
            clock.restore()
            gate.set()
            assert await waits.result(timeout=10) == "done"
            await until(lambda: is_empty(mesh, worker.name))
            clock.move(86_500)
            await make_round(janitor)
            assert not await logged(mesh, worker.name, waits.task_id)
    finally:
        clock.restore()


async def is_empty(mesh: Mesh, agent: str) -> bool:
    return not await inbox_of(mesh, agent)


async def is_working(mesh: Mesh, agent: str, task_id: str) -> bool:
    return await mesh.task(agent, task_id).state() is TaskState.WORKING


async def logged(mesh: Mesh, agent: str, task_id: str) -> bool:
    log = mesh.connection.layout.log(agent_token(agent), task_id)
    return bool(await stored(mesh, "TASKS", log))


async def test_above_the_limit_the_logs_that_ended_first_go(config: NATSConfig, name: Name) -> None:
    worker = Agent(name("Worker"), concurrency=8)

    @worker.agentic_run
    async def work(task: Task) -> str:
        return "done"

    async with tidied(config, keep_logs=0) as (mesh, janitor):
        await make_round(janitor)  # nothing of other tests is left
    async with tidied(config, keep_logs=20) as (mesh, janitor), mesh.serve(worker):
        handles = [await mesh.send_direct_message(worker.name, f"{n}") for n in range(50)]
        for handle in handles:
            await handle.result(timeout=10)
        await until(lambda: is_empty(mesh, worker.name))
        ends = [
            (one.sequence, one.subject)
            for one in await stored(mesh, "TASKS", "tasks.*.*.log")
            if TaskEvent.from_bytes(one.data).is_final
        ]
        await make_round(janitor)
        left = {one.subject for one in await stored(mesh, "TASKS", "tasks.*.*.log")}
    assert len(left) == 20  # with those of unfinished tasks
    finished = left & {subject for _, subject in ends}
    assert finished == {subject for _, subject in sorted(ends)[-len(finished) :]}


async def test_a_log_stays_while_its_message_is_in_the_inbox(
    config: NATSConfig, name: Name
) -> None:
    hermit = agent_token(name("Hermit"))
    async with tidied(config, keep_logs=0) as (mesh, janitor):
        connection = mesh.connection
        handle = await mesh.send_direct_message(hermit, "go")
        (entry,) = await inbox_of(mesh, hermit)
        log = TaskLog(connection, hermit, handle.task_id, context="")
        await log.append("claimed", {"inbox_sequence": entry.sequence, "message": {}})
        await log.append("completed", {"result": 1})
        # Somebody is there, so that it is left to him.
        card = AgentCard(name=hermit)
        await store(connection, f"$KV.presence.{hermit}.x", card.to_bytes(), headers={})
        await make_round(janitor)
        assert await logged(mesh, hermit, handle.task_id)
        await connection.api("STREAM.PURGE.INBOX", {"filter": entry.subject})
        await make_round(janitor)
        assert not await logged(mesh, hermit, handle.task_id)
        await connection.api("STREAM.PURGE.KV_presence", {"filter": f"$KV.presence.{hermit}.x"})


async def test_inputs_of_tasks_that_have_ended_go(config: NATSConfig, name: Name) -> None:
    worker, gate = Agent(name("Worker")), asyncio.Event()

    @worker.agentic_run
    async def work(task: Task) -> str:
        await gate.wait()
        return "done"

    token = agent_token(worker.name)
    async with tidied(config) as (mesh, janitor), mesh.serve(worker):
        layout = mesh.connection.layout
        handle = await mesh.send_direct_message(worker.name, "go")
        await until(lambda: is_working(mesh, worker.name, handle.task_id))
        subject = layout.input(token, handle.task_id, "at-1")
        unknown = layout.input(token, name("unknown"), "at-1")
        for one in (subject, unknown):
            later = {NOT_BEFORE: clock.iso(clock.seconds() + 86_400)}
            await store(mesh.connection, one, b"{}", headers=later)
        await make_round(janitor)
        assert await stored(mesh, "WAKE", subject)
        gate.set()
        await handle.result(timeout=10)
        await make_round(janitor)
        assert not await stored(mesh, "WAKE", subject)
        assert await stored(mesh, "WAKE", unknown)
        try:
            clock.move(3_700)
            await make_round(janitor)
        finally:
            clock.restore()
        assert not await stored(mesh, "WAKE", unknown)
        assert janitor.tally.inputs == 2


async def test_one_process_has_the_lock_until_it_lets_go_or_dies(config: NATSConfig) -> None:
    key = f"test-{secrets.token_hex(4)}"
    async with hubbub.connect(config=config) as one, hubbub.connect(config=config) as two:
        await ensure_streams(one.connection)
        ours = Lock(one.connection, key, "one", seconds=1)
        theirs = Lock(two.connection, key, "two", seconds=1)
        assert await ours.take()
        assert not await theirs.take()
        assert await ours.take()
        assert ours.is_held
        await ours.release()
        assert not ours.is_held
        assert await theirs.take()
        assert not await ours.take()
        await until(ours.take)  # theirs is given up by the server
        assert not theirs.is_held
        assert not await theirs.take()
        await ours.release()


async def test_agents_that_serve_have_a_janitor(
    config: NATSConfig, name: Name, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "hubbub.janitor")
    busy = config.model_copy(update={"janitor_seconds": 0.1})
    boss, heard = listener(name("Boss"))
    second, _ = listener(name("Second"))
    async with (
        hubbub.connect(config=busy) as mesh,
        hubbub.connect(config=busy) as other,
        mesh.serve(boss),
        other.serve(second),
    ):
        handle = await boss.send_direct_message(name("Hermit"), "late", expires_in=0.01)
        (told,) = await take(heard, 1)
        assert told.in_reply_to == handle.task_id
        assert await soon(handle.state()) is TaskState.FAILED
    async with hubbub.connect(config=config) as mesh:
        assert not await stored(mesh, "KV_locks", "$KV.locks.janitor")
    assert "expired 1" in caplog.text
