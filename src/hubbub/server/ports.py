"""Ports of 127.0.0.1 for servers that must come back on the same one."""

from __future__ import annotations

import os
import socket

__all__ = ["RANDOM", "free_port", "is_free"]

RANDOM = -1
"""Any free port."""

_FIRST, _COUNT = 20000, 10000


def is_free(port: int) -> bool:
    """Tell whether a server could listen on a port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_port() -> int:
    """Choose a free port below those that the system gives to outgoing connections.

    One of those could be taken by any connection while the server is down, even by a client
    of the server that tries to reach it.
    """
    while True:
        port = _FIRST + int.from_bytes(os.urandom(4), "big") % _COUNT
        if is_free(port):
            return port
