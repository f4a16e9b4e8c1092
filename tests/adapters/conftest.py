from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from hubbub.runtimes.scripted import MODEL, ScriptedModel
from runtimes.kit import Watcher

from .kit import BUILDERS, INSTALLED, Making, why_not


@pytest.fixture
async def server() -> AsyncIterator[ScriptedModel]:
    async with ScriptedModel() as running:
        yield running


@pytest.fixture
def watcher() -> Watcher:
    return Watcher()


@pytest.fixture(params=list(BUILDERS))
def framework(request: pytest.FixtureRequest) -> str:
    if not INSTALLED[request.param]:
        pytest.skip(why_not(request.param))
    return str(request.param)


@pytest.fixture
async def make(framework: str, server: ScriptedModel) -> AsyncIterator[Making]:
    """Makes runtimes of each framework that is installed."""
    made: list[Any] = []

    def making(quirks: str = "", **kwargs: Any) -> Any:
        on = kwargs.pop("server", server)
        made.append(BUILDERS[framework](on, MODEL + quirks, **kwargs))
        return made[-1]

    yield making
    for runtime in made:
        await runtime.aclose()
        if framework == "loop":
            await runtime.model.aclose()
