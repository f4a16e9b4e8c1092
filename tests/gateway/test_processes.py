"""The gateway under a server that knows nothing of it, stopped in the middle of a stream."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys

import httpx

from hubbub.testing import ServerProcess

from .kit import PATIENCE


async def test_uvicorn_stops_at_once_although_a_stream_is_open(own_server: ServerProcess) -> None:
    arguments = ["-m", "uvicorn", "--factory", "hubbub.gateway.app:create_app", "--port", "0"]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *arguments,
        env={**os.environ, "NATS_URL": own_server.url},
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(PATIENCE):
            url = await _address(process)
            async with httpx.AsyncClient(base_url=url, timeout=PATIENCE) as client:
                body = {"agent": "Nobody", "content": "x"}
                task = (await client.post("/api/tasks", json=body)).json()
                async with client.stream("GET", f"/api/tasks/{task['id']}/events") as response:
                    lines = response.aiter_lines()
                    assert (await anext(lines)).startswith(":")
                    process.send_signal(signal.SIGTERM)
                    assert "".join([line async for line in lines]) == ""
            assert process.stderr is not None
            log = (await process.stderr.read()).decode()
            await process.wait()
        assert "Finished server process" in log
        assert "Traceback" not in log
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _address(process: asyncio.subprocess.Process) -> str:
    assert process.stderr is not None
    heard = ""
    while True:
        line = (await process.stderr.readline()).decode()
        assert line, heard
        heard += line
        if found := re.search(r"running on (http://\S+)", line):
            return found[1]
