"""Which model the demo's agents think with: a server that answers, a local model, a script."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator
from dataclasses import dataclass

from hubbub.runtimes import probe
from hubbub.security.credentials import without_secrets
from hubbub.settings import NATSConfig

__all__ = ["DemoModel", "demo_model"]


@dataclass(frozen=True, slots=True)
class DemoModel:
    """A model for the demo.

    Attributes:
        description: what it is, for the screen.
        environment: what tells the agents' processes of it.
    """

    description: str
    environment: dict[str, str]


@contextlib.asynccontextmanager
async def demo_model(config: NATSConfig) -> AsyncGenerator[DemoModel]:
    """Find or start a model for as long as the context lasts."""
    key = config.openai_api_key.get_secret_value() if config.openai_api_key else None
    models = await probe(config.openai_base_url, api_key=key)
    if models:
        name = config.model or models[0]
        url = without_secrets(config.openai_base_url)
        yield DemoModel(f"{name} at {url}", {"HUBBUB_MODEL": name})
        return
    from hubbub.runtimes import local

    if local.has_engine() and local.is_pulled():
        async with local.LocalModel() as server:
            yield DemoModel(
                f"{server.name}, a small local model",
                {"OPENAI_BASE_URL": server.base_url, "HUBBUB_MODEL": server.name},
            )
        return
    from hubbub.runtimes.scripted import MODEL, ScriptedModel

    async with ScriptedModel() as server:
        yield DemoModel(
            "a scripted model, since no model server answers "
            f"at {without_secrets(config.openai_base_url)}",
            {"OPENAI_BASE_URL": server.base_url, "HUBBUB_MODEL": MODEL},
        )
