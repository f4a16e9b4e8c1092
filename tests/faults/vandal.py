"""Somebody who may publish on the mesh and wishes it no good: any bytes, anywhere, fast."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

HEADERS: dict[str, bytes] = {
    "empty": b"NATS/1.0\r\n\r\n",
    "no version": b"\r\n",
    "nothing behind the version": b"NATS/1.0",
    "no end": b"NATS/1.0\r\nA: b",
    "no colon": b"NATS/1.0\r\nno colon\r\n\r\n",
    "lines of another system": b"NATS/1.0\na: b\n\n",
    "binary": b"NATS/1.0\r\n\xff\xfe: \xff\r\nA\x00: \x00\r\n\r\n",
    "a status": b"NATS/1.0 404 No Messages\r\n\r\n",
    "no responders": b"NATS/1.0 503\r\n\r\n",
    "a status in no encoding": b"NATS/1.0 \xff\xff\xff\r\n\r\n",
    "a reason in no encoding": b"NATS/1.0 503 \xff\xfe\r\n\r\n",
    "a header named status": b"NATS/1.0\r\nStatus: 404\r\nDescription: no\r\n\r\n",
    "the server's own": (
        b"NATS/1.0\r\nNats-Sequence: 777\r\nNats-Subject: agents.direct.boss\r\n"
        b"Nats-Time-Stamp: never\r\nNats-Num-Pending: -1\r\nNats-Service-Error: x\r\n\r\n"
    ),
    "an id that is none": b"NATS/1.0\r\nNats-Msg-Id: a b.c>\r\n\r\n",
    "an id twice": b"NATS/1.0\r\nNats-Msg-Id: one\r\nNats-Msg-Id: two\r\n\r\n",
    "a lifetime that is none": b"NATS/1.0\r\nNats-TTL: for ever\r\n\r\n",
    "times that are none": (
        b"NATS/1.0\r\nHubbub-Not-Before: soon\r\nHubbub-Expires: 9999999-13-45\r\n"
        b"Hubbub-Deadline: \xff\r\nHubbub-Timeout: nan\r\n\r\n"
    ),
    "names that are none": (
        b"NATS/1.0\r\nHubbub-Parent: * >\r\nHubbub-Origin: a.b.c\r\nHubbub-Retry-Of: ../..\r\n"
        b"Hubbub-Context: \r\nHubbub-Event: completed\r\nHubbub-Write: 1\r\n\r\n"
    ),
    "a stream": b"NATS/1.0\r\nHubbub-Stream: 1\r\nHubbub-Seq: -1\r\nHubbub-Final: 1\r\n\r\n",
    "many": b"NATS/1.0\r\n" + b"Hubbub-Context: x\r\n" * 5_000 + b"\r\n",
    "long": b"NATS/1.0\r\nHubbub-Timeout: " + b"9" * 60_000 + b"\r\n\r\n",
}
"""Headers that mean nothing, or what they must not."""


def _envelope(**fields: object) -> bytes:
    whole = {"message_type": "request", "from_agent": "Vandal", "content": "x"}
    return json.dumps({**whole, **fields}).encode()


PAYLOADS: dict[str, bytes] = {
    "nothing": b"",
    "no encoding": b"\xff\xfe\x00\x01",
    "no json": b'{"content":',
    "another value": b"[1,2,3]",
    "no fields": b"{}",
    "a key twice": b'{"content":"a","content":"b"}',
    "half a character": b'{"content":"\\ud800"}',
    "deep": b'{"content":' + b"[" * 50_000 + b"]" * 50_000 + b"}",
    "deep, and without an end": b"[" * 100_000,
    "no number": b'{"content":NaN}',
    "a huge number": b'{"content":' + b"9" * 10_000 + b"}",
    "wrong types": _envelope(from_agent=7, metadata=[], hops="x", priority=None),
    "a type that is none": _envelope(message_type="order"),
    "a response": _envelope(message_type="response", in_reply_to="x"),
    "an announcement": _envelope(message_type="announcement", metadata={"event": ["join"]}),
    "a heartbeat": _envelope(message_type="heartbeat", metadata={"status": {}}),
    "a name that is none": _envelope(from_agent="a.b.>"),
    "a name of another script": _envelope(from_agent="K\N{KELVIN SIGN}ng"),
    "somebody else's name": _envelope(from_agent="Target", to_agent="Boss"),
    "an id that is none": _envelope(message_id="../../.."),
    "no such priority": _envelope(priority=99),
    "too many hops": _envelope(hops=10**30),
    "true is no number": _envelope(hops=True),
    "a date that is none": _envelope(timestamp="yesterday"),
    "a context that is none": _envelope(context_id="* >"),
}
"""Payloads that are no message, or not one to be trusted."""

SUBJECTS = (
    "agents.all",
    "agents.all.from.vandal",
    "agents.direct.target",
    *(f"agents.direct.target.{lane}" for lane in range(1, 6)),
    "agents.direct.target.3.from.vandal",
    "agents.direct.Weather-Bot",
    "agents.direct.target.9",
    "agents.direct.target.done",
    "agents.direct.boss.done",
    "agents.request.target",
    "agents.request.target.from.vandal",
    "agents.cancel.target.from.vandal",
    "agents.recall.target.from.vandal",
    "agents.reply.boss.from.target.x.1",
    "agents.handoff.vandal.to.target",
    "agents.hint.target",
    "tasks.target.made-up.in.cancel",
    "tasks.target.made-up.in.nonsense",
    "tasks.target.made-up.live",
    "$KV.presence.target.forged",
    "$KV.presence.UPPER.x",
    "$KV.registry.target",
)
"""Where any client of the open layout may publish."""


class Vandal:
    """Speaks to the server in bytes, past every check that a client makes; see `vandal`."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def publish(
        self, subject: str, data: bytes = b"", headers: bytes = b"", *, reply: str = ""
    ) -> None:
        to = f"{subject} {reply}".encode()
        if headers:
            line = b"HPUB %s %d %d\r\n" % (to, len(headers), len(headers) + len(data))
        else:
            line = b"PUB %s %d\r\n" % (to, len(data))
        self._writer.write(line + headers + data + b"\r\n")
        if self._writer.transport.get_write_buffer_size() > 1 << 20:
            await self._writer.drain()

    async def publish_all(
        self, subject: str, payloads: Iterable[bytes], *, reply: str = ""
    ) -> None:
        for data in payloads:
            await self.publish(subject, data, reply=reply)

    async def answer(self) -> bytes:
        """Return what the server says when it has taken all in."""
        self._writer.write(b"PING\r\n")
        await self._writer.drain()
        async with asyncio.timeout(30):
            while (line := await self._reader.readline()) == b"PING\r\n":
                self._writer.write(b"PONG\r\n")
        return line


@asynccontextmanager
async def vandal(url: str) -> AsyncGenerator[Vandal]:
    """Connect to a server while the context lasts."""
    address = urlsplit(url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    await reader.readline()
    writer.write(b'CONNECT {"verbose":false,"headers":true,"no_responders":true}\r\n')
    one = Vandal(reader, writer)
    assert await one.answer() == b"PONG\r\n"
    try:
        yield one
    finally:
        writer.close()


def resident_mib(pid: int) -> float:
    """Return how much memory of a process is resident, in MiB."""
    status = Path(f"/proc/{pid}/status").read_text()
    line = next(one for one in status.splitlines() if one.startswith("VmRSS:"))
    return float(line.split()[1]) / 1024
