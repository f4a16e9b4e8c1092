"""The embedded server: started on an empty folder, and found again by a second program."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import hubbub
from bench.rows import Row, row
from bench.sizes import Sizes
from hubbub import NATSConfig
from hubbub.server import local_server

__all__ = ["rows"]


async def rows(sizes: Sizes) -> list[Row]:
    """Measure the embedded server."""
    cold: list[float] = []
    attached: list[float] = []
    stored: list[float] = []
    for _ in range(sizes.rounds):
        with tempfile.TemporaryDirectory(prefix="hubbub-", ignore_cleanup_errors=True) as folder:
            data = Path(folder)
            began = time.perf_counter()
            async with await local_server(data):
                cold.append((time.perf_counter() - began) * 1_000)
                began = time.perf_counter()
                async with await local_server(data):
                    attached.append((time.perf_counter() - began) * 1_000)
            # The folder goes, and the server with it.
        with tempfile.TemporaryDirectory(prefix="hubbub-", ignore_cleanup_errors=True) as folder:
            began = time.perf_counter()
            async with (
                await local_server(Path(folder)) as server,
                hubbub.connect(server.address.url, config=NATSConfig()) as mesh,
            ):
                await mesh.send_direct_message("Away", "The first")
                stored.append((time.perf_counter() - began) * 1_000)
    return [
        row("embedded server, cold start", "ms", cold),
        row("embedded server, cold start to the first message stored", "ms", stored),
        row("embedded server, attach to a running one", "ms", attached),
    ]
