"""`hubbub demo` from cold: no server, no data, no model; until the first message is seen."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import socket
import sys
import tempfile
import time
from pathlib import Path

from bench.rounds import repeated
from bench.rows import Row, at_most, row
from bench.sizes import Sizes
from hubbub.server import running_server

__all__ = ["rows"]

_MESSAGE = re.compile(rb"\d\d:\d\d:\d\d  \w")
_PATIENCE_SECONDS = 30


async def rows(sizes: Sizes) -> list[Row]:
    """Measure the demo."""
    seconds = await repeated(sizes.rounds, _first_message, warm_up=False)
    return [row("hubbub demo, cold, to the first message on screen", "s", seconds, goal=at_most(3))]


async def _first_message() -> float:
    with tempfile.TemporaryDirectory(prefix="hubbub-", ignore_cleanup_errors=True) as folder:
        data = Path(folder) / "data"
        environment = {
            **os.environ,
            "HUBBUB_DATA_DIR": str(data),
            # A local model, if one is here, would first have to be loaded.
            "XDG_CACHE_HOME": str(Path(folder) / "cache"),
            "OPENAI_BASE_URL": f"http://127.0.0.1:{_closed_port()}/v1",
        }
        began = time.perf_counter()
        demo = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "hubbub.cli", "demo", "--once"),
            stdout=asyncio.subprocess.PIPE,
            env=environment,
        )
        try:
            assert demo.stdout is not None
            async with asyncio.timeout(_PATIENCE_SECONDS):
                while not _MESSAGE.match(line := await demo.stdout.readline()):
                    if not line:
                        raise EOFError("the demo ended before anything was said")
            return time.perf_counter() - began
        finally:
            with contextlib.suppress(ProcessLookupError):
                demo.send_signal(signal.SIGTERM)
            await demo.communicate()
            await _server_gone(data)


async def _server_gone(data: Path) -> None:
    """Wait until the demo's server has seen that nobody uses it any more."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_PATIENCE_SECONDS):
            # Only another process knows, and it tells nobody.
            while running_server(data) is not None:  # noqa: ASYNC110
                await asyncio.sleep(0.1)


def _closed_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
