"""What waits, for whom, for how long, and what could not be worked off."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

from hubbub.errors import InvalidMessage
from hubbub.mesh.diagnosis.finding import Finding, counted, duration
from hubbub.mesh.letters.reading import list_dead_letters
from hubbub.mesh.transport.connection import Connection
from hubbub.mesh.transport.streams import INBOX, stored_subjects
from hubbub.wire import clock
from hubbub.wire.names import ANONYMOUS
from hubbub.wire.subjects import parse

__all__ = ["examine_backlog", "examine_dead_letters"]

_MOST_AGENTS = 20
_LONG_SECONDS = 60.0
_MANY_PENDING = 1_000
_MOST_LETTERS = 1_000


async def examine_backlog(
    connection: Connection, online: set[str], *, server_ahead: float
) -> AsyncGenerator[Finding]:
    """Look at the inboxes and at their lanes.

    Args:
        connection: the mesh.
        online: tokens of the agents that are online.
        server_ahead: by how many seconds the server's clock is ahead of ours.

    Raises:
        HubbubError: the server does not answer.
    """
    waiting: Counter[str] = Counter()
    for subject, count in (await stored_subjects(connection, INBOX, "agents.direct.>")).items():
        address = parse(subject)
        if address is not None and address.kind == "direct":
            waiting[address.agent] += count
    if not waiting:
        yield Finding("good", "Inboxes", "nothing waits", {"messages": 0})
    # Those whom nobody serves first, then by how much waits.
    ranked = sorted(waiting.items(), key=lambda item: (item[0] in online, -item[1], item[0]))
    for agent, count in ranked[:_MOST_AGENTS]:
        age = await _oldest(connection, agent, server_ahead)
        yield _judged(agent, count, age, is_online=agent in online)
    if len(ranked) > _MOST_AGENTS:
        rest = sum(count for _, count in ranked[_MOST_AGENTS:])
        text = f"{rest:,} messages wait for {len(ranked) - _MOST_AGENTS:,} more agents"
        yield Finding("note", "Inboxes", text, {"messages": rest})
    async for lane in _pages(connection, f"CONSUMER.LIST.{INBOX}", "consumers"):
        if int(lane["num_ack_pending"]) >= _MANY_PENDING:
            yield _crowded(lane)


def _judged(agent: str, count: int, age: float | None, *, is_online: bool) -> Finding:
    facts = {"agent": agent, "messages": count, "oldest_seconds": age, "online": is_online}
    since = "" if age is None else f", the oldest for {duration(age)}"
    messages = counted(count, "message")
    if not is_online:
        text = f"{agent}: {messages}{since}, and nobody serves it"
        return Finding("note", "Inboxes", text, facts, "start it with `hubbub run`")
    text = f"{agent}: {messages} waiting or being worked on{since}"
    if age is not None and age > _LONG_SECONDS:
        return Finding("note", "Inboxes", text, facts, "if it falls behind, start more processes")
    return Finding("good", "Inboxes", text, facts)


def _crowded(lane: dict[str, Any]) -> Finding:
    name, pending = str(lane["name"]), int(lane["num_ack_pending"])
    most = int(lane["config"].get("max_ack_pending", 0))
    agent, _, priority = name.rpartition("-")
    facts = {"consumer": name, "ack_pending": pending, "max_ack_pending": most}
    text = (
        f"{agent}, priority {priority}: {pending:,} messages are in somebody's hands or wait for "
        "a retry"
    )
    remedy = "look at what fails in the logs of its tasks"
    if most and pending >= 0.9 * most:
        text += f"; at {most:,} this lane stands still"
        return Finding("bad", "Lanes", text, facts, remedy)
    return Finding("note", "Lanes", text, facts, remedy)


async def examine_dead_letters(connection: Connection) -> AsyncGenerator[Finding]:
    """Look at what could not be worked off.

    Raises:
        HubbubError: the server does not answer.
    """
    letters = await list_dead_letters(connection, ANONYMOUS, limit=_MOST_LETTERS)
    newest = {letter.agent: letter for letter in reversed(letters)}
    for agent, count in Counter(letter.agent for letter in letters).most_common(_MOST_AGENTS):
        more = "at least " if len(letters) == _MOST_LETTERS else ""
        text = (
            f"{agent}: {more}{count:,} could not be worked off, the last because: "
            f"{newest[agent].reason}"
        )
        facts = {"agent": agent, "letters": count}
        remedy = "see what failed, then retry or discard them: `hubbub dead`"
        yield Finding("note", "Dead letters", text, facts, remedy)


async def _oldest(connection: Connection, agent: str, server_ahead: float) -> float | None:
    """Return for how many seconds the oldest message of an inbox has been there."""
    ages: list[float] = []
    for subject in (f"agents.direct.{agent}", f"agents.direct.{agent}.>"):
        for stored in await connection.read_some(INBOX, subject=subject, limit=1):
            try:
                ages.append(clock.seconds() + server_ahead - clock.read_iso(stored.time))
            except InvalidMessage:
                continue
    return max(0.0, *ages) if ages else None


async def _pages(connection: Connection, name: str, what: str) -> AsyncIterator[dict[str, Any]]:
    """Yield the entries of a list that the server gives page by page."""
    offset, total = 0, 1
    while offset < total:
        answer = await connection.api(name, {"offset": offset})
        entries: list[dict[str, Any]] = answer.get(what) or []
        for entry in entries:
            yield entry
        total = int(answer.get("total", 0))
        offset += max(len(entries), 1)
