"""`hubbub start` and `hubbub tasks answer`: runs that ask, and people who answer."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest

import hubbub
from hubbub import NATSConfig
from hubbub.runtimes.scripted import ScriptedModel

from .conftest import Run, Start
from .terminal import terminal

WORKFLOWS = """
from hubbub import Task, Workflows

workflows = Workflows()


@workflows.register(name="Lesson", description="Asks everything there is to ask")
async def lesson(task: Task, topic: str, rounds: int = 1, tags: list[str] = [], deep: bool = False):
    name = await task.ask_text("Who are you?", suggestions=["Ada", "Grace"])
    await task.ask_text("Password?", secret=True)
    level = await task.ask_choice("How deep?", ["school", "university"])
    days = await task.ask_choices("When?", ["Monday", "Tuesday", "Friday"])
    async with task.say_stream() as out:
        await out.write(f"{topic} for ")
        await out.write(name)
    mail = await task.approve("send_email", {"to": name, "copies": 1}, reason="To remember it")
    return {
        "topic": topic, "rounds": rounds, "tags": tags, "deep": deep, "level": level,
        "days": days, "mail": mail.arguments, "sent": mail.approved, "comment": mail.comment,
    }


@workflows.register(name="One-Question")
async def one_question(task: Task):
    return await task.ask_choice("Now?", ["yes", "no"], name="now")
