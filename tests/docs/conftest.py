"""A mesh and a model for the snippets: a server of their own, and the scripted model."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from hubbub.runtimes.scripted import ScriptedModel
from hubbub.testing import ServerProcess


@pytest.fixture
async def on_mesh(
    own_server: ServerProcess, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[ServerProcess]:
    """Point the environment at a throw-away server and the scripted model."""
    async with ScriptedModel() as model:
        monkeypatch.setenv("NATS_URL", own_server.url)
        monkeypatch.setenv("OPENAI_BASE_URL", model.base_url)
        yield own_server
