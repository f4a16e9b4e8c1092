"""The conversation on the mesh, told as lines: who to whom, what."""

from __future__ import annotations

import time
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from nats.aio.msg import Msg
from rich.text import Text

from hubbub.cli.output import safe
from hubbub.errors import InvalidMessage
from hubbub.mesh.history.entries import HistoryEntry, read_entry, stamp
from hubbub.wire.clock import read_iso
from hubbub.wire.envelope import AgentMessage
from hubbub.wire.ids import new_id

__all__ = ["Listener", "Utterance", "rendered"]

Label = Literal["join", "leave", "status", "broadcast", "direct", "handoff", "request", "reply",
                "done", "failed"]  # fmt: skip

_REMEMBERED = 10_000

_COLOURS: dict[Label, str] = {
    "join": "green",
    "leave": "dim",
    "status": "dim",
    "broadcast": "magenta",
    "direct": "blue",
    "handoff": "yellow",
    "request": "cyan",
    "reply": "cyan",
    "done": "green",
    "failed": "red",
}


@dataclass(frozen=True, slots=True)
class Utterance:
    """One thing said on the mesh.

    Attributes:
        label: what it is, in a word.
        message: the envelope.
        to_agent: whom it is for; empty for everybody.
        seconds: for an answer, how long after the question it came.
        at: when it was stored or heard, ISO 8601; by default when the message was made.
    """

    label: Label
    message: AgentMessage
    to_agent: str
    seconds: float | None = None
    at: str = ""


class Listener:
    """Remembers what was asked, to time the answers."""

    def __init__(self) -> None:
        self._asked: OrderedDict[str, float] = OrderedDict()

    def hear(self, raw: Msg) -> Utterance | None:
        """Return what a message on `agents.>` says; None if people would not want to see it."""
        try:
            entry = read_entry(
                raw.subject,
                raw.data,
                raw.headers or {},
                secured=False,
                message_id=new_id(),
                at=stamp(time.time_ns()),
                cursor="",
            )
        except InvalidMessage:
            return None
        if entry is None or (entry.kind == "reply" and not entry.failed and not entry.message.text):
            return None
        return self.tell(entry)

    def tell(self, entry: HistoryEntry) -> Utterance:
        """Return what an entry says."""
        seconds = self._timed(entry)
        return Utterance(_label(entry), entry.message, entry.to_agent, seconds, entry.at)

    def _timed(self, entry: HistoryEntry) -> float | None:
        message, at = entry.message, read_iso(entry.at)
        if entry.kind in ("direct", "handoff", "request"):
            self._asked[message.message_id] = at
            if len(self._asked) > _REMEMBERED:
                self._asked.popitem(last=False)
            return None
        asked = self._asked.get(message.in_reply_to or "")
        return None if asked is None else max(0.0, at - asked)


def _label(entry: HistoryEntry) -> Label:
    if entry.failed:
        return "failed"
    return "done" if entry.kind == "completion" else entry.kind


def rendered(utterance: Utterance, *, width: int) -> Text:
    """Return one line for people.

    Args:
        utterance: what was said.
        width: columns of the terminal, to cut long texts to.
    """
    message, label = utterance.message, utterance.label
    line = Text(no_wrap=True)
    line.append(_clock(utterance.at or message.timestamp), style="dim")
    line.append(f"  {label:<10}", style=_COLOURS[label])
    line.append(message.from_agent, style="bold")
    if utterance.to_agent:
        line.append(" → ", style="dim")
        line.append(utterance.to_agent, style="bold")
    line.append("  ")
    took = "" if utterance.seconds is None else f"  {_duration(utterance.seconds)}"
    room = max(width - line.cell_len - len(took) - 1, 20)
    text = safe(" ".join(message.text.split()))
    line.append(text if len(text) <= room else text[: room - 1] + "…")
    line.append(took, style="dim")
    return line


def _clock(timestamp: str) -> str:
    """Return the local time of day, and the date unless it is today's.

    A date at the end of time has no local time.
    """
    try:
        moment = datetime.fromisoformat(timestamp).astimezone()
    except (ValueError, OverflowError):
        return "--:--:--"
    today = moment.date() == datetime.now(moment.tzinfo).date()
    return f"{moment:%H:%M:%S}" if today else f"{moment:%Y-%m-%d %H:%M:%S}"


def _duration(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"
