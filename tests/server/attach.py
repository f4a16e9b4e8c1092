"""A program that uses a local server: says where it is, again for every line, until stdin ends."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from hubbub.server import local_server


async def main(data_dir: Path, program: Path) -> None:
    async with await local_server(data_dir, program=program, timeout=30) as server:
        while True:
            address = server.address
            facts = {
                "url": address.url,
                "pid": address.pid,
                "supervisor_pid": address.supervisor_pid,
            }
            print(json.dumps(facts), flush=True)
            if not await asyncio.to_thread(sys.stdin.readline):
                return


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2])))
