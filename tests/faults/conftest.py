"""Settings under which faults show quickly, and programs that end with their test."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator

import pytest

import hubbub
from hubbub import Mesh
from hubbub.testing import Cluster, ServerProcess, nats_cluster

from .kit import Program

LEASE_SECONDS = 1.0

Start = Callable[..., Awaitable[Program]]


@pytest.fixture(autouse=True)
def settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Short times, for the programs too: they inherit the environment."""
    monkeypatch.setenv("HUBBUB_LEASE_SECONDS", str(LEASE_SECONDS))
    monkeypatch.setenv("HUBBUB_RETRY_SECONDS", "0.05")
    monkeypatch.setenv("HUBBUB_HEARTBEAT_SECONDS", "1")


@pytest.fixture
def server(own_server: ServerProcess, monkeypatch: pytest.MonkeyPatch) -> ServerProcess:
    """A server to be killed, known to all programs of the test."""
    monkeypatch.setenv("NATS_URL", own_server.url)
    return own_server


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """Three servers, one of which may be killed at a time."""
    with nats_cluster() as cluster:
        yield cluster


@pytest.fixture
async def mesh(server: ServerProcess) -> AsyncGenerator[Mesh]:
    """The mesh as the sender `boss` sees it."""
    async with hubbub.connect(name="Boss") as mesh:
        yield mesh


@pytest.fixture
async def start(server: ServerProcess) -> AsyncGenerator[Start]:
    """Start programs of `programs/`; those that still run are killed when the test ends."""
    programs: list[Program] = []

    async def start(script: str, *arguments: str, **settings: str) -> Program:
        program = await Program.start(script, *arguments, **settings)
        programs.append(program)
        return program

    yield start
    for program in programs:
        await program.kill()


@pytest.fixture
async def worker(start: Start) -> Start:
    """Start workers, and wait until they are ready."""

    async def ready(
        name: str, concurrency: int = 1, *, style: str = "alone", **settings: str
    ) -> Program:
        program = await start("worker.py", name, str(concurrency), style, **settings)
        await program.told("ready")
        return program

    return ready
