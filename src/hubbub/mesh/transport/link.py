"""One connection to NATS: watched, listened on and published to."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Iterable

from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as NATSError

from hubbub.errors import ConnectionLost, InvalidMessage
from hubbub.mesh.transport.client import SecureClient
from hubbub.mesh.transport.deadlines import Deadlines
from hubbub.mesh.transport.replies import Replies
from hubbub.security.credentials import server_urls, without_secrets
from hubbub.settings import NATSConfig
from hubbub.wire.subjects import Layout, layout

__all__ = ["CONFIRM_SECONDS", "Link"]

log = logging.getLogger("hubbub.connection")

CONFIRM_SECONDS = 2.0
"""Seconds after which the server has not answered."""

_RESERVED_BYTES = 4096
_QUIET_SECONDS = 0.1
_MOST_REFUSALS = 1_000


class Link:
    """A connection to the servers of one mesh, without what they store.

    Attributes:
        client: the nats-py client underneath.
        config: the settings it was opened with.
        layout: how subjects are laid out.
        id: a random token that tells this connection from all others.
        loop: the event loop that it lives in.
        deadlines: calls what is due in it.
    """

    def __init__(self, client: SecureClient, config: NATSConfig) -> None:
        self.client = client
        self.config = config
        self.layout: Layout = layout(config.layout)
        self.id = secrets.token_hex(5)
        self.loop = asyncio.get_running_loop()
        self.deadlines = Deadlines(self.loop)
        self._replies = Replies(client, f"_INBOX.{self.id}")
        self._reconnected: set[Callable[[], None]] = set()
        self._lost: set[Callable[[], None]] = set()
        self._moved: set[Callable[[str], None]] = set()
        self._changed = asyncio.Event()
        self._refused: dict[str, str] = {}

    @property
    def url(self) -> str:
        """The server's URL, without secrets."""
        connected = self.client.connected_url
        return without_secrets(connected.geturl()) if connected else "(not connected)"

    @property
    def link(self) -> str:
        """The server's name for the present connection; every reconnect has another one."""
        return f"{self.client.server_id}/{self.client.client_id}"

    @property
    def max_payload(self) -> int:
        """The largest message the server takes, headers included, in bytes."""
        return self.client.max_payload

    @property
    def max_content(self) -> int:
        """The largest message an agent may send, in bytes.

        It leaves room for what is written around it in logs and dead letters.
        """
        most = self.client.max_payload
        return most - min(_RESERVED_BYTES, most // 4)

    # Events

    @contextlib.contextmanager
    def on_reconnect(self, listener: Callable[[], None]) -> Generator[None]:
        """Call a function each time the connection is back, while the context lasts."""
        self._reconnected.add(listener)
        try:
            yield
        finally:
            self._reconnected.discard(listener)

    @contextlib.contextmanager
    def on_disconnect(self, listener: Callable[[], None]) -> Generator[None]:
        """Call a function each time the connection is lost, while the context lasts."""
        self._lost.add(listener)
        try:
            yield
        finally:
            self._lost.discard(listener)

    @contextlib.contextmanager
    def on_move(self, listener: Callable[[str], None]) -> Generator[None]:
        """Call a function with the new URL each time the server moves, while the context lasts."""
        self._moved.add(listener)
        try:
            yield
        finally:
            self._moved.discard(listener)

    def move(self, url: str) -> None:
        """Look for the servers at another URL from the next reconnect on."""
        if not self.client.is_closed:
            self.client.set_server_pool(server_urls(url))
        for listener in tuple(self._moved):
            listener(url)

    async def reconnected(self) -> None:
        """Tell everybody that the connection is back."""
        log.info("Connected to NATS again at %s", self.url)
        self._changed.set()
        for listener in tuple(self._reconnected):
            listener()

    async def disconnected(self) -> None:
        """Tell everybody that the connection is lost; it is tried to get another one."""
        for listener in tuple(self._lost):
            listener()

    async def ended(self) -> None:
        """Tell whoever waits for the connection that it will not come back."""
        self._changed.set()

    async def available(self) -> None:
        """Wait until there is a connection.

        What is published meanwhile is kept and sent later; for some messages that is too late.

        Raises:
            ConnectionLost: the connection is closed.
        """
        while not self.client.is_connected:
            if self.client.is_closed:
                raise ConnectionLost("The connection to the NATS server is closed")
            self._changed.clear()
            await self._changed.wait()

    def refused(self, message: str) -> None:
        """Remember a permission that the server refused, for the call that asked for it."""
        subject = message.partition('"')[2].partition('"')[0]
        if len(self._refused) >= _MOST_REFUSALS:
            self._refused.pop(next(iter(self._refused)))
        self._refused[subject] = message
        log.warning("The NATS server refused: %s", message)

    # Listening

    @contextlib.asynccontextmanager
    async def subscription(
        self,
        subject: str,
        callback: Callable[[Msg], Awaitable[None]],
        *,
        queue: str = "",
    ) -> AsyncGenerator[None]:
        """Hear a subject while the context lasts.

        Args:
            subject: may hold wildcards.
            callback: called for one message after the other; it should only hand them on.
            queue: members of one queue group share the messages.

        Raises:
            ConnectionLost: the connection is closed.
        """
        try:
            subscription = await self.client.subscribe(subject, queue=queue, cb=callback)
        except NATSError as error:
            raise ConnectionLost(f"The connection to the NATS server is gone: {error}") from error
        try:
            yield
        finally:
            with contextlib.suppress(NATSError):
                await subscription.unsubscribe()

    @contextlib.asynccontextmanager
    async def membership(
        self, subjects: Iterable[str], callback: Callable[[Msg], Awaitable[None]], *, queue: str
    ) -> AsyncGenerator[None]:
        """Share the messages on some subjects with others while the context lasts.

        At its end, what the server had given to us is heard before we stop listening: nobody else
        will get it.

        Args:
            subjects: may hold wildcards.
            callback: as in `subscription`.
            queue: the queue group.

        Raises:
            ConnectionLost: the connection is closed.
        """
        members = list[Subscription]()
        try:
            for subject in subjects:
                members.append(await self.client.subscribe(subject, queue=queue, cb=callback))
        except NATSError as error:
            raise ConnectionLost(f"The connection to the NATS server is gone: {error}") from error
        try:
            yield
        finally:
            with contextlib.suppress(NATSError, TimeoutError):
                async with asyncio.timeout(CONFIRM_SECONDS):
                    await self.client.send_no_more(members)
                    # Even behind its confirmation come messages that it was about to give us.
                    heard = -1
                    while heard != _heard_by(members):
                        heard = _heard_by(members)
                        await asyncio.sleep(_QUIET_SECONDS)
            for member in members:
                with contextlib.suppress(NATSError):
                    await member.unsubscribe()

    async def flush(self) -> None:
        """Wait until the server has taken in all that was published and subscribed.

        Raises:
            ConnectionLost: it did not in time.
        """
        try:
            await self.client.flush()
        except NATSError as error:
            raise ConnectionLost(f"The NATS server does not answer: {error}") from error

    # Talking

    async def publish(
        self, subject: str, data: bytes, *, reply: str = "", headers: dict[str, str] | None = None
    ) -> None:
        """Publish without waiting for anybody.

        Raises:
            InvalidMessage: larger than the server takes.
            ConnectionLost: the connection is closed.
        """
        self.check_size(data, headers)
        try:
            await self.client.publish(subject, data, reply=reply, headers=headers)
        except NATSError as error:
            raise ConnectionLost(f"The connection to the NATS server is gone: {error}") from error

    async def request(
        self,
        subject: str,
        data: bytes = b"",
        *,
        headers: dict[str, str] | None = None,
        timeout: float = CONFIRM_SECONDS,
    ) -> Msg:
        """Publish and return the first answer, on an inbox that no agent sees.

        Raises:
            TimeoutError: no answer within `timeout` seconds.
            ConnectionLost: the connection is closed.
        """
        return await self._replies.request(subject, data, headers=headers, timeout=timeout)

    def check_content(self, data: bytes) -> None:
        """Refuse what an agent may not send.

        Raises:
            InvalidMessage: it is larger than `max_content`.
        """
        if len(data) > self.max_content:
            raise InvalidMessage(
                f"the message has {len(data):,} bytes, this mesh takes {self.max_content:,}: "
                "send less, or put the data elsewhere and send a reference"
            )

    def check_size(self, data: bytes, headers: dict[str, str] | None) -> None:
        """Refuse what the server would drop the connection for.

        Raises:
            InvalidMessage: payload and headers together are larger than the server takes.
        """
        size = len(data)
        # nats-py counts the payload only; 12 is the status line, 4 are ": " and the line end.
        if headers:
            size += 12 + sum(len(key) + len(value.encode()) + 4 for key, value in headers.items())
        if size > self.max_payload:
            raise InvalidMessage(
                f"the message has {size:,} bytes, the NATS server takes {self.max_payload:,}: "
                "send less, or put the data elsewhere and send a reference"
            )


def _heard_by(members: Iterable[Subscription]) -> int:
    """Return how many messages the callbacks of some subscriptions have been given."""
    return sum(member.delivered - member.pending_msgs for member in members)
