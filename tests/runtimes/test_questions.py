"""Questions to people: answered inline, or parked and answered by whoever resumes the run."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hubbub.runtimes.calls import ask_person
from hubbub.runtimes.hosting import execute
from hubbub.runtimes.neutral import Question, RunContext, RunResult, current_run
from hubbub.runtimes.ooda import OODA

from .kit import TOOLS, Making, Watcher, run

ASK = '[[call ask_person {"question": "Which colour?"}]]'


def delete_file(path: str) -> str:
    """Delete a file."""
    return f"deleted {path}"


DELETE = '[[call delete_file {"path": "a.txt"}]]'


def after_round_trip(result: RunResult) -> Any:
    return json.loads(json.dumps(result.state))


async def test_a_question_is_answered_inline(make: Making, watcher: Watcher) -> None:
    async def answer(question: Question) -> str:
        return f"blue, since you ask {question.prompt!r}"

    result = await run(make(tools=[ask_person]), ASK, watcher, on_question=answer)
    assert result.output == "ok: blue, since you ask 'Which colour?'"
    assert watcher.of("question")[0]["prompt"] == "Which colour?"


async def test_a_question_parks_the_run_and_its_answer_resumes_it(
    make: Making, watcher: Watcher
) -> None:
    loop = make(tools=[ask_person])
    parked = await run(loop, ASK, watcher)
    assert watcher.kinds[-1] == "suspended"
    (question,) = parked.pending
    result = await run(loop, None, state=after_round_trip(parked), answers={question.id: "green"})
    assert result.output == "ok: green"


async def test_other_calls_of_the_step_are_not_repeated(make: Making) -> None:
    done: list[str] = []

    def note(what: str) -> str:
        """Note it."""
        done.append(what)
        return what

    loop = make(tools=[ask_person, note])
    parked = await run(loop, f'[[par]][[call note {{"what": "once"}}]]{ASK}')
    (question,) = parked.pending
    result = await run(loop, None, state=parked.state, answers={question.id: "red"})
    assert done == ["once"]
    assert "once" in result.output
    assert "red" in result.output


async def test_a_tool_may_ask_twice(make: Making) -> None:
    async def interview() -> str:
        """Ask two things."""
        first = await current_run().ask("First?")
        second = await current_run().ask(Question("Second?", "choice", choices=("a", "b")))
        return f"{first} {second}"

    loop = make(tools=[interview])
    parked = await run(loop, "[[call interview]]")
    answers = {parked.pending[0].id: "one"}
    parked = await run(loop, None, state=parked.state, answers=answers)
    assert parked.pending[0].choices == ("a", "b")
    answers[parked.pending[0].id] = "b"
    result = await run(loop, None, state=parked.state, answers=answers)
    assert result.output == "ok: one b"


async def test_an_unanswered_question_stays_open(make: Making) -> None:
    loop = make(tools=[ask_person])
    parked = await run(loop, ASK)
    again = await run(loop, None, state=parked.state)
    assert again.pending == parked.pending


@pytest.mark.parametrize("answer", ["yes", True, {"decision": "approve"}])
async def test_an_approved_call_is_made(make: Making, answer: object) -> None:
    loop = make(tools=[delete_file], approve=["delete_file"])
    parked = await run(loop, DELETE)
    (question,) = parked.pending
    assert (question.kind, question.tool) == ("approval", "delete_file")
    assert question.arguments == {"path": "a.txt"}
    result = await run(loop, None, state=parked.state, answers={question.id: answer})
    assert result.output == "ok: deleted a.txt"


async def test_an_approval_may_change_the_arguments(make: Making) -> None:
    async def change(_question: Question) -> dict[str, Any]:
        return {"decision": "approve", "arguments": {"path": "b.txt"}}

    loop = make(tools=[delete_file], approve=["delete_file"])
    result = await run(loop, DELETE, on_question=change)
    assert result.output == "ok: deleted b.txt"


async def test_a_refused_call_is_told_to_the_model(make: Making) -> None:
    async def refuse(_question: Question) -> dict[str, Any]:
        return {"decision": "reject", "comment": "too dangerous"}

    loop = make(tools=[delete_file], approve=["delete_file"])
    result = await run(loop, DELETE, on_question=refuse)
    assert result.output == "ok: A person refused this call. too dangerous"


async def test_a_new_task_closes_open_questions(make: Making) -> None:
    loop = make(tools=[ask_person])
    parked = await run(loop, ASK)
    result = await run(loop, "[[say something else]]", state=parked.state)
    assert result.output == "something else"


async def test_a_question_parks_the_ooda_loop_too(make: Making) -> None:
    loop = OODA(make(tools=[ask_person, *TOOLS]))
    parked = await execute(loop, ASK, RunContext())
    (question,) = parked.pending
    ctx = RunContext(state=after_round_trip(parked), answers={question.id: "green"})
    assert (await execute(loop, None, ctx)).output == "ok: green"
