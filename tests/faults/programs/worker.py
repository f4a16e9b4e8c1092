"""An agent in a process of its own, told what to do by the messages it gets.

    python worker.py NAME CONCURRENCY alone|sync|mesh

It tells what happens as lines of JSON on stdout; `go` on stdin lets waiting handlers go on, `send
NAME TEXT` sends a message, `fall` cancels the program. SIGTERM ends it.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Any

import hubbub
from hubbub import Agent, AgentMessage, Task


def tell(event: str, **facts: Any) -> None:
    print(json.dumps({"event": event, **facts}), flush=True)


async def lines() -> asyncio.StreamReader:
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    return reader


class Worker:
    def __init__(self, name: str, concurrency: int) -> None:
        self.agent = Agent(name, concurrency=concurrency)
        self.go = asyncio.Event()
        self.agent.run(self.answer)
        self.agent.agentic_run(self.work)
        self.agent.on_message(self.hear)

    async def answer(self, message: AgentMessage) -> str:
        return f"answer to {message.text}"

    async def work(self, task: Task) -> str:
        do, *arguments = task.content.split()
        tell("started", task=task.id, attempt=task.attempt, content=task.content)
        try:
            match do:
                case "wait":
                    await self.go.wait()
                case "write":
                    while not self.go.is_set():
                        await task.progress("still at it")
                case "block":
                    time.sleep(float(arguments[0]))  # noqa: ASYNC251 - that is the fault
                case "thread":
                    await asyncio.to_thread(time.sleep, float(arguments[0]))
                case "fail":
                    raise ValueError("it cannot be done")
                case "pass":
                    await task.send_direct_message(arguments[0], "quick")
                case _:
                    pass
        except asyncio.CancelledError:
            tell("stopped", task=task.id)
            raise
        tell("finished", task=task.id, attempt=task.attempt, content=task.content)
        return f"{do} by attempt {task.attempt}"

    def work_in_thread(self, task: Task) -> str:
        do, seconds = task.content.split()
        tell("started", task=task.id, attempt=task.attempt, content=task.content)
        time.sleep(float(seconds))
        tell("finished", task=task.id, attempt=task.attempt, content=task.content)
        return do

    async def hear(self, message: AgentMessage) -> None:
        tell("heard", text=message.text, in_reply_to=message.in_reply_to, **message.metadata)

    async def listen(self) -> None:
        commands = await lines()
        while line := (await commands.readline()).decode():
            do, *arguments = line.split(maxsplit=2)
            if do == "go":
                self.go.set()
            elif do == "hold":
                self.go.clear()
            elif do == "send":
                handle = await self.agent.send_direct_message(arguments[0], arguments[1].strip())
                tell("sent", task=handle.task_id)
            elif do == "fall":
                raise KeyError("somebody else's mistake, which ends the whole program")


async def serve_alone(worker: Worker) -> None:
    """Serve it on a connection of its own, until SIGTERM."""
    await worker.agent.connect_nats()
    try:
        stopped = asyncio.create_task(worker.agent.until_stopped())
        # From here on a signal ends it in good order.
        await asyncio.sleep(0)
        tell("ready")
        await stopped
    finally:
        await worker.agent.disconnect_nats()


async def serve_on_a_mesh(worker: Worker) -> None:
    """Serve it as one of several, until this is cancelled."""
    async with hubbub.connect() as mesh, mesh.serve(worker.agent):
        tell("ready")
        await asyncio.Event().wait()


async def main(name: str, concurrency: int = 1, style: str = "alone") -> None:
    worker = Worker(name, concurrency)
    if style == "sync":
        worker.agent.agentic_run(worker.work_in_thread)
    serve = serve_on_a_mesh if style == "mesh" else serve_alone
    async with asyncio.TaskGroup() as group:
        listening = group.create_task(worker.listen())
        await serve(worker)
        listening.cancel()
    tell("gone")


if __name__ == "__main__":
    name, concurrency, style = sys.argv[1:]
    asyncio.run(main(name, int(concurrency), style))
