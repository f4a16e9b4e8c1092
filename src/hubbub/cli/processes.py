"""The processes that `hubbub run --processes N` and the demo start, keep alive and stop."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Mapping
from typing import IO, Self

from hubbub.cli.output import console
from hubbub.errors import HubbubError
from hubbub.settings import NATSConfig

__all__ = ["STOP_WITH_STDIN", "ServingProcess", "ServingProcesses"]

STOP_WITH_STDIN = "HUBBUB_STOP_WITH_STDIN"
"""Set for the processes started here: they end when their standard input does."""

_SOON_SECONDS = 2.0
_STOP_MARGIN_SECONDS = 5.0


class ServingProcess:
    """One process that serves some targets; made by `start`.

    Attributes:
        process: the process.
        started: when it was started, by the monotonic clock.
    """

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.started = time.monotonic()

    @classmethod
    async def start(
        cls,
        targets: list[str],
        *,
        environment: Mapping[str, str] | None = None,
        output: IO[bytes] | int | None = None,
    ) -> Self:
        """Start a process.

        Args:
            targets: what it serves.
            environment: added to ours.
            output: where its output goes; ours by default, nowhere with `DEVNULL`.
        """
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "hubbub.cli",
            "run",
            *targets,
            # Held open by us alone: when we are gone, however that happened, it goes too.
            stdin=asyncio.subprocess.PIPE,
            stdout=output,
            stderr=output,
            env={**os.environ, **(environment or {}), STOP_WITH_STDIN: "1"},
            # Ctrl-C is for us; we tell it to stop.
            start_new_session=True,
        )
        return cls(process)

    @property
    def ended_at_once(self) -> bool:
        """Whether it failed so soon that starting it again would not help."""
        code = self.process.returncode
        return bool(code and code > 0 and time.monotonic() - self.started < _SOON_SECONDS)

    def cause_of_end(self) -> str:
        """Say how it ended."""
        code = self.process.returncode or 0
        return f"signal {-code}" if code < 0 else f"exit code {code}"

    async def stop(self) -> None:
        """Ask it to end, and see that it does; running work may finish."""
        if self.process.returncode is None:
            self.process.terminate()
        try:
            async with asyncio.timeout(NATSConfig().grace_seconds + _STOP_MARGIN_SECONDS):
                await self.process.wait()
        except TimeoutError:
            await self.kill()

    async def kill(self) -> None:
        """End it on the spot."""
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()


class ServingProcesses:
    """Several processes that serve the same targets, while the context lasts."""

    def __init__(self, targets: list[str], count: int) -> None:
        self._targets = targets
        self._count = count
        self._processes: list[ServingProcess] = []
        self._changing = asyncio.Lock()
        self._restarted = asyncio.Event()

    async def __aenter__(self) -> Self:
        """Start them."""
        await self._start_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop them."""
        await self._stop_all()

    async def restart(self) -> None:
        """Stop all and start them anew."""
        async with self._changing:
            await self._stop_all()
            await self._start_all()
            self._restarted.set()

    async def keep(self, *, wait_for_restart: bool) -> None:
        """Start a process again whenever one dies.

        Args:
            wait_for_restart: whether one that fails at once is left until `restart`.

        Raises:
            HubbubError: one failed at once, and no restart is to be waited for.
        """
        while True:
            self._restarted.clear()
            ended = await self._ended()
            async with self._changing:
                if ended not in self._processes:
                    continue  # a restart took its place meanwhile
                if not ended.ended_at_once:
                    console.print(f"A serving process ended ({ended.cause_of_end()}): another one")
                    self._processes[self._processes.index(ended)] = await self._start()
                    continue
            if not wait_for_restart:
                raise HubbubError(f"A serving process failed at once ({ended.cause_of_end()})")
            await self._restarted.wait()

    async def _ended(self) -> ServingProcess:
        """Wait until one of the processes has ended."""
        waiting = {asyncio.create_task(one.process.wait()): one for one in self._processes}
        try:
            done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waiting:
                task.cancel()
        return waiting[done.pop()]

    async def _start(self) -> ServingProcess:
        return await ServingProcess.start(self._targets)

    async def _start_all(self) -> None:
        self._processes = [await self._start() for _ in range(self._count)]

    async def _stop_all(self) -> None:
        async with asyncio.TaskGroup() as group:
            for one in self._processes:
                group.create_task(one.stop())
