"""One agent of each framework on a scripted server, for tests that every one of them must pass."""

from __future__ import annotations

import asyncio
import importlib.util
from collections.abc import Callable
from typing import Any, Protocol

from hubbub.mesh.limits import Limits
from hubbub.runtimes.hosting import execute
from hubbub.runtimes.loop import ToolLoop
from hubbub.runtimes.model import ModelClient
from hubbub.runtimes.neutral import RunContext, RunResult
from hubbub.runtimes.scripted import MODEL, ScriptedModel
from runtimes.kit import Watcher

__all__ = ["BUILDERS", "INSTALLED", "Making", "go", "why_not"]


class Making(Protocol):
    """Makes a runtime on the scripted server."""

    def __call__(self, quirks: str = "", **kwargs: Any) -> Any: ...


def _is_there(module: str, name: str = "") -> bool:
    try:
        if importlib.util.find_spec(module) is None:
            return False
    except ImportError:
        return False
    return not name or hasattr(importlib.import_module(module), name)


INSTALLED = {
    "loop": True,
    "pydantic-ai": _is_there("pydantic_ai"),
    "ag2": _is_there("ag2"),
    "autogen": _is_there("autogen", "ConversableAgent"),
}


def why_not(framework: str) -> str:
    """Say why a framework's tests do not run here."""
    return f"{framework.upper()} IS NOT TESTED HERE: run `make adapters`, which installs it"


def _loop(server: ScriptedModel, model: str, **kwargs: Any) -> Any:
    client = ModelClient(base_url=server.base_url, model=model, timeout=5.0)
    kwargs.pop("cut_off", None)
    return ToolLoop(client, name="a", **kwargs)


def _pydantic_ai(server: ScriptedModel, model: str, **kwargs: Any) -> Any:
    from hubbub.runtimes.adapters.clients import package
    from hubbub.runtimes.adapters.pydantic_ai import from_pydantic_ai

    frame = package("pydantic_ai", extra="pydantic-ai", feature="tests")
    models = package("pydantic_ai.models.openai", extra="pydantic-ai", feature="tests")
    providers = package("pydantic_ai.providers.openai", extra="pydantic-ai", feature="tests")
    provider = providers.OpenAIProvider(base_url=server.base_url, api_key="x")
    agent = frame.Agent(models.OpenAIChatModel(model, provider=provider), name="a")
    return from_pydantic_ai(agent, **kwargs)


def _ag2(server: ScriptedModel, model: str, **kwargs: Any) -> Any:
    from hubbub.runtimes.adapters.ag2 import from_ag2
    from hubbub.runtimes.adapters.clients import package

    frame = package("ag2", extra="ag2", feature="tests")
    config = package("ag2.config", extra="ag2", feature="tests")
    made = config.OpenAIConfig(model=model, base_url=server.base_url, api_key="x")
    return from_ag2(frame.Agent("a", config=made), **kwargs)


def autogen_agent(server: ScriptedModel, name: str, model: str = MODEL, **kwargs: Any) -> Any:
    """Return a ConversableAgent on the scripted server."""
    from hubbub.runtimes.adapters.clients import package

    frame = package("autogen", extra="autogen", feature="tests")
    entry = {"model": model, "base_url": server.base_url, "api_key": "x", "price": [0, 0]}
    kwargs.setdefault("human_input_mode", "NEVER")
    return frame.ConversableAgent(name, llm_config=frame.LLMConfig(entry), **kwargs)


def _autogen(server: ScriptedModel, model: str, **kwargs: Any) -> Any:
    from hubbub.runtimes.adapters.autogen import from_autogen

    return from_autogen(lambda: autogen_agent(server, "a", model), **kwargs)


BUILDERS: dict[str, Callable[..., Any]] = {
    "loop": _loop,
    "pydantic-ai": _pydantic_ai,
    "ag2": _ag2,
    "autogen": _autogen,
}


async def go(
    runtime: Any, task: str | None, watcher: Watcher | None = None, **kwargs: Any
) -> RunResult:
    """Run a task within a time no healthy run needs."""
    kwargs.setdefault("limits", Limits(requests=20))
    ctx = RunContext(on_event=watcher, **kwargs)
    return await asyncio.wait_for(execute(runtime, task, ctx), 30)
