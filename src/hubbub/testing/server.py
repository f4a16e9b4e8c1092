"""A real nats-server for tests, thrown away afterwards."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from hubbub.server.process import ServerProcess

if TYPE_CHECKING:
    from collections.abc import Generator

__all__ = ["ServerProcess", "nats_server"]


@contextmanager
def nats_server(
    *,
    token: str | None = None,
    tells_departures: bool = False,
    jetstream: bool = True,
    config: str = "",
    program: Path | None = None,
) -> Generator[ServerProcess]:
    """Run a nats-server on a free port of 127.0.0.1, with a store of its own.

    Example:
        ```python
        with nats_server() as server:
            client = await nats.connect(server.url)
        ```

    Args:
        token: what clients must present.
        tells_departures: whether the mesh hears at once when a serving process dies; takes a
            `token`, and `url` then names a user, too.
        jetstream: whether it stores messages.
        config: more lines of nats-server configuration: accounts, TLS, limits.
        program: the nats-server program; found when not given.

    Raises:
        SettingsError: the configured program is not there.
        ConnectionLost: the server does not start.
    """
    with (
        tempfile.TemporaryDirectory(prefix="hubbub-", ignore_cleanup_errors=True) as folder,
        ServerProcess(
            Path(folder),
            program=program,
            token=token,
            tells_departures=tells_departures,
            jetstream=jetstream,
            config=config,
        ) as server,
    ):
        yield server
