"""Real nats-servers that form a cluster, for tests of what happens when one of them is gone."""

from __future__ import annotations

import http.client
import json
import tempfile
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from hubbub.errors import ConnectionLost
from hubbub.server.ports import RANDOM, free_port
from hubbub.server.process import ServerProcess

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

__all__ = ["Cluster", "nats_cluster"]

_LOOK_AGAIN_SECONDS = 0.05
_PAGE_SECONDS = 2.0


class Cluster:
    """Some nats-servers on 127.0.0.1 that store together; made by `nats_cluster`.

    Attributes:
        servers: each with `kill`, `start`, `freeze` and `thaw`.
    """

    def __init__(self, servers: Sequence[ServerProcess]) -> None:
        self.servers = tuple(servers)

    @property
    def urls(self) -> str:
        """Where clients connect: the URLs of all servers, for `NATS_URL`."""
        return ",".join(server.url for server in self.servers)

    def leader_of(self, stream: str, consumer: str | None = None) -> ServerProcess | None:
        """Return the server that leads a stream, or one of its consumers.

        Args:
            stream: name of the stream.
            consumer: name of the consumer, if its leader is wanted.

        Returns:
            The server; None while there is no such stream or consumer, or none leads it.
        """
        for server in self._running():
            leader = _leader(_page(server), stream, consumer)
            for other in self._running():
                if other.directory.name == leader:
                    return other
        return None

    @contextmanager
    def leader_killed(
        self, stream: str, consumer: str | None = None, *, timeout: float = 30.0
    ) -> Generator[ServerProcess]:
        """Kill the leader of a stream, and start it again at the end of the context.

        Args:
            stream: name of the stream.
            consumer: name of the consumer, if its leader is meant.
            timeout: seconds to wait until something leads it, and at the end for the restart.

        Raises:
            ConnectionLost: nothing led it in time.
        """
        deadline = time.monotonic() + timeout
        while (leader := self.leader_of(stream, consumer)) is None:
            if time.monotonic() > deadline:
                raise ConnectionLost(f"No server led {stream} within {timeout:g} s")
            time.sleep(_LOOK_AGAIN_SECONDS)
        leader.kill()
        try:
            yield leader
        finally:
            leader.start(timeout=timeout)

    def wait_until_ready(self, *, timeout: float = 30.0) -> None:
        """Wait until all running servers are in step, and there are enough of them to store.

        Raises:
            ConnectionLost: they were not in time.
        """
        deadline = time.monotonic() + timeout
        while not self._is_ready():
            if time.monotonic() > deadline:
                logs = ", ".join(str(server.log) for server in self.servers)
                raise ConnectionLost(
                    f"The cluster was not ready within {timeout:g} s: the logs are {logs}"
                )
            time.sleep(_LOOK_AGAIN_SECONDS)

    def _running(self) -> list[ServerProcess]:
        return [server for server in self.servers if server.is_running]

    def _is_ready(self) -> bool:
        """Tell whether there is a leader of all, which sees all running servers in step."""
        running = self._running()
        for server in running:
            meta: dict[str, Any] = _page(server).get("meta_cluster") or {}
            replicas: list[dict[str, Any]] = meta.get("replicas") or []
            followers = [peer for peer in replicas if peer.get("current")]
            if len(followers) == len(running) - 1 and meta.get("cluster_size") == len(self.servers):
                return len(running) > len(self.servers) // 2
        return False


@contextmanager
def nats_cluster(size: int = 3, *, config: str = "") -> Generator[Cluster]:
    """Run a cluster of nats-servers with JetStream, ready to store on all of them.

    Example:
        ```python
        with nats_cluster() as cluster:
            settings = NATSConfig(nats_url=cluster.urls, replicas=3)
        ```

    Args:
        size: how many servers; more than half of them must run for anything to be stored.
        config: more lines of nats-server configuration, for each of them.

    Raises:
        SettingsError: the configured program is not there.
        ConnectionLost: the servers do not start, or do not find one another.
    """
    ports = _distinct_ports(size)
    routes = ", ".join(f'"nats://127.0.0.1:{port}"' for port in ports)
    with ExitStack() as stack:
        folder = stack.enter_context(
            tempfile.TemporaryDirectory(prefix="hubbub-", ignore_cleanup_errors=True)
        )
        servers: list[ServerProcess] = []
        for number, port in enumerate(ports, start=1):
            name = f"server-{number}"
            lines = [
                f"server_name: {name}",
                f'cluster {{ name: test, listen: "127.0.0.1:{port}", routes: [{routes}] }}',
                config,
            ]
            server = ServerProcess(
                Path(folder) / name, monitoring_port=RANDOM, config="\n".join(lines)
            )
            servers.append(stack.enter_context(server))
        cluster = Cluster(servers)
        cluster.wait_until_ready()
        yield cluster


def _distinct_ports(number: int) -> list[int]:
    ports: set[int] = set()
    while len(ports) < number:
        ports.add(free_port())
    return sorted(ports)


def _page(server: ServerProcess) -> dict[str, Any]:
    """Return what a server tells of JetStream; nothing if it does not answer."""
    page = urlsplit(server.monitoring_url or "")
    if page.hostname is None:
        return {}
    connection = http.client.HTTPConnection(page.hostname, page.port, timeout=_PAGE_SECONDS)
    try:
        connection.request("GET", "/jsz?accounts=true&streams=true&consumers=true")
        return json.loads(connection.getresponse().read())
    except (OSError, http.client.HTTPException, ValueError):
        return {}
    finally:
        connection.close()


def _leader(page: dict[str, Any], stream: str, consumer: str | None) -> str | None:
    """Return the name of the server that leads a stream or a consumer, as one server knows it."""
    accounts: list[dict[str, Any]] = page.get("account_details") or []
    found = [
        detail
        for account in accounts
        for detail in _details(account, "stream_detail")
        if detail.get("name") == stream
    ]
    if consumer is not None:
        found = [
            detail
            for one in found
            for detail in _details(one, "consumer_detail")
            if detail.get("name") == consumer
        ]
    return next((one["cluster"].get("leader") for one in found if one.get("cluster")), None)


def _details(page: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return page.get(kind) or []
