"""The configuration file of a server that Hubbub starts."""

from __future__ import annotations

import hashlib
import json
import re
import socket
from typing import TYPE_CHECKING

from hubbub.server.relay import DISCONNECTS, RELAY_USER

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["MESH_USER", "server_config"]

MESH_USER = "hubbub"
"""The user of the mesh, where the server has users."""


def server_config(
    directory: Path,
    *,
    port: int,
    monitoring_port: int | None,
    token: str | None,
    relay_password: str | None,
    jetstream: bool,
    extra: str,
) -> str:
    """Write the configuration of one server on 127.0.0.1.

    Args:
        directory: holds the store (`jetstream/`), the log and the ports file (`ports/`).
        port: for clients.
        monitoring_port: for the monitoring pages, -1 for any free one, None for no such pages.
        token: what clients must present, if anything.
        relay_password: of the user that hears which connections have ended. With it, clients
            present the token as the password of `MESH_USER`: a server takes bare tokens or users.
        jetstream: whether the server stores messages.
        extra: more configuration; what it repeats replaces what stands before it.
    """
    lines = [
        f'listen: "127.0.0.1:{port}"',
        f"server_name: {_quoted(_name(directory))}",
        "max_payload: 1MB",
        f"ports_file_dir: {_quoted(directory / 'ports')}",
        f"log_file: {_quoted(directory / 'nats-server.log')}",
        "logfile_size_limit: 4MB",
        "logfile_max_num: 3",
    ]
    if monitoring_port is not None:
        lines.append(f'http: "127.0.0.1:{monitoring_port}"')
    if token is not None and relay_password is not None:
        lines += _with_system_account(token, relay_password)
    elif token is not None:
        lines.append(f"authorization {{ token: {_quoted(token)} }}")
    if jetstream:
        # By default a stream takes 1,000 consumers, and every agent has several on one stream.
        limits = "limits { default_max_consumers: 100000 }"
        lines.append(f"jetstream {{ store_dir: {_quoted(directory)}, {limits} }}")
    return "\n".join([*lines, extra, ""])


def _name(directory: Path) -> str:
    """Return a name that people can read, another one for each folder of each machine."""
    host = re.sub(r"[^A-Za-z0-9-]+", "-", socket.gethostname().partition(".")[0])
    which = hashlib.blake2b(str(directory).encode(), digest_size=2).hexdigest()
    return f"hubbub-{host or 'local'}-{which}"


def _with_system_account(token: str, relay_password: str) -> list[str]:
    """Return users for the mesh and for the relay, which may hear one subject and say nothing."""
    mesh = f"user: {MESH_USER}, password: {_quoted(token)}"
    relay = f"user: {RELAY_USER}, password: {_quoted(relay_password)}"
    rights = f'publish: {{ deny: ">" }}, subscribe: {{ allow: [{_quoted(DISCONNECTS)}] }}'
    return [
        # The account without a name, as with a bare token: the store is in its folder.
        f"authorization {{ users: [ {{ {mesh} }} ] }}",
        f"accounts {{ SYS {{ users: [ {{ {relay}, permissions: {{ {rights} }} }} ] }} }}",
        "system_account: SYS",
    ]


def _quoted(value: object) -> str:
    return json.dumps(str(value), ensure_ascii=False)
