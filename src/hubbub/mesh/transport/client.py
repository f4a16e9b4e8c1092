"""The nats-py client, made not to tell anything in plain text where TLS was asked for."""

from __future__ import annotations

import asyncio
import functools
import logging
from collections.abc import Iterable

from nats.aio.client import DEFAULT_FLUSH_TIMEOUT, Client
from nats.aio.subscription import Subscription
from nats.errors import Error as NATSError

__all__ = ["SecureClient"]

log = logging.getLogger("hubbub.connection")


@functools.lru_cache(maxsize=256)
def _header_name(raw: bytes) -> str | None:
    """Return the name of a header, None if it cannot be one."""
    try:
        name = raw.strip().decode("ascii")
    except UnicodeDecodeError:
        return None
    return None if any(character.isspace() for character in name) else name


class SecureClient(Client):
    """Connects as `Client` does, and gives up before it says who it is if there is no TLS.

    Otherwise it would go on in plain text with any server that does not insist on TLS, such as
    one that somebody put in between.
    """

    @property
    def server_id(self) -> str:
        """The id of the server that the client is or was connected to, empty before that."""
        return str(self._server_info.get("server_id", ""))

    @property
    def server_name(self) -> str:
        """The name of the server that the client is or was connected to, empty before that."""
        return str(self._server_info.get("server_name", ""))

    @property
    def cluster(self) -> str:
        """The name of that server's cluster, empty if it belongs to none."""
        return str(self._server_info.get("cluster") or "")

    @property
    def is_clustered(self) -> bool:
        """Whether the server that we are connected to is one of several."""
        return bool(self._server_info.get("cluster"))

    async def flush(self, timeout: int = DEFAULT_FLUSH_TIMEOUT) -> None:
        """Wait until the server has taken in what was sent; see `Client.flush`.

        The wait that it uses returns, before Python 3.12, as if nothing were wrong if a task is
        canceled in the moment in which the answer comes.
        """
        task = asyncio.current_task()
        canceled = task.cancelling() if task is not None else 0
        await super().flush(timeout)
        if task is not None and task.cancelling() > canceled:
            raise asyncio.CancelledError

    async def send_no_more(self, subscriptions: Iterable[Subscription]) -> None:
        """Let the server send nothing more for some subscriptions; what comes yet is heard.

        Raises:
            nats.errors.Error: the server does not answer.
        """
        if self.is_connected:
            for subscription in subscriptions:
                await self._send_unsubscribe(subscription._id)  # pyright: ignore[reportPrivateUsage]
            await self.flush()

    async def _process_headers(self, headers: bytes) -> dict[str, str] | None:
        """Read the headers of a message; what nobody can read counts as none.

        The server passes on whatever a client wrote. An error here would end the reading of the
        connection, and with it everything that is served over it.
        """
        if not headers:
            return None
        try:
            return await super()._process_headers(headers)
        except (ValueError, LookupError):
            log.debug("The headers of a message cannot be read: %r", headers[:80])
            return None

    @staticmethod
    def _parse_header_lines(raw: bytes) -> dict[str, str]:
        """Return what `Client` returns, in half the time: the same names come again and again.

        Reading the log of a long run is for the most part reading headers.
        """
        found: dict[str, str] = {}
        for line in raw.split(b"\r\n"):
            name, colon, value = line.partition(b":")
            if colon and (key := _header_name(name)) is not None:
                found[key] = value.strip().decode("utf-8", "replace")
        return found

    async def _process_pong(self) -> None:
        """Take in the answer to a ping, also if whoever sent it has been canceled since.

        An error here would end the reading of the connection, too.
        """
        if self._pongs and self._pongs[0].done():
            self._pongs[0] = asyncio.get_running_loop().create_future()
        await super()._process_pong()

    def _connect_command(self) -> bytes:
        server = self._current_server
        asked_for = "tls" in self.options or (server is not None and server.uri.scheme == "tls")
        if asked_for and not self._server_info.get("tls_required"):
            raise NATSError("the server offers no TLS")
        return super()._connect_command()
