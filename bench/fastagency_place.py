"""FastAgency 0.10 in a virtual environment that lasts as long as a measurement.

It is no dependency of ours. Where it cannot be installed, as without a network, our figures stand
alone, and a line on standard error says so.
"""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
import tempfile
from collections.abc import AsyncGenerator
from pathlib import Path

from hubbub.testing import nats_server

__all__ = ["installed"]

_PACKAGES = ("fastagency[autogen,fastapi,server,nats]==0.10.*", "sniffio")
"""One of its own dependencies needs the second, and does not say so."""
_INSTALL_SECONDS = 300.0


@contextlib.asynccontextmanager
async def installed() -> AsyncGenerator[tuple[str, str] | None]:
    """Install it while the context lasts.

    Yields:
        Its Python, and the URL of a server of its own; None if it cannot be installed.
    """
    with tempfile.TemporaryDirectory(prefix="hubbub-fastagency-") as folder:
        python = str(Path(folder, "bin", "python"))
        try:
            await _run(sys.executable, "-m", "venv", folder)
            await _run(python, "-m", "pip", "install", "--quiet", *_PACKAGES)
        except (subprocess.CalledProcessError, TimeoutError) as error:
            print(f"FastAgency 0.10 CANNOT BE INSTALLED: {error}", file=sys.stderr, flush=True)
            yield None
            return
        with nats_server() as server:
            yield python, server.url


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
