"""What goes wrong in a run: the blows of a plan, dealt to its processes and servers."""

from __future__ import annotations

import asyncio
import signal
from collections import Counter
from collections.abc import Callable, Sequence

from hubbub.testing import Cluster, ServerProcess

from .journal import Journal
from .members import Member
from .plan import Blow

__all__ = ["Chaos", "Servers"]

Servers = ServerProcess | Cluster


class Chaos:
    """Deals blows.

    Args:
        workers: the processes that serve agents.
        senders: the processes that send.
        servers: one server, or a cluster of which one server at a time is hit.
        journal: where each blow is written down.

    Attributes:
        dealt: how many blows of each kind there were.
    """

    def __init__(
        self,
        workers: Sequence[Member],
        senders: Sequence[Member],
        servers: Servers,
        journal: Journal,
    ) -> None:
        self._workers = workers
        self._senders = senders
        self._servers = servers
        self._journal = journal
        self.dealt = Counter[str]()

    async def rage(self, blows: Sequence[Blow]) -> None:
        """Deal all blows, and have everything in order again at the end."""
        async with asyncio.TaskGroup() as group:
            for blow in blows:
                await asyncio.sleep(blow.after)
                self.dealt[blow.kind] += 1
                self._journal.write("blow", kind=blow.kind, seconds=blow.seconds)
                if blow.kind == "freeze worker":
                    group.create_task(self._freeze(self._worker(blow), blow.seconds))
                else:
                    await self._deal(blow)

    async def _deal(self, blow: Blow) -> None:
        match blow.kind:
            case "kill worker":
                self._worker(blow).signal(signal.SIGKILL)
            case "stop worker":
                self._worker(blow).signal(signal.SIGTERM)
            case "kill sender":
                self._senders[blow.victim % len(self._senders)].signal(signal.SIGKILL)
            case "kill server":
                await self._outage(blow, ServerProcess.kill, ServerProcess.start)
            case "stop server":
                await self._outage(blow, ServerProcess.stop, ServerProcess.start)
            case "freeze server":
                await self._outage(blow, ServerProcess.freeze, ServerProcess.thaw)
            case "kill everything":
                await self._kill_everything(blow.seconds)
            case other:
                raise AssertionError(other)

    def _worker(self, blow: Blow) -> Member:
        return self._workers[blow.victim % len(self._workers)]

    async def _freeze(self, worker: Member, seconds: float) -> None:
        worker.signal(signal.SIGSTOP)
        await asyncio.sleep(seconds)
        worker.signal(signal.SIGCONT)

    async def _outage(
        self,
        blow: Blow,
        begin: Callable[[ServerProcess], None],
        end: Callable[[ServerProcess], None],
    ) -> None:
        server = await asyncio.to_thread(self._server, blow)
        await asyncio.to_thread(begin, server)
        await asyncio.sleep(blow.seconds)
        await asyncio.to_thread(end, server)
        await self._in_step()

    def _server(self, blow: Blow) -> ServerProcess:
        if isinstance(self._servers, ServerProcess):
            return self._servers
        leader = self._servers.leader_of(blow.stream)
        return leader or self._servers.servers[blow.victim % len(self._servers.servers)]

    async def _in_step(self) -> None:
        # Two servers of three away at the same time would be another experiment.
        if isinstance(self._servers, Cluster):
            await asyncio.to_thread(self._servers.wait_until_ready)

    async def _kill_everything(self, seconds: float) -> None:
        servers = self._servers.servers if isinstance(self._servers, Cluster) else [self._servers]
        for member in (*self._workers, *self._senders):
            member.signal(signal.SIGKILL)
        for server in servers:
            server.kill()
        await asyncio.sleep(min(seconds, 1.0))
        for server in servers:
            await asyncio.to_thread(server.start)
        await self._in_step()
