"""What the runtimes made of foreign frameworks have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection
from typing import Any

from hubbub.mesh.limits import Limits
from hubbub.runtimes.adapters.clients import Clients
from hubbub.runtimes.adapters.driving import Driver, Played
from hubbub.runtimes.adapters.gate import Gate
from hubbub.runtimes.neutral import RunContext, RunResult

__all__ = ["Adapted"]


class Adapted(ABC):
    """A framework behind the neutral interface.

    Args:
        driver: runs it.
    """

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self._clients = Clients()

    @property
    @abstractmethod
    def name(self) -> str:
        """Whom its events are attributed to."""

    @abstractmethod
    async def _play(self, gate: Gate, task: str, state: Any) -> Played:
        """Let the framework work on a task, on from its state; see `Driver.drive`."""

    @property
    def limits(self) -> Limits:
        """What a run may use unless its context says otherwise."""
        return self._driver.limits

    @property
    def mesh_tools(self) -> Collection[str]:
        """Which mesh tools it wants."""
        return self._driver.mesh_tools

    async def aclose(self) -> None:
        """Give its connections back."""
        await self._clients.aclose()

    async def run(self, task: str | None, ctx: RunContext) -> RunResult:
        """Work on a task, or go on with an interrupted run; see `Driver.drive`."""
        return await self._driver.drive(task, ctx, self._play)
