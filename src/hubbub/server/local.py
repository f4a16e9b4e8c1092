"""The local server of one user: shared by all programs that use its data directory."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from hubbub.errors import ConnectionLost, HubbubError
from hubbub.server.greeting import read_greeting
from hubbub.server.locks import FileLock
from hubbub.server.record import ServerRecord
from hubbub.server.startup import Startup, usable_directory

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import TracebackType

__all__ = ["LocalServer", "ServerAddress", "local_server", "running_server"]

_log = logging.getLogger(__name__)

_POLL_SECONDS = 0.005
_CHECK_SECONDS = 5.0


@dataclass(frozen=True)
class ServerAddress:
    """Where a local server is.

    Attributes:
        url: for clients, with the token inside.
        pid: the nats-server process.
        monitoring_url: its monitoring pages, if there are any.
        supervisor_pid: the process that keeps it running.
    """

    url: str = field(repr=False)
    pid: int
    monitoring_url: str | None
    supervisor_pid: int

    @property
    def display_url(self) -> str:
        """Where clients connect, without the token."""
        return f"nats://{self.url.rpartition('@')[2]}"


def running_server(data_dir: Path) -> ServerAddress | None:
    """Return the server that runs for a data directory, if one does and answers.

    Looks only, and takes about a millisecond (a quarter of a second if the server hangs).
    """
    record = ServerRecord.read(data_dir.expanduser()) if sys.platform != "win32" else None
    if record is None:
        return None
    greeting = read_greeting(record.port)
    if greeting is None or greeting.server_id != record.server_id:
        return None
    return ServerAddress(
        url=record.secret_url,
        pid=record.pid,
        monitoring_url=record.monitoring_url,
        supervisor_pid=record.supervisor_pid,
    )


async def local_server(
    data_dir: Path, *, program: Path | None = None, timeout: float = 10.0
) -> LocalServer:
    """Attach to the server of a data directory; start it if it does not run.

    Any number of processes may call this at once: they get the same server. It runs as long as
    one of them holds it, and two seconds longer.

    Args:
        data_dir: where it keeps its messages.
        program: the nats-server program; found when not given.
        timeout: seconds to wait until it answers.

    Returns:
        The hold on the server: release it, or use it as an async context manager.

    Raises:
        SettingsError: the data directory or the configured program cannot be used.
        ConnectionLost: the server does not start, or does not answer in time.
    """
    directory = await asyncio.to_thread(usable_directory, data_dir)
    users = FileLock(directory / "users.lock")
    try:
        address = await _hold(directory, users, program, timeout)
    except BaseException:
        users.close()
        raise
    return LocalServer(directory, users, program, address)


class LocalServer:
    """A hold on the local server, made by `local_server`.

    While it lasts, the server is kept running: if its supervisor dies, this process (or another
    that holds it) starts it again on the same port, where NATS clients find it when they
    reconnect. The hold ends with `release`, or with the process, however that ends.

    Attributes:
        on_move: called with the new URL when the server has come back on another port, because
            somebody else had taken the old one.
    """

    def __init__(
        self, directory: Path, users: FileLock, program: Path | None, address: ServerAddress
    ) -> None:
        self._directory = directory
        self._users = users
        self._program = program
        self._address = address
        self._released = False
        self.on_move: Callable[[str], None] | None = None
        self._loop = asyncio.get_running_loop()
        self._watch = asyncio.create_task(self._keep(), name="hubbub local server")

    @property
    def address(self) -> ServerAddress:
        """Where the server was when it was last looked for."""
        return self._address

    async def revive(self, *, timeout: float = 10.0) -> ServerAddress:
        """Make sure that the server runs, now; it is started again if need be.

        Happens by itself within moments of the server's end.

        Args:
            timeout: seconds to wait until it answers.

        Raises:
            SettingsError: the data directory cannot be used any more.
            ConnectionLost: the hold was released, the server does not start, or does not answer
                in time.
        """
        if self._released:
            raise ConnectionLost("The local server was released: call local_server() again")
        await asyncio.to_thread(usable_directory, self._directory)
        address = await _hold(self._directory, self._users, self._program, timeout)
        if self._released:  # meanwhile: what was taken again is let go again
            self._users.close()
        if address.url != self._address.url:
            before, now = self._address.display_url, address.display_url
            _log.warning("The local server has moved from %s to %s", before, now)
            if self.on_move is not None:
                self.on_move(address.url)
        self._address = address
        return address

    def release(self) -> None:
        """Let the server go; a second call does nothing."""
        if self._released:
            return
        self._released = True
        if not self._loop.is_closed():
            self._watch.cancel()
        self._users.close()

    async def aclose(self) -> None:
        """Let the server go and wait until the watch over it has ended."""
        self.release()
        await asyncio.wait([self._watch])

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        return f"LocalServer({self._address.display_url!r})"

    async def _keep(self) -> None:
        pause = 0.02
        while True:
            try:
                await _ended(self._address.supervisor_pid, at_most=_CHECK_SECONDS)
                await self.revive()
                pause = 0.02
            except (HubbubError, OSError) as error:  # such as too many open files, for a while
                _log.warning("%s", error)
                pause = min(pause * 2, _CHECK_SECONDS)
            # The server outlives its supervisor by moments: not to spin until it is gone.
            await asyncio.sleep(pause)


async def _hold(
    directory: Path, users: FileLock, program: Path | None, timeout: float
) -> ServerAddress:
    """Join the users of the server, then find or start it."""
    deadline = asyncio.get_running_loop().time() + timeout
    startup = Startup(directory, program)
    while asyncio.get_running_loop().time() < deadline:
        # First the lock: a server that has users does not leave.
        if users.try_shared():
            address = await asyncio.to_thread(running_server, directory)
            if address is not None:
                return address
            await asyncio.to_thread(startup.advance)
        await asyncio.sleep(_POLL_SECONDS)
    raise ConnectionLost(
        f"The local server in {directory} did not answer within {timeout:g} s. "
        "It may still be reading a large store: try again, or look into "
        f"{directory / 'nats-server.log'}"
    )


async def _ended(pid: int, *, at_most: float) -> None:
    """Wait for the end of a process that is not a child of ours, for so many seconds at most."""
    ended = asyncio.Event()
    with suppress(TimeoutError, ProcessLookupError):
        async with asyncio.timeout(at_most):
            if not hasattr(os, "pidfd_open"):
                while True:
                    os.kill(pid, 0)
                    await asyncio.sleep(0.25)
            descriptor = os.pidfd_open(pid)
            loop = asyncio.get_running_loop()
            loop.add_reader(descriptor, ended.set)
            try:
                await ended.wait()
            finally:
                loop.remove_reader(descriptor)
                os.close(descriptor)
