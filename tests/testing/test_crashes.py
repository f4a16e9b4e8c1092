"""A task whose process dies at every step: who can tell, and who cannot."""

from __future__ import annotations

import asyncio
import logging
import secrets
import threading
import time
from collections import Counter
from typing import Any

import pytest

import hubbub
from hubbub import (
    Agent,
    NATSAgentMixin,
    NATSConfig,
    QuestionTimeout,
    Reject,
    Retry,
    Task,
    Workflows,
)
from hubbub.mesh.transport.streams import ensure_streams
from hubbub.testing import CrashReport, ServerProcess, crash_everywhere


def where(report: CrashReport) -> list[str]:
    return [str(crash) for crash in report.crashes]


async def test_who_does_everything_once_is_not_told_from_one_that_never_died() -> None:
    agent, paid = Agent("Payer"), dict[str, str]()

    @agent.agentic_run
    async def work(task: Task) -> dict[str, str]:  # pyright: ignore[reportUnusedFunction]
        paid.setdefault(task.id, task.content)
        await task.send_direct_message("Clerk", f"paid for {task.id}")
        await task.handoff_to_agent("Boss", {"look": task.id})
        return {"paid": task.id}

    began = time.monotonic()
    report = await crash_everywhere(agent, "Invoice 7", effects=lambda: {"paid": len(paid)})
    report.assert_same()
    assert time.monotonic() - began < 20
    assert where(report) == [
        "died before claimed",
        "died after claimed",
        "died before sent",
        "died after sent",
        "died after message to clerk",
        "died before sent no. 2",
        "died after sent no. 2",
        "died after message to boss",
        "died before completed",
        "died after completed",
        "died after completion to crash_test",
    ]
    assert str(report) == "11 crashes made no difference"
    outcome = report.undisturbed
    assert (outcome.state, outcome.result) == ("completed", '{"paid":"<task id>"}')
    assert outcome.messages == {
        'to Clerk: "paid for <task id>"': 1,
        'handoff to Boss: {"look":"<task id>"}': 1,
    }
    assert outcome.completions == {"to Crash-Test that it is completed": 1}
    assert outcome.effects == {"paid": 1}


async def test_what_others_wrote_that_nobody_can_read_is_passed_over(
    own_server: ServerProcess,
) -> None:
    agent = Agent("Worker")

    @agent.agentic_run
    async def work(task: Task) -> str:  # pyright: ignore[reportUnusedFunction]
        return task.content

    config = NATSConfig(nats_url=own_server.url)
    async with hubbub.connect(config=config) as mesh:
        await ensure_streams(mesh.connection)
        await mesh.connection.store("agents.all", b"")
    report = await crash_everywhere(agent, "x", config=config)
    report.assert_same()


async def test_what_is_done_again_is_counted() -> None:
    agent, mails = Agent("Mailer"), list[str]()

    @agent.agentic_run
    async def work(task: Task) -> str:  # pyright: ignore[reportUnusedFunction]
        await task.say("working on it")
        mails.append(task.content)
        return "sent"

    report = await crash_everywhere(agent, "Hello", effects=lambda: {"mails": len(mails)})
    found = {str(c): [str(d) for d in c.differences] for c in report.differences}
    assert found == {"died before completed": ["effect mails: twice instead of once"]}
    with pytest.raises(AssertionError, match=r"1 of 7 crashes made a difference") as error:
        report.assert_same()
    assert "  died before completed\n    effect mails" in str(error.value)


async def test_what_is_made_up_anew_each_time_is_a_difference() -> None:
    agent = Agent("Dice")

    @agent.agentic_run
    async def work(task: Task) -> str:  # pyright: ignore[reportUnusedFunction]
        await task.send_direct_message("Clerk", secrets.token_hex(8))
        return "sent"

    report = await crash_everywhere(agent, "Roll")
    assert len(report.differences) == len(report.crashes)
    for crash in report.crashes:
        assert {one.about for one in crash.differences} == {"message"}
        assert sum(crash.outcome.messages.values()) == 1


