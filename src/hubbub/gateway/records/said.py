"""What was said, as pages want to know it: who said it, what it is about, how long it took."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import msgspec

from hubbub.mesh.history.entries import HistoryEntry, nanoseconds

__all__ = ["Asked", "files_of", "task_of", "user_of"]

_MOST_ASKED = 20_000
_MOST_FILES = 20


class _File(msgspec.Struct):
    id: str
    name: str
    media_type: str
    size: int


def user_of(entry: HistoryEntry) -> str:
    """Return the person who said it through a gateway; empty if an agent did."""
    message = entry.message
    if message.hops:
        return ""  # an agent did, in its work for that person
    if entry.kind in ("direct", "handoff", "request"):
        return entry.owner
    user = message.metadata.get("user") if entry.kind == "broadcast" else None
    return user if isinstance(user, str) else ""


def task_of(entry: HistoryEntry) -> str:
    """Return the task that it opens or completes; empty if it does neither."""
    if entry.kind in ("direct", "handoff"):
        return entry.message.message_id
    return entry.message.in_reply_to or "" if entry.kind == "completion" else ""


def files_of(metadata: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the files that go with a message, as far as they are written as they should be."""
    files = metadata.get("files")
    if not files:
        return []
    try:
        return [
            msgspec.to_builtins(file) for file in msgspec.convert(files, list[_File])[:_MOST_FILES]
        ]
    except msgspec.ValidationError:
        return []


class Asked:
    """Remembers when things were asked, to tell how long their answers took."""

    def __init__(self) -> None:
        self._at: OrderedDict[str, int] = OrderedDict()

    def latency_ms(self, entry: HistoryEntry) -> float | None:
        """Return after how many milliseconds an answer came; None for what is none.

        A reply is timed from its request, a completion from the message of its task, as far as
        that has been seen here.
        """
        message = entry.message
        if entry.kind in ("direct", "handoff", "request"):
            self._at[message.message_id] = nanoseconds(entry.at)
            if len(self._at) > _MOST_ASKED:
                self._at.popitem(last=False)
        elif entry.kind in ("reply", "completion") and message.in_reply_to is not None:
            asked_at = self._at.get(message.in_reply_to)
            if asked_at is not None:
                return max(0.0, round((nanoseconds(entry.at) - asked_at) / 1e6, 3))
        return None
