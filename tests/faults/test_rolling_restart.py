"""Processes of one agent are replaced one after the other, and nobody who uses it notices."""

from __future__ import annotations

import asyncio
import itertools
import signal
from collections import Counter

import pytest

import hubbub
from hubbub import AgentUnavailable, Mesh

from .conftest import Start
from .kit import Program, settled

ASKERS = 12


class Load:
    """Steady requests and tasks, until it is told to end."""

    def __init__(self, mesh: Mesh) -> None:
        self._mesh = mesh
        self._ending = asyncio.Event()
        self._numbers = itertools.count()
        self.answered = Counter[str]()
        self.tasks = list[str]()

    async def ask(self) -> None:
        while not self._ending.is_set():
            content = f"request {next(self._numbers)}"
            # Any error ends the test.
            reply = await self._mesh.request_from_agent("Ant", content, timeout=20)
            assert reply.text.startswith(f"{content} by ")
            self.answered[reply.text.rpartition(" ")[2]] += 1

    async def send(self) -> None:
        while not self._ending.is_set():
            handle = await self._mesh.send_direct_message("Ant", "work")
            self.tasks.append(handle.task_id)
            # The next one follows when the one before the last four has ended.
            if len(self.tasks) > 4:
                await self._mesh.task("Ant", self.tasks[-5]).result(timeout=30)

    async def until_answered_by(self, program: Program, times: int) -> None:
        async with asyncio.timeout(30):
            while self.answered[str(program.pid)] < times:  # noqa: ASYNC110 - nobody tells us
                await asyncio.sleep(0.01)

    def end(self) -> None:
        self._ending.set()


async def test_a_rolling_restart_under_load_loses_and_doubles_nothing(start: Start, mesh: Mesh):
    async def another() -> Program:
        program = await start("answerer.py", "Ant", "0.02", "3")
        await program.told("ready")
        return program

    serving = [await another(), await another()]
    everyone = list(serving)
    async with hubbub.connect(name="Asker") as asking, asyncio.TaskGroup() as group:
        load, questions = Load(mesh), Load(asking)
        for _ in range(ASKERS):
            group.create_task(questions.ask())
        group.create_task(load.send())
        for _ in range(2):
            for place, old in enumerate(tuple(serving)):
                await questions.until_answered_by(old, 20)
                old.signal(signal.SIGTERM)
                assert await old.ended() == 0
                assert old.all_told("gone")
                serving[place] = await another()
                everyone.append(serving[place])
        for program in serving:
            await questions.until_answered_by(program, 20)
        questions.end()
        load.end()

    found = await settled(mesh, "ant", load.tasks, sender="boss")
    found.assert_exact()
    assert found.dead == 0
    for event, mark in (("answering", "id"), ("started", "task")):
        runs = Counter(told[mark] for program in everyone for told in program.all_told(event))
        assert runs.most_common(1)[0][1] == 1, event
    assert sum(questions.answered.values()) >= 6 * 20
    assert len(load.tasks) > 20


async def test_what_waits_for_a_slot_goes_to_another_instance_when_the_grace_period_is_over(
    start: Start, mesh: Mesh
):
    first = await start("answerer.py", "Ant", "0", "1", HUBBUB_GRACE_SECONDS="0.3")
    await first.told("ready")
    held = asyncio.create_task(mesh.request_from_agent("Ant", "hold", timeout=30))
    await first.told("answering", content="hold")
    waiting = [
        asyncio.create_task(mesh.request_from_agent("Ant", f"request {n}", timeout=30))
        for n in range(5)
    ]
    await asyncio.wait(waiting, timeout=0.2)
    second = await start("answerer.py", "Ant", "0", "1")
    await second.told("ready")
    first.signal(signal.SIGTERM)
    answers = await asyncio.gather(*waiting)
    assert {answer.text.rpartition(" ")[2] for answer in answers} == {str(second.pid)}
    # What had been begun may have had effects: whoever asked has to decide.
    with pytest.raises(hubbub.RemoteError, match="going away"):
        await held
    assert await first.ended() == 0


async def test_what_waits_for_a_slot_is_answered_within_the_grace_period(start: Start, mesh: Mesh):
    ant = await start("answerer.py", "Ant", "0", "1")
    await ant.told("ready")
    asking = [asyncio.create_task(mesh.request_from_agent("Ant", "hold", timeout=30))]
    await ant.told("answering", content="hold")
    asking += [
        asyncio.create_task(mesh.request_from_agent("Ant", f"request {n}", timeout=30))
        for n in range(5)
    ]
    await asyncio.wait(asking, timeout=0.2)
    ant.signal(signal.SIGTERM)

    async def closed() -> bool:
        try:
            await mesh.request_from_agent("Ant", "late", timeout=0.01)
        except AgentUnavailable:
            return True
        except hubbub.RequestTimeout:
            return False
        return False

    async with asyncio.timeout(20):
        while not await closed():
            pass
    await ant.say("go")
    answers = await asyncio.gather(*asking)
    assert {answer.text.rpartition(" ")[2] for answer in answers} == {str(ant.pid)}
    assert await ant.ended() == 0
