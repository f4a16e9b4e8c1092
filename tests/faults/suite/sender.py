"""A sender of the suite: sends its jobs under fixed ids, again and again until it has been told.

    python -m faults.suite.sender JOURNAL NAME PAUSE < JOBS

When it is started again, it goes on where its journal ends, and sends its last message once more.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import hubbub
from hubbub import HubbubError, InvalidMessage, Mesh

from .journal import Journal, read_journal
from .plan import Job, from_json

_PAUSE_SECONDS = 0.2


class Sender:
    def __init__(self, mesh: Mesh, file: Path) -> None:
        self._mesh = mesh
        self._journal = Journal(file)
        told = read_journal(file)
        self._tried = {facts["task"] for facts in told if facts["what"] == "trying"}
        self._sent = [facts["task"] for facts in told if facts["what"] == "sent"]
        self._canceled = {facts["task"] for facts in told if facts["what"] == "asked to cancel"}

    async def send_all(self, jobs: list[Job], pause: float) -> None:
        settled = set(self._sent[:-1])
        async with asyncio.TaskGroup() as group:
            for job in jobs:
                if job.message_id not in settled:
                    await self._send(job)
                    await asyncio.sleep(pause)
                if job.cancel_after is not None and job.message_id not in self._canceled:
                    group.create_task(self._cancel(job, job.cancel_after))

    async def _send(self, job: Job) -> None:
        if job.fatal and job.message_id not in self._tried:
            loop = asyncio.get_running_loop()
            loop.call_later(random.uniform(0, 0.003), os.kill, os.getpid(), signal.SIGKILL)
        self._journal.write("trying", task=job.message_id)
        await self._until_confirmed(job, lambda: self._put(job))
        self._journal.write("sent", task=job.message_id)

    async def _put(self, job: Job) -> None:
        await self._mesh.send_direct_message(
            job.to_agent, job.do, priority=job.priority, message_id=job.message_id
        )

    async def _cancel(self, job: Job, after: float) -> None:
        await asyncio.sleep(after)
        handle = self._mesh.task(job.to_agent, job.message_id)
        await self._until_confirmed(job, handle.cancel)
        self._journal.write("asked to cancel", task=job.message_id)

    async def _until_confirmed(self, job: Job, act: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                return await act()
            except InvalidMessage:
                raise
            except HubbubError as error:
                self._journal.write("refused", task=job.message_id, error=str(error))
                await asyncio.sleep(_PAUSE_SECONDS)


async def main(journal: str, name: str, pause: str) -> None:
    jobs = from_json(sys.stdin.read())
    async with hubbub.connect(name=name) as mesh:
        await Sender(mesh, Path(journal)).send_all(jobs, float(pause))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
