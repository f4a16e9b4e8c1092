from __future__ import annotations

from collections.abc import AsyncIterator

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
