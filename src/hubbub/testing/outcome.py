"""What came of a task, as far as anybody outside of its agent can see."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from hubbub.errors import InvalidMessage
from hubbub.mesh.mesh import Mesh
from hubbub.mesh.tasks.burial import letter_subject, read_dead_letter
from hubbub.mesh.tasks.log import read_log
from hubbub.mesh.transport.answers import StoredMessage
from hubbub.mesh.transport.headers import PARENT, pair_header
from hubbub.mesh.transport.streams import DEAD, HISTORY, HISTORY_PREFIX, NOTICES
from hubbub.wire.codec import encode
from hubbub.wire.envelope import AgentMessage
from hubbub.wire.events import EventKind, TaskEvent, fold
from hubbub.wire.recording import OPENING_KINDS, SETTLING_KINDS, STEERED, UNSTEERED

__all__ = ["Difference", "Outcome", "differences", "read_outcome"]

_OWN_TASK = "<task id>"
_LONGEST = 200
# That a step has begun is told if it takes its time.
_OF_CALLS = frozenset({"key", "place", UNSTEERED})
_OF_NOTES = frozenset({"key", "id", "at"})
_OF_ATTEMPTS = frozenset({*EventKind, "sent", "unsent", "step_started"})


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a task.

    In all texts, its id is written `<task id>`, and that of a task it opened `<task of ...>`.

    Attributes:
        state: where it stands.
        result: what its handler returned, as JSON.
        error: why it failed, was rejected or canceled.
        messages: what it sent, with its receiver, and how often.
        events: what its log tells of its work, and how often.
        completions: who was told of its end, and of which.
        dead_letters: how many there are of it.
        effects: what else was done, as the test tells.
    """

    state: str
    result: str
    error: str
    messages: Counter[str]
    events: Counter[str]
    completions: Counter[str]
    dead_letters: int
    effects: Counter[str]


class Difference(msgspec.Struct, frozen=True):
    """Something that came out differently because a process died.

    Attributes:
        about: `state`, `result`, `error`, `message`, `event`, `completion`, `dead letter`,
            `effect` or `crash`.
        what: which message, event, completion or effect; empty if there is only one.
        expected: how it was, or how often, when nothing died.
        found: how it was now.
    """

    about: str
    what: str
    expected: str
    found: str

    def __str__(self) -> str:
        what = f"{self.about} {self.what}" if self.what else self.about
        return f"{what}: {self.found} instead of {self.expected}"


async def read_outcome(mesh: Mesh, agent: str, task_id: str, effects: Mapping[str, int]) -> Outcome:
    """Read what came of a task.

    Args:
        mesh: where it was worked on; it sent the task.
        agent: token of its agent.
        task_id: the task.
        effects: what else was done, and how often.

    Raises:
        ConnectionLost: the server does not answer.
    """
    connection, layout = mesh.connection, mesh.connection.layout
    log = [event for _, event in await read_log(connection, agent, task_id)]
    snapshot = fold(log)
    # Ids of what it sent come from its own.
    names = {task_id: _OWN_TASK}
    for to_agent, message_id in snapshot.sent:
        names[message_id] = f"<task of {to_agent}>"
    subject = f"{HISTORY_PREFIX}{layout.direct('*', 0, agent).replace('.0.', '.*.')}"
    said = await connection.read_back(HISTORY, subject)
    told = await connection.read_back(HISTORY, layout.everybody_filter)
    notices = await connection.read_back(NOTICES, layout.done("*"))
    letters = await connection.read_back(DEAD, letter_subject(agent, task_id))
    parent = pair_header(agent, task_id)

    messages = Counter[str]()
    for stored in said:
        if stored.headers.get(PARENT) == parent:
            message = AgentMessage.from_bytes(stored.data)
            what = "handoff to" if message.message_type == "handoff" else "to"
            messages[_text(f"{what} {message.to_agent}: ", message.content, names)] += 1
    for message in _readable(told):
        if message.conversation == task_id and message.message_type == "announcement":
            messages[_text("to everybody: ", message.content, names)] += 1
    completions = Counter[str]()
    for message in _readable(notices):
        if message.metadata.get("task_id") == task_id:
            completions[f"to {message.to_agent} that it is {message.metadata.get('state')}"] += 1
    return Outcome(
        state=str(snapshot.state),
        result=_text("", snapshot.result, names),
        error=_named(snapshot.error, names),
        messages=messages,
        events=Counter(
            _text(f"{event.kind} ", _lasting(event), names)
            for event in log
            if event.kind not in _OF_ATTEMPTS
        ),
        completions=completions,
        dead_letters=sum(read_dead_letter(one.headers).kind == "task" for one in letters),
        effects=Counter(effects),
    )


def differences(
    expected: Outcome, found: Outcome, *, may_repeat: Collection[str] = ()
) -> list[Difference]:
    """Return what is different in two outcomes.

    Args:
        expected: the one.
        found: the other.
        may_repeat: kinds of events that may stand more often in the second.
    """
    pairs = [
        ("state", expected.state, found.state),
        ("result", expected.result, found.result),
        ("error", expected.error, found.error),
        ("dead letters", str(expected.dead_letters), str(found.dead_letters)),
    ]
    different = [
        Difference(about, "", before or "none", after or "none")
        for about, before, after in pairs
        if before != after
    ]
    for about, before, after in (
        ("message", expected.messages, found.messages),
        ("event", expected.events, found.events),
        ("completion", expected.completions, found.completions),
        ("effect", expected.effects, found.effects),
    ):
        for what in sorted(before.keys() | after.keys()):
            often = before[what], after[what]
            harmless = about == "event" and 0 < often[0] < often[1] and _kind(what) in may_repeat
            if often[0] != often[1] and not harmless:
                different.append(Difference(about, what, _times(often[0]), _times(often[1])))
    return different


def _lasting(event: TaskEvent) -> dict[str, Any]:
    """Return what an event tells apart from when and under which key that was."""
    if event.kind in SETTLING_KINDS | OPENING_KINDS:
        return {name: event.data[name] for name in ("key", "result") if name in event.data}
    ours = _OF_NOTES if event.kind == STEERED else _OF_CALLS
    return {name: value for name, value in event.data.items() if name not in ours}


def _readable(stored: Iterable[StoredMessage]) -> Iterator[AgentMessage]:
    """Read what anybody may have written; what cannot be read is not of the task."""
    for one in stored:
        with contextlib.suppress(InvalidMessage):
            yield AgentMessage.from_bytes(one.data)


def _named(text: str, names: Mapping[str, str]) -> str:
    """Put names in the place of ids, which are others in every run."""
    for task_id, name in names.items():
        text = text.replace(task_id, name)
    return text


def _text(before: str, value: object, names: Mapping[str, str]) -> str:
    text = _named(encode(value).decode(), names)
    return before + (text if len(text) <= _LONGEST else f"{text[:_LONGEST]}...")


def _kind(event: str) -> str:
    return event.partition(" ")[0]


def _times(number: int) -> str:
    return {0: "never", 1: "once", 2: "twice"}.get(number, f"{number} times")
