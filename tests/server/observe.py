"""What the tests of the server look at: processes, stored messages, conditions to come."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import nats
import nats.errors
from nats.js.errors import BadRequestError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from nats.js import JetStreamContext


def alive(pid: int) -> bool:
    """Whether a process lives; one that only waits to be reaped does not."""
    state = subprocess.run(
        ["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False
    ).stdout.strip()
    return bool(state) and not state.startswith("Z")


def command_lines() -> str:
    return subprocess.run(
        ["ps", "-eww", "-o", "args"], capture_output=True, text=True, check=True
    ).stdout


def servers_of(folder: Path) -> list[int]:
    """The nats-server processes that work in a folder."""
    wanted = str(folder / "nats-server.conf")
    listing = subprocess.run(
        ["ps", "-eww", "-o", "pid,stat,args"], capture_output=True, text=True, check=True
    ).stdout
    rows = [line.split() for line in listing.splitlines()[1:]]
    return [
        int(row[0]) for row in rows if row[-1] == wanted and row[-2] == "-c" and row[1][0] != "Z"
    ]


def put(folder: Path, name: str, text: str) -> None:
    """Leave a file in a folder that may have to be made."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text)


def open_to_others(folder: Path) -> list[Path]:
    """The folder and what is in it, as far as another user could look into it."""
    return [path for path in (folder, *folder.rglob("*")) if path.stat().st_mode & 0o077]


def wait_until(condition: Callable[[], object], *, within: float = 10.0) -> None:
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


async def until(condition: Callable[[], object], *, within: float = 10.0) -> None:
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        await asyncio.sleep(0.01)


@asynccontextmanager
async def stored(url: str) -> AsyncGenerator[JetStreamContext]:
    """The messages of a server: a stream NOTES of everything under `notes.`."""

    async def ignore(_: Exception) -> None:
        pass

    client = await nats.connect(
        url,
        error_cb=ignore,
        max_reconnect_attempts=-1,
        reconnect_time_wait=0.05,
    )
    try:
        messages = client.jetstream(timeout=0.5)
        with suppress(BadRequestError):
            await messages.add_stream(name="NOTES", subjects=["notes.>"])
        yield messages
    finally:
        await client.close()


async def count(messages: JetStreamContext) -> int:
    """How many messages are stored; asks again while the client has yet to reconnect."""
    for _ in range(20):
        with suppress(nats.errors.Error):
            return (await messages.stream_info("NOTES")).state.messages
    raise AssertionError("the server did not come back")


class Address(NamedTuple):
    url: str
    pid: int
    supervisor_pid: int


class Program:
    """A process of its own that uses a local server."""

    def __init__(self, data_dir: Path, nats_server: Path) -> None:
        script = Path(__file__).with_name("attach.py")
        self._process = subprocess.Popen(
            [sys.executable, str(script), str(data_dir), str(nats_server)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.pid = self._process.pid

    def address(self) -> Address:
        """Where the server is, as the program knew it at the last request."""
        assert self._process.stdout is not None
        return Address(**json.loads(self._process.stdout.readline()))

    def ask_again(self) -> Address:
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return self.address()

    def kill(self) -> None:
        self._process.kill()
        self._close()

    def leave(self) -> None:
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        self._close()

    def _close(self) -> None:
        self._process.wait(10)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(BrokenPipeError):
                    pipe.close()


def is_root() -> bool:
    return os.geteuid() == 0
