"""Whether the NATS server can do what the mesh relies on."""

from __future__ import annotations

from hubbub.mesh.diagnosis.finding import Finding
from hubbub.mesh.transport.connection import Connection
from hubbub.mesh.versions import NEEDED, is_too_old, server_version

__all__ = ["examine_server"]


def examine_server(connection: Connection) -> Finding:
    """Say which server this is, and whether it is new enough."""
    version, limit = server_version(connection), connection.max_payload
    facts = {"url": connection.url, "version": version, "max_payload": limit}
    if is_too_old(version):
        text = (
            f"{connection.url}, version {version} is too old: it never forgets an agent that died "
            "and cannot read many messages at once"
        )
        remedy = f"install nats-server {NEEDED} or newer"
        return Finding("bad", "NATS server", text, facts, remedy)
    text = f"{connection.url}, version {version}, JetStream on, messages up to {limit:,} bytes"
    return Finding("good", "NATS server", text, facts)
