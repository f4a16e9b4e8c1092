"""How a command gets its event loop, its connection and its name."""

from __future__ import annotations

import asyncio
import contextlib
import getpass
import sys
from collections.abc import AsyncGenerator, Coroutine
from typing import Any, TypeVar

from hubbub.errors import InvalidAgentName
from hubbub.mesh.activity_log import activity_log
from hubbub.mesh.mesh import Mesh, connect
from hubbub.settings import NATSConfig
from hubbub.wire.names import ANONYMOUS, agent_token

__all__ = ["default_name", "on_mesh", "run_async"]

T = TypeVar("T")


def run_async(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end, on the fastest event loop there is."""
    factory = None
    if sys.platform != "win32":
        with contextlib.suppress(ImportError):
            import uvloop

            factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(main)


def default_name() -> str:
    """Return the name that commands send under: the user's, if it can be an agent's."""
    try:
        name = getpass.getuser()
        agent_token(name)
    except (InvalidAgentName, OSError, KeyError):
        return ANONYMOUS
    return name


@contextlib.asynccontextmanager
async def on_mesh(name: str | None = None, *, start_server: bool = False) -> AsyncGenerator[Mesh]:
    """Connect as the settings say.

    Args:
        name: whom to send as.
        start_server: whether an embedded server may be started.
    """
    config = NATSConfig()
    with activity_log(config):
        async with connect(
            name=name or default_name(), config=config, start_server=start_server
        ) as mesh:
            yield mesh
