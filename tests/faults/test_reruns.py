"""A process that takes over the record of another task dies at any write: nobody can tell."""

from __future__ import annotations

from collections import Counter
from typing import Any

import msgspec
import pytest

import hubbub
from hubbub import Agent, NATSConfig, Task, TaskHandle
from hubbub.testing import ServerProcess, crash_everywhere
from hubbub.wire.reruns import RERUN, Rerun


async def test_a_crash_at_any_event_of_a_task_that_is_run_again_makes_no_difference(
    own_server: ServerProcess,
) -> None:
    done, is_broken = Counter[str](), [True]
    worker, helper = Agent("Worker"), Agent("Helper")

    @helper.agentic_run
    async def help_out(task: Task) -> str:  # pyright: ignore[reportUnusedFunction]
        done[f"help {task.content}"] += 1
        return "helped"

    @worker.agentic_run
    async def work(task: Task) -> Any:  # pyright: ignore[reportUnusedFunction]
        async def act(number: int) -> int:
            done[f"step {number}"] += 1
            return number

        found = [await task.step(act, number, name=f"act {number}") for number in range(3)]
        handle = await task.send_direct_message("Helper", "before")
        await task.say("before")
        person = await task.ask_text("Who?")
        if is_broken[0]:
            raise hubbub.Reject("the code is broken")
        found += [await task.step(act, number, name=f"act {number}") for number in range(3, 5)]
        await task.send_direct_message("Clerk", "after")
        await task.say("after")
        return [found, person, handle.task_id]

    config = NATSConfig(nats_url=own_server.url)
    async with hubbub.connect(config=config) as mesh, mesh.serve(worker, helper):
        source = await mesh.send_direct_message("Worker", "go")
        await _until_parked(source)
        await source.answer("Ada")
        with pytest.raises(hubbub.TaskFailed, match="the code is broken"):
            await source.result(timeout=20)
        log = await source.stored_log()
    is_broken[0] = False
    rerun = Rerun(task_id=source.task_id, after=log[-1][0])
    report = await crash_everywhere(
        worker,
        "go",
        metadata={RERUN: msgspec.to_builtins(rerun)},
        effects=lambda: {name: count for name, count in done.items() if name.startswith("step ")},
        alongside=[helper],
        config=config,
    )
    where = [str(crash) for crash in report.crashes]
    for place in ("before step", "after step no. 3", "before answered", "after taken_over"):
        assert f"died {place}" in where
    # A step may be cut off between its effect and its record: that one, and no other.
    for crash in report.differences:
        assert str(crash) in ("died before step no. 4", "died before step no. 5"), str(report)
        assert {one.about for one in crash.differences} == {"effect"}
    result: Any = msgspec.json.decode(report.undisturbed.result)
    assert result[:2] == [[0, 1, 2, 3, 4], "Ada"]
    assert report.undisturbed.messages == {'to Clerk: "after"': 1}
    assert {name: done[name] for name in ("step 0", "step 1", "step 2")} == dict.fromkeys(
        ("step 0", "step 1", "step 2"), 1
    )
    assert done["help before"] == 1


async def _until_parked(handle: TaskHandle) -> None:
    async for event in handle.events():
        if event.kind == "parked":
            return
