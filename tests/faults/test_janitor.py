"""A janitor, or somebody who retries a dead letter, dies or freezes at each of their writes.

The janitor at every third of them, or at all with HUBBUB_TEST_SCALE=1.
"""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from dataclasses import dataclass

import pytest

import hubbub
from hubbub import Agent, AgentMessage, Mesh, NATSConfig, Task
from hubbub.mesh.tasks.burial import bury
from hubbub.mesh.tasks.log import read_log
from hubbub.mesh.tasks.outbox import store
from hubbub.mesh.transport.streams import ensure_streams
from hubbub.testing import ServerProcess

from .conftest import Start
from .kit import Program, until, waiting_for

STRIDE = 1 if float(os.environ.get("HUBBUB_TEST_SCALE") or 0) >= 1 else 3


@dataclass(frozen=True)
class Mess:
    """What a janitor finds."""

    misaddressed: str
    expired: str
    canceled: str
    finished: str

    @property
    def tasks(self) -> list[str]:
        return [self.misaddressed, self.expired, self.canceled]


@pytest.fixture
async def tidier(server: ServerProcess, start: Start, monkeypatch: pytest.MonkeyPatch) -> Program:
    # The shortest lock: whoever comes next need not wait long.
    monkeypatch.setenv("HUBBUB_JANITOR_SECONDS", "1")
    monkeypatch.setenv("HUBBUB_KEEP_LOGS", "0")
    return await start("tidier.py")


async def make_mess(mesh: Mesh) -> Mess:
    """Leave one of everything lying about, all of it from `boss`."""
    await ensure_streams(mesh.connection)
    odd = AgentMessage(message_type="request", from_agent="Boss", content="x")
    await store(mesh.connection, "agents.direct.No-Token.3.from.boss", odd.to_bytes(), headers={})
    expired = await mesh.send_direct_message("Hermit", "late", expires_in=0.001)
    canceled = await mesh.send_direct_message("Hermit", "never mind")
    await canceled.cancel()
    finished = await mesh.send_direct_message("Ant", "go")
    ant = Agent("Ant")

    @ant.agentic_run
    async def work(task: Task) -> str:
        return "done"

    # On a connection of its own: whoever serves stands by as the janitor until it is closed.
    calm = NATSConfig(janitor_seconds=1_000)
    async with hubbub.connect(config=calm) as other, other.serve(ant):
        await finished.result(timeout=20)
        await until(lambda: is_worked_off(mesh, "ant"))
    subject = mesh.connection.layout.input("ant", finished.task_id, "late")
    await store(mesh.connection, subject, b"{}", headers={})
    return Mess(odd.message_id, expired.task_id, canceled.task_id, finished.task_id)


async def is_worked_off(mesh: Mesh, agent: str) -> bool | None:
    return True if await waiting_for(mesh, agent) == 0 else None


async def assert_tidy(mesh: Mesh, mess: Mess) -> None:
    """Everything is where it belongs, once."""
    connection = mesh.connection
    assert not await connection.read_back("INBOX", "agents.direct.>")
    assert not await connection.read_back("WAKE", "tasks.>")
    assert not await connection.read_back("TASKS", "tasks.ant.*.log")
    letters = await mesh.dead_letters()
    assert Counter(letter.agent for letter in letters) == {"No-Token": 1, "hermit": 1}
    notices = await connection.read_back("NOTICES", connection.layout.done("boss"))
    told = Counter(AgentMessage.from_bytes(one.data).in_reply_to for one in notices)
    assert told == dict.fromkeys([*mess.tasks, mess.finished], 1)


async def finish_the_round(tidier: Program) -> None:
    """Have whole rounds made until one could be: the lock of the dead has to run out."""

    async def look() -> bool | None:
        born = len(tidier.all_told("born"))
        await tidier.say("round")
        pid = (await tidier.told("born", times=born + 1))["pid"]
        ended = await tidier.told("ended", pid=pid)
        return True if ended["code"] == 0 else None

    await until(look)


