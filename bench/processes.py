"""Other processes that take part in a measurement, and what they cost in memory."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import msgspec

__all__ = ["Peer", "memory_kib", "peer", "running"]

_PATIENCE_SECONDS = 120.0


class Peer:
    """A process that takes part in a measurement; made by `peer` or `running`."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def says(self) -> dict[str, Any]:
        """Wait for the next thing it says.

        Raises:
            EOFError: it has ended.
            TimeoutError: it says nothing.
        """
        assert self._process.stdout is not None
        async with asyncio.timeout(_PATIENCE_SECONDS):
            line = await self._process.stdout.readline()
        if not line:
            raise EOFError("a process of the benchmark ended before its time")
        return msgspec.json.decode(line, type=dict[str, Any])

    async def tell(self, line: str) -> None:
        """Tell it something, on its standard input."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n".encode())
        await self._process.stdin.drain()

    async def kill(self) -> None:
        """End it as `kill -9` does, and return when it is gone."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()


@contextlib.asynccontextmanager
async def peer(role: str, url: str, *arguments: object) -> AsyncGenerator[Peer]:
    """Run a role in a process of its own while the context lasts; it is ready when this returns.

    Args:
        role: a function of `bench.peers`.
        url: the server.
        arguments: the role's own.
    """
    command = (sys.executable, "-m", "bench.peers", role, url, *map(str, arguments))
    async with running(*command) as one:
        yield one


@contextlib.asynccontextmanager
async def running(*command: str) -> AsyncGenerator[Peer]:
    """Run a program while the context lasts; it has said its first line when this returns.

    Args:
        command: the program, which ends when its standard input does, and its arguments.
    """
    process = await asyncio.create_subprocess_exec(
        *command,
        # Held open by us alone: when it ends, so does the process.
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    one = Peer(process)
    try:
        await one.says()
        yield one
    finally:
        if process.stdin is not None:
            process.stdin.close()
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                await process.wait()
        except TimeoutError:
            await one.kill()


def memory_kib(pid: int) -> float:
    """Return how much memory of a process is resident, in KiB."""
    status = Path(f"/proc/{pid}/status")
    if status.exists():
        line = next(one for one in status.read_text().splitlines() if one.startswith("VmRSS:"))
        return float(line.split()[1])
    told = subprocess.run(
        ["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, text=True, check=True
    )
    return float(told.stdout)