async def test_a_task_that_is_retried_and_one_that_fails() -> None:
    agent = Agent("Stumbler")

    @agent.agentic_run
    async def work(task: Task) -> str:  # pyright: ignore[reportUnusedFunction]
        if task.content == "never":
            raise ValueError("it cannot be done")
        if task.content == "rejected":
            raise Reject("not mine")
        if task.attempt == 1:
            raise Retry("the shop is closed", after=3_600)
        return "done"

    config, began = NATSConfig(max_attempts=2), time.monotonic()
    report = await crash_everywhere(agent, "again", config=config)
    report.assert_same()
    assert {"died before retrying", "died after retrying", "died after claimed no. 2"} <= set(
        where(report)
    )
    report = await crash_everywhere(agent, "never", config=config)
    report.assert_same()
    assert report.undisturbed.state == "failed"
    assert report.undisturbed.dead_letters == 1
    assert where(report)[-3:] == [
        "died after failed",
        "died after dead letter",
        "died after completion to crash_test",
    ]
    report = await crash_everywhere(agent, "rejected", config=config)
    report.assert_same()
    assert report.undisturbed.state == "rejected"
    assert time.monotonic() - began < 60


async def test_the_dead_say_nothing_whatever_they_catch() -> None:
    agent = Agent("Zombie")

    @agent.agentic_run
    async def work(task: Task) -> str:  # pyright: ignore[reportUnusedFunction]
        for _ in range(3):
            try:
                await task.send_direct_message("Clerk", "once")
                break
            except BaseException:  # noqa: BLE001 - that is the point
                continue
        try:
            await task.say("I live")
        except BaseException:  # noqa: BLE001
            await task.send_direct_message("Clerk", "from the grave")
        return "done"

    report = await crash_everywhere(agent, "Brains", may_repeat={"said"})
    report.assert_same()
    assert report.undisturbed.messages == {'to Clerk: "once"': 1}


async def test_a_thread_goes_on_and_is_not_heard() -> None:
    agent, finished = Agent("Threaded"), threading.Semaphore(0)

    @agent.agentic_run
    def work(task: Task) -> str:  # pyright: ignore[reportUnusedFunction]
        try:
            task.blocking.send_direct_message("Clerk", "first")
        finally:
            try:
                task.blocking.send_direct_message("Clerk", "last")
            finally:
                finished.release()
        return "done"

    report = await crash_everywhere(agent, "Go")
    report.assert_same()
    assert report.undisturbed.messages == {'to Clerk: "first"': 1, 'to Clerk: "last"': 1}
    assert finished.acquire(blocking=False)


async def test_an_agent_for_every_process_and_others_that_do_not_die() -> None:
    helper = Agent("Helper")

    @helper.run
    async def help_out(text: str) -> str:  # pyright: ignore[reportUnusedFunction]
        return text.upper()

    class Caller(NATSAgentMixin):
        def __init__(self) -> None:
            super().__init__()
            self.name = "Caller"
            self.calls = 0

        async def agentic_run(self, task: Task) -> str:
            self.calls += 1
            answer = await task.request_from_agent("Helper", task.content, timeout=5)
            return f"{answer.text} {self.calls}"

    report = await crash_everywhere(Caller, "hello", alongside=[helper])
    report.assert_same()
    assert report.undisturbed.result == '"HELLO 1"'
    kept = await crash_everywhere(Caller(), "hello", alongside=[helper])
    assert {one.about for crash in kept.differences for one in crash.differences} == {"result"}


async def test_a_step_that_is_not_taken_again_is_told() -> None:
    agent, runs = Agent("Moody"), list[str]()

    @agent.agentic_run
    async def work(task: Task) -> str:  # pyright: ignore[reportUnusedFunction]
        runs.append(task.id)
        if len(runs) == 1:
            await task.say("only the first time")
        return "done"

    report = await crash_everywhere(agent, "Go")
    before = next(crash for crash in report.crashes if str(crash) == "died before said")
    assert [str(one) for one in before.differences] == [
        "crash: none, for it was not written instead of at said no. 1",
        'event said {"text":"only the first time"}: never instead of once',
    ]


