"""The run behind a task, made when it is needed: a request that does nothing durable has none."""

from __future__ import annotations

from hubbub.mesh.durable.branches import here
from hubbub.mesh.durable.run import Run
from hubbub.wire.recording import Recording

__all__ = ["Recorded"]


class Recorded:
    """What has a run; part of `Task`.

    Attributes:
        id: the task's id.
        agent: display name of the agent that works on it.
    """

    id: str
    agent: str
    _run: Run | None
    _home: object = None

    @property
    def run(self) -> Run:
        """What keeps its record; for a request, one that keeps nothing."""
        if self._run is None:
            self._run = Run(self.agent, self.id, Recording(), None)
            self._run.belongs_to(self._home)
        return self._run

    def belongs_here(self) -> None:
        """Let the calling asyncio task, or thread, be the handler's own."""
        self._home = here()
        if self._run is not None:
            self._run.belongs_to(self._home)
