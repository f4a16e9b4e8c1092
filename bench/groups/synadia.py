"""Requests against prompts of the Synadia agent SDK, which does the same over the same server.

The SDK is no dependency of ours: it is installed into a virtual environment that lasts as long as
the measurement. Where that is not possible, as without a network, our figure stands alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
import tempfile
from collections.abc import AsyncGenerator
from pathlib import Path

import hubbub
from bench.places import SENDER
from bench.processes import peer, running
from bench.rounds import in_flight, repeated, taking_turns
from bench.rows import Row, at_least, row
from bench.sizes import Sizes
from hubbub.testing import nats_server

__all__ = ["rows"]

_PACKAGES = ("synadia-ai-agents==0.8.1", "synadia-ai-agent-service==0.5.0", "uvloop")
_PEER = Path(__file__).parents[1] / "synadia_peer.py"
_CONTENT = "x" * 128
_WIDTH = 128
_INSTALL_SECONDS = 120.0


async def rows(sizes: Sizes) -> list[Row]:
    """Measure requests beside prompts."""
    # A prompt takes many times as long as a request.
    fewer = max(1, sizes.in_bulk // 10)
    with nats_server() as server:
        async with (
            peer("echo", server.url),
            hubbub.connect(server.url, name=SENDER) as mesh,
            _sdk() as python,
        ):

            async def request(_: int) -> None:
                await mesh.request_from_agent("Echo", _CONTENT, timeout=30)

            async def ours() -> float:
                return await in_flight(_WIDTH, sizes.in_bulk, request)

            name = f"requests, {_WIDTH} in flight"
            if python is None:
                rates = await repeated(sizes.rounds, ours)
                return [row(name, "/s", rates, note="the Synadia agent SDK cannot be installed")]
            async with (
                running(python, str(_PEER), "echo", server.url),
                running(python, str(_PEER), "ask", server.url, str(_WIDTH)) as asker,
            ):

                async def theirs() -> float:
                    await asker.tell(str(fewer))
                    return (await asker.says())["rate"]

                both = await taking_turns(sizes.rounds, ours, theirs)
    against = "prompts of the Synadia agent SDK"
    return [row(name, "/s", *both, against=against, goal=at_least(3, of="ratio"))]


@contextlib.asynccontextmanager
async def _sdk() -> AsyncGenerator[str | None]:
    """Install the SDK while the context lasts; yield its Python, None if that is not possible."""
    with tempfile.TemporaryDirectory(prefix="hubbub-synadia-") as folder:
        python = str(Path(folder, "bin", "python"))
        try:
            await _run(sys.executable, "-m", "venv", folder)
            await _run(python, "-m", "pip", "install", "--quiet", *_PACKAGES)
        except (subprocess.CalledProcessError, TimeoutError):
            yield None
        else:
            yield python


async def _run(*command: str) -> None:
    process = await asyncio.create_subprocess_exec(
        *command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        async with asyncio.timeout(_INSTALL_SECONDS):
            code = await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
        raise
    if code:
        raise subprocess.CalledProcessError(code, command)
