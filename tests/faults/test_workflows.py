"""Workers of workflows die by SIGKILL, at every point and all the time: nobody can tell."""

from __future__ import annotations

import asyncio
import itertools
import os
import random
import time
from collections import Counter
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

import hubbub
from hubbub import Agent, Mesh, Task, TaskHandle, Workflows
from hubbub.gateway.serve import serve
from hubbub.gateway.settings import GatewaySettings
from hubbub.testing import ServerProcess
from hubbub.wire.events import TaskEvent

from .conftest import Start
from .kit import Program, until

SCALE = float(os.environ.get("HUBBUB_TEST_SCALE") or 0.2)
STEPS = range(1, 21)
ANSWERS: dict[str, Any] = {
    "Who are you?": "Ada",
    "May mail be used?": {"decision": "approve", "arguments": {"to": "Bob"}, "comment": ""},
    "Which?": "that",
}

Report = Callable[[str, object], None]


@pytest.fixture
async def flows(
    server: ServerProcess, start: Start, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Program:
    """Starts processes that serve a workflow each, which break where they are told to."""
    monkeypatch.setenv("HUBBUB_LEASE_SECONDS", "1")
    monkeypatch.setenv("HUBBUB_MAX_ATTEMPTS", "100")
    monkeypatch.setenv("HUBBUB_HEARTBEAT_SECONDS", "5")
    monkeypatch.setenv("FLOW_FOLDER", str(tmp_path))
    return await start("flows.py")


@pytest.fixture
async def web(mesh: Mesh) -> AsyncGenerator[httpx.AsyncClient]:
    """A client of a gateway on the same mesh."""
    generous = GatewaySettings(requests_per_second=100_000, request_burst=100_000)
    async with (
        serve(mesh=mesh, settings=generous, port=0) as url,
        httpx.AsyncClient(base_url=url, timeout=30) as client,
    ):
        yield client


@dataclass(frozen=True)
class Partner:
    """Whom the long workflow asks, and has work for it."""

    calls: Counter[str]


@pytest.fixture
async def partner(mesh: Mesh) -> AsyncGenerator[Partner]:
    agent, calls = Agent("Partner", concurrency=50, request_concurrency=50), Counter[str]()

    @agent.run
    async def answer(text: str) -> str:  # pyright: ignore[reportUnusedFunction]
        calls[text] += 1
        return "answer"

    @agent.agentic_run
    async def work(task: Task) -> str:  # pyright: ignore[reportUnusedFunction]
        calls[task.content] += 1
        await asyncio.sleep(0.2)
        return "result"

    async with mesh.serve(agent):
        yield Partner(calls)


async def answered(handle: TaskHandle) -> Counter[str]:
    """Answer what a run asks, each question once, until it ends; return how often it asked."""
    asked, seen = Counter[str](), set[str]()
    while not (snapshot := await handle.snapshot()).state.is_final:
        for question in snapshot.questions:
            if question.id not in seen:
                seen.add(question.id)
                asked[question.prompt] += 1
                await handle.answer(ANSWERS[question.prompt], question.id)
        await asyncio.sleep(0.05)
    return asked


async def log_of(handle: TaskHandle) -> list[TaskEvent]:
    return [event for _, event in await handle.stored_log()]


def done_by_the_first(events: list[TaskEvent], kind: str) -> set[str]:
    """Names of what the first process has put on record."""
    instances, names = list[str](), set[str]()
    for event in events:
        if event.kind == "claimed" and event.data["instance"] not in instances:
            instances.append(event.data["instance"])
        if event.kind == kind and len(instances) == 1:
            names.add(str(event.data.get("name", event.data.get("key"))))
    return names


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_a_kill_at_any_write_of_a_long_workflow_changes_nothing(
    flows: Program, mesh: Mesh, partner: Partner, tmp_path: Path, record_property: Report
) -> None:
    at_once, repeated = asyncio.Semaphore(10), Counter[int]()

    async def life(name: str, plan: str = "") -> tuple[Any, bool, int]:
        """Let one run live, and die as planned; return its result."""
        handle = await mesh.send_direct_message(name, "", metadata={"params": {"mark": name}})
        await flows.say(f"start {name} {plan}")
        first = (await flows.told("born", name=name))["pid"]
        person = asyncio.create_task(answered(handle))
        ending = asyncio.create_task(flows.told("ended", pid=first, within=60))
        await asyncio.wait({person, ending}, return_when=asyncio.FIRST_COMPLETED)
        died, last = not person.done(), first
        if died:
            await flows.say(f"start {name}")
            last = (await flows.told("born", times=2, name=name))["pid"]
        try:
            async with asyncio.timeout(60):
                asked = await person
        except TimeoutError:
            kinds = [event.kind for event in await log_of(handle)]
            raise AssertionError(f"{name} does not end: {kinds}") from None
        if not died:
            # What follows the end is written, too.
            await asyncio.wait({ending}, timeout=0.5)
            died = ending.done()
        acknowledged = flows.all_told("acknowledged", pid=last)
        await flows.say(f"kill {last}")
        ending.cancel()
        assert asked == dict.fromkeys(ANSWERS, 1), (name, plan)
        check(await log_of(handle), name, handle.task_id)
        return await handle.result(), died, max((one["writes"] for one in acknowledged), default=0)

    def check(events: list[TaskEvent], name: str, task_id: str) -> None:
        kinds = Counter(event.kind for event in events)
        assert kinds["completed"] == 1
        assert kinds["asked"] == kinds["answered"] == len(ANSWERS)
        assert kinds["step"] == len(STEPS)
        assert kinds["sent"] >= 1
        said = [event.data["text"] for event in events if event.kind == "said"]
        assert said == [f"{name}: {what} done" for what in ("five are", "eight are", "all is")]
        runs, keys = Counter[int](), set[tuple[int, str]]()
        for line in (tmp_path / task_id).read_text().splitlines():
            number, key, _ = line.split()
            runs[int(number)] += 1
            keys.add((int(number), key))
        assert set(runs) == set(STEPS)
        assert len(keys) == len(STEPS), "a step ran again under another key"
        on_record = done_by_the_first(events, "step")
        twice = {number for number, count in runs.items() if count > 1}
        assert not {f"step {number}" for number in twice} & on_record
        assert len(twice) <= 3, "no more than were under way"
        repeated[len(twice)] += 1
        assert partner.calls[f"child of {name}"] == 1
        assert partner.calls[f"request of {name}"] <= 1 + (not done_by_the_first(events, "replied"))

    undisturbed, died, writes = await life("Long")
    assert not died
    assert undisturbed == [
        "Ada",
        [number * number for number in STEPS],
        "answer",
        "result",
        {"to": "Bob"},
        "that",
    ]
    assert writes > 40
    covered = set[int]()

    async def kill(number: int, when: str) -> None:
        async with at_once:
            result, died, _ = await life(f"Long-{when}-{number}", f"kill {when} {number}")
        assert result == undisturbed, (when, number)
        if died:
            covered.add(number)

    points = itertools.product(range(1, writes + 1), ("before", "after"))
    async with asyncio.TaskGroup() as group:
        for number, when in points:
            group.create_task(kill(number, when))
    record_property("points", 2 * writes)
    record_property("steps that were cut off and ran again", dict(repeated))
    # The last ones depend on how the writes of the end fall together.
    assert covered >= set(range(1, writes - 3))


async def test_everything_is_stopped_while_a_person_thinks(
    own_server: ServerProcess, flows: Program
) -> None:
    async with hubbub.connect(own_server.url, name="Boss") as mesh:
        handle = await mesh.send_direct_message("Flow", "", metadata={"params": {"mark": "m"}})
        task_id = handle.task_id
        await flows.say("start Flow")
        worker = (await flows.told("serving", name="Flow"))["pid"]
        await until(lambda: _resting(handle))
        (question,) = (await handle.snapshot()).questions
        await flows.say(f"kill {worker}")
        await flows.told("ended", pid=worker)
    own_server.stop()
    own_server.start()
    async with hubbub.connect(own_server.url, name="Boss") as mesh:
        await mesh.answer_task(task_id, "zero", question.id)
    own_server.stop()
    own_server.start()
    async with hubbub.connect(own_server.url, name="Boss") as mesh:
        handle = mesh.task("Flow", task_id)
        await flows.say("start Flow")
        for number in (1, 2):

            async def asks(number: int = number) -> bool | None:
                found = (await handle.snapshot()).questions
                return True if [one.prompt for one in found] == [f"m {number}"] else None

            await until(asks)
            await handle.answer(str(number))
        assert await handle.result(timeout=30) == ["zero", "1", "2"]
        assert Counter(event.kind for event in await log_of(handle))["asked"] == 3


async def _resting(handle: TaskHandle) -> bool | None:
    return True if (await handle.snapshot()).is_parked else None


async def test_the_server_restarts_under_runs_at_work(
    own_server: ServerProcess, mesh: Mesh
) -> None:
    calls, done = Counter[tuple[str, int]](), asyncio.Semaphore(0)
    workflows = Workflows()

    @workflows.register(name="Steady")
    async def work(task: Task) -> int:  # pyright: ignore[reportUnusedFunction]
        async def do(number: int) -> int:
            calls[task.id, number] += 1
            await asyncio.sleep(0.05)
            done.release()
            return number

        found = [await task.step(do, number) for number in range(20)]
        await task.say("done")
        return sum(found)

    async with mesh.serve(*workflows):
        handles = [await mesh.send_direct_message("Steady", "") for _ in range(5)]
        ends = [asyncio.create_task(handle.result(timeout=60)) for handle in handles[:3]]
        for _ in range(2):
            for _ in range(20):
                await done.acquire()
            own_server.kill()
            # Who begins to wait while the server is away hears of the end, too.
            ends.append(asyncio.create_task(handles[len(ends)].result(timeout=60)))
            await asyncio.sleep(0)
            own_server.start()
        assert await asyncio.gather(*ends) == [190] * 5
    assert set(calls.values()) == {1}
    for handle in handles:
        kinds = Counter(event.kind for event in await log_of(handle))
        assert (kinds["step"], kinds["said"], kinds["completed"]) == (20, 1, 1)


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_many_runs_are_answered_over_rest_while_their_workers_are_killed(
    flows: Program,
    mesh: Mesh,
    web: httpx.AsyncClient,
    tmp_path: Path,
    record_property: Report,
) -> None:
    number, workers = max(20, int(200 * SCALE)), 4
    alive, killed = list[int](), 0

    async def start_worker() -> None:
        await flows.say("start Flow")
        # In the order in which they were started.
        told = await flows.told("serving", times=len(alive) + killed + 1, name="Flow")
        alive.append(told["pid"])

    for _ in range(workers):
        await start_worker()
    began = time.monotonic()
    marks = [f"run-{one}" for one in range(number)]
    handles = list[TaskHandle]()
    for mark in marks:
        begun = await web.post("/api/tasks", json={"agent": "Flow", "params": {"mark": mark}})
        handles.append(mesh.task("Flow", begun.raise_for_status().json()["id"]))
    answered = Counter[str]()

    async def answer_all() -> None:
        """As a person would who sees the list of all that is asked."""
        while len(answered) < 3 * number:
            where: dict[str, Any] | None = {"agent": "Flow", "state": "input-required"}
            while where is not None:
                page = (await web.get("/api/tasks", params=where)).raise_for_status().json()
                for found in page["tasks"]:
                    for question in found["questions"]:
                        if question["id"] not in answered:
                            answered[question["id"]] += 1
                            await give(found["id"], question)
                where = {**where, "before": page["before"]} if page["before"] else None
            await asyncio.sleep(0.05)

    async def give(task_id: str, question: dict[str, Any]) -> None:
        said = {"question_id": question["id"], "answer": f"answer to {question['prompt']}"}
        (await web.post(f"/api/tasks/{task_id}/answers", json=said)).raise_for_status()

    async def kill_all_the_time() -> None:
        """Kill one after each twelfth of the answers, but none within a second of another."""
        nonlocal killed
        chance = random.Random(7)
        for part in range(1, 12):
            await until(lambda part=part: _at_least(answered, part * number // 4), within=600)
            victim = alive.pop(chance.randrange(len(alive)))
            killed += 1
            await flows.say(f"kill {victim}")
            await flows.told("ended", pid=victim)
            await start_worker()
            await asyncio.sleep(1)

    killing = asyncio.create_task(kill_all_the_time())
    try:
        async with asyncio.timeout(600):
            await answer_all()
            results = [await handle.result() for handle in handles]
    finally:
        killing.cancel()
    assert results == [[f"answer to {mark} {n}" for n in range(3)] for mark in marks]
    repeated = 0
    for mark, handle in zip(marks, handles, strict=True):
        events = await log_of(handle)
        kinds = Counter(event.kind for event in events)
        assert (kinds["asked"], kinds["answered"], kinds["step"]) == (3, 3, 3)
        assert sum(event.is_final for event in events) == 1
        said = [event.data["text"] for event in events if event.kind == "said"]
        assert said == [f"{mark} {n}" for n in range(3)]
        lines = (tmp_path / handle.task_id).read_text().splitlines()
        assert len({line.rpartition(" ")[0] for line in lines}) == 3
        repeated += len(lines) - 3
    assert set(answered.values()) == {1}
    # A step may run again if the worker died before it was on record, and each kill cuts off few.
    assert repeated <= 10 * killed
    assert (await mesh.tasks("Flow", state="input-required")).tasks == []
    assert killed >= 2
    record_property("runs", number)
    record_property("kills", killed)
    record_property("seconds", round(time.monotonic() - began, 1))
    record_property("steps that were cut off and ran again", repeated)


async def _at_least(counted: Counter[str], number: int) -> bool | None:
    return True if len(counted) >= number else None


def resident_bytes(pid: int) -> int:
    pages = Path(f"/proc/{pid}/statm").read_text().split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_runs_at_rest_cost_a_worker_no_memory(
    flows: Program, mesh: Mesh, record_property: Report
) -> None:
    number = max(200, int(1_000 * SCALE))
    await flows.say("start Flow")
    worker = (await flows.told("serving", name="Flow"))["pid"]

    async def park(many: int) -> None:
        begun = [
            await mesh.send_direct_message("Flow", "", metadata={"params": {"mark": str(one)}})
            for one in range(many)
        ]
        for handle in begun:
            await until(lambda handle=handle: _resting(handle))

    await park(200)  # whatever a worker needs anyway
    before = resident_bytes(worker)
    await park(number)
    more = resident_bytes(worker) - before
    record_property("runs at rest", number)
    record_property("bytes more", more)
    assert more < 8 * 1024 * 1024
