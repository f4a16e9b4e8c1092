"""Questions to people: what may be asked, what may be answered, and who was first."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import hubbub
from hubbub import (
    AlreadyAnswered,
    Approval,
    InvalidAnswer,
    NATSConfig,
    QuestionNotFound,
    QuestionTimeout,
    Task,
    TaskNotFound,
)
from hubbub.testing import clock
from hubbub.wire import agent_token
from hubbub.wire.inputs import answer_key

from .flows import Flow, answered, asked, at_rest, failure, logged
from .kit import PATIENCE, soon, stored, until


async def ask_everything(task: Task) -> list[Any]:
    text = await task.ask_text("Who are you?", suggestions=["Ada", "Bob"], secret=True)
    choice = await task.ask_choice("Red or blue?", ["red", "blue"])
    choices = await task.ask_choices("Which?", ["a", "b", "c"])
    decision = await task.approve("mail", {"to": text}, reason="they asked for it")
    return [text, choice, choices, decision.approved, decision.arguments, decision.comment]


async def test_every_kind_of_question_is_shown_and_answered(flow: Flow) -> None:
    async with flow.served(ask_everything):
        handle = await flow.start()
        (text,) = await asked(handle)
        assert (text.kind, text.prompt, text.secret) == ("text", "Who are you?", True)
        assert text.suggestions == ["Ada", "Bob"]
        assert text.asked_at
        assert not text.expires_at
        assert await answered(handle, "Grace") == text
        (choice,) = await asked(handle)
        assert (choice.kind, choice.choices) == ("choice", ["red", "blue"])
        await answered(handle, "blue")
        (choices,) = await asked(handle)
        assert (choices.kind, choices.choices) == ("choices", ["a", "b", "c"])
        await answered(handle, ["c", "a"])
        (approval,) = await asked(handle)
        assert (approval.kind, approval.tool) == ("approval", "mail")
        assert (approval.arguments, approval.reason) == ({"to": "Grace"}, "they asked for it")
        await answered(handle, {"decision": "approve"})
        result = await handle.result(timeout=PATIENCE)
    # In the order in which they were offered.
    assert result == ["Grace", "blue", ["a", "c"], True, {"to": "Grace"}, ""]
    events = await logged(handle, "answered")
    assert [event.data["by"] for event in events] == ["Ada"] * 4
    assert [event.data["id"] for event in events] == [text.id, choice.id, choices.id, approval.id]


@pytest.mark.parametrize(
    ("decision", "seen"),
    [
        ({"decision": "approve"}, Approval(True, {"to": "Ada"}, "")),
        (
            {"decision": "approve", "arguments": {"to": "Bob"}, "comment": "he is in charge"},
            Approval(True, {"to": "Bob"}, "he is in charge"),
        ),
        ({"decision": "approve", "arguments": {}}, Approval(True, {}, "")),
        (
            {"decision": "reject", "comment": "not today", "arguments": None},
            Approval(False, {"to": "Ada"}, "not today"),
        ),
    ],
)
async def test_a_decision_may_change_the_arguments(
    flow: Flow, decision: dict[str, Any], seen: Approval
) -> None:
    found = list[Approval]()

    async def work(task: Task) -> bool:
        found.append(await task.approve("mail", {"to": "Ada"}))
        return bool(found[0])

    async with flow.served(work):
        handle = await flow.start()
        await asked(handle)
        await handle.answer(decision)
        assert await handle.result(timeout=PATIENCE) == seen.approved
    assert found == [seen]


# What is not taken in yet


async def test_an_answer_that_nobody_has_taken_in_is_shown_with_who_gave_it(flow: Flow) -> None:
    async def work(task: Task) -> Any:
        async def beside() -> str:
            with task.branch("beside"):
                return await task.ask_text("Why?")

        return await asyncio.gather(task.ask_text("Who?"), beside())

    async with flow.served(work):
        handle = await flow.start()
        questions = await asked(handle, 2)
        assert await shown(flow, handle) == ["", [("", False), ("", False)]]
    # Only a person can go on with it, and nobody is missing.
    assert await shown(flow, handle) == ["", [("", False), ("", False)]]
    await handle.answer("Ada", questions[0].id, by="ada")
    nobody = f"nobody serves {flow.name}"
    assert await shown(flow, handle) == [nobody, [("ada", True), ("", False)]]
    async with flow.served(work):
        await asked(handle)
        assert await shown(flow, handle) == ["", [("", False)]]
        await handle.answer("why not")
        assert await handle.result(timeout=PATIENCE) == ["Ada", "why not"]


async def shown(flow: Flow, handle: hubbub.TaskHandle) -> list[Any]:
    """What holds a task up, and by whom its questions are answered, alone and in a list."""
    alone = await flow.mesh.find_task(handle.task_id)
    (listed,) = (await flow.mesh.tasks(flow.name)).tasks
    assert (listed.questions, listed.held_up) == (alone.questions, alone.held_up)
    answers = [(one.answered_by, bool(one.answered_at)) for one in alone.questions]
    return [alone.held_up, answers]


async def test_what_only_looks_like_an_answer_is_shown_as_none(flow: Flow) -> None:
    async def work(task: Task) -> str:
        return await task.ask_text("Who?")

    async with flow.served(work):
        handle = await flow.start()
        (question,) = await asked(handle)
    connection = flow.mesh.connection
    token = agent_token(flow.name)
    subject = connection.layout.input(token, handle.task_id, answer_key(question.id))
    await connection.store(subject, b"scribble")
    assert await shown(flow, handle) == ["", [("", False)]]


# Who was first


async def test_the_first_answer_wins_and_the_second_is_told_who_and_when(
    flow: Flow, config: NATSConfig
) -> None:
    async def work(task: Task) -> Any:
        return [await task.ask_text("Who?"), await task.ask_text("And then?")]

    async with flow.served(work):
        handle = await flow.start()
        (question,) = await asked(handle)
    # Nobody serves it now: what decides is what is stored.
    await handle.answer("Ada", by="ada")
    async with hubbub.connect(config=config, name="Other") as other:
        for question_id in (None, question.id):
            with pytest.raises(AlreadyAnswered, match="answered by ada at") as caught:
                await other.answer_task(handle.task_id, "Bob", question_id, by="bob")
            assert (caught.value.question_id, caught.value.by) == (question.id, "ada")
            assert caught.value.at > question.asked_at
    async with flow.served(work):
        (second,) = await asked_again(flow, handle, question.id)
        assert second.prompt == "And then?"
        with pytest.raises(AlreadyAnswered, match="answered by ada at") as caught:
            await handle.answer("Bob", question.id, by="bob")
        await handle.answer("more", second.id)
        assert await handle.result(timeout=PATIENCE) == ["Ada", "more"]
        with pytest.raises(AlreadyAnswered, match="answered by ada at"):
            await handle.answer("Bob", question.id, by="bob")
        with pytest.raises(QuestionNotFound, match="is completed and asks nothing now"):
            await handle.answer("Bob")


async def asked_again(flow: Flow, handle: hubbub.TaskHandle, before: str) -> list[hubbub.Question]:
    """Wait until the run asks something else."""
    while True:
        questions = await soon(asked(handle))
        if questions[0].id != before:
            return questions


async def test_of_many_answers_at_once_one_wins(flow: Flow) -> None:
    async def work(task: Task) -> str:
        return await task.ask_text("Who?")

    async with flow.served(work):
        handle = await flow.start()
        await asked(handle)
        people = [f"person {number}" for number in range(20)]
        outcomes = await asyncio.gather(
            *(handle.answer(one, by=one) for one in people), return_exceptions=True
        )
        winners = [
            who
            for who, one in zip(people, outcomes, strict=True)
            if not isinstance(one, BaseException)
        ]
        assert len(winners) == 1
        assert await handle.result(timeout=PATIENCE) == winners[0]
    for outcome in outcomes:
        if isinstance(outcome, AlreadyAnswered):
            assert outcome.by == winners[0]
        elif isinstance(outcome, BaseException):
            assert isinstance(outcome, QuestionNotFound), outcome
    assert len(await logged(handle, "answered")) == 1


# What does not answer


@pytest.mark.parametrize(
    ("number", "answer", "reason"),
    [
        (0, ["Ada"], "it must be a text"),
        (0, None, "it must be a text"),
        (1, "green", "it must be one of: 'red', 'blue'"),
        (1, ["red"], "it must be one of"),
        (2, "a", "it must be a list of: 'a', 'b', 'c'"),
        (2, ["a", "d"], "it must be a list of"),
        (2, [["a"]], "it must be a list of"),
        (3, "approve", '"decision" is "approve" or "reject"'),
        (3, {"decision": "maybe"}, '"decision" is "approve" or "reject"'),
        (3, {"decision": "approve", "argument": {}}, "it has no field 'argument'"),
        (3, {"decision": "approve", "arguments": []}, '"arguments" must be an object'),
        (3, {"decision": "reject", "comment": 7}, '"comment" must be a text'),
    ],
)
async def test_what_is_no_answer_is_refused_with_what_would_be(
    flow: Flow, number: int, answer: Any, reason: str
) -> None:
    good: list[Any] = ["Ada", "red", ["a"], {"decision": "approve"}]
    async with flow.served(ask_everything):
        handle = await flow.start()
        for one in good[:number]:
            await asked(handle)
            await answered(handle, one)
        (question,) = await asked(handle)
        with pytest.raises(InvalidAnswer, match="This does not answer the question") as caught:
            await handle.answer(answer)
        assert reason in str(caught.value)
        assert caught.value.question_id == question.id
        await answered(handle, good[number])  # it does no harm
        await handle.cancel()


async def test_a_question_that_is_not_there_is_told_apart(flow: Flow) -> None:
    async def work(task: Task) -> Any:
        async with asyncio.TaskGroup() as group:
            one = group.create_task(task.ask_text("One?"))
            two = group.create_task(task.ask_text("Two?"))
        return [one.result(), two.result()]

    async with flow.served(work):
        handle = await flow.start()
        one, two = await asked(handle, 2)
        with pytest.raises(QuestionNotFound, match="2 open questions; name one"):
            await handle.answer("which?")
        with pytest.raises(QuestionNotFound, match="it asks no such question") as caught:
            await handle.answer("which?", "nonsense")
        assert caught.value.question_id == "nonsense"
        await answered(handle, "second", two.id)
        (left,) = await asked(handle)
        assert left.id == one.id
        await handle.answer("first")
        assert await handle.result(timeout=PATIENCE) == ["first", "second"]
        with pytest.raises(QuestionNotFound, match="it is completed"):
            await handle.answer("which?", "nonsense")
    with pytest.raises(TaskNotFound):
        await flow.mesh.answer_task("nonsense", "which?")


@pytest.mark.parametrize("choices", [[], ["a", "a"]])
async def test_a_choice_needs_something_to_choose_from(flow: Flow, choices: list[str]) -> None:
    async def work(task: Task) -> str:
        return await task.ask_choice("Which?", choices)

    async with flow.served(work):
        assert "needs answers to choose from" in await failure(await flow.start())


async def test_a_request_cannot_ask(config: NATSConfig, flow: Flow) -> None:
    agent = hubbub.Agent(flow.name)

    @agent.run
    async def answer(task: Task) -> str:  # pyright: ignore[reportUnusedFunction]
        return await task.ask_text("Who?")

    async with flow.mesh.serve(agent):
        with pytest.raises(hubbub.RemoteError, match="send a direct message"):
            await flow.mesh.request_from_agent(flow.name, "ask me")


# In time


async def test_nobody_answers_in_time(flow: Flow) -> None:
    with clock() as now:

        async def work(task: Task) -> str:
            return await task.ask_text("Anybody?", timeout=3_600)

        async with flow.served(work):
            handle = await flow.start()
            (question,) = await asked(handle)
            assert question.expires_at > question.asked_at
            now.move(hours=1, seconds=1)
            assert "Nobody answered in time: Anybody?" in await failure(handle)
            with pytest.raises(QuestionNotFound, match="timed out"):
                await handle.answer("me", question.id)


async def test_an_answer_after_the_time_is_refused_also_if_nobody_works(flow: Flow) -> None:
    with clock() as now:

        async def work(task: Task) -> str:
            try:
                return await task.ask_text("Anybody?", timeout=3_600)
            except QuestionTimeout:
                return "nobody"

        async with flow.served(work):
            handle = await flow.start()
            (question,) = await asked(handle)
        now.move(hours=1, seconds=1)
        with pytest.raises(QuestionNotFound, match="timed out"):
            await handle.answer("me", question.id)
        async with flow.served(work):
            assert await handle.result(timeout=PATIENCE) == "nobody"


async def test_an_answer_in_time_ends_the_waiting(flow: Flow) -> None:
    with clock() as now:

        async def work(task: Task) -> Any:
            answer = await task.ask_text("Anybody?", timeout=3_600)
            await task.sleep(7_200)
            return answer

        async with flow.served(work):
            handle = await flow.start()
            await asked(handle)
            await answered(handle, "me")
            await at_rest(handle)
            now.move(hours=1, seconds=1)  # what would have ended the waiting comes, and is too late
            now.move(hours=1)
            assert await handle.result(timeout=PATIENCE) == "me"
    assert not await logged(handle, "timed_out")


async def test_the_time_of_an_answered_question_is_not_kept(flow: Flow) -> None:
    async def work(task: Task) -> Any:
        with_time = task.ask_text("Anybody?", timeout=86_400), task.ask_text("You?", timeout=86_400)
        return [*await asyncio.gather(*with_time), await task.ask_text("And you?")]

    agent = agent_token(flow.name)

    async def times(task_id: str) -> int:
        told = await stored(flow.mesh, "WAKE", f"tasks.{agent}.{task_id}.in.*")
        return sum(".in.at-" in one.subject for one in told)

    async with flow.served(work):
        handle = await flow.start()
        first, second = await asked(handle, 2)
        assert await times(handle.task_id) == 2
        await answered(handle, "me", first.id)
        assert [one.id for one in await asked(handle)] == [second.id]
        assert await times(handle.task_id) == 1
        await answered(handle, "me, too", second.id)
        (third,) = await asked(handle)
        assert third.prompt == "And you?"
        assert await times(handle.task_id) == 0

        async def holds_nothing() -> bool:
            held = await flow.mesh.connection.api(f"CONSUMER.INFO.WAKE.{agent}")
            return held["num_ack_pending"] == held["num_pending"] == 0

        await until(holds_nothing)
        await answered(handle, "no")
        assert await handle.result(timeout=PATIENCE) == ["me", "me, too", "no"]


@pytest.mark.parametrize("timeout", [-1.0, float("inf"), float("nan")])
async def test_no_time_to_answer_in_is_refused(flow: Flow, timeout: float) -> None:
    async def work(task: Task) -> str:
        return await task.ask_text("Who?", timeout=timeout)

    async with flow.served(work):
        assert "it must be a number of seconds" in await failure(await flow.start())


# Where they are listed


async def test_open_questions_are_listed_with_their_tasks(flow: Flow) -> None:
    async def work(task: Task) -> str:
        return await task.ask_text("Who?")

    async with flow.served(work):
        handle = await flow.start(owner="ada")
        other = await flow.start(owner="bob")
        (question,) = await asked(handle)
        await asked(other)
        page = await flow.mesh.tasks(agent=flow.name, owner="ada")
        (summary,) = page.tasks
        assert (summary.id, summary.owner, summary.state) == (
            handle.task_id,
            "ada",
            "input-required",
        )
        assert summary.questions == [question]
        found = await flow.mesh.find_task(handle.task_id)
        assert (found.questions, found.owner) == ([question], "ada")
        await handle.answer("me")
        await handle.result(timeout=PATIENCE)
        (summary,) = (await flow.mesh.tasks(agent=flow.name, owner="ada")).tasks
        assert (summary.state, summary.questions) == ("completed", [])
        assert len((await flow.mesh.tasks(agent=flow.name)).tasks) == 2
