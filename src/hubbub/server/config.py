"""The configuration file of a server that Hubbub starts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["server_config"]


def server_config(
    directory: Path,
    *,
    port: int,
    monitoring_port: int | None,
    token: str | None,
    jetstream: bool,
    extra: str,
) -> str:
    """Write the configuration of one server on 127.0.0.1.

    Args:
        directory: holds the store (`jetstream/`), the log and the ports file (`ports/`).
        port: for clients.
        monitoring_port: for the monitoring pages, -1 for any free one, None for no such pages.
        token: what clients must present, if anything.
        jetstream: whether the server stores messages.
        extra: more configuration; what it repeats replaces what stands before it.
    """
    lines = [
        f'listen: "127.0.0.1:{port}"',
        "max_payload: 1MB",
        f"ports_file_dir: {_quoted(directory / 'ports')}",
        f"log_file: {_quoted(directory / 'nats-server.log')}",
        "logfile_size_limit: 4MB",
        "logfile_max_num: 3",
    ]
    if monitoring_port is not None:
        lines.append(f'http: "127.0.0.1:{monitoring_port}"')
    if token is not None:
        lines.append(f"authorization {{ token: {_quoted(token)} }}")
    if jetstream:
        # By default a stream takes 1,000 consumers, and every agent has several on one stream.
        limits = "limits { default_max_consumers: 100000 }"
        lines.append(f"jetstream {{ store_dir: {_quoted(directory)}, {limits} }}")
    return "\n".join([*lines, extra, ""])


def _quoted(value: object) -> str:
    return json.dumps(str(value), ensure_ascii=False)
