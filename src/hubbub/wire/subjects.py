"""The subjects of the mesh (DESIGN section 3), made and read in one place.

Two layouts share all code above this module: `OPEN`, where any NATS client may join in, and
`SECURED`, where every subject an agent publishes to ends in its own name, so that the server's
permissions make the sender unforgeable. All arguments are tokens (`agent_token`), never names.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from typing import Literal

from hubbub.wire.names import ANONYMOUS, is_agent_token

__all__ = ["LANES", "OPEN", "SECURED", "Address", "Layout", "layout", "parse"]

LANES = (1, 2, 3, 4, 5)
"""The priorities, most urgent first. Each is a lane of an inbox."""

DEFAULT_LANE = 3

Kind = Literal[
    "all",
    "direct",
    "done",
    "request",
    "cancel",
    "recall",
    "reply",
    "handoff",
    "hint",
    "log",
    "input",
    "live",
    "people",
    "kept_request",
    "kept_reply",
]


@dataclass(frozen=True, slots=True)
class Address:
    """What a subject says.

    Attributes:
        kind: what travels there.
        agent: token of the receiver, or of the agent a task belongs to.
        sender: token of the sender, where the subject tells it.
        priority: the lane of a direct message.
        task_id: the task, for its log, inputs and live text.
        key: which input of a task.
    """

    kind: Kind
    agent: str = ""
    sender: str = ""
    priority: int = DEFAULT_LANE
    task_id: str = ""
    key: str = ""


@dataclass(frozen=True, slots=True)
class Layout:
    """One way to lay out the subjects of a mesh."""

    secured: bool

    # Everybody

    def everybody(self, sender: str) -> str:
        """Where an agent announces itself, beats and broadcasts."""
        return f"agents.all.from.{sender}" if self.secured else "agents.all"

    @property
    def everybody_filter(self) -> str:
        """What hears all announcements, heartbeats and broadcasts."""
        return "agents.all.from.*" if self.secured else "agents.all"

    # Inboxes

    def direct(self, agent: str, priority: int, sender: str) -> str:
        """Where our senders put a direct message or a handoff."""
        return f"agents.direct.{agent}.{priority}.from.{sender}"

    def lane_filters(self, agent: str, priority: int) -> list[str]:
        """What one lane of an inbox takes."""
        filters = [f"agents.direct.{agent}.{priority}.from.*"]
        if not self.secured:
            filters.append(f"agents.direct.{agent}.{priority}")
            if priority == DEFAULT_LANE:
                filters.append(f"agents.direct.{agent}")
        return filters

    @property
    def inbox_subjects(self) -> list[str]:
        """What the INBOX stream stores: exactly what some lane takes."""
        return [subject for lane in LANES for subject in self.lane_filters("*", lane)]

    def direct_filters(self, agent: str) -> list[str]:
        """What hears all direct messages to an agent or from it, and others besides."""
        filters = [f"agents.direct.{agent}.>", f"agents.direct.*.*.from.{agent}"]
        # Where the subject does not tell the sender, anybody may be it.
        return filters if self.secured else [*filters, "agents.direct.*", "agents.direct.*.*"]

    def plain_wakeups(self, agent: str) -> list[str]:
        """Subjects on which plain clients reach an inbox without a hint."""
        return [] if self.secured else [f"agents.direct.{agent}", f"agents.direct.{agent}.*"]

    def done(self, agent: str) -> str:
        """Where completions of what an agent sent are put."""
        return f"agents.direct.{agent}.done"

    def hint(self, agent: str) -> str:
        """Where instances of an agent are told that something waits."""
        return f"agents.hint.{agent}"

    # Requests

    def request(self, agent: str, sender: str) -> str:
        """Where a request to an agent goes."""
        return f"agents.request.{agent}.from.{sender}"

    def request_filters(self, agent: str) -> list[str]:
        """What an agent that answers requests listens to."""
        filters = [f"agents.request.{agent}.from.*"]
        return filters if self.secured else [*filters, f"agents.request.{agent}"]

    def cancel(self, agent: str, sender: str) -> str:
        """Where all instances of an agent are told that nobody waits for an answer any more."""
        return f"agents.cancel.{agent}.from.{sender}"

    def cancel_filter(self, agent: str) -> str:
        """What hears which requests to an agent have been given up."""
        return f"agents.cancel.{agent}.from.*"

    def recall(self, agent: str, sender: str) -> str:
        """Where all instances of an agent are asked whether they know a request already."""
        return f"agents.recall.{agent}.from.{sender}"

    def recall_filter(self, agent: str) -> str:
        """What hears which requests to an agent are about to be repeated."""
        return f"agents.recall.{agent}.from.*"

    def reply(self, requester: str, responder: str, connection: str, number: int | str) -> str:
        """Where the answer to one request comes back."""
        return f"agents.reply.{requester}.from.{responder}.{connection}.{number}"

    def reply_filter(self, requester: str, connection: str) -> str:
        """What hears all answers to one connection of a requester."""
        return f"agents.reply.{requester}.from.*.{connection}.*"

    # Handoffs

    def handoff(self, sender: str, agent: str) -> str:
        """Where a handoff is put on record."""
        return f"agents.handoff.{sender}.to.{agent}"

    # What people have asked, and the answers, as they are put on record beside the inboxes

    def kept_request(self, agent: str, sender: str) -> str:
        """Where a copy of a request is kept, below the prefix of the history."""
        return f"agents.direct.{agent}.request.from.{sender}"

    def kept_reply(self, requester: str, responder: str) -> str:
        """Where a copy of the answer to one is kept."""
        return f"agents.direct.{requester}.reply.from.{responder}"

    # Tasks

    def log(self, agent: str, task_id: str) -> str:
        """Where what happened to a task is written."""
        return f"tasks.{agent}.{task_id}.log"

    def input(self, agent: str, task_id: str, key: str) -> str:
        """Where a task is told something: an answer, a cancel."""
        return f"tasks.{agent}.{task_id}.in.{key}"

    def input_filter(self, agent: str) -> str:
        """What hears the inputs of all tasks of an agent."""
        return f"tasks.{agent}.*.in.*"

    def live(self, agent: str, task_id: str) -> str:
        """Where a task's text is shown while it is being made."""
        return f"tasks.{agent}.{task_id}.live"

    def people(self, agent: str, task_id: str) -> str:
        """Where it is told what people do at a task's questions."""
        return f"tasks.{agent}.{task_id}.people"


