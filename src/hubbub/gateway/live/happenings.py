"""What live pages are told, one record each: which slices it belongs to, and for whose eyes."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Iterable
from typing import Any, Literal

import msgspec

from hubbub.errors import InvalidMessage
from hubbub.gateway.records.said import Asked, files_of, task_of, user_of
from hubbub.mesh.history.entries import HistoryEntry
from hubbub.wire.card import AgentCard
from hubbub.wire.events import TaskEvent
from hubbub.wire.names import agent_token

__all__ = [
    "Happening",
    "QuestionsSeen",
    "frame",
    "mesh_frame",
    "of_beat",
    "of_delta",
    "of_entry",
    "of_event",
    "of_letter",
]

Kind = Literal["msg", "delta", "end", "beat", "task", "step", "ask", "answer", "dead"]

_KINDS: dict[str, Kind] = {
    "step_started": "step",
    "step": "step",
    "asked": "ask",
    "answered": "answer",
    "timed_out": "answer",
    "said": "end",
}
_MOST_QUESTIONS = 10_000


class Happening(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened.

    Attributes:
        slices: the slices that it belongs to.
        body: its JSON, written once for all pages.
        task_id: the task whose owner may see it; empty if it is no task's.
        owner: that owner, if it is known; None if it has to be looked up.
        public: whether everybody who is signed in may see it.
    """

    slices: frozenset[str]
    body: bytes
    task_id: str = ""
    owner: str | None = None
    public: bool = False


class QuestionsSeen:
    """Which questions ask for a secret, and which are answered, as far as they have been seen."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, bool] = OrderedDict()
        self._answered: OrderedDict[str, None] = OrderedDict()

    def is_answered(self, question_id: str) -> bool:
        """Tell whether a task has taken in an answer to a question, or waits for none any more."""
        return question_id in self._answered

    def shown(self, event: TaskEvent) -> dict[str, Any]:
        """Return the facts of an event without an answer that may be a secret."""
        if event.kind in ("answered", "timed_out"):
            self._answered[str(event.data.get("id"))] = None
            if len(self._answered) > _MOST_QUESTIONS:
                self._answered.popitem(last=False)
        if event.kind == "asked":
            asked: Any = event.data.get("question", event.data)
            self._known[str(asked.get("id"))] = bool(asked.get("secret"))
            if len(self._known) > _MOST_QUESTIONS:
                self._known.popitem(last=False)
        elif event.kind == "answered" and self._is_secret(event):
            return {**event.data, "answer": None, "hidden": True}
        return event.data

    def _is_secret(self, event: TaskEvent) -> bool:
        """Tell whether an answer may be one; logs of before do not say it of the answer itself."""
        told = event.data.get("secret")
        return told if isinstance(told, bool) else self._known.get(str(event.data.get("id")), True)


def mesh_frame(connected: bool, at: str, seq: str | None) -> bytes:
    """Write the frame that tells whether the gateway reaches the NATS server.

    Args:
        connected: whether it does.
        at: since when, ISO 8601.
        seq: the place that the page has; it stays where it is. None if it has none yet.
    """
    body = {"k": "mesh", "connected": connected, "at": at}
    return msgspec.json.encode({"seq": seq, "t": time.time_ns() // 1_000_000, "ev": [body]})


def frame(seq: str, bodies: Iterable[bytes], *, gap: bool = False) -> bytes:
    """Write a frame.

    Args:
        seq: the place behind it.
        bodies: what it tells, in order.
        gap: whether something before it was left out.
    """
    mark = b',"gap":true' if gap else b""
    return b'{"seq":"%s","t":%d%s,"ev":[%s]}' % (
        seq.encode(),
        time.time_ns() // 1_000_000,
        mark,
        b",".join(bodies),
    )


def of_event(
    agent: str,
    task_id: str,
    event: TaskEvent,
    *,
    sequence: int,
    context: str,
    owner: str | None,
    seen: QuestionsSeen,
) -> Happening:
    """Return what an event of a task's log is."""
    kind = _KINDS.get(event.kind, "task")
    body = {
        "k": kind,
        "task_id": task_id,
        "agent": agent,
        "context_id": context,
        "kind": event.kind,
        "at": event.at,
        "seq": sequence,
        "data": seen.shown(event),
    }
    return Happening(
        slices=_slices("tasks", agents=[agent], task=task_id, context=context),
        body=msgspec.json.encode(body),
        task_id=task_id,
        owner=owner,
    )


