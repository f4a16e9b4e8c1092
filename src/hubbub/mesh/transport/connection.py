"""One connection to NATS, with what its servers store: written, read back, and asked about."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from nats.aio.msg import Msg

from hubbub.errors import ConnectionLost, PermissionDenied
from hubbub.mesh.transport.answers import (
    APIError,
    PubAck,
    StoredMessage,
    StreamMissing,
    read_answer,
    read_puback,
    read_stored,
)
from hubbub.mesh.transport.link import CONFIRM_SECONDS, Link
from hubbub.mesh.transport.replies import NO_RESPONDERS, status_of

__all__ = ["Connection"]

log = logging.getLogger("hubbub.connection")

_PUBLISH_SECONDS = 16.0
_READ_SECONDS = 8.0
# A cluster elects a leader within 4 to 9 s, and sometimes needs a second round.
_ELECTION_SECONDS = 20.0
_ELECTION_PAUSE_SECONDS = 0.2
_READ_BATCH = 256
_READ_BYTES = 8 * 1024 * 1024

_clock = time.monotonic


class Connection(Link):
    """A connection to the servers of one mesh.

    Attributes:
        has_streams: whether the streams of the mesh have been seen on the server.
    """

    has_streams: bool = False

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

    # Reading

    async def read_back(
        self, stream: str, subject: str, *, start: int | str = 1
    ) -> list[StoredMessage]:
        """Return what a stream holds on a subject, oldest first.

        Args:
            stream: its name; it must allow direct access.
            subject: may hold wildcards.
            start: the first sequence, from 1, or the first time, RFC 3339.

        Raises:
            ConnectionLost: the server does not answer.
        """
        found: list[StoredMessage] = []
        while True:
            batch = await self.read_some(stream, start=start, subject=subject)
            found += batch
            # Large messages come in batches that are smaller than was asked for.
            if not batch or batch[-1].headers.get("Nats-Num-Pending", "0") == "0":
                return found
            start = batch[-1].sequence + 1

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
            return await self._replies.collect(subject, data, timeout=CONFIRM_SECONDS)

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

    # Writing, and everything else

    async def remove(self, stream: str, sequence: int) -> None:
        """Remove a message from a stream; that it has gone already is no error.

        Raises:
            APIError: the server refuses.
            ConnectionLost: the server does not answer.
        """
        try:
            await self.api(f"STREAM.MSG.DELETE.{stream}", {"seq": sequence, "no_erase": True})
        except APIError:
            if await self.at(stream, sequence) is not None:
                raise

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
                    async with asyncio.timeout(CONFIRM_SECONDS):
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
            seconds = min(timeout, CONFIRM_SECONDS) if clustered else timeout
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
