"""The INFO line with which a NATS server greets every connection: the proof that it lives."""

from __future__ import annotations

import json
import socket
import time
from contextlib import suppress
from typing import NamedTuple, cast

__all__ = ["Greeting", "read_greeting"]

_LONGEST = 65536


class Greeting(NamedTuple):
    """Who answers on a port."""

    server_id: str
    version: str


def read_greeting(port: int, *, within: float = 0.25) -> Greeting | None:
    """Connect to a port of 127.0.0.1 and read the greeting.

    Args:
        port: where the server should be.
        within: seconds to wait for it.

    Returns:
        What it says, or None if nothing answers there or what answers is no NATS server.
    """
    deadline = time.monotonic() + within
    line = b""
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), within) as connection:
        while b"\n" not in line and len(line) < _LONGEST:
            connection.settimeout(max(deadline - time.monotonic(), 0.001))
            chunk = connection.recv(4096)
            if not chunk:
                break
            line += chunk
    return _parse(line)


def _parse(line: bytes) -> Greeting | None:
    head, _, body = line.partition(b" ")
    if head != b"INFO" or not line.endswith(b"\n"):
        return None
    try:
        facts: object = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(facts, dict):
        return None
    known = cast("dict[str, object]", facts)
    return Greeting(str(known.get("server_id", "")), str(known.get("version", "")))
