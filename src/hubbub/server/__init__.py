"""The embedded nats-server: found, started, shared, never orphaned.

The names below load on first use: the supervisor lives in this package too, and a cold start
should not wait for modules that only its callers need.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hubbub.server.local import LocalServer, ServerAddress, local_server, running_server
    from hubbub.server.process import ServerProcess
    from hubbub.server.program import find_program

__all__ = [
    "LocalServer",
    "ServerAddress",
    "ServerProcess",
    "find_program",
    "local_server",
    "running_server",
]

_HOMES = {"ServerProcess": "process", "find_program": "program"}


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = import_module(f"{__name__}.{_HOMES.get(name, 'local')}")
    return getattr(module, name)
