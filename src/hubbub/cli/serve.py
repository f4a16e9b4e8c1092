"""`hubbub run`: serve agents, in one process or several, reloading while one writes them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys
from collections.abc import Generator
from pathlib import Path
from typing import Annotated, Any

import typer

from hubbub.agents.session import stop_on_signals
from hubbub.cli.console_log import log_to_console
from hubbub.cli.output import console
from hubbub.cli.processes import STOP_WITH_STDIN, ServingProcesses
from hubbub.cli.running import on_mesh, run_async
from hubbub.cli.targets import load_agents
from hubbub.settings import NATSConfig

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("run")(run)


def run(
    targets: Annotated[
        list[str],
        typer.Argument(metavar="TARGET...", help="module:object or file.py:object, any number."),
    ],
    processes: Annotated[
        int, typer.Option("--processes", "-n", min=1, help="How many processes share the work.")
    ] = 1,
    reload: Annotated[
        bool, typer.Option("--reload", help="Start again whenever a Python file changes.")
    ] = False,
) -> None:
    """Serve agents until SIGTERM or Ctrl-C."""
    if processes > 1 or reload:
        if not reload:
            # A target that cannot be served is told once, not by every process.
            for target in targets:
                load_agents(target)
        run_async(_supervise(targets, processes, reload))
    else:
        run_async(_serve(targets))


async def _serve(targets: list[str]) -> None:
    log_to_console(NATSConfig())
    agents = [agent for target in targets for agent in load_agents(target)]
    stop = asyncio.Event()
    async with on_mesh(start_server=True) as mesh:
        with stop_on_signals(stop), _stop_with_stdin(stop):
            async with mesh.serve(*agents):
                await stop.wait()
                logging.getLogger("hubbub").info(
                    "Stopping; running work may finish. Once more ends it now"
                )


async def _supervise(targets: list[str], processes: int, reload: bool) -> None:
    stop = asyncio.Event()
    async with contextlib.AsyncExitStack() as stack:
        # A server that all of them share must outlive a reload.
        await stack.enter_async_context(on_mesh(start_server=True))
        # Also while they are waited for: whoever is told twice does not wait.
        stack.enter_context(stop_on_signals(stop))
        serving = await stack.enter_async_context(ServingProcesses(targets, processes))
        keeping = serving.keep(wait_for_restart=reload)
        watching: list[asyncio.Task[Any]] = [
            asyncio.create_task(stop.wait()),
            asyncio.create_task(keeping),
        ]
        if reload:
            watching.append(asyncio.create_task(_reload(serving)))
        try:
            done, _ = await asyncio.wait(watching, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in watching:
                task.cancel()
            await asyncio.wait(watching)


async def _reload(serving: ServingProcesses) -> None:
    import watchfiles

    changed = watchfiles.awatch(Path.cwd(), watch_filter=watchfiles.PythonFilter())  # pyright: ignore[reportUnknownVariableType]
    async for changes in changed:
        names = ", ".join(sorted({Path(path).name for _, path in changes}))
        console.print(f"{names} changed: starting again")
        await serving.restart()


@contextlib.contextmanager
def _stop_with_stdin(stop: asyncio.Event) -> Generator[None]:
    """End with the process that started this one, however that one ended.

    Running work may finish, unless it was being waited for already.
    """
    if not os.environ.get(STOP_WITH_STDIN):
        yield
        return
    loop = asyncio.get_running_loop()

    def on_input() -> None:
        if not os.read(sys.stdin.fileno(), 1024):
            loop.remove_reader(sys.stdin.fileno())
            if stop.is_set():
                os._exit(1)  # told twice, it has not waited for us
            stop.set()

    loop.add_reader(sys.stdin.fileno(), on_input)
    try:
        yield
    finally:
        loop.remove_reader(sys.stdin.fileno())
