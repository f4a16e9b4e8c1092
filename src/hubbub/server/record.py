"""What the supervisor tells everyone about its server: `server.json`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from hubbub.server.files import read_json, write_private

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["ServerRecord"]


class ServerRecord(NamedTuple):
    """One running server.

    Attributes:
        url: where clients connect, without the token.
        port: the port in it.
        user: whose password the token is, empty if the token alone is presented.
        token: what clients present.
        pid: the nats-server process.
        supervisor_pid: the process that keeps it running.
        server_id: the id under which this very process greets.
        version: of nats-server.
        monitoring_url: its monitoring pages, if there are any.
    """

    url: str
    port: int
    user: str
    token: str
    pid: int
    supervisor_pid: int
    server_id: str
    version: str
    monitoring_url: str | None

    @property
    def secret_url(self) -> str:
        """Where clients connect, with what they present."""
        user = f"{self.user}:" if self.user else ""
        return f"nats://{user}{self.token}@127.0.0.1:{self.port}"

    def __repr__(self) -> str:
        return f"ServerRecord({self.url!r}, pid={self.pid})"

    @staticmethod
    def path(directory: Path) -> Path:
        """Return the file that holds the record of a data directory."""
        return directory / "server.json"

    def write(self, directory: Path) -> None:
        """Publish the record.

        Raises:
            OSError: the file cannot be written.
        """
        write_private(self.path(directory), json.dumps(self._asdict(), indent=2) + "\n")

    @classmethod
    def read(cls, directory: Path) -> ServerRecord | None:
        """Return the published record, or None if there is none that makes sense."""
        match read_json(cls.path(directory)):
            case {
                "url": str(url),
                "port": int(port),
                "token": str(token),
                "pid": int(pid),
                "supervisor_pid": int(supervisor_pid),
                "server_id": str(server_id),
                "version": str(version),
                "monitoring_url": str() | None as monitoring_url,
                **more,
            } if 0 < port < 65536 and pid > 0 and supervisor_pid > 0:
                user = str(more.get("user", ""))
                return cls(
                    url, port, user, token, pid, supervisor_pid, server_id, version, monitoring_url
                )
            case _:
                return None
