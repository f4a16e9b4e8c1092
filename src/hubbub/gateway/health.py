"""How the mesh is: its server, streams and workers, and what is wrong with them."""

from __future__ import annotations

import asyncio
import time
from typing import Any, Literal

from hubbub.errors import ConnectionLost
from hubbub.gateway.console.records import (
    Finding,
    GatewayHealth,
    MeshHealth,
    ServerHealth,
    StreamHealth,
    Worker,
)
from hubbub.gateway.state import Gateway
from hubbub.mesh import diagnosis
from hubbub.mesh.diagnosis.streams import stream_states
from hubbub.mesh.presence.cards import Instance, list_instances
from hubbub.mesh.transport.connection import Connection
from hubbub.mesh.versions import server_version
from hubbub.version import __version__

__all__ = ["mesh_health"]

_MOST_PAGES = 4
_MOST_LAGGING = 50
_NO_TIME = "0001-01-01"

Level = Literal["ok", "info", "warning", "error"]

# What is noted without there being anything amiss.
_PLAIN = frozenset({"Agents", "Streams"})


async def mesh_health(gateway: Gateway) -> MeshHealth:
    """Look at the mesh; without a connection, only that is told.

    Raises:
        HubbubError: the server does not answer, or does not let us look.
    """
    about = GatewayHealth(
        version=__version__,
        pages=gateway.hub.pages,
        uptime_s=round(time.monotonic() - gateway.made_at, 3),
    )
    try:
        connection = gateway.mesh.connection
    except ConnectionLost as error:
        away = Finding(
            level="error",
            title="NATS server",
            detail=str(error),
            remedy="start the server, or correct NATS_URL",
        )
        return MeshHealth(connected=False, findings=[away], gateway=about)
    states = await stream_states(connection)
    found = [_finding(one) async for one in diagnosis.diagnose(connection)]
    workers = [_worker(one) for one in await list_instances(connection)]
    return MeshHealth(
        connected=True,
        server=await _server(connection),
        streams=await asyncio.gather(
            *(_stream(connection, name, info) for name, info in states.items())
        ),
        workers=sorted(workers, key=lambda one: (one.agent.casefold(), one.instance)),
        findings=found,
        gateway=about,
    )


async def _server(connection: Connection) -> ServerHealth:
    account = await connection.api("INFO")
    return ServerHealth(
        name=connection.client.server_name,
        version=server_version(connection),
        url=connection.url,
        cluster=connection.client.cluster or None,
        jetstream={
            name: int(account.get(name, 0))
            for name in ("memory", "storage", "streams", "consumers")
        },
    )


async def _stream(connection: Connection, name: str, info: dict[str, Any]) -> StreamHealth:
    state = info["state"]
    lag = await _lag(connection, name) if state["consumer_count"] else {}
    return StreamHealth(
        name=name,
        messages=state["messages"],
        bytes=state["bytes"],
        first_at=_time(state.get("first_ts", _NO_TIME)),
        last_at=_time(state.get("last_ts", _NO_TIME)),
        replicas=info["config"].get("num_replicas", 1),
        consumers=state["consumer_count"],
        lag=lag,
    )


async def _lag(connection: Connection, stream: str) -> dict[str, int]:
    """Return what the consumers of a stream have not worked off, the worst of the first 1,000."""
    pending: dict[str, int] = {}
    for _ in range(_MOST_PAGES):
        answer = await connection.api(f"CONSUMER.LIST.{stream}", {"offset": len(pending)})
        consumers: list[dict[str, Any]] = answer.get("consumers") or []
        for one in consumers:
            pending[str(one["name"])] = int(one["num_pending"]) + int(one["num_ack_pending"])
        if not consumers or len(pending) >= int(answer.get("total", 0)):
            break
    worst = sorted(pending.items(), key=lambda item: (-item[1], item[0]))[:_MOST_LAGGING]
    return {name: count for name, count in worst if count}


def _worker(instance: Instance) -> Worker:
    return Worker(
        agent=instance.name,
        instance=instance.id,
        host=instance.process.host,
        version=instance.version,
        hubbub=instance.process.hubbub,
        status=instance.status,
        running=instance.running,
        queued=max(0, instance.process.stored - instance.process.held) + instance.process.waiting,
        last_seen=instance.last_seen,
    )


def _finding(found: diagnosis.Finding) -> Finding:
    level: Level = "ok"
    if found.verdict == "bad":
        level = "error"
    elif found.verdict == "note":
        level = "info" if found.subject in _PLAIN else "warning"
    return Finding(level=level, title=found.subject, detail=found.text, remedy=found.remedy)


def _time(stamp: str) -> str | None:
    return None if stamp.startswith(_NO_TIME) else stamp
