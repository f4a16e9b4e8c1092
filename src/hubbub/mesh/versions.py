"""Which NATS servers the mesh can live on."""

from __future__ import annotations

import re

from hubbub.errors import ConnectionLost
from hubbub.mesh.transport.connection import Connection

__all__ = ["NEEDED", "is_too_old", "require_new_server", "server_version"]

NEEDED = "2.11"
"""The first version with messages that expire by themselves and with reads of many at once."""


def is_too_old(version: str) -> bool:
    """Tell whether a server of some version lacks what the mesh needs."""
    there = re.match(r"v?(\d+)\.(\d+)", version)
    needed = tuple(int(number) for number in NEEDED.split("."))
    return there is not None and (int(there[1]), int(there[2])) < needed


def server_version(connection: Connection) -> str:
    """Return the version of the server that we are connected to."""
    known = connection.client.connected_server_version
    return f"{known.major}.{known.minor}.{known.patch}"


def require_new_server(connection: Connection) -> None:
    """See that the server is new enough to serve agents on.

    Raises:
        ConnectionLost: it is not.
    """
    version = server_version(connection)
    if is_too_old(version):
        raise ConnectionLost(
            f"The NATS server at {connection.url} is version {version}, which would never forget "
            f"an agent that died: install nats-server {NEEDED} or newer"
        )
