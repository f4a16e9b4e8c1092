"""The local model in a process of its own, which ends with the one that started it."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import sys
from pathlib import Path

from hubbub.errors import MissingExtra
from hubbub.runtimes.errors import ModelUnreachable
from hubbub.runtimes.local.catalogue import DEFAULT_MODEL
from hubbub.runtimes.local.store import servable

__all__ = ["READY", "LocalModel", "has_engine"]

READY = "ready at "
_GRACE_SECONDS = 5.0


def has_engine() -> bool:
    """Tell whether the engine of the extra `local` is installed."""
    return importlib.util.find_spec("xllamacpp") is not None


class LocalModel:
    """Serves pulled weights over HTTP on loopback for the body of an `async with` statement.

    Args:
        name: which weights, or the path of a `.gguf` file of one's own.
        port: where to listen; 0 picks a free port.
        low_mem: use less memory and be slower.
        cache: the folder of the weights; below the user's cache unless given.
        timeout: seconds that loading may take.
    """

    def __init__(
        self,
        name: str = DEFAULT_MODEL,
        *,
        port: int = 0,
        low_mem: bool = False,
        cache: Path | None = None,
        timeout: float = 120.0,
    ) -> None:
        self.name = name
        self.base_url = ""
        self._port = port
        self._low_mem = low_mem
        self._cache = cache
        self._timeout = timeout
        self._process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> LocalModel:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def command(self) -> list[str]:
        """Return the command that serves the model until its standard input is closed."""
        options = ["--low-mem"] if self._low_mem else []
        if self._cache is not None:
            options += ["--cache", str(self._cache)]
        program = [sys.executable, "-m", "hubbub.runtimes.local", "serve", "--with-parent"]
        return [*program, "--model", self.name, "--port", str(self._port), *options]

    async def start(self) -> None:
        """Start the process and wait until the model is loaded.

        Raises:
            MissingExtra: the engine is not installed.
            WeightsError: the weights are not here.
            ModelUnreachable: the process ended, or loading took too long.
        """
        if not has_engine():
            raise MissingExtra("The local model", "local")
        await asyncio.to_thread(servable, self.name, self._cache)
        self._process = await asyncio.create_subprocess_exec(
            *self.command(),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            async with asyncio.timeout(self._timeout):
                self.base_url = await self._ready(self._process)
        except BaseException as error:
            await self.close()
            if isinstance(error, TimeoutError):
                raise ModelUnreachable("the local model", "it took too long to load") from None
            raise

    async def close(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.stdin is not None:
            process.stdin.close()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), _GRACE_SECONDS)
            return
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()

    async def _ready(self, process: asyncio.subprocess.Process) -> str:
        assert process.stdout is not None  # noqa: S101 - it was asked for
        while line := (await process.stdout.readline()).decode("utf-8", "replace"):
            if READY in line:
                return line.partition(READY)[2].strip()
        raise ModelUnreachable("the local model", "its process ended")
