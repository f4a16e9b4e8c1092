"""What is said on the mesh, one entry a message: read from what was stored, or heard live."""

from __future__ import annotations

import functools
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, get_args

import msgspec

from hubbub.errors import InvalidMessage
from hubbub.mesh.transport.headers import ERROR, FINAL, OWNER, SEQUENCE
from hubbub.mesh.transport.streams import HISTORY_PREFIX
from hubbub.wire.envelope import HEARTBEAT_PREFIX, AgentMessage, read_plain
from hubbub.wire.names import ANONYMOUS, agent_token
from hubbub.wire.subjects import Address, Layout, parse

__all__ = [
    "KINDS",
    "LIVE_KINDS",
    "EntryKind",
    "HistoryEntry",
    "Selection",
    "nanoseconds",
    "read_entry",
    "stamp",
]

EntryKind = Literal[
    "join", "leave", "status", "broadcast", "direct", "handoff", "completion", "request", "reply"
]

KINDS: tuple[EntryKind, ...] = get_args(EntryKind)

LIVE_KINDS: tuple[EntryKind, ...] = ("request", "reply")
"""What is heard while it is said; kept of it is only what a gateway was told to keep."""

_ANNOUNCED: dict[object, EntryKind] = {"join": "join", "leave": "leave", "status": "status"}


class HistoryEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was said on the mesh.

    Attributes:
        kind: `join`, `leave` and `status` are what agents announce; `completion` is what a sender
            hears at the end of its task; `request` and `reply` are live, and stored only if
            somebody has asked that of a gateway.
        message: the envelope.
        to_agent: whom it is for; empty for everybody.
        failed: whether a completion or reply tells of a failure.
        chunk: whether it is a piece of a reply, and more of it comes.
        owner: the person that a direct message, handoff, request or kept reply is for; empty if
            nobody in particular.
        at: when it was stored, by the server's clock, or when it was heard; ISO 8601, UTC.
        cursor: the place right behind this entry, to go on from with `follow_history`.
    """

    kind: EntryKind
    message: AgentMessage
    to_agent: str
    failed: bool
    at: str
    cursor: str
    chunk: bool = False
    owner: str = ""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which entries somebody wants.

    Attributes:
        agent: token of an agent that they are from or for; empty for any.
        context: the conversation they belong to; empty for any.
        kinds: of which kinds they are; empty for any.
    """

    agent: str = ""
    context: str = ""
    kinds: frozenset[EntryKind] = frozenset()

    @classmethod
    def of(
        cls,
        agent: str | None,
        context: str | None,
        kind: EntryKind | Collection[EntryKind] | None,
    ) -> Selection:
        """Return what the arguments of the API select.

        Raises:
            InvalidAgentName: the name cannot be an agent's.
            ValueError: there is no such kind.
        """
        kinds = frozenset[EntryKind]((kind,) if isinstance(kind, str) else kind or ())
        if unknown := kinds.difference(KINDS):
            raise ValueError(f"no entry is of kind {min(unknown)!r}: kinds are {', '.join(KINDS)}")
        return cls(agent_token(agent) if agent else "", context or "", kinds)

    def wants(self, *kinds: EntryKind) -> bool:
        """Tell whether any of these kinds is wanted."""
        return not self.kinds or not self.kinds.isdisjoint(kinds)

    def history_subjects(self, layout: Layout) -> list[str]:
        """Return the subjects of the history where all that is wanted lies, and more besides."""
        agent, subjects = self.agent, list[str]()
        if self.wants("join", "leave", "status", "broadcast"):
            secured_agent = agent if layout.secured else ""
            subjects.append(
                layout.everybody(secured_agent) if secured_agent else layout.everybody_filter
            )
        if self.wants("direct", "handoff", *LIVE_KINDS):
            filters = layout.direct_filters(agent) if agent else ["agents.direct.>"]
            subjects += [f"{HISTORY_PREFIX}{subject}" for subject in filters]
        return subjects

    def takes(self, entry: HistoryEntry) -> bool:
        """Tell whether an entry is wanted."""
        if self.kinds and entry.kind not in self.kinds:
            return False
        if self.context and entry.message.conversation != self.context:
            return False
        names = (entry.message.from_agent, entry.to_agent)
        return not self.agent or any(name and agent_token(name) == self.agent for name in names)


def read_entry(
    subject: str,
    data: bytes,
    headers: Mapping[str, str],
    *,
    secured: bool,
    message_id: str,
    at: str,
    cursor: str,
) -> HistoryEntry | None:
    """Read what was published.

    Args:
        subject: where; the prefix of copies in the history is passed over.
        data: the payload.
        headers: its headers.
        secured: whether the subject tells the sender, and the message must agree.
        message_id: the id if the payload has none.
        at: see `HistoryEntry`.
        cursor: see `HistoryEntry`.

    Returns:
        The entry; None for what is no part of the conversation, such as heartbeats, and the
        record of a handoff, whose message is an entry already.

    Raises:
        InvalidMessage: it cannot be read, or lies about its sender.
    """
    address = parse(subject.removeprefix(HISTORY_PREFIX))
    if address is None or address.kind not in _HEARD or data.startswith(HEARTBEAT_PREFIX):
        return None
    message = read_plain(
        data,
        to_agent=address.agent or None,
        from_agent=address.sender or ANONYMOUS,
        message_id=message_id,
        message_type="announcement" if address.kind == "all" else "request",
    )
    if secured and address.sender and agent_token(message.from_agent) != address.sender:
        raise InvalidMessage(
            f"it says it is from {message.from_agent!r}, but {address.sender} sent it"
        )
    if b'"timestamp"' not in data:  # plain clients send none; ours would be when it was read
        message = message.replace(timestamp=at)
    kind = _kind(address, message)
    if kind is None:
        return None
    return HistoryEntry(
        kind=kind,
        message=message,
        to_agent="" if address.kind == "all" else message.to_agent or address.agent,
        failed=kind in ("completion", "reply")
        and (ERROR in headers or bool(message.metadata.get("error"))),
        at=at,
        cursor=cursor,
        chunk=kind == "reply" and SEQUENCE in headers and FINAL not in headers,
        owner=headers.get(OWNER, "") if kind in _OWNED else "",
    )


_HEARD = ("all", "direct", "done", "request", "reply", "kept_request", "kept_reply")
_OWNED = ("direct", "handoff", "request", "reply")


def _kind(address: Address, message: AgentMessage) -> EntryKind | None:
    match address.kind:
        case "all" if message.message_type == "announcement":
            event = message.metadata.get("event")
            return _ANNOUNCED.get(event, "broadcast") if isinstance(event, str) else "broadcast"
        case "direct":
            return "handoff" if message.message_type == "handoff" else "direct"
        case "request" | "kept_request":
            return "request"
        case "reply" | "kept_reply":
            return "reply"
        case "done":
            return "completion"
        case _:
            return None


def nanoseconds(time: str) -> int:
    """Return the time that the server gives, RFC 3339 in UTC, in nanoseconds since 1970."""
    whole, _, fraction = time.rstrip("Z").partition(".")
    return _seconds_of(whole) * 1_000_000_000 + int(fraction.ljust(9, "0") or 0)


def stamp(nanoseconds: int) -> str:
    """Return a time in nanoseconds since 1970 as ISO 8601 in UTC with microseconds."""
    whole, rest = divmod(nanoseconds, 1_000_000_000)
    return f"{_text_of(whole)}.{rest // 1000:06d}Z"


@functools.lru_cache(maxsize=64)
def _seconds_of(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


@functools.lru_cache(maxsize=64)
def _text_of(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
