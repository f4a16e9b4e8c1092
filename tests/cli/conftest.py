"""The program as people start it: a process, its output, its exit code."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from hubbub.testing import ServerProcess

PATIENCE_SECONDS = 60.0
_EDITORS = ("VISUAL", "EDITOR")

AGENT_FILE = """
import os
from hubbub import Agent, Task

echo = Agent("Echo-Bot", description="Says it again", capabilities=["echo"])


@echo.run
async def answer(message):
    if message.content == "pid":
        yield str(os.getpid())
        return
    for word in message.text.split():
        yield word + " "


@echo.agentic_run
async def work(task: Task):
    await task.progress("half way", 0.5)
    if task.content == "fail":
        raise ValueError("no way")
    return {"said": task.content, "metadata": task.metadata}


class Plain:
    name = "Plain One"

    def run(self, message):
        return message.upper()


plain = Plain()
several = [echo, plain]
number = 7
"""


@dataclass(frozen=True)
class Outcome:
    """What a finished command left."""

    code: int
    out: str
    err: str


class Program:
    """A running `hubbub` command."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.seen = ""
        self._lines = asyncio.Queue[bytes]()
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        # All the time: a program whose output nobody takes stands still.
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            self._lines.put_nowait(line)
        self._lines.put_nowait(b"")

    async def until(self, text: str) -> str:
        """Take lines of its output until a text has come, and return all that were taken."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while text not in self.seen:
                line = await self.line()
                assert line, f"{text!r} did not come; it said: {self.seen}"
                self.seen += line
        return self.seen

    async def line(self) -> str:
        """Take the next line of its output; empty at the end."""
        return (await self._lines.get()).decode()

    async def rest(self) -> str:
        """Return what is left of its output, when it and all that it has started have ended."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            await self._reading
        return b"".join(self._lines.get_nowait() for _ in range(self._lines.qsize())).decode()

    async def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and return the exit code."""
        if self.process.returncode is None:
            self.process.send_signal(number)
        async with asyncio.timeout(PATIENCE_SECONDS):
            await self.process.wait()
        assert self.process.returncode is not None
        return self.process.returncode


Start = Callable[..., Awaitable[Program]]
Run = Callable[..., Awaitable[Outcome]]


@pytest.fixture
def agent_file(tmp_path: Path) -> Path:
    path = tmp_path / "my_agents.py"
    path.write_text(AGENT_FILE)
    return path


@pytest.fixture
def environment(own_server: ServerProcess) -> dict[str, str]:
    """What the commands of a test see; a test may add to it before it starts one."""
    return {
        **{name: value for name, value in os.environ.items() if name not in _EDITORS},
        "NATS_URL": own_server.url,
        "PYTHONUNBUFFERED": "1",
        "OPENAI_BASE_URL": "http://127.0.0.1:9/v1",
    }


@pytest.fixture
async def start(environment: dict[str, str]) -> AsyncIterator[Start]:
    """Start a command that goes on."""
    programs: list[Program] = []

    async def start(*arguments: str, **more: str) -> Program:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "hubbub.cli",
            *arguments,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            stdin=asyncio.subprocess.DEVNULL,
            env={**environment, **more},
        )
        programs.append(Program(process))
        return programs[-1]

    yield start
    for program in programs:
        await program.end(signal.SIGTERM)


@pytest.fixture
def run(environment: dict[str, str]) -> Run:
    """Run a command to its end."""

    async def run(*arguments: str, stdin: str = "", **more: str) -> Outcome:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "hubbub.cli",
            *arguments,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            stdin=asyncio.subprocess.PIPE,
            env={**environment, **more},
        )
        async with asyncio.timeout(PATIENCE_SECONDS):
            out, err = await process.communicate(stdin.encode())
        assert process.returncode is not None
        return Outcome(process.returncode, out.decode(), err.decode())

    return run
