"""Workflows that break at a chosen write, each in a process of its own; see `breaker`.

What a step does is a line in the file of its run, in the folder `FLOW_FOLDER`. Names that begin
with `Long` are the workflow of twenty steps, the others one of three questions.
"""

from __future__ import annotations

import asyncio
import functools
import os
from pathlib import Path
from typing import Any

import breaker

import hubbub
from hubbub import Task, Workflows

PARTNER = "Partner"
FOLDER = Path(os.environ.get("FLOW_FOLDER", "."))


def do(task: Task, number: int) -> int:
    """Leave a trace that outlives the process, and return something."""
    line = f"{number} {task.step_key} {os.getpid()}\n".encode()
    file = os.open(FOLDER / task.id, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    try:
        os.write(file, line)
    finally:
        os.close(file)
    return number * number


async def long(task: Task, mark: str) -> Any:
    """Twenty steps, and all else that a workflow does."""

    async def step(number: int) -> int:
        return await task.step(do, task, number, name=f"step {number}")

    async def beside(number: int) -> int:
        with task.branch(f"branch {number}"):
            return await step(number)

    found = [await step(number) for number in range(1, 6)]
    await task.say(f"{mark}: five are done")
    who = await task.ask_text("Who are you?")
    async with asyncio.TaskGroup() as group:
        begun = [group.create_task(beside(number)) for number in range(6, 9)]
    found += [one.result() for one in begun]
    async with task.say_stream() as out:
        await out.write(f"{mark}: eight ")
        await out.write("are done")
    reply = await task.request_from_agent(PARTNER, f"request of {mark}")
    found += [await step(number) for number in range(9, 13)]
    await task.sleep(1.1)
    child = await task.send_direct_message(PARTNER, f"child of {mark}")
    result = await child.result()
    leave = await task.approve("mail", {"to": who})
    found += [await step(number) for number in range(13, 21)]
    which = await task.ask_choice("Which?", ["this", "that"])
    await task.say(f"{mark}: all is done")
    return [who, found, reply.content, result, leave.arguments, which]


async def short(task: Task, mark: str) -> Any:
    """Three questions, with a step and a text behind each."""
    answers = list[str]()
    for number in range(3):
        answers.append(await task.ask_text(f"{mark} {number}"))
        await task.step(do, task, number)
        await task.say(f"{mark} {number}")
    return answers


async def serve(name: str) -> None:
    workflows = Workflows()
    workflows.register(name=name)(long if name.startswith("Long") else short)
    async with hubbub.connect() as mesh, mesh.serve(*workflows):
        breaker.tell("serving", pid=os.getpid(), name=name)
        await asyncio.Event().wait()


if __name__ == "__main__":
    breaker.main(functools.partial(breaker.start, serve=serve))
