"""What stands between a framework and its surroundings, whichever framework it is."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from hubbub.errors import LimitReached, MissingExtra
from hubbub.mesh.limits import Budget, Limits
from hubbub.runtimes.adapters.clients import package
from hubbub.runtimes.adapters.driving import Driver, Played
from hubbub.runtimes.adapters.gate import Gate
from hubbub.runtimes.adapters.journal import Journal
from hubbub.runtimes.neutral import Question, RunContext
from hubbub.runtimes.tools import ToolOutcome


def _gate(**surroundings: Any) -> Gate:
    return Gate(RunContext(**surroundings), Budget(Limits()), Journal())


async def test_calls_are_told_apart_though_the_server_numbers_each_answer_anew() -> None:
    made = iter([ToolOutcome("first", failed=True), ToolOutcome("second", failed=False)])

    async def make() -> ToolOutcome:
        return next(made)

    gate = _gate()
    assert (await gate.tool("call_0", make)).text == "first"
    assert gate.failed("call_0")
    assert (await gate.tool("call_0", make)).text == "second"
    assert not gate.failed("call_0")
    again = Gate(RunContext(), Budget(Limits()), Journal.of(gate.journal.saved()))
    assert [(await again.tool("call_0", make)).text for _ in range(2)] == ["first", "second"]


async def test_a_person_decides_about_each_of_them() -> None:
    asked = list[str]()

    async def answer(question: Question) -> str:
        asked.append(question.id)
        return "yes"

    gate = _gate(on_question=answer)
    for _ in range(2):
        assert await gate.approves("delete", {}, "call_0", "a") == "yes"
    assert len(set(asked)) == 2


async def test_a_run_that_is_stopped_and_canceled_at_once_is_canceled() -> None:
    stopping = asyncio.Event()

    async def play(gate: Gate, _task: str, _state: Any) -> Played:
        try:
            await gate.end(LimitReached("seconds", 1))
        finally:
            stopping.set()
            await asyncio.Event().wait()  # it must be told twice

    running = asyncio.create_task(Driver(Limits()).drive("go", RunContext(), play))
    await stopping.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert running.cancelled()


async def test_nothing_of_a_run_stays_behind() -> None:
    async def play(gate: Gate, _task: str, _state: Any) -> Played:
        asyncio.get_running_loop().call_soon(lambda: playing.cancel())
        return await gate.ask(Question("Which colour?"), "a")

    before = asyncio.all_tasks()
    playing = asyncio.create_task(Driver(Limits()).drive("go", RunContext(), play))
    with pytest.raises(asyncio.CancelledError):
        await playing
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == before


def test_why_a_package_cannot_be_had_is_told_too() -> None:
    with pytest.raises(MissingExtra, match="pip install") as caught:
        package("hubbub_has_no_such_package", extra="ag2", feature="from_ag2")
    assert isinstance(caught.value.__cause__, ImportError)