def of_delta(agent: str, task_id: str, data: bytes) -> Happening | None:
    """Return what a piece of text is that a task is writing; None if it is none."""
    try:
        piece = msgspec.json.decode(data, type=dict[str, Any])
    except msgspec.MsgspecError:
        return None
    # Where it was said tells whose it is; what it says of itself does not.
    body = {**piece, "k": "delta", "task_id": task_id, "agent": agent}
    return Happening(
        slices=frozenset({f"task:{task_id}", f"agent:{agent}", "all"}),
        body=msgspec.json.encode(body),
        task_id=task_id,
    )


def of_entry(entry: HistoryEntry, asked: Asked) -> Happening:
    """Return what something is that was said."""
    message = entry.message
    names = [name for name in (message.from_agent, entry.to_agent) if name]
    agents = [agent_token(name) for name in names]
    if entry.kind in ("join", "leave", "status"):
        body = {
            "k": "beat",
            "agent": agent_token(message.from_agent),
            "event": entry.kind,
            "at": entry.at,
        }
        return Happening(
            slices=_slices("agents", agents=agents), body=msgspec.json.encode(body), public=True
        )
    task_id = task_of(entry)
    body = {
        "k": "msg",
        "kind": entry.kind,
        "from_agent": message.from_agent,
        "to_agent": entry.to_agent,
        "content": message.content,
        "message_id": message.message_id,
        "in_reply_to": message.in_reply_to,
        "context_id": message.conversation,
        "priority": message.priority,
        "failed": entry.failed,
        "at": entry.at,
        "user": user_of(entry),
        "task_id": task_id,
        "latency_ms": asked.latency_ms(entry),
        "files": files_of(message.metadata),
        "chunk": entry.chunk,
    }
    return Happening(
        slices=_slices("messages", agents=agents, context=message.conversation, task=task_id),
        body=msgspec.json.encode(body),
        task_id=task_id,
        owner=entry.owner or None,
        public=entry.kind == "broadcast",
    )


def of_beat(data: bytes) -> Happening | None:
    """Return what a heartbeat tells; None if it cannot be read."""
    try:
        message = msgspec.json.decode(data, type=_Beat)
        card = AgentCard(name=message.from_agent, **message.metadata.load())
    except (msgspec.MsgspecError, InvalidMessage, ValueError, TypeError):
        return None
    body = {"k": "beat", "agent": card.token, "event": "beat", "status": card.status}
    body |= {"running": card.running, "queued": card.queued}
    return Happening(
        slices=_slices("agents", agents=[card.token]), body=msgspec.json.encode(body), public=True
    )


class _Load(msgspec.Struct):
    status: Any = "online"
    running: int = 0
    queued: int = 0

    def load(self) -> dict[str, Any]:
        return {"running": self.running, "queued": self.queued}


class _Beat(msgspec.Struct):
    from_agent: str
    metadata: _Load


def of_letter(agent: str, task_id: str, *, sequence: int, gone: bool) -> Happening:
    """Return what is told of a dead letter: that it is there, or not any more."""
    body = {"k": "dead", "agent": agent, "task_id": task_id, "seq": sequence, "gone": gone}
    return Happening(
        slices=_slices("dead", agents=[agent], task=task_id),
        body=msgspec.json.encode(body),
        task_id=task_id,
    )


def _slices(name: str, *, agents: list[str], task: str = "", context: str = "") -> frozenset[str]:
    found = {"all", name, *(f"agent:{agent}" for agent in agents)}
    if task:
        found.add(f"task:{task}")
    if context:
        found.add(f"context:{context}")
    return frozenset(found)
