from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Iterator

import pytest

from hubbub.runtimes.scripted import ScriptedModel

from .kit import Making, Watcher, loops


@pytest.fixture
async def server() -> AsyncIterator[ScriptedModel]:
    async with ScriptedModel() as running:
        yield running


@pytest.fixture
async def make(server: ScriptedModel) -> AsyncIterator[Making]:
    async with loops(server) as making:
        yield making


@pytest.fixture
def watcher() -> Watcher:
    return Watcher()


@pytest.fixture
def unused_port() -> Iterator[int]:
    """A port at which nothing listens: bound for the time of the test, so nobody else takes it."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]
