"""An agent's own connection to the mesh, opened here and closed there."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
import threading
from collections.abc import Generator
from typing import TYPE_CHECKING

from hubbub.mesh.activity_log import activity_log
from hubbub.mesh.mesh import connect
from hubbub.settings import NATSConfig

if TYPE_CHECKING:
    from hubbub.mesh.service import Service

__all__ = ["Session", "stop_on_signals"]


class Session:
    """Serves one agent in a task of its own, from `start` to `stop`."""

    def __init__(self, agent: Service, config: NATSConfig | None) -> None:
        self._agent = agent
        self._config = config or NATSConfig()
        self._stop = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Connect and join; returns once the agent can be reached.

        Raises:
            ConnectionLost: no server answers, or it refuses us.
        """
        ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        task = asyncio.create_task(self._serve(ready), name=f"session of {self._agent.card.name}")
        try:
            await asyncio.wait({task, ready}, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            task.cancel()
            await asyncio.wait({task})
            raise
        if task.done():
            await task
        self._task = task

    async def _serve(self, ready: asyncio.Future[None]) -> None:
        with activity_log(self._config):
            async with (
                connect(config=self._config, name=self._agent.card.name) as mesh,
                mesh.serve(self._agent),
            ):
                ready.set_result(None)
                await self._stop.wait()

    async def until_stopped(self) -> None:
        """Wait for SIGTERM, Ctrl-C or `stop`."""
        assert self._task is not None  # noqa: S101 - only a started session is waited for
        with stop_on_signals(self._stop):
            await asyncio.wait({self._task})

    async def stop(self) -> None:
        """Leave the mesh; running work may finish within the grace period."""
        self._stop.set()
        if self._task is not None:
            await self._task


@contextlib.contextmanager
def stop_on_signals(stop: asyncio.Event) -> Generator[None]:
    """Set an event on SIGTERM and Ctrl-C while the context lasts, where signals can be had.

    A second one ends the process on the spot: what it works on goes to others when its lease ends.
    """
    if threading.current_thread() is not threading.main_thread() or sys.platform == "win32":
        yield
        return
    loop = asyncio.get_running_loop()
    signals, has_told = (signal.SIGTERM, signal.SIGINT), False

    def on_signal(number: signal.Signals) -> None:
        nonlocal has_told
        if has_told:
            # Not left to KeyboardInterrupt, which a loop may take for the failure of a callback.
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
        has_told = True
        stop.set()

    for number in signals:
        loop.add_signal_handler(number, on_signal, number)
    try:
        yield
    finally:
        for number in signals:
            loop.remove_signal_handler(number)
