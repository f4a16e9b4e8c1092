"""The shop of the demo, open or closed, and the console that shows it."""

from __future__ import annotations

import contextlib
from asyncio.subprocess import DEVNULL
from collections.abc import AsyncGenerator

from hubbub.cli.console_page import gateway
from hubbub.cli.demo.customers import CUSTOMERS, customers
from hubbub.cli.demo.desk import desk
from hubbub.cli.output import console
from hubbub.cli.processes import ServingProcess
from hubbub.errors import MissingExtra, SettingsError
from hubbub.mesh.mesh import Mesh
from hubbub.settings import NATSConfig

__all__ = ["SHOP", "shop"]

SHOP = frozenset({CUSTOMERS, *(agent.name for agent in desk)})
"""Who belongs to it."""


@contextlib.asynccontextmanager
async def shop(mesh: Mesh, config: NATSConfig, *, is_open: bool) -> AsyncGenerator[str | None]:
    """Have the console, and an open shop in it, while the context lasts.

    Yields:
        Where the console is; None if its packages are not installed.
    """
    async with contextlib.AsyncExitStack() as stack:
        if is_open:
            serving = await ServingProcess.start(["hubbub.cli.demo.desk:desk"], output=DEVNULL)
            stack.push_async_callback(serving.stop)
        url = await _console(stack, mesh)
        if is_open:
            await stack.enter_async_context(customers(config))
        yield url


async def _console(stack: contextlib.AsyncExitStack, mesh: Mesh) -> str | None:
    try:
        return await stack.enter_async_context(gateway(mesh))
    except SettingsError:  # its usual port is taken: by another demo, or `hubbub up`
        return await stack.enter_async_context(gateway(mesh, port=0))
    except MissingExtra as error:
        console.print(f"{error}. The demo goes on without its console.")
        return None
