"""A connected mesh: the place from which to talk, and on which to serve agents."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator

from msgspec import convert

from hubbub.errors import ConnectionLost
from hubbub.mesh.composing import Line
from hubbub.mesh.records import Records
from hubbub.mesh.requests.requester import Requester
from hubbub.mesh.service import Service
from hubbub.mesh.serving import Serving, open_serving
from hubbub.mesh.speaker import Speaker
from hubbub.mesh.transport.concurrency import background, first_of
from hubbub.mesh.transport.connecting import open_connection
from hubbub.mesh.transport.connection import Connection
from hubbub.server import LocalServer, local_server, running_server
from hubbub.settings import DEFAULT_NATS_URL, NATSConfig
from hubbub.wire.names import ANONYMOUS, agent_token
from hubbub.wire.replays import REPLAY, ReplayReport

__all__ = ["Mesh", "connect"]

_QUICK_SECONDS = 0.5


class Mesh(Speaker, Records):
    """A connection to the mesh, made by `hubbub.connect`.

    Attributes:
        name: the name that messages are sent under.
        connection: what lies underneath, for whoever needs NATS itself.
    """

    def __init__(
        self, connection: Connection, url: str, name: str, stack: contextlib.AsyncExitStack
    ) -> None:
        self.connection = connection
        self.name = name
        self._url = url
        self._stack = stack
        self._line_over = Line(connection, Requester(connection, stack), name)
        self._serving: Serving | None = None
        self._opening = asyncio.Lock()

    def _line(self) -> Line:
        return self._line_over

    def speaking_as(self, name: str) -> Line:
        """Return a line over this connection for another sender."""
        return Line(self.connection, self._line_over.requester, name)

    @contextlib.asynccontextmanager
    async def serve(self, *agents: Service) -> AsyncGenerator[None]:
        """Let agents work while the context lasts; at its end, running work may finish.

        Args:
            agents: any number of them, all on this connection.

        Raises:
            ConnectionLost: the server does not answer.
        """
        async with self._opening:
            if self._serving is None:
                self._serving = await self._stack.enter_async_context(
                    open_serving(self.connection, self._url)
                )
        stop, hosts = asyncio.Event(), list[asyncio.Task[None]]()
        async with background() as group:
            try:
                for agent in agents:
                    ready = asyncio.Event()
                    host = self._host(self._serving, agent, ready, stop)
                    hosts.append(group.create_task(host, name=f"host of {agent.card.name}"))
                    await first_of(ready.wait(), hosts[-1])
                yield
            finally:
                # All at the same time: they share one grace period.
                stop.set()
                if hosts:
                    await asyncio.wait(hosts)

    async def _host(
        self, serving: Serving, agent: Service, ready: asyncio.Event, stop: asyncio.Event
    ) -> None:
        async with agent.spoken_over(self), serving.serve(agent):
            ready.set()
            await stop.wait()

    def follow(self, url: str) -> None:
        """Go on with the servers at another URL, where those of this mesh are now."""
        self._url = url
        self.connection.move(url)

    async def replay_task(self, task_id: str, *, timeout: float = 60.0) -> ReplayReport:
        """Have a recorded task run against today's code, without side effects.

        Whoever serves the agent does that, with the newest version of it.

        Args:
            task_id: the task.
            timeout: seconds to wait.

        Raises:
            TaskNotFound: there is no such task.
            AgentUnavailable: nobody serves its agent.
            RequestTimeout: it did not come to its end in time.
            RemoteError: it could not be run.
        """
        task = await self.find_task(task_id)
        reply = await self.request_from_agent(
            task.agent, "", metadata={REPLAY: task_id}, timeout=timeout
        )
        return convert(reply.content, ReplayReport)

    async def announce(self, agent: str, status: str | None = None) -> None:
        """Announce an agent that is served here once more, or a status of it."""
        if self._serving is not None:
            await self._serving.announce(agent, status)


@contextlib.asynccontextmanager
async def connect(
    url: str | None = None,
    *,
    name: str = ANONYMOUS,
    config: NATSConfig | None = None,
    start_server: bool = True,
) -> AsyncGenerator[Mesh]:
    """Connect to the mesh.

    Args:
        url: the NATS server; by default that of the settings, else the running local server,
            else the one at `nats://localhost:4222`, else an embedded one.
        name: the name that messages are sent under.
        config: the settings; by default those of the environment and the files.
        start_server: whether to start an embedded server if there is no other.

    Raises:
        InvalidAgentName: `name` cannot be an agent's.
        SettingsError: a setting cannot be used.
        ConnectionLost: no server answers, it refuses us, or it has no JetStream.
    """
    agent_token(name)
    config = config or NATSConfig()
    async with contextlib.AsyncExitStack() as stack:
        local: LocalServer | None = None
        server = url or config.nats_url
        if server is None:
            server, local = await _find_server(config, stack, start_server)
        connection = await stack.enter_async_context(open_connection(config, server))
        async with contextlib.AsyncExitStack() as inner:
            mesh = Mesh(connection, server, name, inner)
            if local is not None:
                local.on_move = mesh.follow
            yield mesh


async def _find_server(
    config: NATSConfig, stack: contextlib.AsyncExitStack, start_server: bool
) -> tuple[str, LocalServer | None]:
    """Return the server to use when the settings name none, and our hold on it if it is local."""
    if running_server(config.data_dir) is None and await _listens(DEFAULT_NATS_URL):
        return DEFAULT_NATS_URL, None
    if running_server(config.data_dir) is None and not start_server:
        raise ConnectionLost(
            "No mesh is running here: start one with `hubbub demo` or `hubbub run`, "
            "or set NATS_URL to the server of a running one"
        )
    # To attach is to keep it running for as long as we are here.
    server = await stack.enter_async_context(
        await local_server(config.data_dir, program=config.nats_server)
    )
    return server.address.url, server


async def _listens(url: str) -> bool:
    host, _, port = url.removeprefix("nats://").partition(":")
    try:
        async with asyncio.timeout(_QUICK_SECONDS):
            _, writer = await asyncio.open_connection(host, int(port))
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True
