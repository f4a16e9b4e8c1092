"""The way to the mesh: looked for until it is found, while the gateway answers already."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator

from hubbub.errors import HubbubError, SettingsError
from hubbub.gateway.state import NAME, Gateway
from hubbub.mesh.mesh import connect
from hubbub.mesh.transport.concurrency import first_of
from hubbub.settings import NATSConfig

__all__ = ["connected"]

log = logging.getLogger("hubbub.gateway")

# Most servers answer by then; a gateway that waits longer for one seems not to start.
_FIRST_SECONDS = 5.0
_SHORTEST_PAUSE_SECONDS = 0.25
_LONGEST_PAUSE_SECONDS = 5.0


@contextlib.asynccontextmanager
async def connected(gateway: Gateway, config: NATSConfig | None) -> AsyncGenerator[None]:
    """Let a gateway have a mesh of its own, as soon as one can be reached.

    Returns when the first attempt has ended, either way; a server that is silent is not waited for
    longer than some seconds.

    Args:
        gateway: opened once the mesh is there, and closed at the end.
        config: how to reach the mesh; by default what the environment says.

    Raises:
        SettingsError: a setting cannot be used.
    """
    tried, ending = asyncio.Event(), asyncio.Event()
    keeping = asyncio.create_task(_keep(gateway, config, tried, ending), name="way to the mesh")
    try:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_FIRST_SECONDS):
                await first_of(tried.wait(), keeping)
        yield
    finally:
        ending.set()
        if not gateway.is_open:
            keeping.cancel()
        await asyncio.wait({keeping})
        if not keeping.cancelled():
            keeping.result()


async def _keep(
    gateway: Gateway, config: NATSConfig | None, tried: asyncio.Event, ending: asyncio.Event
) -> None:
    pause, told = _SHORTEST_PAUSE_SECONDS, ""
    while not ending.is_set():
        try:
            async with connect(config=config, name=NAME) as mesh:
                gateway.open(mesh)
                tried.set()
                if told:
                    log.warning("The gateway has found the mesh at %s", mesh.connection.url)
                try:
                    await ending.wait()
                finally:
                    await gateway.close()
        except HubbubError as error:
            if isinstance(error, SettingsError) and not tried.is_set():
                raise
            if str(error) != told:
                told = str(error)
                log.warning("The gateway answers 503 until it has a mesh: %s", told)
        tried.set()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(pause):
                await ending.wait()
        pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
