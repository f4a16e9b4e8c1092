"""What the tests of the deployment share: servers from our configurations, processes, people."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import sys
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from cli.conftest import PATIENCE_SECONDS, Program
from hubbub.server import find_program

__all__ = [
    "DEPLOY",
    "PASSWORD",
    "ROOT",
    "Ports",
    "address_of",
    "nats_from",
    "python",
    "running",
]

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
PASSWORD = "s3cret"


@dataclass(frozen=True, slots=True)
class Ports:
    """Where a server listens."""

    url: str
    monitoring: str
    websocket: str


@contextlib.asynccontextmanager
async def running(
    *arguments: str, cwd: Path, environment: Mapping[str, str]
) -> AsyncGenerator[Program]:
    """Run a program while the context lasts; then it must end by itself within its time."""
    process = await asyncio.create_subprocess_exec(
        *arguments,
        cwd=cwd,
        env={**os.environ, "PYTHONUNBUFFERED": "1", **environment},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    program = Program(process)
    try:
        yield program
    finally:
        try:
            await program.end(signal.SIGTERM)
        except TimeoutError:
            process.kill()
            raise
        finally:
            await program.rest()


@contextlib.asynccontextmanager
async def python(
    *arguments: str, cwd: Path, environment: Mapping[str, str]
) -> AsyncGenerator[Program]:
    """Run a Python module or file while the context lasts."""
    async with running(sys.executable, *arguments, cwd=cwd, environment=environment) as program:
        yield program


async def address_of(program: Program) -> str:
    """Wait until uvicorn listens, and return its URL."""
    await program.until("Application startup complete")
    found = re.search(r"running on (http://\S+)", await program.until("running on http"))
    assert found
    return found[1]


@contextlib.asynccontextmanager
async def nats_from(
    config: Path, folder: Path, environment: Mapping[str, str], *, route_port: int = -1
) -> AsyncGenerator[Ports]:
    """Run a server as a configuration says, on free ports of this machine.

    Args:
        config: the file.
        folder: for its store.
        environment: what the file reads from the environment.
        route_port: where the other servers of a cluster find it.
    """
    folder.mkdir()
    text = config.read_text()
    for port in (4222, 9222, 8222):
        text = text.replace(f'"0.0.0.0:{port}"', '"127.0.0.1:-1"')
    text = text.replace('"0.0.0.0:6222"', f'"127.0.0.1:{route_port}"')
    file = folder / config.name
    file.write_text(text + f'\nports_file_dir: "{folder}"\n')
    variables = {"NATS_STORE": str(folder / "store"), **environment}
    program = str(find_program())
    async with running(program, "-c", str(file), cwd=folder, environment=variables) as server:
        await server.until("Server is ready")
        async with asyncio.timeout(PATIENCE_SECONDS):
            while (ports := _ports_in(folder)) is None:  # noqa: ASYNC110 - a file tells nobody
                await asyncio.sleep(0.01)
        yield Ports(ports["nats"][0], ports["monitoring"][0], ports["websocket"][0])


def _ports_in(folder: Path) -> dict[str, list[str]] | None:
    """Return what a server has written about its ports, None if that is not whole yet."""
    for file in folder.glob("*.ports"):
        with contextlib.suppress(msgspec.DecodeError):
            return msgspec.json.decode(file.read_bytes(), type=dict[str, list[str]])
    return None
