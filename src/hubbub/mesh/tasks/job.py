"""A stored message, read: the task that it opens, and what its log begins with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from hubbub.errors import InvalidMessage
from hubbub.mesh.tasks.inbox import Delivery
from hubbub.mesh.tasks.log import TaskLog
from hubbub.mesh.tasks.timing import Timing
from hubbub.mesh.transport.headers import MESSAGE_ID, ORIGIN, PARENT, RETRY_OF, read_pair
from hubbub.wire.envelope import AgentMessage, read_plain
from hubbub.wire.events import TaskSnapshot
from hubbub.wire.names import ANONYMOUS, agent_token, is_agent_token

__all__ = ["Job", "Stored", "opened_task", "read_opener"]


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


@dataclass(slots=True)
class Job:
    """A delivery that has been read: the task it opens, and what is known of it.

    Attributes:
        delivery: the message, under lease.
        message: its envelope.
        task_id: the task.
        timing: when its sender wants it to be worked on.
        log: where what happens is written.
        before: what the log told when it was delivered.
    """

    delivery: Delivery
    message: AgentMessage
    task_id: str
    timing: Timing
    log: TaskLog
    before: TaskSnapshot

    @property
    def attempt(self) -> int:
        """The number of the next attempt, 1 for the first."""
        return self.before.attempts + 1

    @property
    def origin(self) -> tuple[str, str] | None:
        """Sender and message id at the beginning of a chain of handoffs."""
        return read_pair(self.delivery.headers.get(ORIGIN))

    @property
    def retry_of(self) -> str:
        """The failed task that this one tries again, empty if it is none."""
        return self.delivery.headers.get(RETRY_OF, "")

    @property
    def opening(self) -> dict[str, Any]:
        """What the first event of its log tells of how it came about."""
        facts: dict[str, Any] = {
            "message": self.message.to_builtins(),
            "inbox_sequence": self.delivery.sequence,
        }
        if parent := read_pair(self.delivery.headers.get(PARENT)):
            facts["parent"] = list(parent)
        if self.retry_of:
            facts["retry_of"] = self.retry_of
        return facts
