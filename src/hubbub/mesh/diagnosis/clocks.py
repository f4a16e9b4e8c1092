"""Whether the clocks of the server, of this machine and of the agents' machines agree.

Delays, deadlines and the order of events in logs are read from these clocks.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from hubbub.errors import InvalidMessage
from hubbub.mesh.diagnosis.finding import Finding, Verdict
from hubbub.mesh.presence.cards import Instance
from hubbub.mesh.transport.connection import Connection
from hubbub.wire import clock

__all__ = ["examine_clocks", "server_ahead"]

_NOTED_SECONDS = 1.0
_BAD_SECONDS = 5.0
_REMEDY = "set the clock, by NTP: delays, deadlines and the times in logs follow it"


async def server_ahead(connection: Connection, stream: str) -> tuple[float, float]:
    """Return by how many seconds the server's clock is ahead of ours, and how exact that is.

    Args:
        connection: the mesh.
        stream: any that is there; what the server says about it carries the time.

    Raises:
        HubbubError: the server does not answer.
    """
    before = clock.seconds()
    answer = await connection.api(f"STREAM.INFO.{stream}")
    after = clock.seconds()
    return clock.read_iso(str(answer["ts"])) - (before + after) / 2, (after - before) / 2


def examine_clocks(ahead: float, within: float, instances: Iterable[Instance]) -> Iterator[Finding]:
    """Compare the clocks.

    Args:
        ahead: by how many seconds the server is ahead of this machine.
        within: how exact that is.
        instances: whose heartbeats tell of their machines' clocks.
    """
    yield _judged("this machine", -ahead, off_by=max(0.0, abs(ahead) - within))
    hosts: dict[str, float] = {}
    for instance in instances:
        try:
            stored = clock.read_iso(instance.last_seen or "")
            off = clock.read_iso(instance.process.time) - stored
        except InvalidMessage:  # an instance that does not tell
            continue
        # A beat is stored some time after it was written: the largest is the nearest.
        hosts[instance.process.host] = max(off, hosts.get(instance.process.host, off))
    for host, off in sorted(hosts.items()):
        if abs(off) > _NOTED_SECONDS:
            yield _judged(f"the agents' machine {host}", off, off_by=abs(off))


def _judged(whose: str, off: float, *, off_by: float) -> Finding:
    verdict: Verdict = "good"
    if off_by > _NOTED_SECONDS:
        verdict = "bad" if off_by > _BAD_SECONDS else "note"
    facts = {"machine": whose, "ahead_seconds": round(off, 3)}
    if verdict == "good":
        return Finding(verdict, "Clocks", f"{whose} and the server agree", facts)
    direction = "ahead of" if off > 0 else "behind"
    text = f"{whose} is {abs(off):.1f} s {direction} the server"
    return Finding(verdict, "Clocks", text, facts, _REMEDY)
