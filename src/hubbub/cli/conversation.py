"""The conversation on the mesh, heard as raw messages and told as lines: who to whom, what."""

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
from hubbub.wire.envelope import HEARTBEAT_PREFIX, AgentMessage, read_plain
from hubbub.wire.names import ANONYMOUS
from hubbub.wire.subjects import Address, parse

__all__ = ["Listener", "Utterance", "rendered"]

Kind = Literal["join", "leave", "status", "broadcast", "direct", "handoff", "request", "reply",
               "done", "failed"]  # fmt: skip

_REMEMBERED = 10_000
_ERROR = "Nats-Service-Error"

_COLOURS: dict[Kind, str] = {
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
        kind: what it is.
        message: the envelope.
        to_agent: whom it is for; empty for everybody.
        seconds: for an answer, how long after the question it came.
    """

    kind: Kind
    message: AgentMessage
    to_agent: str
    seconds: float | None = None


class Listener:
    """Understands what is heard on `agents.>`; remembers what was asked, to time the answers."""

    def __init__(self) -> None:
        self._asked: OrderedDict[str, float] = OrderedDict()

    def hear(self, raw: Msg) -> Utterance | None:
        """Return what a message says; None if it is nothing people would want to see."""
        address = parse(raw.subject)
        if address is None or raw.data.startswith(HEARTBEAT_PREFIX):
            return None
        try:
            message = read_plain(
                raw.data,
                to_agent=address.agent or None,
                from_agent=address.sender or ANONYMOUS,
                message_type="announcement" if address.kind == "all" else "request",
            )
        except InvalidMessage:
            return None
        kind = _kind(address, message, raw)
        if kind is None:
            return None
        to_agent = "" if address.kind == "all" else message.to_agent or address.agent
        return Utterance(kind, message, to_agent, self._timed(kind, message))

    def _timed(self, kind: Kind, message: AgentMessage) -> float | None:
        if kind in ("direct", "handoff", "request"):
            self._asked[message.message_id] = time.monotonic()
            if len(self._asked) > _REMEMBERED:
                self._asked.popitem(last=False)
            return None
        asked = self._asked.get(message.in_reply_to or "")
        return None if asked is None else time.monotonic() - asked


def _kind(address: Address, message: AgentMessage, raw: Msg) -> Kind | None:
    failed = _ERROR in (raw.headers or {}) or "error" in message.metadata
    match address.kind:
        case "all":
            event = message.metadata.get("event")
            if message.message_type != "announcement":
                return None
            return event if event in ("join", "leave", "status") else "broadcast"
        case "direct":
            return "handoff" if message.message_type == "handoff" else "direct"
        case "request":
            return "request"
        case "reply":
            return "failed" if failed else "reply" if message.text else None
        case "done":
            return "failed" if failed else "done"
        case _:
            return None


def rendered(utterance: Utterance, *, width: int) -> Text:
    """Return one line for people.

    Args:
        utterance: what was said.
        width: columns of the terminal, to cut long texts to.
    """
    message, kind = utterance.message, utterance.kind
    at = _clock(message.timestamp)
    line = Text(no_wrap=True)
    line.append(at, style="dim")
    line.append(f"  {kind:<10}", style=_COLOURS[kind])
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
    """Return the local time of day; a date at the end of time has none here."""
    try:
        return datetime.fromisoformat(timestamp).astimezone().strftime("%H:%M:%S")
    except (ValueError, OverflowError):
        return "--:--:--"


def _duration(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"
