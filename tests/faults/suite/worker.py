"""A worker process of the suite: serves some agents, and writes down what it has done.

python -m faults.suite.worker JOURNAL AGENT...
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
import time
from pathlib import Path

import hubbub
from hubbub import Agent, Reject, Task

from .journal import Journal
from .plan import AGENTS


class Worker:
    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def agent(self, name: str) -> Agent:
        agent = Agent(name, concurrency=AGENTS[name])
        agent.agentic_run(self.work_in_thread if name == "Quarry" else self.work)
        return agent

    async def work(self, task: Task) -> str:
        do, *arguments = task.content.split()
        match do:
            case "slow":
                await asyncio.sleep(float(arguments[0]))
            case "steps":
                await self._steps(task, int(arguments[0]))
            case "handoff":
                await task.handoff_to_agent("Leaf", "quick")
            case "children":
                await self._children(task)
            case "stall":
                time.sleep(float(arguments[0]))  # noqa: ASYNC251 - that is the fault
            case "cancel":
                await asyncio.Event().wait()
            case "tree":
                child = await task.send_direct_message("Leaf", "cancel")
                await child.result()
            case _:
                self._end(task)
        return self._done(task)

    def work_in_thread(self, task: Task) -> str:
        do, *arguments = task.content.split()
        if do == "block":
            time.sleep(float(arguments[0]))
        self._end(task)
        return self._done(task)

    async def _steps(self, task: Task, number: int) -> None:
        for step in range(number):
            await asyncio.sleep(0.05)
            self._journal.write("step", task=task.id, attempt=task.attempt, step=step)
            await task.record("stage", {"attempt": task.attempt, "step": step})

    async def _children(self, task: Task) -> None:
        children = [await task.send_direct_message("Leaf", do) for do in ("quick", "slow 0.2")]
        for child in children:
            await child.result()

    def _end(self, task: Task) -> None:
        do, *arguments = task.content.split()
        if do == "fail":
            raise ValueError("it cannot be done")
        if do == "flaky" and task.attempt <= int(arguments[0]):
            raise ValueError("not yet")
        if do == "reject":
            raise Reject("not this")

    def _done(self, task: Task) -> str:
        self._journal.write("done", task=task.id, attempt=task.attempt)
        return str(task.attempt)


async def main(file: str, *names: str) -> None:
    journal, stop = Journal(Path(file)), asyncio.Event()
    worker = Worker(journal)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with hubbub.connect() as mesh, contextlib.AsyncExitStack() as stack:
        await stack.enter_async_context(mesh.serve(*(worker.agent(name) for name in names)))
        journal.write("ready", agents=names)
        await stop.wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
