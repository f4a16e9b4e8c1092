"""Deaths that the server tells of: agents of a process that died are gone at once.

A server whose configuration lets the mesh hear `$SYS.ACCOUNT.{account}.DISCONNECT` tells when a
connection ends (docs/nats-server.md); the embedded one does. Every process that looks may take the
dead out of the list: whoever is first, by the sequence of the key, announces it. On other servers
the key runs out by itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator

import msgspec
from nats.aio.msg import Msg

from hubbub.errors import HubbubError, InvalidMessage
from hubbub.mesh.presence.beacon import announcement
from hubbub.mesh.presence.cards import Instance, read_instance
from hubbub.mesh.transport.answers import APIError, StoredMessage
from hubbub.mesh.transport.concurrency import background
from hubbub.mesh.transport.connection import Connection
from hubbub.mesh.transport.headers import EXPECTED_SEQUENCE, TTL
from hubbub.mesh.transport.streams import PRESENCE_BUCKET, presence_ttl
from hubbub.server.relay import LIFE_NAME
from hubbub.wire.card import AgentStatus
from hubbub.wire.codec import decode

__all__ = ["watch_departures"]

log = logging.getLogger("hubbub.presence")

_SUBJECT = "$SYS.ACCOUNT.*.DISCONNECT"
# A process that only lost its connection is back by then, over another one.
_MERCY_SECONDS = 0.75
_TOGETHER_SECONDS = 0.05
# Such a process may be alive behind a network that is not; its time runs out by itself.
_STALE = "Stale Connection"


class _Client(msgspec.Struct):
    id: int
    name: str = ""


class _Server(msgspec.Struct):
    id: str


class _Disconnect(msgspec.Struct):
    client: _Client
    server: _Server
    reason: str = ""


_decoder = msgspec.json.Decoder(_Disconnect)


@contextlib.asynccontextmanager
async def watch_departures(connection: Connection) -> AsyncGenerator[None]:
    """Take agents whose process died out of the list while the context lasts.

    Args:
        connection: the mesh. Where its server tells nothing, nothing happens.

    Raises:
        ConnectionLost: the connection is closed.
    """
    async with background() as group:
        watch = _Watch(connection, group)
        async with connection.subscription(_SUBJECT, watch.on_disconnect):
            try:
                yield
            finally:
                watch.end()


class _Watch:
    def __init__(self, connection: Connection, group: asyncio.TaskGroup) -> None:
        self._connection = connection
        self._group = group
        # Links that have ended, oldest first, and when mercy ends for each.
        self._ended: dict[str, float] = {}
        self._striking: asyncio.Task[None] | None = None

    async def on_disconnect(self, raw: Msg) -> None:
        try:
            event = decode(raw.data, _decoder)
        except InvalidMessage as error:
            log.debug("An unreadable event on %s: %s", raw.subject, error)
            return
        if event.client.name != LIFE_NAME or event.reason == _STALE:
            return
        link = f"{event.server.id}/{event.client.id}"
        self._ended[link] = asyncio.get_running_loop().time() + _MERCY_SECONDS
        if self._striking is None:
            self._striking = self._group.create_task(self._strike_off(), name="departures")

    def end(self) -> None:
        if self._striking is not None:
            self._striking.cancel()

    async def _strike_off(self) -> None:
        clock = asyncio.get_running_loop().time
        while self._ended:
            await asyncio.sleep(next(iter(self._ended.values())) - clock())
            # Many that go together are looked for together.
            gone = {link for link, at in self._ended.items() if at <= clock() + _TOGETHER_SECONDS}
            for link in gone:
                del self._ended[link]
            try:
                await self._look_for(gone)
            except HubbubError as error:  # the dead are then listed until their time runs out
                log.info("Agents whose process died could not be taken out of the list: %s", error)
        self._striking = None

    async def _look_for(self, gone: set[str]) -> None:
        subject = f"$KV.{PRESENCE_BUCKET}.>"
        for stored in await self._connection.read_back(f"KV_{PRESENCE_BUCKET}", subject):
            instance = read_instance(stored)
            if instance is not None and instance.process.link in gone:
                await self._take_out(stored, instance)

    async def _take_out(self, stored: StoredMessage, instance: Instance) -> None:
        headers = {
            "KV-Operation": "DEL",
            TTL: f"{presence_ttl(self._connection.config)}s",
            EXPECTED_SEQUENCE: str(stored.sequence),
        }
        try:
            await self._connection.store(stored.subject, b"", headers=headers)
        except APIError as error:
            if error.is_fence:
                return  # it is back, or somebody else was faster
            raise
        log.info("%s: the process of instance %s is gone", instance.name, instance.id)
        message = announcement(instance, "leave", AgentStatus.OFFLINE, instance=instance.id)
        subject = self._connection.layout.everybody(instance.token)
        await self._connection.publish(subject, message.to_bytes())
