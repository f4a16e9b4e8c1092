"""What the fault tests work with: programs to be killed, and the ledger that shows what is left."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from hubbub import Mesh, TaskEvent
from hubbub.mesh.tasks.log import read_log
from hubbub.wire.envelope import AgentMessage

PROGRAMS = Path(__file__).with_name("programs")
PATIENCE = 30.0

Facts = dict[str, Any]

T = TypeVar("T")


class Program:
    """A process that tells what happens in it, a line of JSON each; made by `started`."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._told: list[Facts] = []
        self._news = asyncio.Condition()
        self._reading = asyncio.create_task(self._read())
        self.pid = process.pid

    @classmethod
    async def start(cls, script: str, *arguments: str, **settings: str) -> Program:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            str(PROGRAMS / script),
            *arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env={**os.environ, **settings},
            start_new_session=True,  # so that what it starts itself can be killed with it
        )
        return cls(process)

    async def _read(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            async with self._news:
                self._told.append({**json.loads(line), "at": time.monotonic()})
                self._news.notify_all()
        await self._process.wait()
        async with self._news:
            self._news.notify_all()

    def all_told(self, event: str, **facts: Any) -> list[Facts]:
        """What it has told so far of one kind."""
        wanted = {"event": event, **facts}
        return [told for told in self._told if wanted.items() <= told.items()]

    async def told(
        self, event: str, *, times: int = 1, within: float = PATIENCE, **facts: Any
    ) -> Facts:
        """Wait until it has told something so many times; return the last of them."""

        def ready() -> bool:
            return len(self.all_told(event, **facts)) >= times or self._reading.done()

        async with asyncio.timeout(within), self._news:
            await self._news.wait_for(ready)
        found = self.all_told(event, **facts)
        assert len(found) >= times, f"the program ended and told {self._told}"
        return found[times - 1]

    async def say(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n".encode())
        await self._process.stdin.drain()

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    async def ended(self, *, within: float = PATIENCE) -> int:
        """Wait for its end and return its exit code."""
        async with asyncio.timeout(within):
            return await self._process.wait()

    async def kill(self) -> None:
        """End it as a crash would, and wait until it is gone."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        await self._process.wait()
        await self._reading

    @property
    def is_running(self) -> bool:
        return self._process.returncode is None


@dataclass(frozen=True)
class Ledger:
    """What the mesh holds of one agent's tasks.

    Attributes:
        logs: the events of each task.
        waiting: how many messages are in its inbox, those being worked on included.
        completions: how many completions the sender got for each of its messages.
        dead: how many dead letters the agent has.
    """

    logs: dict[str, list[TaskEvent]]
    waiting: int
    completions: Counter[str]
    dead: int

    def finals(self, task_id: str) -> list[str]:
        return [event.kind for event in self.logs[task_id] if event.is_final]

    def kinds(self, task_id: str) -> list[str]:
        return [event.kind for event in self.logs[task_id]]

    def assert_exact(self, *, state: str = "completed") -> None:
        """Every task ended once, in one state; the sender was told once; nothing is left."""
        assert self.waiting == 0
        for task_id in self.logs:
            assert self.finals(task_id) == [state], self.kinds(task_id)
            assert self.kinds(task_id)[-1] == state, self.kinds(task_id)
            assert self.completions[task_id] == 1, task_id


async def waiting_for(mesh: Mesh, agent: str) -> int:
    """How many messages are in an agent's inbox, those being worked on included."""
    answer = await mesh.connection.api(
        "STREAM.INFO.INBOX", {"subjects_filter": f"agents.direct.{agent}.>"}
    )
    subjects: dict[str, int] = answer["state"].get("subjects") or {}
    return sum(subjects.values())


async def ledger(mesh: Mesh, agent: str, tasks: Iterable[str], *, sender: str) -> Ledger:
    """Read what the mesh holds of some tasks of an agent."""
    connection = mesh.connection
    logs = {
        task_id: [event for _, event in await read_log(connection, agent, task_id)]
        for task_id in tasks
    }
    notices = await connection.read_back("NOTICES", connection.layout.done(sender))
    answered = Counter(AgentMessage.from_bytes(stored.data).in_reply_to or "" for stored in notices)
    dead = await connection.read_back("DEAD", f"dead.{agent}.*")
    return Ledger(logs, await waiting_for(mesh, agent), answered, len(dead))


async def settled(
    mesh: Mesh,
    agent: str,
    tasks: Iterable[str],
    *,
    sender: str,
    waiting: int = 0,
    within: float = PATIENCE,
) -> Ledger:
    """Wait until all tasks have been worked off, and only so many messages are left."""
    wanted = list(tasks)

    async def look() -> Ledger | None:
        if await waiting_for(mesh, agent) != waiting:
            return None
        found = await ledger(mesh, agent, wanted, sender=sender)
        ended = all(found.finals(task_id) for task_id in wanted)
        return found if ended and found.waiting == waiting else None

    return await until(look, within=within)


async def until(look: Callable[[], Awaitable[T | None]], *, within: float = PATIENCE) -> T:
    """Look again and again until there is something to see, and return it."""
    deadline = time.monotonic() + within
    while (found := await look()) is None:
        assert time.monotonic() < deadline, "it did not happen in time"
        await asyncio.sleep(0.02)
    return found
