"""A janitor, or somebody who retries a dead letter, that breaks at a chosen write.

    python tidier.py

Commands on stdin: `round [crash|freeze before|after NUMBER]` makes a round of the janitor in a
process of its own, `retry ID [...]` puts a dead letter back; `thaw PID` is what it says. Lines of
JSON on stdout tell what happens. The processes are forks, which start much faster than anew.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import sys
from typing import Any

import hubbub
from hubbub.mesh.janitor.rounds import Janitor
from hubbub.mesh.transport.answers import PubAck
from hubbub.mesh.transport.connection import Connection
from hubbub.mesh.transport.streams import ensure_streams

CRASHED = 77
WRITES = re.compile(r"tasks\.|agents\.direct\.|dead\.|STREAM\.MSG\.DELETE\.[A-Z]+$|STREAM\.PURGE\.")


def tell(event: str, **facts: Any) -> None:
    os.write(1, json.dumps({"event": event, "pid": os.getpid(), **facts}).encode() + b"\n")


def break_at(how: str, when: str, number: int) -> None:
    """Let this process break at one of its writes."""
    store, api, count = Connection.store, Connection.api, 0

    async def point(connection: Connection, now: str) -> None:
        if (now, count) != (when, number):
            return
        await connection.client.flush()
        tell("breaks")
        if how == "crash":
            os._exit(CRASHED)
        os.kill(os.getpid(), signal.SIGSTOP)

    async def breaking_store(
        self: Connection, subject: str, data: bytes, *, headers: dict[str, str] | None = None
    ) -> PubAck:
        nonlocal count
        if not WRITES.match(subject):
            return await store(self, subject, data, headers=headers)
        count += 1
        await point(self, "before")
        ack = await store(self, subject, data, headers=headers)
        await point(self, "after")
        return ack

    async def breaking_api(
        self: Connection, name: str, body: object = None, *, timeout: float = 5.0
    ) -> dict[str, Any]:
        nonlocal count
        if not WRITES.match(name):
            return await api(self, name, body, timeout=timeout)
        count += 1
        await point(self, "before")
        answer = await api(self, name, body, timeout=timeout)
        await point(self, "after")
        return answer

    Connection.store, Connection.api = breaking_store, breaking_api


async def make_round() -> None:
    async with hubbub.connect() as mesh:
        await ensure_streams(mesh.connection)
        janitor = Janitor(mesh.connection)
        await janitor.make_round()
        await janitor.close()


async def retry(letter_id: str) -> None:
    async with hubbub.connect() as mesh:
        await (await mesh.dead_letter(letter_id)).retry()


def start(do: str, *arguments: str) -> None:
    if os.fork():
        return
    code = 1
    try:
        rest = list(arguments)
        main = make_round() if do == "round" else retry(rest.pop(0))
        tell("born")
        if rest:
            how, when, number = rest
            break_at(how, when, int(number))
        asyncio.run(main)
        code = 0
    finally:
        tell("ended", code=code)
        os._exit(code)


def main() -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for them
    for line in sys.stdin:
        do, *arguments = line.split()
        if do == "thaw":
            os.kill(int(arguments[0]), signal.SIGCONT)
        else:
            start(do, *arguments)


if __name__ == "__main__":
    main()
