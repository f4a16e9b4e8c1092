"""Dead letters as people meet them: listed, looked at, tried again, thrown away."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, Self

from hubbub.errors import DeadLetterNotFound, HubbubError, InvalidMessage
from hubbub.mesh.letters.retrying import put_back, read_message
from hubbub.mesh.tasks.burial import (
    NOBODY,
    Burial,
    letter_subject,
    read_dead_letter,
    replace_by_marker,
)
from hubbub.mesh.tasks.handle import TaskHandle
from hubbub.mesh.transport.answers import APIError, StoredMessage
from hubbub.mesh.transport.backwards import Backwards
from hubbub.mesh.transport.connection import Connection
from hubbub.mesh.transport.streams import DEAD
from hubbub.wire.codec import JSON
from hubbub.wire.envelope import AgentMessage
from hubbub.wire.names import agent_token, check_message_id

__all__ = ["DeadLetter", "find_dead_letter", "list_dead_letters"]

_STREAM_NOT_FOUND = 10059


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A message that could not be worked off; from `mesh.dead_letters()` or `mesh.dead_letter()`.

    Attributes:
        agent: token of the agent whose inbox it was in; the name as it was written if nobody can
            have it.
        task_id: the task it was to be, or a name for it if it was none.
        kind: `task`, or `notice` for a completion that a listener failed to hear.
        reason: why it was given up.
        errors: the error of each attempt, oldest first.
        subject: where it had been published.
        headers: its headers.
        payload: its bytes, as they came.
        truncated: whether it was too large to be kept whole.
        inbox_sequence: its place in the stream it came from.
        at: when it became a dead letter, ISO 8601.
        sequence: its place among the dead letters; `before=` takes it to list older ones.
    """

    agent: str
    task_id: str
    kind: Literal["task", "notice"]
    reason: str
    errors: tuple[str, ...]
    subject: str
    headers: dict[str, str]
    payload: bytes
    truncated: bool
    inbox_sequence: int
    at: str
    sequence: int
    _burial: Burial = field(repr=False, compare=False)
    _connection: Connection = field(repr=False, compare=False)
    _sender: str = field(repr=False, compare=False)

    @classmethod
    def of(cls, stored: StoredMessage, connection: Connection, sender: str) -> Self:
        """Read what is stored.

        Raises:
            InvalidMessage: it is no dead letter, or only the marker of one.
        """
        burial = read_dead_letter(stored.headers)
        return cls(
            agent=burial.agent,
            task_id=burial.task_id,
            kind=burial.kind,
            reason=burial.reason,
            errors=tuple(burial.errors),
            subject=burial.subject,
            headers=burial.headers,
            payload=stored.data,
            truncated=burial.truncated,
            inbox_sequence=burial.inbox_sequence,
            at=burial.at,
            sequence=stored.sequence,
            _burial=burial,
            _connection=connection,
            _sender=sender,
        )

    @property
    def id(self) -> str:
        """What `mesh.dead_letter` finds it by, even if two agents have a task of this id."""
        return letter_subject(self.agent, self.task_id).removeprefix("dead.").replace(".", "/")

    @property
    def message(self) -> AgentMessage | None:
        """What the payload says; None if it is no message."""
        try:
            return read_message(self._burial, self.payload)
        except InvalidMessage:
            return None

    @property
    def text(self) -> str:
        """The payload as text, or in hexadecimal digits if it is none."""
        try:
            return self.payload.decode()
        except UnicodeDecodeError:
            return self.payload.hex(" ")

    def to_builtins(self) -> dict[str, Any]:
        """Return everything about it as a dictionary of JSON values."""
        message = self.message
        facts = {
            name: getattr(self, name)
            for name in ("id", "agent", "task_id", "kind", "reason", "at", "subject", "headers")
        }
        return {
            **facts,
            "errors": list(self.errors),
            "truncated": self.truncated,
            "inbox_sequence": self.inbox_sequence,
            "sequence": self.sequence,
            "message": None if message is None else message.to_builtins(),
            "payload": self.text,
        }

    async def retry(
        self,
        *,
        content: JSON = None,
        to_agent: str | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> TaskHandle | None:
        """Set somebody to work on it again, as a new task with all its attempts.

        Sender, priority, conversation and hops stay what they were; times by which it had to be
        done do not. In the secured layout nobody writes under another's name: there whoever
        retries it is the sender. The new message is stored before the letter goes, and the same
        letter opens the same task however often that is tried.

        Args:
            content: what to say instead; None leaves it as it was.
            to_agent: who is to do it; by default the one who was.
            metadata: what to send along instead; None leaves it as it was.

        Returns:
            A handle on the new task; None for a notice, which is told once more to who listens.

        Raises:
            DeadLetterNotFound: it has been tried again or thrown away meanwhile.
            InvalidMessage: it is no message, or was not kept whole, and `content` says nothing
                else; or it is too large.
            InvalidAgentName: nobody can have the name it was for, or `to_agent`.
            InboxFull: too many messages of its sender wait there.
            ConnectionLost: the server does not confirm it.
        """
        subject = letter_subject(self.agent, self.task_id)
        there = await self._connection.last_of(DEAD, subject)
        if there is None or there.sequence != self.sequence:
            raise self._gone()
        handle = await put_back(
            self._connection,
            self._burial,
            self.payload,
            content=content,
            metadata=metadata,
            to_agent=to_agent,
            as_sender=self._sender if self._connection.layout.secured else None,
        )
        await replace_by_marker(self._connection, self._burial, self.sequence, what="retried")
        return handle

    async def discard(self) -> None:
        """Throw it away.

        Raises:
            DeadLetterNotFound: it has been tried again or thrown away meanwhile.
            ConnectionLost: the server does not confirm it.
        """
        if not await replace_by_marker(
            self._connection, self._burial, self.sequence, what="discarded"
        ):
            raise self._gone()

    def _gone(self) -> DeadLetterNotFound:
        return DeadLetterNotFound(self.id, "it has been tried again or discarded meanwhile")


async def list_dead_letters(
    connection: Connection,
    sender: str,
    *,
    agent: str | None = None,
    limit: int = 100,
    before: int | None = None,
) -> list[DeadLetter]:
    """Return dead letters, the newest first; arguments as in `Mesh.dead_letters`."""
    token = "*" if agent is None else _token(agent)
    try:
        state = (await connection.api(f"STREAM.INFO.{DEAD}"))["state"]
    except APIError as error:
        if error.error_code == _STREAM_NOT_FOUND:
            return []
        raise
    last = int(state["last_seq"]) if before is None else min(int(state["last_seq"]), before - 1)
    first, subject = max(1, int(state["first_seq"])), f"dead.{token}.*"
    walk = Backwards(connection, DEAD, subject, last=last, first=first, want=limit)
    found: list[DeadLetter] = []
    while len(found) < limit and (stored := await walk.head()) is not None:
        walk.take()
        if letter := _letter(stored, connection, sender):
            found.append(letter)
    return found


async def find_dead_letter(connection: Connection, sender: str, letter_id: str) -> DeadLetter:
    """Return one dead letter; arguments and errors as in `Mesh.dead_letter`."""
    agent, _, task_id = letter_id.rpartition("/")
    try:
        check_message_id(task_id)
        token = _token(agent) if agent else "*"
    except HubbubError:
        raise DeadLetterNotFound(letter_id) from None
    stored = await connection.read_back(DEAD, f"dead.{token}.{task_id}")
    found = [letter for one in stored if (letter := _letter(one, connection, sender))]
    if not found:
        raise DeadLetterNotFound(letter_id)
    if len(found) > 1:
        ids = ", ".join(letter.id for letter in found)
        raise DeadLetterNotFound(letter_id, f"several agents have one; say which: {ids}")
    return found[0]


def _token(agent: str) -> str:
    return NOBODY if agent == NOBODY else agent_token(agent)


def _letter(stored: StoredMessage, connection: Connection, sender: str) -> DeadLetter | None:
    try:
        return DeadLetter.of(stored, connection, sender)
    except InvalidMessage:  # the marker of one that is gone, or a stranger's message
        return None
