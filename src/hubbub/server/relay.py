"""Tells the mesh on a server of ours when the connection of a serving process has ended.

The server says so to its system account alone. Whose events those are stays there: the relay is
a user that may hear this one subject, and it passes on only what is about serving processes.

On servers with a named account for the mesh, an export and an import in the configuration do the
same (docs/nats-server.md); the account of our servers has no name, so that a store written without
a system account opens with one, and the other way round.
"""

from __future__ import annotations

import json
import socket
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Generator

__all__ = ["DISCONNECTS", "LIFE_NAME", "RELAY_USER", "Relay"]

DISCONNECTS = "$SYS.ACCOUNT.$G.DISCONNECT"
"""Where the server tells which connections of the mesh have ended; the relay repeats it there."""

LIFE_NAME = "hubbub life"
"""What a connection is called whose end means that a serving process has ended."""

RELAY_USER = "relay"

_PAUSE_SECONDS = 0.25
_CONNECT_SECONDS = 2.0


class Relay:
    """A thread that carries events from the system account to the mesh, until it is stopped.

    Args:
        port: of the server on 127.0.0.1.
        password: of the user `RELAY_USER`.
        user: as whom the mesh is told.
        token: that user's password.
    """

    def __init__(self, port: int, *, password: str, user: str, token: str) -> None:
        self._port = port
        self._hears_as = (RELAY_USER, password)
        self._tells_as = (user, token)
        self._stopped = threading.Event()
        self._socket: socket.socket | None = None
        self._listening = threading.Event()
        self._thread = threading.Thread(target=self._run, name="hubbub-relay", daemon=True)

    def start(self) -> None:
        """Start the thread, and return when it listens, or cannot yet."""
        self._thread.start()
        self._listening.wait(_CONNECT_SECONDS)

    def stop(self) -> None:
        """End the thread."""
        self._stopped.set()
        if (listening := self._socket) is not None:
            with suppress(OSError):  # the server has ended before
                listening.shutdown(socket.SHUT_RDWR)
        self._thread.join(_CONNECT_SECONDS)

    def _run(self) -> None:
        while not self._stopped.is_set():
            # Whatever ends it, such as a server that is going away, it begins again.
            with suppress(OSError, ValueError):
                self._listen()
            self._stopped.wait(_PAUSE_SECONDS)

    def _listen(self) -> None:
        with _connected(self._port, self._hears_as) as (connection, lines):
            self._socket = connection
            connection.sendall(f"SUB {DISCONNECTS} 1\r\nPING\r\n".encode())
            connection.settimeout(None)
            while not self._stopped.is_set() and (line := lines.readline()):
                match line.split():
                    case [b"PONG"]:
                        self._listening.set()
                    case [b"PING"]:
                        connection.sendall(b"PONG\r\n")
                    case [b"MSG", *_, size]:
                        event = lines.read(int(size) + 2)[:-2]
                        if _is_about_us(event):
                            self._tell(event)
                    case _:
                        pass

    def _tell(self, event: bytes) -> None:
        with _connected(self._port, self._tells_as) as (connection, lines):
            head = f"PUB {DISCONNECTS} {len(event)}\r\n".encode()
            connection.sendall(head + event + b"\r\nPING\r\n")
            lines.readline()  # it has been taken in


@contextmanager
def _connected(port: int, user: tuple[str, str]) -> Generator[tuple[socket.socket, BinaryIO]]:
    """Connect as a user, with as much of the protocol as the relay needs.

    Raises:
        OSError: there is no server, or it does not let us in.
    """
    with (
        socket.create_connection(("127.0.0.1", port), _CONNECT_SECONDS) as connection,
        connection.makefile("rb") as lines,
    ):
        lines.readline()  # the greeting
        options = {"verbose": False, "user": user[0], "pass": user[1], "name": "hubbub relay"}
        connection.sendall(f"CONNECT {json.dumps(options)}\r\nPING\r\n".encode())
        answer = lines.readline()
        if not answer.startswith(b"PONG"):
            raise ConnectionRefusedError(answer.decode("utf-8", "replace").strip())
        yield connection, lines


def _is_about_us(event: bytes) -> bool:
    match json.loads(event):
        case {"client": {"name": name}}:
            return name == LIFE_NAME
        case _:
            return False