async def test_a_run_that_does_not_end_is_given_up(caplog: pytest.LogCaptureFixture) -> None:
    agent, alone = Agent("Sleeper"), asyncio.Event()

    @agent.agentic_run
    async def work(task: Task) -> str:  # pyright: ignore[reportUnusedFunction]
        await task.say("hm")
        if task.attempt > 1:
            await alone.wait()
        return "done"

    report = await crash_everywhere(agent, "Go", timeout=0.3)
    assert {one.about for crash in report.differences for one in crash.differences} >= {"state"}
    assert not [r for r in caplog.records if r.name == "asyncio" and r.levelno >= logging.ERROR]


@pytest.mark.parametrize("layout", ["open", "secured"])
async def test_on_a_server_of_the_tests(own_server: ServerProcess, layout: str) -> None:
    agent = Agent("Guest")

    @agent.agentic_run
    async def work(task: Task) -> str:  # pyright: ignore[reportUnusedFunction]
        await task.broadcast_message("I am here")
        await task.send_direct_message("Clerk", "once")
        return "done"

    config = NATSConfig(nats_url=own_server.url, layout=layout)  # pyright: ignore[reportArgumentType]
    report = await crash_everywhere(agent, "Go", config=config)
    assert report.undisturbed.messages['to everybody: "I am here"'] == 1
    assert report.undisturbed.messages['to Clerk: "once"'] == 1
    # Nobody can tell a broadcast that is repeated.
    assert {one.what for crash in report.differences for one in crash.differences} == {
        'to everybody: "I am here"'
    }


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_a_workflow_goes_on_over_all_its_rests() -> None:
    workflows, helpers, done = Workflows(), Workflows(), Counter[str]()

    @helpers.register(name="Helper")
    async def help_out(task: Task) -> str:  # pyright: ignore[reportUnusedFunction]
        # Whoever sent it rests first: whether that is so is no matter of time.
        has_sent = False
        async for event in task.task("Long", task.content).events():
            has_sent = has_sent or event.kind == "sent"
            if has_sent and event.kind == "waiting":
                break
        return "helped"

    @workflows.register(name="Long")
    async def work(task: Task) -> Any:  # pyright: ignore[reportUnusedFunction]
        def book(what: str) -> str:
            done[what] += 1
            return what

        first = await task.step(book, "first")
        who = await task.ask_text("Who?", timeout=3_600)
        await task.sleep(2 * 86_400)
        child = await task.send_direct_message("Helper", task.id)
        helped = await child.result()
        await task.say(f"{who} is served")
        try:
            await task.ask_text("Anybody?", timeout=60)
        except QuestionTimeout:
            await task.send_direct_message("Clerk", "nobody")
        return [first, who, helped, await task.step(book, "last"), child.task_id]

    report = await crash_everywhere(
        workflows["Long"],
        "",
        answers=lambda question: "Ada" if question.prompt == "Who?" else None,
        alongside=[*helpers],
        effects=lambda: done,
    )
    assert report.undisturbed.state == "completed"
    assert report.undisturbed.result == ('["first","Ada","helped","last","<task of Helper>"]')
    places = where(report)
    for place in (
        "before timer",
        "after parked",
        "before claimed no. 2",
        "after answered",
        "before waiting",
        "after woken",
        "after message to helper",
        "before child",
        "after timed_out",
        "before step no. 2",
        "after completion to crash_test",
    ):
        assert f"died {place}" in places, places
    # A step may be cut off between its effect and its record.
    found = {str(one): [*map(str, one.differences)] for one in report.differences}
    assert found == {
        "died before step": ["effect first: twice instead of once"],
        "died before step no. 2": ["effect last: twice instead of once"],
    }, str(report)


async def test_a_question_that_nobody_answers_is_the_end_of_a_run() -> None:
    workflows = Workflows()

    @workflows.register(name="Asking")
    async def work(task: Task) -> str:  # pyright: ignore[reportUnusedFunction]
        return await task.ask_text("Who?")

    report = await crash_everywhere(workflows["Asking"], "")
    report.assert_same()
    assert report.undisturbed.state == "input-required"
    assert where(report)[-1] == "died after parked"
