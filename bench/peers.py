"""What other processes do in a measurement.

    python -m bench.peers ROLE URL [ARGUMENT ...]

Each says what it has to say as lines of JSON, the first when it is ready, and ends when its
standard input does.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import sys
import time
from collections.abc import AsyncGenerator, Callable, Coroutine
from itertools import pairwise
from typing import Any

import msgspec
from nats.aio.msg import Msg
from nats.errors import TimeoutError as NothingCame

import hubbub
from bench.places import bare_client
from bench.processes import memory_kib
from hubbub import Agent, AgentMessage, NATSConfig, Task, Workflows
from hubbub.cli.running import run_async
from hubbub.mesh.activity_log import activity_log
from hubbub.mesh.tasks.inbox import Inbox
from hubbub.mesh.transport.puller import open_puller
from hubbub.wire.subjects import LANES

__all__ = ["main"]


def say(**facts: Any) -> None:
    sys.stdout.write(msgspec.json.encode(facts).decode() + "\n")
    sys.stdout.flush()


async def until_ended() -> None:
    """Wait to be ended: see `_play`."""
    await asyncio.Event().wait()


@contextlib.asynccontextmanager
async def served(url: str, *agents: Agent) -> AsyncGenerator[None]:
    async with hubbub.connect(url) as mesh, mesh.serve(*agents):
        yield


# Requests


async def echo_bare(url: str) -> None:
    async def answer(message: Msg) -> None:
        await message.respond(message.data)

    async with bare_client(url) as client:
        await client.subscribe("bare.echo", queue="bare", cb=answer)
        await client.flush()
        say(ready=True)
        await until_ended()


async def echo(url: str) -> None:
    agent = Agent("Echo", request_concurrency=128)

    @agent.run
    async def answer(message: AgentMessage) -> str:
        return message.text

    async with served(url, agent):
        say(ready=True)
        await until_ended()


# Tasks


async def worker(url: str, slots: str, log_dir: str = "") -> None:
    """Work off tasks that need no work; the result is how long each was under way, in ns."""
    agent = Agent("Worker", concurrency=int(slots))

    @agent.agentic_run
    async def work(task: Task) -> int:
        return time.monotonic_ns() - int(task.content)

    with activity_log(NATSConfig(log_dir=log_dir)):  # pyright: ignore[reportArgumentType]
        async with served(url, agent):
            say(ready=True)
            await until_ended()


async def workflows(url: str, slots: str) -> None:
    """Serve a workflow of one text and one step, and one of so many steps before a question."""
    flows = Workflows(concurrency=int(slots))

    def work() -> str:
        return "done"

    @flows.register(name="Run")
    async def run(task: Task, name: str) -> str:  # pyright: ignore[reportUnusedFunction]
        await task.say(f"hello {name}")
        return await task.step(work)

    @flows.register(name="Long-Run")
    async def long_run(task: Task, steps: int) -> str:  # pyright: ignore[reportUnusedFunction]
        for _ in range(steps):
            await task.step(work)
        return await task.ask_text("Go on?")

    async with served(url, *flows):
        say(ready=True)
        await until_ended()


async def worker_bare(url: str, slots: str) -> None:
    """Make the writes that a task needs by hand: claim, end, completion, acknowledgement."""
    async with bare_client(url) as client:
        stream = client.jetstream()
        await stream.add_consumer("BARE_INBOX", durable_name="bare")

        async def slot() -> None:
            # Fetches on one subscription take each other's answers.
            pulled = await stream.pull_subscribe_bind(consumer="bare", stream="BARE_INBOX")
            while True:
                try:
                    (message,) = await pulled.fetch(1, timeout=5)
                except NothingCame:
                    continue
                task = (message.headers or {})["Nats-Msg-Id"]
                subject, expected = f"bare.log.{task}", "Nats-Expected-Last-Subject-Sequence"
                claim = await stream.publish(subject, message.data, headers={expected: "0"})
                end = {expected: str(claim.seq)}
                await stream.publish(subject, b'{"kind":"completed"}', headers=end)
                done = {"Nats-Msg-Id": f"{task}.done"}
                await stream.publish("bare.done.bench", task.encode(), headers=done)
                await message.ack()

        working = [asyncio.create_task(slot()) for _ in range(int(slots))]
        say(ready=True)
        try:
            await asyncio.wait(working, return_when=asyncio.FIRST_EXCEPTION)
        finally:
            # A fetch that is cancelled may not end.
            os._exit(0)


async def drain(url: str, expected: str) -> None:
    """Come back to a full inbox and work it off, in how many seconds, and how many out of order."""
    agent = Agent("Worker")
    finished: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    numbers: list[int] = []

    @agent.agentic_run
    async def work(task: Task) -> None:
        numbers.append(int(task.content))
        if len(numbers) == int(expected):
            finished.set_result(None)

    say(ready=True)
    began = time.perf_counter()
    async with served(url, agent):
        await finished
        seconds = time.perf_counter() - began
        misplaced = sum(one > other for one, other in pairwise(numbers))
        say(seconds=seconds, misplaced=misplaced)
        await until_ended()


# Priority


async def urgent(url: str, seconds: str) -> None:
    """Work off ordinary tasks, `0`, and say how long an urgent one has waited."""
    agent, begun = Agent("Worker"), False

    @agent.agentic_run
    async def work(task: Task) -> None:
        nonlocal begun
        if sent := int(task.content):
            say(ms=(time.monotonic_ns() - sent) / 1e6)
        elif not begun:
            begun = True
            say(begun=True)
        await asyncio.sleep(float(seconds))

    say(ready=True)
    async with served(url, agent):
        await until_ended()


async def urgent_bare(url: str, seconds: str) -> None:
    """Do the same with one consumer and nothing else."""
    begun = False

    async def work(message: Msg) -> None:
        nonlocal begun
        if sent := int(message.data):
            say(ms=(time.monotonic_ns() - sent) / 1e6)
        elif not begun:
            begun = True
            say(begun=True)
        await asyncio.sleep(float(seconds))

    say(ready=True)
    await _take_all(url, work)


async def lanes(url: str, expected: str) -> None:
    """Empty an inbox, the most urgent first, and do nothing else with it, in how many seconds."""
    async with hubbub.connect(url) as mesh:
        inbox = Inbox(mesh.connection, "worker", lease_seconds=30, hinted=asyncio.Event())
        say(ready=True)
        async with inbox.open(), open_puller(mesh.connection) as puller:
            began = time.perf_counter()
            for lane in LANES:
                inbox.look_into(lane)
            for _ in range(int(expected)):
                if delivery := await inbox.next(puller):
                    await inbox.acknowledge(delivery)
            say(seconds=time.perf_counter() - began)
            await until_ended()


async def fifo(url: str, expected: str) -> None:
    """Empty a bare stream, first in first out, in how many seconds."""
    began, taken = time.perf_counter(), 0

    async def work(_: Msg) -> None:
        nonlocal taken
        taken += 1
        if taken == int(expected):
            say(seconds=time.perf_counter() - began)

    say(ready=True)
    await _take_all(url, work)


async def _take_all(url: str, work: Callable[[Msg], Coroutine[Any, Any, None]]) -> None:
    """Take the messages of the bare inbox one by one, for ever."""
    async with bare_client(url) as client:
        stream = client.jetstream()
        await stream.add_consumer("BARE_INBOX", durable_name="bare")
        pulled = await stream.pull_subscribe_bind(consumer="bare", stream="BARE_INBOX")
        try:
            while True:
                with contextlib.suppress(NothingCame):
                    (message,) = await pulled.fetch(1, timeout=5)
                    await work(message)
                    await message.ack()
        finally:
            # A fetch that is cancelled may not end.
            os._exit(0)


async def sleeper(url: str, lease_seconds: str) -> None:
    """Say when a task starts, and never end it."""
    agent = Agent("Sleeper", lease_seconds=float(lease_seconds))

    @agent.agentic_run
    async def work(task: Task) -> None:
        say(started=time.monotonic(), attempt=task.attempt)
        await asyncio.Event().wait()

    config = NATSConfig(grace_seconds=0)
    async with hubbub.connect(url, config=config) as mesh, mesh.serve(agent):
        say(ready=True)
        await until_ended()


# Many agents


async def crowd(url: str, count: str) -> None:
    """Let many agents join, in how many seconds, and at how many KiB each."""
    config = NATSConfig(grace_seconds=0)
    async with hubbub.connect(url, config=config) as mesh, mesh.serve(_idle("First")):
        gc.collect()
        before = memory_kib(os.getpid())
        say(ready=True)
        began = time.perf_counter()
        agents = [_idle(f"Agent-{number}") for number in range(int(count))]
        async with mesh.serve(*agents):
            seconds = time.perf_counter() - began
            gc.collect()
            each = (memory_kib(os.getpid()) - before) / int(count)
            say(seconds=seconds, kib_each=each)
            try:
                await until_ended()
            finally:
                # To leave one after the other takes time, and nobody is there to see it.
                os._exit(0)


def _idle(name: str) -> Agent:
    agent = Agent(name, description="One of many", capabilities=["waiting"])

    @agent.agentic_run
    async def work(task: Task) -> str:
        return task.content

    return agent


ROLES: dict[str, Callable[..., Coroutine[Any, Any, None]]] = {
    role.__name__: role
    for role in (
        crowd,
        drain,
        echo,
        echo_bare,
        fifo,
        lanes,
        sleeper,
        urgent,
        urgent_bare,
        worker,
        worker_bare,
        workflows,
    )
}


async def _play(part: Coroutine[Any, Any, None]) -> None:
    """Play a part until standard input ends: whoever started us, however it ended, is gone."""
    playing, loop = asyncio.create_task(part), asyncio.get_running_loop()

    def on_input() -> None:
        if not os.read(0, 1024):
            loop.remove_reader(0)
            playing.cancel()

    loop.add_reader(0, on_input)
    with contextlib.suppress(asyncio.CancelledError):
        await playing


def main() -> None:
    role, url, *arguments = sys.argv[1:]
    run_async(_play(ROLES[role](url, *arguments)))


if __name__ == "__main__":
    main()
