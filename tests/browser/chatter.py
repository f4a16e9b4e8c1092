"""Lets the cast talk: `python -m browser.chatter RATE SECONDS`, on the mesh that runs."""

from __future__ import annotations

import asyncio
import itertools
import sys
import time

import hubbub
from hubbub.errors import RemoteError

_PAIRS = [("Research-A", "Oslo"), ("Reviewer", "draft"), ("Billing", "order 12"), ("Grumpy", "tea")]


async def chatter(mesh: hubbub.Mesh, rate: float, seconds: float) -> int:
    """Ask, send and broadcast, so many times a second; return how often it did."""
    end = time.monotonic() + seconds
    done = 0
    async with asyncio.TaskGroup() as group:
        for count in itertools.count():
            if time.monotonic() >= end:
                return done
            group.create_task(_once(mesh, count))
            done += 1
            await asyncio.sleep(1 / rate)
    return done


async def _once(mesh: hubbub.Mesh, count: int) -> None:
    try:
        if count % 20 == 7:
            await mesh.send_direct_message("Triage-Bot", f"Case {count}")
        elif count % 50 == 13:
            await mesh.broadcast_message(f"Notice {count}")
        else:
            name, text = _PAIRS[count % len(_PAIRS)]
            await mesh.request_from_agent(name, f"{text} {count}", timeout=20)
    except RemoteError:
        return  # Grumpy fails at everything


async def main() -> None:
    rate, seconds = float(sys.argv[1]), float(sys.argv[2])
    async with hubbub.connect(name="Chatter") as mesh:
        print(await chatter(mesh, rate, seconds))


if __name__ == "__main__":
    asyncio.run(main())
