"""Agents that break at a chosen write, each in a process of its own.

    python breaker.py

Commands on stdin: `start NAME [crash|kill|freeze before|after NUMBER]` starts an instance of an
agent, to break at its NUMBER-th write for a task; `kill PID` and `thaw PID` are what they say.
Lines of JSON on stdout tell what happens. The processes are forks, which start much faster than
anew.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import select
import signal
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from hubbub import Agent, Task
from hubbub.mesh.transport.answers import PubAck
from hubbub.mesh.transport.connection import Connection

CRASHED = 77
WRITES = re.compile(r"tasks\.|agents\.direct\.|agents\.handoff\.|dead\.|\$JS\.ACK\.(INBOX|WAKE)\.")


def tell(event: str, **facts: Any) -> None:
    os.write(1, json.dumps({"event": event, **facts}).encode() + b"\n")


def break_at(number: int, when: str, how: str) -> None:
    """Let this process break at one of its writes for a task."""
    store, publish, count = Connection.store, Connection.publish, 0

    async def point(connection: Connection, now: str) -> None:
        if (now, count) != (when, number):
            return
        if now == "after":
            await connection.client.flush()
        if how == "crash":
            os._exit(CRASHED)
        os.kill(os.getpid(), signal.SIGKILL if how == "kill" else signal.SIGSTOP)

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

    async def breaking_publish(
        self: Connection,
        subject: str,
        data: bytes,
        *,
        reply: str = "",
        headers: dict[str, str] | None = None,
    ) -> None:
        nonlocal count
        if not WRITES.match(subject) or data == b"+WPI":
            return await publish(self, subject, data, reply=reply, headers=headers)
        count += 1
        await point(self, "before")
        await publish(self, subject, data, reply=reply, headers=headers)
        await point(self, "after")
        if data == b"+ACK":
            tell("acknowledged", pid=os.getpid(), writes=count)
        return None

    Connection.store, Connection.publish = breaking_store, breaking_publish


def wait_for(file: Path) -> None:
    while not file.exists():
        time.sleep(0.01)


async def serve(name: str) -> None:
    agent = Agent(name)

    @agent.agentic_run
    async def work(task: Task) -> str:
        do, *arguments = task.content.split()
        tell("started", pid=os.getpid(), name=name, task=task.id, attempt=task.attempt)
        if do == "fail":
            raise ValueError("it cannot be done")
        if do == "send":
            await task.send_direct_message(arguments[0], "a part of it")
        if do == "handoff":
            await task.handoff_to_agent(arguments[0], "all of it")
        if do == "wait":
            await asyncio.to_thread(wait_for, Path(arguments[0]))
        return do

    await agent.connect_nats()
    await agent.until_stopped()


def start(
    name: str,
    how: str = "",
    when: str = "",
    number: str = "0",
    *,
    serve: Callable[[str], Coroutine[Any, Any, None]] = serve,
) -> None:
    if os.fork():
        return
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        tell("born", pid=os.getpid(), name=name)
        break_at(int(number), when, how)
        asyncio.run(serve(name))
    finally:
        os._exit(1)


def look_after_children() -> None:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG | os.WUNTRACED)
        except ChildProcessError:
            return
        if not pid:
            return
        if os.WIFSTOPPED(status):
            tell("frozen", pid=pid)
        else:
            tell("ended", pid=pid, code=os.waitstatus_to_exitcode(status))


def ignore(number: int, frame: object) -> None:
    """The wake-up descriptor tells of the signal."""


def main(start: Callable[..., None] = start) -> None:
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer)
    signal.signal(signal.SIGCHLD, ignore)
    commands = b""
    while True:
        ready, _, _ = select.select([0, reader], [], [])
        if reader in ready:
            os.read(reader, 4096)
        look_after_children()
        if 0 not in ready:
            continue
        if not (more := os.read(0, 4096)):
            return
        *lines, commands = (commands + more).split(b"\n")
        for line in lines:
            do, *arguments = line.decode().split()
            if do == "start":
                start(*arguments)
            elif do == "kill":
                with contextlib.suppress(ProcessLookupError):  # it has broken by itself
                    os.kill(int(arguments[0]), signal.SIGKILL)
            elif do == "thaw":
                os.kill(int(arguments[0]), signal.SIGCONT)


if __name__ == "__main__":
    main()
