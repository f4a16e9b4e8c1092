"""Where both sides are measured: one server, a bare client and a mesh on it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncGenerator
from typing import Any

import nats
from nats.aio.client import Client

from hubbub import Mesh, NATSConfig
from hubbub.mesh.transport.streams import declarations
from hubbub.wire.subjects import OPEN

__all__ = ["SENDER", "bare_client", "clear_environment", "declare_twin", "purge"]

SENDER = "Bench"
"""The name that the measuring process speaks under."""


def clear_environment() -> None:
    """Take nothing of the user's own set-up into the measurement, here and in our children."""
    for variable in list(os.environ):
        if variable.startswith(("HUBBUB_", "NATS_", "OPENAI_")):
            del os.environ[variable]
    os.environ["HUBBUB_LOG_DIR"] = ""
    # Ten thousand messages of one sender wait for one agent; the default is a thousand.
    os.environ["HUBBUB_INBOX_LIMIT"] = "100000"


@contextlib.asynccontextmanager
async def bare_client(url: str) -> AsyncGenerator[Client]:
    """Connect nats-py as its manual shows while the context lasts."""
    client = await nats.connect(url)
    try:
        yield client
    finally:
        await client.close()


async def declare_twin(mesh: Mesh, name: str, prefix: str, *, of: str) -> None:
    """Create a stream for the bare side with the configuration of one of ours.

    Args:
        mesh: whose server gets it.
        name: of the stream.
        prefix: it takes `{prefix}.>`.
        of: the stream of ours that it is like.
    """
    declared = next(one for one in declarations(OPEN, NATSConfig()) if one["name"] == of)
    twin: dict[str, Any] = {**declared, "name": name, "subjects": [f"{prefix}.>"]}
    if "republish" in declared:
        # What is republished is stored a second time, as ours is.
        twin["republish"] = {"src": f"{prefix}.>", "dest": f"{_copied(prefix)}.>"}
        copies = {"name": f"{name}_COPIES", "subjects": [f"{_copied(prefix)}.>"]}
        await mesh.connection.api(f"STREAM.CREATE.{name}_COPIES", {**copies, "storage": "file"})
    await mesh.connection.api(f"STREAM.CREATE.{name}", twin)


def _copied(prefix: str) -> str:
    return f"copies.{prefix}"


async def purge(mesh: Mesh, *streams: str) -> None:
    """Empty some streams."""
    for stream in streams:
        await mesh.connection.api(f"STREAM.PURGE.{stream}")