"""

LEARNING_CHAT = Path(__file__).parents[2] / "examples/learning_chat"
_FOLLOW = ("tasks", "show", "--follow", "--json")


@pytest.fixture
async def lessons(start: Start, tmp_path: Path) -> None:
    """Serve the workflows; a module alone names all that is in it."""
    file = tmp_path / "lessons.py"
    file.write_text(WORKFLOWS)
    serving = await start("run", str(file))
    await serving.until("as Lesson")
    await serving.until("as One-Question")


async def test_a_person_is_asked_at_the_prompt(
    lessons: None, environment: dict[str, str], run: Run
) -> None:
    given = ("tags=a", "tags=b", "rounds=3", "deep=yes", "--as", "ada")
    async with terminal(environment, "start", "lesson", *given) as screen:
        await screen.answer("topic (string): ", "fractions")
        await screen.until("Started Lesson: task ")
        await screen.until("? Who are you?\n  for example: Ada, Grace\n")
        await screen.answer("> ", "Grace")
        await screen.answer("? Password?\n> ", "s3cret")
        await screen.answer("2. university\nNumber: ", "3")
        await screen.until("Please type one number")
        await screen.answer("Number: ", "2")
        await screen.answer("Numbers, with commas: ", "3, monday")
        await screen.until("fractions for Grace\n")
        await screen.until('why: To remember it\n  {\n    "to": "Grace"')
        await screen.answer("[e]dit: ", "e")
        await screen.answer("(empty leaves them): ", "no JSON")
        await screen.answer("(empty leaves them): ", '{"to": "Grace", "copies": 2}')
        await screen.until('-  "copies": 1')
        await screen.until('+  "copies": 2')
        await screen.answer("[e]dit: ", "y")
        assert await screen.end() == 0
    assert "s3cret" not in screen.seen
    assert screen.seen.count("fractions for Grace") == 1
    result = json.loads(screen.seen.splitlines()[-1])
    assert result == {
        "topic": "fractions",
        "rounds": 3,
        "tags": ["a", "b"],
        "deep": True,
        "level": "university",
        "days": ["Monday", "Friday"],
        "mail": {"to": "Grace", "copies": 2},
        "sent": True,
        "comment": "",
    }
    (task,) = json.loads((await run("tasks", "--json")).out)["tasks"]
    assert task["owner"] == "ada"
    shown = (await run("tasks", "show", task["id"])).out
    assert "s3cret" not in shown
    assert "ada answered: university" in shown
    assert 'approved with {"to":"Grace","copies":2}' in shown


async def test_whoever_is_first_answers_and_the_prompt_is_told(
    lessons: None, environment: dict[str, str], run: Run
) -> None:
    async with terminal(environment, "start", "one-question") as screen:
        await screen.until("Number: ")
        (task,) = json.loads((await run("tasks", "--json")).out)["tasks"]
        given = await run("tasks", "answer", task["id"], "1", "--as", "grace")
        assert given.out == "Answered: Now?\n"
        await screen.until("grace answered: yes\nyes\n")
        assert await screen.end() == 0
    log = [json.loads(line) for line in (await run(*_FOLLOW, task["id"])).out.splitlines()]
    (question,) = [event["id"] for event in log if event["kind"] == "answered"]
    late = await run("tasks", "answer", task["id"], "no", "--question", question)
    assert late.code == 1
    assert late.err.startswith("hubbub: This question was answered by grace at ")


async def test_the_run_goes_on_after_ctrl_c(
    lessons: None, environment: dict[str, str], run: Run
) -> None:
    async with terminal(environment, "start", "one-question") as screen:
        await screen.until("Number: ")
        screen.press("\x03")
        await screen.until("The run goes on: hubbub tasks show ")
        assert await screen.end() == 130
    (task,) = json.loads((await run("tasks", "--json")).out)["tasks"]
    assert (await run("tasks", "show", task["id"])).out.endswith(
        f"? Now?\n  1. yes\n  2. no\n  answer with: hubbub tasks answer {task['id']} CHOICE\n"
    )
    async with terminal(environment, "tasks", "answer", task["id"]) as screen:
        await screen.answer("Number: ", "no")
        assert await screen.end() == 0
    followed = await run("tasks", "show", task["id"], "--follow")
    assert followed.out.endswith("no\n")


async def test_an_answer_that_nobody_takes_in_is_told_with_the_reason(
    start: Start, run: Run, tmp_path: Path
) -> None:
    file = tmp_path / "lessons.py"
    file.write_text(WORKFLOWS)
    serving = await start("run", f"{file}:workflows")
    await serving.until("as One-Question")
    begun = await start("start", "one-question", "--json")
    seen = await begun.until('"asked"')
    task_id = json.loads(seen.splitlines()[-1])["task_id"]
    assert (await run("tasks", "show", task_id)).out.count("CHOICE") == 1
    await begun.until('"parked"')
    await serving.end()
    assert (await run("tasks", "answer", task_id, "yes", "--as", "ada")).code == 0
    told = "answered by ada, not taken in yet: nobody serves One-Question"
    shown = (await run("tasks", "show", task_id)).out
    assert shown.endswith(f"? Now?\n  1. yes\n  2. no\n  {told}\n")
    assert "held up   nobody serves One-Question\n" in shown
    assert told in (await run("tasks", COLUMNS="250")).out
    (task,) = json.loads((await run("tasks", "--json")).out)["tasks"]
    assert task["questions"][0]["answered_by"] == "ada"
    serving = await start("run", f"{file}:workflows")
    await begun.until('"result":"yes"')


async def test_a_task_is_run_again_from_a_place_in_its_log(
    lessons: None, start: Start, run: Run
) -> None:
    begun = await start("start", "lesson", "topic=rivers", "--json")
    await begun.until('"asked"')
    (task,) = json.loads((await run("tasks", "--json")).out)["tasks"]
    await run("tasks", "answer", task["id"], "Ada")
    await begun.until("Password?")
    await begun.until('"parked"')
    log = (await run("tasks", "show", task["id"], "--log")).out.splitlines()
    assert [line.split()[1] for line in log][:3] == ["claimed", "asked", "parked"]
    (answer,) = [line.split() for line in log if "answered" in line]
    assert answer[2] == "ask_text#1"

    again = json.loads((await run("tasks", "rerun", task["id"], "--json")).out)
    assert (again["agent"], again["rerun_of"]) == ("Lesson", task["id"])
    follow = await start("tasks", "show", again["task_id"], "--follow")
    await follow.until("Password?")
    told = await run("tasks", "rerun", task["id"], "--after", answer[0])
    assert told.out.startswith("Lesson goes on with it as task ")
    refused = await run("tasks", "rerun", task["id"], "--after", "99999")
    assert refused.code == 1
    assert "its log has no event 99999" in refused.err
    assert f"hubbub tasks show {task['id']} --log" in refused.err
    assert (await run("tasks", "rerun", task["id"], "--after", "-1")).code == 2
    assert (await run("tasks", "rerun", "nope")).code == 1


async def test_ctrl_d_leaves_the_question_to_others(
    lessons: None, environment: dict[str, str], run: Run
) -> None:
    async with terminal(environment, "start", "one-question") as screen:
        await screen.until("Number: ")
        screen.press("\x04")
        await screen.until("Left for others: hubbub tasks answer ")
        task_id = screen.seen.rpartition("tasks answer ")[2].split()[0]
        assert (await run("tasks", "answer", task_id, "yes", "--as", "grace")).code == 0
        await screen.until("grace answered: yes")
        assert await screen.end() == 0


async def test_without_a_terminal_others_answer(lessons: None, start: Start, run: Run) -> None:
    started = await start("start", "lesson", "topic=rivers")
    await started.until("answer with: hubbub tasks answer")
    (task,) = json.loads((await run("tasks", "--json")).out)["tasks"]
    task_id = task["id"]
    assert (await run("tasks", "answer", task_id)).code == 2
    assert (await run("tasks", "answer", task_id, "Ada")).code == 0
    await started.until("asks: Password?")
    assert (await run("tasks", "answer", task_id, "s3cret")).code == 0
    await started.until("asks: How deep?")
    wrong = await run("tasks", "answer", task_id, "kindergarten")
    assert (wrong.code, wrong.out) == (1, "")
    assert "it must be one of: 'school', 'university'" in wrong.err
    assert (await run("tasks", "answer", task_id, "school")).code == 0
    await started.until("asks: When?")
    assert (await run("tasks", "answer", task_id, "1,3")).code == 0
    await started.until("asks: May send_email be used?")
    assert (await run("tasks", "answer", task_id, "--comment", "x")).code == 2
    assert (await run("tasks", "answer", task_id, "--approve", "--arguments", "[]")).code == 2
    no = await run("tasks", "answer", task_id, "--reject", "--comment", "Not today", "--json")
    assert json.loads(no.out)["task_id"] == task_id
    seen = await started.until("rejected (Not today)")
    assert "s3cret" not in seen
    assert await started.process.wait() == 0


async def test_json_tells_every_event(lessons: None, start: Start, run: Run) -> None:
    started = await start("start", "one-question", "--json")
    seen = await started.until('"asked"')
    event: dict[str, Any] = json.loads(seen.splitlines()[-1])
    assert event["question"]["choices"] == ["yes", "no"]
    question = event["question"]["id"]
    await run("tasks", "answer", event["task_id"], "yes", "--question", question)
    await started.until('"result":"yes"')
    assert await started.process.wait() == 0


async def test_arguments_are_changed_in_an_editor(
    lessons: None, environment: dict[str, str], tmp_path: Path
) -> None:
    editor = tmp_path / "editor"
    editor.write_text("#!/bin/sh\nsed -i 's/Ada/Grace/' \"$1\"\n")
    editor.chmod(editor.stat().st_mode | stat.S_IXUSR)
    async with terminal(environment, "start", "lesson", "topic=x", VISUAL=str(editor)) as screen:
        await screen.answer("> ", "Ada")
        await screen.answer("> ", "")
        await screen.answer("Number: ", "1")
        await screen.answer("commas: ", "")
        await screen.answer("[e]dit: ", "e")
        await screen.until('+  "to": "Grace"')
        await screen.answer("[e]dit: ", "n")
        await screen.answer("Why not? ", "Grace knows")
        assert await screen.end() == 0
    assert json.loads(screen.seen.splitlines()[-1])["comment"] == "Grace knows"


async def test_wrong_parameters_are_named(lessons: None, run: Run) -> None:
    for given, said in [
        (("topic=x", "rounds=two"), "rounds: 'two' is no whole number"),
        (("topic=x", "level=1"), "there is no such parameter, only topic, rounds, tags, deep"),
        (("topic",), "topic: it must look like name=value"),
        ((), "Lesson needs topic (string)"),
    ]:
        outcome = await run("start", "Lesson", *given)
        assert outcome.code == 2
        assert said in outcome.err
    nothing = await run("start", "One-Question", "a=b")
    assert (nothing.code, nothing.err.endswith("One-Question takes no parameters\n")) == (2, True)
    nobody = await run("start", "Nobody")
    assert nobody.code == 3


async def test_several_open_questions_are_told_apart(environment: dict[str, str], run: Run) -> None:
    workflows = hubbub.Workflows()

    @workflows.register(name="Twins")
    async def twins(task: hubbub.Task) -> str:  # pyright: ignore[reportUnusedFunction]
        import asyncio

        return " ".join(
            await asyncio.gather(
                task.ask_text("First?", name="first"), task.ask_text("Second?", name="second")
            )
        )

    config = NATSConfig(nats_url=environment["NATS_URL"])
    async with hubbub.connect(config=config) as mesh, mesh.serve(*workflows):
        handle = await mesh.send_direct_message("Twins", "")
        asked = list[str]()
        async for event in handle.events():
            asked += [event.data["question"]["id"]] if event.kind == "asked" else []
            if len(asked) == 2:
                break
        unnamed = await run("tasks", "answer", handle.task_id, "x")
        assert unnamed.code == 1
        assert "2 open questions" in unnamed.err
        assert f"--question {asked[1]}" in (await run("tasks", "show", handle.task_id)).out
        for question, text in zip(asked, ("a", "b"), strict=True):
            await run("tasks", "answer", handle.task_id, text, "--question", question)
        assert await handle.result(timeout=20) == "a b"
        async with terminal(environment, "start", "twins") as screen:
            await screen.answer("? First?\n> ", "c")
            await screen.answer("? Second?\n> ", "d")
            assert await screen.end() == 0
        assert screen.seen.endswith("c d\n")


FAMILY = """
from hubbub import Task, Workflows

