"""A kit for tests of programs that use Hubbub; each name loads what it needs on first use."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hubbub.runtimes.scripted import ScriptedModel, ToolCall, ToolCalls
    from hubbub.testing.clocks import Clock, clock
    from hubbub.testing.cluster import Cluster, nats_cluster
    from hubbub.testing.crashes import crash_everywhere
    from hubbub.testing.models import RealModelForbidden, no_real_models
    from hubbub.testing.outcome import Difference, Outcome
    from hubbub.testing.report import Crash, CrashReport
    from hubbub.testing.server import ServerProcess, nats_server

__all__ = [
    "Clock",
    "Cluster",
    "Crash",
    "CrashReport",
    "Difference",
    "Outcome",
    "RealModelForbidden",
    "ScriptedModel",
    "ServerProcess",
    "ToolCall",
    "ToolCalls",
    "clock",
    "crash_everywhere",
    "nats_cluster",
    "nats_server",
    "no_real_models",
]

_HOMES = {
    "hubbub.runtimes.scripted": ["ScriptedModel", "ToolCall", "ToolCalls"],
    "hubbub.testing.clocks": ["Clock", "clock"],
    "hubbub.testing.cluster": ["Cluster", "nats_cluster"],
    "hubbub.testing.crashes": ["crash_everywhere"],
    "hubbub.testing.models": ["RealModelForbidden", "no_real_models"],
    "hubbub.testing.outcome": ["Difference", "Outcome"],
    "hubbub.testing.report": ["Crash", "CrashReport"],
    "hubbub.testing.server": ["ServerProcess", "nats_server"],
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> object:
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