OPEN = Layout(secured=False)
SECURED = Layout(secured=True)


def layout(name: Literal["open", "secured"]) -> Layout:
    """Return a layout by the name it has in the settings."""
    return SECURED if name == "secured" else OPEN


_T = r"([^.]+)"
_ID = r"([A-Za-z0-9_-]{1,64})"
_KEY = r"([^.*> ]+)"
_FORMS: list[tuple[Kind, tuple[str, ...], str]] = [
    ("all", ("sender",), rf"agents\.all(?:\.from\.{_T})?"),
    ("done", ("agent",), rf"agents\.direct\.{_T}\.done"),
    (
        "direct",
        ("agent", "priority", "sender"),
        rf"agents\.direct\.{_T}(?:\.([1-5])(?:\.from\.{_T})?)?",
    ),
    ("kept_request", ("agent", "sender"), rf"agents\.direct\.{_T}\.request\.from\.{_T}"),
    ("kept_reply", ("agent", "sender"), rf"agents\.direct\.{_T}\.reply\.from\.{_T}"),
    ("request", ("agent", "sender"), rf"agents\.request\.{_T}(?:\.from\.{_T})?"),
    ("cancel", ("agent", "sender"), rf"agents\.cancel\.{_T}\.from\.{_T}"),
    ("recall", ("agent", "sender"), rf"agents\.recall\.{_T}\.from\.{_T}"),
    ("reply", ("agent", "sender"), rf"agents\.reply\.{_T}\.from\.{_T}\.[^.*> ]+\.[0-9]+"),
    ("handoff", ("sender", "agent"), rf"agents\.handoff\.{_T}\.to\.{_T}"),
    ("hint", ("agent",), rf"agents\.hint\.{_T}"),
    ("log", ("agent", "task_id"), rf"tasks\.{_T}\.{_ID}\.log"),
    ("input", ("agent", "task_id", "key"), rf"tasks\.{_T}\.{_ID}\.in\.{_KEY}"),
    ("live", ("agent", "task_id"), rf"tasks\.{_T}\.{_ID}\.live"),
    ("people", ("agent", "task_id"), rf"tasks\.{_T}\.{_ID}\.people"),
]
_PATTERNS: list[tuple[Kind, tuple[str, ...], re.Pattern[str]]] = [
    (kind, fields, re.compile(pattern)) for kind, fields, pattern in _FORMS
]


@functools.lru_cache(maxsize=4096)
def parse(subject: str) -> Address | None:
    """Return what a subject says, in either layout; None if it is not one of ours."""
    if not (subject.isascii() and subject.isprintable()):
        return None
    for kind, fields, pattern in _PATTERNS:
        match = pattern.fullmatch(subject)
        if match is None:
            continue
        found = dict(zip(fields, match.groups(), strict=True))
        agent, sender = found.get("agent") or "", found.get("sender") or ""
        if not all(is_agent_token(token) for token in (agent, sender) if token):
            return None
        if kind == "direct" and not sender:
            sender = ANONYMOUS
        return Address(
            kind,
            agent=agent,
            sender=sender,
            priority=int(found.get("priority") or DEFAULT_LANE),
            task_id=found.get("task_id") or "",
            key=found.get("key") or "",
        )
    return None
