"""One connection to NATS: watched, and spoken to in our terms."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Iterable
from typing import Any

import msgspec
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as NATSError

from hubbub.errors import ConnectionLost, InvalidMessage, PermissionDenied
from hubbub.mesh.answers import (
    APIError,
    PubAck,
    StoredMessage,
    StreamMissing,
    read_answer,
    read_puback,
    read_stored,
)
from hubbub.mesh.client import SecureClient
from hubbub.mesh.replies import NO_RESPONDERS, Replies, status_of
from hubbub.security.credentials import without_secrets
from hubbub.settings import NATSConfig
from hubbub.wire.subjects import Layout, layout

__all__ = ["Connection"]

log = logging.getLogger("hubbub.connection")

_CONFIRM_SECONDS = 2.0
_PUBLISH_SECONDS = 16.0
_READ_SECONDS = 8.0
# A cluster elects a leader within 4 to 9 s, and sometimes needs a second round.
_ELECTION_SECONDS = 20.0
_ELECTION_PAUSE_SECONDS = 0.2
_RESERVED_BYTES = 4096
_READ_BATCH = 256
_QUIET_SECONDS = 0.1
_READ_BYTES = 8 * 1024 * 1024
_MOST_REFUSALS = 1_000

_clock = time.monotonic


class Connection:
    """A connection to the servers of one mesh.

    Attributes:
        client: the nats-py client underneath, for subscriptions and plain publishes.
        config: the settings it was opened with.
        layout: how subjects are laid out.
        id: a random token that tells this connection from all others.
        has_streams: whether the streams of the mesh have been seen on the server.
    """

    def __init__(self, client: SecureClient, config: NATSConfig) -> None:
        self.client = client
        self.config = config
        self.layout: Layout = layout(config.layout)
        self.id = secrets.token_hex(5)
        self.has_streams = False
        self._replies = Replies(client, f"_INBOX.{self.id}")
        self._reconnected: set[Callable[[], None]] = set()
        self._changed = asyncio.Event()
        self._refused: dict[str, str] = {}

    async def setup(self) -> None:
        """Listen for replies and see that JetStream is there.

        Raises:
            ConnectionLost: the server has no JetStream, or does not let us use it.
        """
        await self._replies.listen()
        try:
            await self.api("INFO", timeout=self.config.connection_timeout)
        except StreamMissing:
            raise ConnectionLost(
                f"The NATS server at {self.url} runs without JetStream, which stores messages: "
                "start it with `nats-server -js`"
            ) from None
        except APIError as error:
            raise ConnectionLost(
                f"The NATS server at {self.url} does not let this account use JetStream "
                f"({error}): enable it for the account"
            ) from None

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
        return self.max_payload - min(_RESERVED_BYTES, self.max_payload // 4)

    # Events

    @contextlib.contextmanager
    def on_reconnect(self, listener: Callable[[], None]) -> Generator[None]:
        """Call a function each time the connection is back, while the context lasts."""
        self._reconnected.add(listener)
        try:
            yield
        finally:
            self._reconnected.discard(listener)

    async def reconnected(self) -> None:
        """Tell everybody that the connection is back."""
        log.info("Connected to NATS again at %s", self.url)
        self._changed.set()
        for listener in tuple(self._reconnected):
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
        heard_at = 0.0

        async def hear(message: Msg) -> None:
            nonlocal heard_at
            heard_at = _clock()
            await callback(message)

        members = list[Subscription]()
        try:
            for subject in subjects:
                members.append(await self.client.subscribe(subject, queue=queue, cb=hear))
        except NATSError as error:
            raise ConnectionLost(f"The connection to the NATS server is gone: {error}") from error
        try:
            yield
        finally:
            with contextlib.suppress(NATSError, TimeoutError):
                async with asyncio.timeout(_CONFIRM_SECONDS):
                    await self.client.send_no_more(members)
                    # Even behind its confirmation come messages that it was about to give us.
                    heard_at = max(heard_at, _clock())
                    while (pause := heard_at + _QUIET_SECONDS - _clock()) > 0:  # noqa: ASYNC110
                        await asyncio.sleep(pause)
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
        timeout: float = _CONFIRM_SECONDS,
    ) -> Msg:
        """Publish and return the first answer, on an inbox that no agent sees.

        Raises:
            TimeoutError: no answer within `timeout` seconds.
            ConnectionLost: the connection is closed.
        """
        return await self._replies.request(subject, data, headers=headers, timeout=timeout)

    async def read_back(self, stream: str, subject: str, *, after: int = 0) -> list[StoredMessage]:
        """Return what a stream holds on a subject, oldest first.

        Args:
            stream: its name; it must allow direct access.
            subject: may hold wildcards.
            after: only messages behind this sequence.

        Raises:
            ConnectionLost: the server does not answer.
        """
        found: list[StoredMessage] = []
        while True:
            batch = await self.read_some(stream, start=after + 1, subject=subject)
            found += batch
            # Large messages come in batches that are smaller than was asked for.
            if not batch or batch[-1].headers.get("Nats-Num-Pending", "0") == "0":
                return found
            after = batch[-1].sequence

    async def last_of_each(self, stream: str, subjects: list[str]) -> dict[str, StoredMessage]:
        """Return the last message on each of some subjects, by subject; most cost one request.

        Args:
            stream: its name; it must allow direct access.
            subjects: without wildcards.

        Raises:
            ConnectionLost: the server does not answer.
        """
        found: dict[str, StoredMessage] = {}
        for start in range(0, len(subjects), _READ_BATCH):
            some = subjects[start : start + _READ_BATCH]
            ask = {"multi_last": some, "batch": _READ_BATCH, "max_bytes": _READ_BYTES}
            read = await self._read(stream, msgspec.json.encode(ask))
            last = [read_stored(message) for message in read]
            found |= {message.subject: message for message in last}
            if last and last[-1].headers.get("Nats-Num-Pending", "0") != "0":
                # They were too large to come all at once.
                for subject in set(some) - found.keys():
                    if (one := await self.last_of(stream, subject)) is not None:
                        found[subject] = one
        return found

    async def read_some(
        self,
        stream: str,
        *,
        start: int | str = 1,
        subject: str = "",
        limit: int = _READ_BATCH,
        max_bytes: int = _READ_BYTES,
    ) -> list[StoredMessage]:
        """Return some of what a stream holds, oldest first.

        Args:
            stream: its name; it must allow direct access.
            start: the first sequence, from 1, or the first time, RFC 3339.
            subject: only what is on it; may hold wildcards.
            limit: how many messages at the most.
            max_bytes: how many bytes at the most; one message comes in any case.

        Raises:
            ConnectionLost: the server does not answer.
        """
        ask: dict[str, Any] = {"batch": limit, "max_bytes": max_bytes}
        ask["seq" if isinstance(start, int) else "start_time"] = start
        if subject:
            ask["next_by_subj"] = subject
        return [read_stored(one) for one in await self._read(stream, msgspec.json.encode(ask))]

    async def last_of(self, stream: str, subject: str) -> StoredMessage | None:
        """Return the last message that a stream holds on a subject.

        Raises:
            ConnectionLost: the server does not answer.
        """
        return await self._read_one(stream, f".{subject}", b"")

    async def at(self, stream: str, sequence: int) -> StoredMessage | None:
        """Return the message at a place of a stream, None if it is not there any more.

        Raises:
            ConnectionLost: the server does not answer.
        """
        return await self._read_one(stream, "", b'{"seq":%d}' % sequence)

    async def _read_one(self, stream: str, last_on: str, data: bytes) -> StoredMessage | None:
        async def ask() -> tuple[list[Msg], str]:
            message = await self.request(f"$JS.API.DIRECT.GET.{stream}{last_on}", data)
            status = status_of(message)
            return ([] if status else [message]), status

        found = await self._patiently(stream, ask)
        return read_stored(found[0]) if found else None

    async def _read(self, stream: str, data: bytes) -> list[Msg]:
        async def ask() -> tuple[list[Msg], str]:
            subject = f"$JS.API.DIRECT.GET.{stream}"
            return await self._replies.collect(subject, data, timeout=_CONFIRM_SECONDS)

        return await self._patiently(stream, ask)

    async def _patiently(
        self, stream: str, ask: Callable[[], Awaitable[tuple[list[Msg], str]]]
    ) -> list[Msg]:
        deadline = _clock() + _READ_SECONDS
        while _clock() < deadline:
            try:
                messages, status = await ask()
            except TimeoutError:
                continue
            if status != NO_RESPONDERS or not await self._is_leaderless(stream=stream):
                return messages
            await asyncio.sleep(_ELECTION_PAUSE_SECONDS)
        raise ConnectionLost(
            "The NATS server did not answer when asked for stored messages; "
            "`hubbub doctor` tells what is wrong"
        )

    async def store(
        self, subject: str, data: bytes, *, headers: dict[str, str] | None = None
    ) -> PubAck:
        """Publish into a stream and wait until the server has stored it.

        A publish whose confirmation got lost is repeated; give it a `Nats-Msg-Id` or an expected
        sequence so that the server can tell.

        Raises:
            InvalidMessage: larger than the server takes.
            StreamMissing: no stream takes this subject.
            APIError: the stream refused it.
            PermissionDenied: we may not publish there.
            ConnectionLost: no confirmation, although it was tried again and again.
        """
        self.check_size(data, headers)
        start, refusal = _clock(), ""
        while _clock() < start + (_ELECTION_SECONDS if refusal else _PUBLISH_SECONDS):
            try:
                if not self.client.is_connected:
                    # Kept until then, every repetition would be sent as well.
                    async with asyncio.timeout(_CONFIRM_SECONDS):
                        await self.available()
                message = await self.request(subject, data, headers=headers)
            except TimeoutError:
                if subject in self._refused:
                    raise PermissionDenied(self._refused.pop(subject), subject) from None
                continue
            if status_of(message) == NO_RESPONDERS:
                if not await self._is_leaderless(subject=subject):
                    raise StreamMissing(f"No stream takes {subject}")
                refusal = "nobody leads its stream just now"
            else:
                try:
                    return read_puback(message)
                except APIError as error:
                    if not error.is_passing:
                        raise
                    refusal = str(error)
            await asyncio.sleep(_ELECTION_PAUSE_SECONDS)
        raise ConnectionLost(
            f"The NATS server did not confirm a message on {subject} within "
            f"{_clock() - start:.0f} s{refusal and f' ({refusal})'}. It may or may not be stored; "
            "sending it again under the same message id is safe"
        )

    async def _is_leaderless(self, *, stream: str = "", subject: str = "") -> bool:
        """Tell whether a stream is, or may be, there although nobody answers for it.

        So it is in a cluster whose servers elect a leader, or are away, and at a server that is
        being stopped.

        Args:
            stream: its name, or
            subject: one that it takes.
        """
        api = "$JS.API.STREAM.NAMES"
        body = msgspec.json.encode({"subject": subject} if subject else {})
        try:
            message = await self.request(api, body)
        except TimeoutError:
            return self._refused.pop(api, None) is None  # nobody leads the cluster
        if status_of(message) == NO_RESPONDERS:
            return True  # it had JetStream when we came
        try:
            names = read_answer(message).get("streams") or ()
        except APIError as error:
            return error.is_passing
        return stream in names if stream else bool(names)

    async def api(self, name: str, body: object = None, *, timeout: float = 5.0) -> dict[str, Any]:
        """Call the JetStream API.

        Args:
            name: what follows `$JS.API.`, such as `STREAM.INFO.INBOX`.
            body: the JSON request, if it takes one.
            timeout: seconds to wait; a cluster gets the time to elect a leader besides.

        Raises:
            APIError: the server refused.
            StreamMissing: nobody answers: no JetStream here.
            ConnectionLost: no answer in time.
        """
        subject = f"$JS.API.{name}"
        data = b"" if body is None else msgspec.json.encode(body)
        start, refusal = _clock(), ""
        while True:
            clustered = self.client.is_clustered
            seconds = min(timeout, _CONFIRM_SECONDS) if clustered else timeout
            try:
                message = await self.request(subject, data, timeout=seconds)
                if status_of(message) == NO_RESPONDERS:
                    raise StreamMissing("JetStream does not answer")
                return read_answer(message)
            except TimeoutError:
                if subject in self._refused:
                    raise PermissionDenied(self._refused.pop(subject), subject) from None
            except APIError as error:
                if not error.is_passing:
                    raise
                refusal = str(error)
                await asyncio.sleep(_ELECTION_PAUSE_SECONDS)
            if _clock() >= start + (_ELECTION_SECONDS if clustered else timeout):
                raise ConnectionLost(
                    f"The NATS server at {self.url} did not answer {name} within "
                    f"{_clock() - start:.0f} s{refusal and f' ({refusal})'}"
                )

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
