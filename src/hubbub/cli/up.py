"""`hubbub up`: the server, the gateway with its console, and what one likes to serve."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Annotated, Any

import typer

from hubbub.agents.session import stop_on_signals
from hubbub.cli.console_log import log_to_console
from hubbub.cli.console_page import Open, gateway, open_page
from hubbub.cli.options import Json
from hubbub.cli.output import console, print_json
from hubbub.cli.processes import ServingProcesses
from hubbub.cli.running import on_mesh, run_async
from hubbub.cli.targets import load_agents
from hubbub.mesh.mesh import Mesh
from hubbub.settings import NATSConfig

__all__ = ["register"]

_NAME = "Gateway"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(up)


def up(
    targets: Annotated[
        list[str] | None,
        typer.Argument(metavar="[TARGET]...", help="Serve these, too, as `hubbub run` does."),
    ] = None,
    processes: Annotated[
        int, typer.Option("--processes", "-n", min=1, help="How many processes serve them.")
    ] = 1,
    host: Annotated[
        str | None, typer.Option(help="Address of the gateway, 127.0.0.1 by default.")
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(min=0, max=65_535, help="Port of the gateway, 8400 by default; 0 is any."),
    ] = None,
    json: Json = False,
    open: Open = True,  # noqa: A002 - named after its option
) -> None:
    """Run the web console and its gateway, a NATS server unless there is one, and your agents."""
    run_async(_up(targets or [], processes, host, port, json, open))


async def _up(
    targets: list[str],
    processes: int,
    host: str | None,
    port: int | None,
    json: bool,
    show: bool,
) -> None:
    log_to_console(NATSConfig())
    # A target that cannot be served is told before anything has been started.
    names = [agent.name for target in targets for agent in load_agents(target)]
    stop = asyncio.Event()
    async with contextlib.AsyncExitStack() as stack:
        mesh = await stack.enter_async_context(on_mesh(_NAME, start_server=True))
        stack.enter_context(stop_on_signals(stop))
        url = await stack.enter_async_context(gateway(mesh, host=host, port=port))
        waiting: list[asyncio.Task[Any]] = [asyncio.create_task(stop.wait())]
        if targets:
            serving = await stack.enter_async_context(ServingProcesses(targets, processes))
            waiting.append(asyncio.create_task(serving.keep(wait_for_restart=False)))
        _tell(mesh, url, names, processes, json)
        await open_page(url, wanted=show and not json)
        try:
            done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in waiting:
                task.cancel()
            await asyncio.wait(waiting)


def _tell(mesh: Mesh, url: str, names: list[str], processes: int, json: bool) -> None:
    server = mesh.connection.url
    if json:
        print_json({"nats": server, "gateway": url, "serves": names, "processes": processes})
        return
    console.print(f"NATS     {server}")
    console.print(f"Console  {url}  (API: {url}/openapi.json)")
    if names:
        number = f" in {processes} processes" if processes > 1 else ""
        console.print(f"Serves   {', '.join(names)}{number}")
    console.print("Ctrl-C ends it.")