@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.parametrize(
    ("how", "when", "first"),
    [
        ("crash", "before", 1),
        ("crash", "after", 2),
        ("freeze", "before", 3),
        ("freeze", "after", 1),
    ],
)
async def test_a_janitor_that_breaks_at_any_write_loses_and_doubles_nothing(
    tidier: Program, mesh: Mesh, how: str, when: str, first: int
):
    for number in range(1 if STRIDE == 1 else first, 50, STRIDE):
        mess = await make_mess(mesh)
        born = len(tidier.all_told("born"))
        await tidier.say(f"round {how} {when} {number}")
        pid = (await tidier.told("born", times=born + 1))["pid"]
        ends = [asyncio.create_task(tidier.told(event, pid=pid)) for event in ("breaks", "ended")]
        done, late = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        for other in late:
            other.cancel()
        if done.pop().result()["event"] == "ended":
            assert number > 10, "it was to break at each of its writes"
            await assert_tidy(mesh, mess)
            return
        await finish_the_round(tidier)
        if how == "freeze":
            await tidier.say(f"thaw {pid}")
            await tidier.told("ended", pid=pid)
        # What was done in part by two is seen to be done by the next.
        await finish_the_round(tidier)
        await assert_tidy(mesh, mess)
        for stream in ("NOTICES", "DEAD", "TASKS"):
            await mesh.connection.api(f"STREAM.PURGE.{stream}")
    raise AssertionError("it never ended its round")


class Leftover:
    subject, headers, sequence = "agents.direct.ant.3.from.boss", dict[str, str](), 1
    data = AgentMessage(message_type="request", from_agent="Boss", content="again").to_bytes()


@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_retry_that_is_cut_off_is_neither_lost_nor_done_twice(
    tidier: Program, mesh: Mesh, number: int, when: str
):
    ant, done = Agent("Ant"), list[str]()

    @ant.agentic_run
    async def work(task: Task) -> str:
        done.append(task.id)
        return "done"

    await bury(mesh.connection, "ant", "t1", Leftover(), reason="why", errors=["why"])
    await tidier.say(f"retry t1 crash {when} {number}")
    await tidier.told("born")

    # How many letters and messages there are at each point.
    left = {
        (1, "before"): (1, 0),
        (1, "after"): (1, 1),
        (2, "before"): (1, 1),
        (2, "after"): (0, 1),
    }

    async def look() -> bool | None:
        letters, waits = await mesh.dead_letters(), await waiting_for(mesh, "ant")
        return True if (len(letters), waits) == left[number, when] else None

    await until(look)
    async with mesh.serve(ant):
        if (number, when) == (1, "after"):
            # Even after the first one has been worked off.
            await until(lambda: is_worked_off(mesh, "ant"))
        if (number, when) != (2, "after"):
            again = await (await mesh.dead_letter("t1")).retry()
            assert again is not None
            assert await again.result(timeout=20) == "done"
        await until(lambda: is_worked_off(mesh, "ant"))
        assert len(done) == 1
        assert await mesh.dead_letters() == []
        events = await read_log(mesh.connection, "ant", done[0])
        assert [event.kind for _, event in events] == ["claimed", "completed"]


async def test_another_process_is_the_janitor_within_the_time_of_its_lock(
    server: ServerProcess, worker: Start, mesh: Mesh
):
    first = await worker("Ant", HUBBUB_JANITOR_SECONDS="0.5")

    async def holder() -> bytes | None:
        lock = await mesh.connection.last_of("KV_locks", "$KV.locks.janitor")
        return lock.data if lock is not None else None

    before = await until(holder)
    await worker("Bee", HUBBUB_JANITOR_SECONDS="0.5")
    assert await holder() in (before, None)
    await first.kill()

    async def other() -> bool | None:
        return True if await holder() not in (before, None) else None

    await until(other, within=3)
    handle = await mesh.send_direct_message("Hermit", "late", expires_in=0.001)
    with pytest.raises(hubbub.TaskFailed, match="expired"):
        await handle.result(timeout=10)
