"""The gateway with its web console, run beside a command, and opened in the user's browser."""

from __future__ import annotations

import asyncio
import contextlib
import webbrowser
from collections.abc import AsyncGenerator
from typing import Annotated

import typer

from hubbub.cli.output import console
from hubbub.errors import MissingExtra
from hubbub.mesh.mesh import Mesh

__all__ = ["Open", "gateway", "open_page"]

Open = Annotated[
    bool,
    typer.Option("--open/--no-open", help="Open the console in the browser, from a terminal."),
]

_EXTRA = frozenset(
    {"fastapi", "starlette", "uvicorn", "joserfc", "prometheus_client", "websockets"}
)


@contextlib.asynccontextmanager
async def gateway(
    mesh: Mesh, *, host: str | None = None, port: int | None = None
) -> AsyncGenerator[str]:
    """Serve the gateway while the context lasts; yields its URL.

    Args:
        mesh: what it shows.
        host: address to listen on; by default that of the settings.
        port: port to listen on, 0 for a free one; by default that of the settings.

    Raises:
        MissingExtra: its packages are not installed.
        SettingsError: it cannot listen there.
    """
    try:
        from hubbub.gateway.serve import serve
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in _EXTRA:
            raise
        raise MissingExtra("The gateway", "gateway") from None
    async with serve(mesh=mesh, host=host, port=port) as url:
        yield url


async def open_page(url: str, *, wanted: bool = True) -> None:
    """Show a page to whoever sits at a terminal with a browser; to nobody else."""
    if wanted and console.is_terminal:
        await asyncio.to_thread(webbrowser.open, url)
