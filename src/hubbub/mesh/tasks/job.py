"""A stored message, read: the task that it opens, and what its log begins with."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

from hubbub.errors import InvalidMessage
from hubbub.mesh.tasks.inbox import Delivery
from hubbub.mesh.tasks.log import LoggedEvent, TaskLog
from hubbub.mesh.tasks.timing import Timing
from hubbub.mesh.transport.headers import MESSAGE_ID, ORIGIN, OWNER, PARENT, RETRY_OF, read_pair
from hubbub.wire.codec import encode
from hubbub.wire.envelope import AgentMessage, read_plain
from hubbub.wire.events import TaskSnapshot, fold
from hubbub.wire.names import ANONYMOUS, agent_token, is_agent_token
from hubbub.wire.recording import Recording

__all__ = ["Job", "Opener", "Stored", "opened_task", "opener_on_record", "read_opener"]


class Stored(Protocol):
    """A message in an inbox, delivered or read back."""

    @property
    def subject(self) -> str:
        """Where it was published."""
        ...

    @property
    def data(self) -> bytes:
        """The payload."""
        ...

    @property
    def headers(self) -> dict[str, str]:
        """Its headers."""
        ...

    @property
    def sequence(self) -> int:
        """Its place in the inbox."""
        ...


def read_opener(stored: Stored, *, to_agent: str | None, secured: bool) -> AgentMessage:
    """Read a message that is to set an agent to work.

    Args:
        stored: as it lies in the inbox.
        to_agent: display name of whose inbox it is.
        secured: whether its subject tells beyond doubt who sent it.

    Raises:
        InvalidMessage: it is no message, sets nobody to work, or is not from whom it says.
    """
    sender = _sender_of(stored.subject)
    message = read_plain(
        stored.data,
        to_agent=to_agent,
        from_agent=sender,
        message_id=f"s{stored.sequence}",
    )
    if message.message_type not in ("request", "handoff"):
        raise InvalidMessage(f"{message.message_type!r} sets no agent to work")
    if secured and agent_token(message.from_agent) != sender:
        raise InvalidMessage(f"it says it is from {message.from_agent!r}, but {sender} sent it")
    return message


def _sender_of(subject: str) -> str:
    """Return the token of who sent a message, also if nobody can have the name it is for."""
    tokens = subject.split(".")
    return tokens[-1] if tokens[-2] == "from" and is_agent_token(tokens[-1]) else ANONYMOUS


def opened_task(stored: Stored, message: AgentMessage) -> str:
    """Return the id of the task that a message opens, the same on every redelivery."""
    if stored.headers.get(MESSAGE_ID, "") == message.message_id:
        return message.message_id
    return f"s{stored.sequence}"


@dataclass(frozen=True, slots=True)
class Opener:
    """The message that opened a task, put together from its log: its inbox has lost it.

    Attributes:
        subject: where it had been published.
        data: the payload.
        headers: its headers.
        sequence: its place in the inbox.
    """

    subject: str
    data: bytes
    headers: dict[str, str]
    sequence: int


def opener_on_record(snapshot: TaskSnapshot) -> tuple[Opener, AgentMessage]:
    """Return the message that opened a task, as its log has it.

    Raises:
        InvalidMessage: the log does not have it.
    """
    message = AgentMessage.from_bytes(encode(snapshot.message))
    headers = {name: str(value) for name, value in snapshot.headers.items()}
    opener = Opener(snapshot.subject, message.to_bytes(), headers, snapshot.inbox_sequence)
    return opener, message


@dataclass(slots=True)
class Job:
    """A delivery that has been read: the task it opens, and what is known of it.

    Attributes:
        delivery: what is held under lease: the message itself, or the input that woke its task.
        opener: the message, as it lay in the inbox.
        message: its envelope.
        task_id: the task.
        timing: when its sender wants it to be worked on.
        log: where what happens is written.
        before: what the log told when it was delivered.
        recording: the same for a handler that runs again.
    """

    delivery: Delivery
    opener: Stored
    message: AgentMessage
    task_id: str
    timing: Timing
    log: TaskLog
    before: TaskSnapshot
    recording: Recording = field(default_factory=Recording)

    @property
    def is_awake(self) -> bool:
        """Whether an input has woken the task, which then is its lease."""
        return self.delivery is not self.opener

    def take_in(self, events: list[LoggedEvent]) -> None:
        """Take in the log of the task, and go on writing behind it.

        Raises:
            InvalidMessage: it breaks its own rules.
        """
        self.before = fold(event for _, event in events)
        self.recording = Recording(event for _, event in events)
        if events:
            self.log.go_on_behind(events[-1][0], self.before.state)

    @property
    def attempt(self) -> int:
        """The number of the next attempt, 1 for the first."""
        return self.before.attempts + 1

    @property
    def origin(self) -> tuple[str, str] | None:
        """Sender and message id at the beginning of a chain of handoffs."""
        return read_pair(self.opener.headers.get(ORIGIN))

    @property
    def retry_of(self) -> str:
        """The failed task that this one tries again, empty if it is none."""
        return self.opener.headers.get(RETRY_OF, "")

    @property
    def owner(self) -> str:
        """The person that it is done for; empty if nobody in particular."""
        return self.opener.headers.get(OWNER, "")

    @property
    def opening(self) -> dict[str, Any]:
        """What the first event of its log tells of how it came about."""
        facts: dict[str, Any] = {
            "message": self.message.to_builtins(),
            "inbox_sequence": self.opener.sequence,
            "subject": self.opener.subject,
            "headers": self.opener.headers,
        }
        if self.owner:
            facts["owner"] = self.owner
        if parent := read_pair(self.opener.headers.get(PARENT)):
            facts["parent"] = list(parent)
        if self.retry_of:
            facts["retry_of"] = self.retry_of
        return facts