workflows = Workflows()


@workflows.register(name="Grandchild")
async def grandchild(task: Task):
    return await task.ask_text("And why?")


@workflows.register(name="Child")
async def child(task: Task):
    colour = await task.ask_choice("Which colour?", ["red", "blue"])
    below = await task.send_direct_message("Grandchild", "")
    return f"{colour}, since {await below.result()}"


@workflows.register(name="Parent")
async def parent(task: Task, verb: str = "send_direct_message"):
    first = await getattr(task, verb)("Child", "")
    return f"It is {await first.result()}"
"""


@pytest.fixture
async def family(start: Start, tmp_path: Path) -> None:
    """Serve a workflow that starts another, which starts another; the two below ask."""
    file = tmp_path / "family.py"
    file.write_text(FAMILY)
    await (await start("run", str(file))).until("as Parent")


@pytest.mark.parametrize("verb", ["send_direct_message", "handoff_to_agent"])
async def test_what_tasks_below_ask_is_asked_at_the_prompt(
    family: None, environment: dict[str, str], verb: str
) -> None:
    async with terminal(environment, "start", "parent", f"verb={verb}") as screen:
        await screen.until("Child asks:\n? Which colour?\n")
        await screen.answer("Number: ", "2")
        await screen.until("Grandchild asks:\n? And why?\n")
        await screen.answer("> ", "it is calm")
        assert await screen.end() == 0
    assert screen.seen.endswith("It is blue, since it is calm\n")
    assert screen.seen.count("Which colour?") == 1


async def test_ctrl_d_leaves_what_tasks_below_ask_to_others(
    family: None, environment: dict[str, str], run: Run
) -> None:
    async with terminal(environment, "start", "parent") as screen:
        await screen.until("Number: ")
        screen.press("\x04")
        for answer, who in (("red", ""), ("why not", "Grandchild asks: And why?\n")):
            await screen.until(who)
            await screen.until("hubbub tasks answer ")
            await screen.until("\n")
            task_id = screen.seen.rpartition("tasks answer ")[2].split()[0]
            given = await run("tasks", "answer", task_id, answer, "--as", "grace")
            assert given.code == 0, given.err
            await screen.until("grace answered: ")
        assert await screen.end() == 0


async def test_without_a_terminal_it_is_told_who_asks(family: None, start: Start, run: Run) -> None:
    started = await start("start", "parent")
    for answer, asks in (("red", "Child asks: Which colour?"), ("x", "Grandchild asks: And why?")):
        await started.until(f"  {asks}\n")
        who = asks.partition(" ")[0].lower()
        (task_id,) = [
            task["id"]
            for task in json.loads((await run("tasks", "--agent", who, "--json")).out)["tasks"]
        ]
        await started.until(f"answer with: hubbub tasks answer {task_id} ")
        assert (await run("tasks", "answer", task_id, answer, "--as", "grace")).code == 0
        await started.until(f"grace answered: {answer}\n")
    await started.until("It is red, since x\n")
    assert await started.process.wait() == 0


async def test_what_a_model_writes_appears_once_though_the_run_rests_in_between(
    environment: dict[str, str], start: Start, run: Run
) -> None:
    async with ScriptedModel() as model:
        environment["OPENAI_BASE_URL"] = model.base_url
        serving = await start("run", str(LEARNING_CHAT / "own_agents.py"))
        await serving.until("as simple_learning")
        given = ("topic=fractions", "turns=2")
        async with terminal(environment, "start", "simple_learning", *given) as screen:
            for prompt, line in (("Number: ", "1"), ("> ", "")):
                await screen.until(prompt)
                # Until then it is not unwound, and would go on where it stands.
                await _at_rest(run)
                screen.press(line + "\n")
            assert await screen.end() == 0
    for text in ("Let us begin with the basics", "Is there a rule", "There is a rule"):
        assert screen.seen.count(text) == 1, screen.seen
    assert len(model.requests) == 3


async def _at_rest(run: Run) -> None:
    while not json.loads((await run("tasks", "--state", "input-required", "--json")).out)["tasks"]:
        continue


async def test_a_changed_workflow_is_tried_against_a_record(
    start: Start, run: Run, tmp_path: Path
) -> None:
    file = tmp_path / "lessons.py"
    file.write_text(WORKFLOWS)
    before = await start("run", str(file))
    await before.until("as One-Question")
    started = await run("start", "One-Question", "--detach", "--json")
    task_id = json.loads(started.out)["task_id"]
    await _at_rest(run)
    fits = await run("tasks", "replay", task_id)
    assert fits.code == 0, fits.err
    await before.end()
    file.write_text(WORKFLOWS.replace('"Now?"', '"And now?"'))
    after = await start("run", str(file))
    await after.until("as One-Question")
    departs = await run("tasks", "replay", task_id)
    assert departs.code == 1
    assert "recorded" in departs.out
    assert "And now?" in departs.out
    report = json.loads((await run("tasks", "replay", task_id, "--json")).out)
    assert (report["fits"], report["task_id"]) == (False, task_id)
    assert len(json.loads((await run("tasks", "--json")).out)["tasks"]) == 1


async def test_send_shows_questions_too(lessons: None, start: Start, run: Run) -> None:
    sent = await start("send", "One-Question", "go", "--follow")
    seen = await sent.until("answer with: hubbub tasks answer ")
    task_id = seen.rpartition("tasks answer ")[2].split()[0]
    await run("tasks", "answer", task_id, "yes")
    await sent.until("answered: yes")
    assert await sent.process.wait() == 0
