"""`hubbub tasks`: lists, one task with its log, cancel."""

from __future__ import annotations

import json
from pathlib import Path

from .conftest import Run, Start


async def test_tasks_are_listed_shown_and_canceled(
    start: Start, run: Run, agent_file: Path
) -> None:
    assert "No tasks" in (await run("tasks")).out
    waiting = json.loads((await run("send", "Echo-Bot", "later", "--json")).out)["task_id"]
    listed = json.loads((await run("tasks", "--agent", "echo bot", "--json")).out)
    assert [(task["id"], task["state"]) for task in listed["tasks"]] == [(waiting, "submitted")]
    assert (await run("tasks", "cancel", waiting)).out == f"Task {waiting} is canceled\n"

    serving = await start("run", f"{agent_file}:echo", HUBBUB_MAX_ATTEMPTS="1")
    await serving.until("as Echo-Bot")
    await run("send", "Echo-Bot", "work", "--follow")
    failed = await run("send", "Echo-Bot", "fail", "--follow", "--json")
    assert failed.code == 1

    table = (await run("tasks")).out
    assert "completed" in table
    assert "canceled" in table
    assert "ValueError: no way" in table
    only = json.loads((await run("tasks", "--state", "failed", "--state", "working", "--json")).out)
    (task,) = only["tasks"]
    shown = await run("tasks", "show", task["id"])
    assert "half way" in shown.out
    assert "ValueError: no way" in shown.out
    assert json.loads((await run("tasks", "show", task["id"], "--json")).out)["state"] == "failed"
    followed = await run("tasks", "show", task["id"], "--follow")
    assert followed.code == 1
    assert "half way" in followed.out

    first = json.loads((await run("tasks", "-n", "1", "--json")).out)
    rest = json.loads((await run("tasks", "--before", first["before"], "--json")).out)
    assert len(first["tasks"] + rest["tasks"]) == 3


async def test_what_cannot_be_found_is_said_in_a_sentence(run: Run, start: Start) -> None:
    for arguments in (("show", "no-such"), ("cancel", "no-such"), ("steer", "no-such", "x")):
        outcome = await run("tasks", *arguments)
        assert outcome.code == 1
        assert outcome.err.startswith("hubbub: There is no task 'no-such'")
    assert (await run("tasks", "--state", "asleep")).code == 2
    assert (await run("tasks", "--before", "soon")).err.startswith("hubbub: 'soon' is not")


async def test_times_can_be_given(run: Run) -> None:
    sent = await run("send", "Ant", "x", "--deliver-in", "5", "--timeout", "3")
    assert sent.code == 1
    assert "too late" in sent.err
    assert (await run("send", "Ant", "x", "--deliver-in", "5", "--json")).code == 0


async def test_a_task_is_steered(start: Start, run: Run, tmp_path: Path) -> None:
    target = tmp_path / "driver.py"
    target.write_text(
        "from hubbub import Agent, Task\n"
        "agent = Agent('Driver')\n"
        "@agent.agentic_run\n"
        "async def work(task: Task):\n"
        "    await task.ask_text('Go on?')\n"
        "    return await task.steering()\n"
    )
    waiting = json.loads((await run("send", "Driver", "drive", "--json")).out)["task_id"]
    steered = await run("tasks", "steer", waiting, "left", "--as", "Ada")
    assert steered.out.startswith(f"Sent to task {waiting}")
    serving = await start("run", f"{target}:agent")
    await serving.until("as Driver")
    sent = json.loads((await run("tasks", "steer", waiting, "right", "--json")).out)
    assert sent["task_id"] == waiting
    assert sent["id"]
    assert (await run("tasks", "steer", waiting, "")).err.startswith("hubbub: a note needs a text")
    while (await run("tasks", "answer", waiting, "yes")).code:
        pass
    followed = await run("tasks", "show", waiting, "--follow")
    assert "left" in followed.out
    assert "Ada steered: left" in followed.out
    ended = json.loads((await run("tasks", "show", waiting, "--json")).out)
    assert ended["result"] == ["left", "right"]
    late = await run("tasks", "steer", waiting, "stop")
    assert late.code == 1
    assert "is completed and hears nothing any more" in late.err
