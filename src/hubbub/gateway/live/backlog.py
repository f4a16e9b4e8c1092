"""The past of a live page: what is stored between the place where it was and now."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

from hubbub.gateway.live.happenings import Happening, QuestionsSeen, of_entry
from hubbub.gateway.live.place import LivePlace
from hubbub.gateway.live.sources import read_letter, read_logged
from hubbub.gateway.records.said import Asked
from hubbub.mesh.mesh import Mesh
from hubbub.mesh.transport.streams import DEAD, TASKS

__all__ = ["Backlog", "read_backlog"]

_MOST = 5_000


@dataclass(frozen=True, slots=True)
class Backlog:
    """What happened meanwhile.

    Attributes:
        happenings: in the order of each stream.
        is_whole: whether that is all; otherwise the page has to ask for lists anew.
    """

    happenings: list[Happening]
    is_whole: bool


async def read_backlog(
    mesh: Mesh, start: LivePlace, end: LivePlace, seen: QuestionsSeen
) -> Backlog:
    """Read what is stored between two places; nothing if it is too much to be told.

    Raises:
        ConnectionLost: the server does not answer.
    """
    before, behind = start.said, end.said
    distance = sum(
        max(0, there - here)
        for here, there in (
            (start.tasks, end.tasks),
            (start.dead, end.dead),
            (before.history, behind.history),
            (before.notices, behind.notices),
        )
    )
    # Behind the end is a place of another server, or of this one before it lost its store.
    if distance > _MOST or start.tasks > end.tasks or start.dead > end.dead:
        return Backlog([], is_whole=False)
    found: list[Happening] = []
    connection = mesh.connection
    if start.tasks < end.tasks:
        subject = connection.layout.log("*", "*")
        for one in await connection.read_back(TASKS, subject, start=start.tasks + 1):
            if one.sequence <= end.tasks:
                read = read_logged(one.sequence, one.subject, one.data, one.headers, seen)
                found += [read] if read is not None else []
    if start.dead < end.dead:
        for one in await connection.read_back(DEAD, "dead.>", start=start.dead + 1):
            if one.sequence <= end.dead:
                found.append(read_letter(one.sequence, one.subject, one.headers))
    if before != behind:
        asked = Asked()
        entries = mesh.follow_history(after=start.history, live=False)
        async with contextlib.aclosing(entries):
            async for entry in entries:
                place = LivePlace(0, 0, entry.cursor).said
                if place.history > behind.history or place.notices > behind.notices:
                    break
                found.append(of_entry(entry, asked))
    return Backlog(found, is_whole=True)
