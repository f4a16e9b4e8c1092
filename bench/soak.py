"""A day's worth of traffic through a small mesh: `python -m bench.soak --help`.

Direct messages, handoffs, requests, broadcasts and failures, while memory of the server, its disk
and memory of the process are sampled. With its limits lowered it shows what bounds them.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import os
import time
from pathlib import Path
from typing import Any

import msgspec

import hubbub
from bench.places import clear_environment
from bench.processes import memory_kib
from hubbub import Agent, AgentMessage, Mesh, NATSConfig, Task
from hubbub.cli.running import run_async
from hubbub.testing import ServerProcess, nats_server
from hubbub.wire.ids import new_id

__all__ = ["Sample", "main", "soak"]

_IN_FLIGHT = 64
_STREAMS = ("INBOX", "TASKS", "NOTICES", "WAKE", "DEAD", "HISTORY")
_EVERY = {"handoff": 20, "request": 10, "broadcast": 50, "failure": 1_000}


class Sample(msgspec.Struct, frozen=True):
    """What was in use at one moment.

    Attributes:
        messages: how many had been sent.
        seconds: since the beginning.
        server_mib: memory of the server.
        disk_mib: what its store takes on the disk.
        process_mib: memory of the process with all the agents.
        streams: messages and bytes in each stream.
        logs: how many logs there are.
    """

    messages: int
    seconds: float
    server_mib: float
    disk_mib: float
    process_mib: float
    streams: dict[str, tuple[int, int]]
    logs: int

    def line(self) -> str:
        """Return it as a row of the printed table."""
        kept = " ".join(f"{count:>9,}" for count, _ in self.streams.values())
        return (
            f"{self.messages:>9,} {self.seconds:>6.0f} {self.server_mib:>8.1f} "
            f"{self.disk_mib:>8.1f} {self.process_mib:>8.1f} {self.logs:>9,} {kept}"
        )


_HEAD = (
    f"{'messages':>9} {'s':>6} {'server':>8} {'disk':>8} {'process':>8} {'logs':>9} "
    + " ".join(f"{name:>9}" for name in _STREAMS)
)


class _Crowd:
    """Three agents, and the messages between them."""

    def __init__(self) -> None:
        self.boss = Agent("Boss")
        self.worker = Agent("Worker", concurrency=16, request_concurrency=16)
        self.helper = Agent("Helper", concurrency=16)
        self._room = asyncio.Semaphore(_IN_FLIGHT)
        self._under_way: dict[str, asyncio.Event] = {}
        self.worker.run(self._answer)
        self.worker.agentic_run(self._work)
        self.helper.agentic_run(self._help)
        self.boss.run(self._answer)
        self.boss.on_message(self._hear)
        self.helper.on_broadcast(self._listen)

    async def _answer(self, message: AgentMessage) -> str:
        return message.text

    async def _work(self, task: Task) -> str:
        if task.content.startswith("fail"):
            raise ValueError("as it was told to")
        if task.content.startswith("handoff"):
            await task.handoff_to_agent("Helper", "the rest of it")
        return task.content

    async def _help(self, task: Task) -> str:
        return task.content

    async def _listen(self, message: AgentMessage) -> None:
        pass

    async def _hear(self, message: AgentMessage) -> None:
        event = self._under_way.pop(message.in_reply_to or "", None)
        if event is not None:
            event.set()

    async def send(self, first: int, count: int) -> None:
        """Send some messages and wait until each of them has been dealt with."""
        async with asyncio.TaskGroup() as group:
            for number in range(first, first + count):
                await self._room.acquire()
                group.create_task(self._send(number))

    async def _send(self, number: int) -> None:
        try:
            if number % _EVERY["broadcast"] == 0:
                await self.boss.broadcast_message("to all")
            elif number % _EVERY["request"] == 0:
                await self.boss.request_from_agent("Worker", "a question")
            else:
                kinds = ("failure", "handoff")
                what = next((kind for kind in kinds if (number + 7) % _EVERY[kind] == 0), "plain")
                message_id, event = new_id(), asyncio.Event()
                self._under_way[message_id] = event
                text = f"{'fail' if what == 'failure' else what} {'x' * 200}"
                await self.boss.send_direct_message("Worker", text, message_id=message_id)
                await event.wait()
        finally:
            self._room.release()


async def _sample(mesh: Mesh, server: ServerProcess, messages: int, began: float) -> Sample:
    gc.collect()
    streams: dict[str, tuple[int, int]] = {}
    logs = 0
    for name in _STREAMS:
        state: dict[str, Any] = (await mesh.connection.api(f"STREAM.INFO.{name}"))["state"]
        streams[name] = state["messages"], state["bytes"]
        if name == "TASKS":
            logs = int(state.get("num_subjects", 0))
    return Sample(
        messages=messages,
        seconds=time.monotonic() - began,
        server_mib=memory_kib(server.pid) / 1024,
        disk_mib=await asyncio.to_thread(_disk_mib, server.directory),
        process_mib=memory_kib(os.getpid()) / 1024,
        streams=streams,
        logs=logs,
    )


def _disk_mib(folder: Path) -> float:
    files = (path for path in folder.rglob("*") if path.is_file())
    return sum(path.stat().st_blocks * 512 for path in files) / 1024 / 1024


async def soak(config: NATSConfig, messages: int, *, samples: int) -> list[Sample]:
    """Send messages through a mesh of its own, and return what was in use along the way.

    Args:
        config: limits to keep to; the server is added.
        messages: how many to send.
        samples: how often to look.
    """
    with nats_server() as server:
        own = config.model_copy(update={"nats_url": server.url})
        crowd, taken, began = _Crowd(), list[Sample](), time.monotonic()
        async with (
            hubbub.connect(config=own) as mesh,
            mesh.serve(crowd.boss, crowd.worker, crowd.helper),
        ):
            each = messages // samples
            for number in range(samples):
                await crowd.send(number * each, each)
                taken.append(await _sample(mesh, server, (number + 1) * each, began))
                print(taken[-1].line(), flush=True)
        return taken


def main() -> None:
    parser = argparse.ArgumentParser("python -m bench.soak", description=__doc__)
    parser.add_argument("--messages", type=int, default=200_000)
    parser.add_argument("--samples", type=int, default=20)
    parser.add_argument("--keep-logs", type=int, default=200_000, help="HUBBUB_KEEP_LOGS")
    parser.add_argument("--history", type=int, default=1_000_000, help="HUBBUB_HISTORY_MESSAGES")
    parser.add_argument("--janitor-seconds", type=float, default=60.0)
    parser.add_argument("--json", type=Path, metavar="FILE", help="where the samples go")
    arguments = parser.parse_args()
    clear_environment()
    logging.getLogger("hubbub").setLevel(logging.CRITICAL)  # some of them shall fail
    config = NATSConfig(
        keep_logs=arguments.keep_logs,
        history_messages=arguments.history,
        janitor_seconds=arguments.janitor_seconds,
        retry_seconds=0.05,
    )
    print(_HEAD, flush=True)
    taken = run_async(soak(config, arguments.messages, samples=arguments.samples))
    if arguments.json:
        arguments.json.write_bytes(msgspec.json.format(msgspec.json.encode(taken)))


if __name__ == "__main__":
    main()
