"""What an agent thinks with: model client, tool loop, OODA loop, scripted and local model.

A runtime is given a task and a `RunContext` and pushes what happens; `execute` runs one:

    loop = ToolLoop(instructions="Be brief.", tools=[get_weather])
    result = await execute(loop, "Will it rain in Lisbon?", RunContext())

Importing this package loads none of it; each name is loaded when it is used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hubbub.errors import LimitReached
    from hubbub.mesh.limits import Budget, Limits, Usage
    from hubbub.runtimes.adapters.ag2 import from_ag2
    from hubbub.runtimes.adapters.autogen import from_autogen
    from hubbub.runtimes.adapters.pydantic_ai import from_pydantic_ai
    from hubbub.runtimes.calls import ask_person
    from hubbub.runtimes.errors import (
        BadModelAnswer,
        ModelCircuitOpen,
        ModelError,
        ModelFailed,
        ModelKeyRefused,
        ModelNotFound,
        ModelTimeout,
        ModelUnreachable,
    )
    from hubbub.runtimes.hosting import execute, iterate
    from hubbub.runtimes.loop import ToolLoop
    from hubbub.runtimes.model import ModelClient
    from hubbub.runtimes.neutral import (
        Event,
        Question,
        RunContext,
        RunResult,
        Runtime,
        current_run,
    )
    from hubbub.runtimes.ooda import OODA
    from hubbub.runtimes.probing import probe
    from hubbub.runtimes.tools import Tool

__all__ = [
    "OODA",
    "BadModelAnswer",
    "Budget",
    "Event",
    "LimitReached",
    "Limits",
    "ModelCircuitOpen",
    "ModelClient",
    "ModelError",
    "ModelFailed",
    "ModelKeyRefused",
    "ModelNotFound",
    "ModelTimeout",
    "ModelUnreachable",
    "Question",
    "RunContext",
    "RunResult",
    "Runtime",
    "Tool",
    "ToolLoop",
    "Usage",
    "ask_person",
    "current_run",
    "execute",
    "from_ag2",
    "from_autogen",
    "from_pydantic_ai",
    "iterate",
    "probe",
]

_ERRORS = ("BadModelAnswer", "ModelCircuitOpen", "ModelError", "ModelFailed", "ModelKeyRefused")
_MORE_ERRORS = ("ModelNotFound", "ModelTimeout", "ModelUnreachable")
_NEUTRAL = ("Event", "Question", "RunContext", "RunResult", "Runtime", "current_run")
_HOME = {
    "LimitReached": "hubbub.errors",
    **dict.fromkeys(("Budget", "Limits", "Usage"), "hubbub.mesh.limits"),
    **dict.fromkeys((*_ERRORS, *_MORE_ERRORS), "hubbub.runtimes.errors"),
    **dict.fromkeys(_NEUTRAL, "hubbub.runtimes.neutral"),
    **dict.fromkeys(("execute", "iterate"), "hubbub.runtimes.hosting"),
    "ModelClient": "hubbub.runtimes.model",
    "OODA": "hubbub.runtimes.ooda",
    "Tool": "hubbub.runtimes.tools",
    "ToolLoop": "hubbub.runtimes.loop",
    "ask_person": "hubbub.runtimes.calls",
    "from_ag2": "hubbub.runtimes.adapters.ag2",
    "from_autogen": "hubbub.runtimes.adapters.autogen",
    "from_pydantic_ai": "hubbub.runtimes.adapters.pydantic_ai",
    "probe": "hubbub.runtimes.probing",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME[name]), name)
