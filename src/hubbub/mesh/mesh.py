"""A connected mesh: the place from which to talk, and on which to serve agents."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Collection
from datetime import datetime

from hubbub.errors import ConnectionLost
from hubbub.mesh.concurrency import background
from hubbub.mesh.connecting import open_connection
from hubbub.mesh.connection import Connection
from hubbub.mesh.entries import EntryKind, HistoryEntry, Selection
from hubbub.mesh.following import following
from hubbub.mesh.history import HistoryPage, read_page
from hubbub.mesh.letters import DeadLetter, find_dead_letter, list_dead_letters
from hubbub.mesh.requester import Requester
from hubbub.mesh.service import Service
from hubbub.mesh.serving import Serving, open_serving
from hubbub.mesh.speaker import Line, Speaker
from hubbub.mesh.tasklist import TaskPage, TaskSummary, find_task, list_tasks
from hubbub.server import local_server, running_server
from hubbub.settings import DEFAULT_NATS_URL, NATSConfig
from hubbub.wire.events import TaskState
from hubbub.wire.names import ANONYMOUS, agent_token

__all__ = ["Mesh", "connect"]

_QUICK_SECONDS = 0.5


class Mesh(Speaker):
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
                    await ready.wait()
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

    async def tasks(
        self,
        agent: str | None = None,
        *,
        state: TaskState | str | Collection[TaskState | str] | None = None,
        context: str | None = None,
        before: str | None = None,
        limit: int = 50,
    ) -> TaskPage:
        """Return a page of tasks, the one that changed last first.

        Args:
            agent: only tasks of this agent.
            state: only tasks in this state, or in one of these.
            context: only tasks of this conversation.
            before: the `before` of the page that this one follows on.
            limit: how many tasks the page has at the most.

        Raises:
            InvalidAgentName: the name cannot be an agent's.
            InvalidCursor: `before` is no cursor.
            ValueError: there is no such state.
            ConnectionLost: the server does not answer.
        """
        states = [state] if isinstance(state, str) else state or ()
        return await list_tasks(
            self.connection,
            agent=None if agent is None else agent_token(agent),
            states=frozenset(TaskState(one) for one in states),
            context=context,
            before=before,
            limit=limit,
        )

    async def find_task(self, task_id: str) -> TaskSummary:
        """Return a task by its id alone; `task` with its agent gives a handle on it.

        Raises:
            TaskNotFound: there is none, or several agents have one.
            ConnectionLost: the server does not answer.
        """
        return await find_task(self.connection, task_id)

    async def dead_letters(
        self, agent: str | None = None, *, limit: int = 100, before: int | None = None
    ) -> list[DeadLetter]:
        """Return what could not be worked off, the newest first.

        Args:
            agent: only that agent's; `-` for messages to names that nobody can have.
            limit: how many at the most.
            before: only those older than the letter with this `sequence`, to go on from page to
                page.

        Raises:
            InvalidAgentName: the name cannot be an agent's.
            ConnectionLost: the server does not answer.
        """
        return await list_dead_letters(
            self.connection, self.name, agent=agent, limit=limit, before=before
        )

    async def dead_letter(self, letter_id: str) -> DeadLetter:
        """Return one dead letter, to look at it, `retry` or `discard` it.

        Args:
            letter_id: its `id`, or the id of its task.

        Raises:
            DeadLetterNotFound: there is none, or several agents have one: use its `id` then.
            ConnectionLost: the server does not answer.
        """
        return await find_dead_letter(self.connection, self.name, letter_id)

    async def history(
        self,
        agent: str | None = None,
        *,
        context: str | None = None,
        kind: EntryKind | Collection[EntryKind] | None = None,
        since: datetime | float | None = None,
        before: str | None = None,
        limit: int = 100,
        look_at: int | None = None,
    ) -> HistoryPage:
        """Return a page of what was said: the last one, or the one before another.

        Args:
            agent: only what this agent said or was told.
            context: only this conversation.
            kind: only entries of this kind, or of these.
            since: only what was stored at or after this time, or so many seconds ago.
            before: the `before` of the page that follows the one to read.
            limit: how many entries the page has at the most; of large ones, it ends at 16 MiB.
            look_at: give up after about so many messages; the page may then be short, or empty,
                and its `before` tells where to look on.

        Raises:
            InvalidAgentName: the name cannot be an agent's.
            InvalidCursor: `before` is no cursor.
            ValueError: there is no such kind; `limit` or `look_at` is below 1.
            ConnectionLost: the server does not answer.
        """
        selection = Selection.of(agent, context, kind)
        return await read_page(
            self.connection, selection, since=since, before=before, limit=limit, look_at=look_at
        )

    async def follow_history(
        self,
        agent: str | None = None,
        *,
        context: str | None = None,
        kind: EntryKind | Collection[EntryKind] | None = None,
        since: datetime | float | None = None,
        after: str | None = None,
        requests: bool = False,
        live: bool = True,
    ) -> AsyncGenerator[HistoryEntry]:
        """Yield what was said from a point on, and then what is being said, for ever.

        What is stored comes once each and without a gap, however often the connection is lost.

        Args:
            agent: only what this agent says or is told.
            context: only this conversation.
            kind: only entries of this kind, or of these.
            since: begin at this time, or so many seconds ago; by default now.
            after: begin behind this cursor instead, of an entry or a page.
            requests: also yield requests and replies, while they are live: they are not stored.
            live: whether to go on; otherwise it ends with what is stored now, and begins with the
                first that is stored unless `since` or `after` says otherwise.

        Raises:
            InvalidAgentName: the name cannot be an agent's.
            InvalidCursor: `after` is no cursor.
            ValueError: there is no such kind.
            PermissionDenied: these credentials may not read the history.
            ConnectionLost: the connection is closed, or the server does not answer at the start.
        """
        selection = Selection.of(agent, context, kind)
        async with following(
            self.connection, selection, since=since, after=after, requests=requests, live=live
        ) as entries:
            async for entry in entries:
                yield entry

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
        server = url or config.nats_url or await _find_server(config, stack, start_server)
        connection = await stack.enter_async_context(open_connection(config, server))
        async with contextlib.AsyncExitStack() as inner:
            yield Mesh(connection, server, name, inner)


async def _find_server(
    config: NATSConfig, stack: contextlib.AsyncExitStack, start_server: bool
) -> str:
    """Return the URL of the server to use when the settings name none."""
    if running_server(config.data_dir) is None and await _listens(DEFAULT_NATS_URL):
        return DEFAULT_NATS_URL
    if running_server(config.data_dir) is None and not start_server:
        raise ConnectionLost(
            "No mesh is running here: start one with `hubbub demo` or `hubbub run`, "
            "or set NATS_URL to the server of a running one"
        )
    # To attach is to keep it running for as long as we are here.
    server = await stack.enter_async_context(
        await local_server(config.data_dir, program=config.nats_server)
    )
    return server.address.url


async def _listens(url: str) -> bool:
    host, _, port = url.removeprefix("nats://").partition(":")
    try:
        async with asyncio.timeout(_QUICK_SECONDS):
            _, writer = await asyncio.open_connection(host, int(port))
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True
