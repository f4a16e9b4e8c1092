"""Dead letters as they are stored: what could not be worked off, with all it takes to try again.

The payload is kept as it came, what is known about it in one header. A letter that was tried again
or thrown away leaves a marker in its place, so that a process which comes back late, and repeats
the end of the task, does not bury it a second time.
"""

from __future__ import annotations

from typing import Literal, Protocol

import msgspec

from hubbub.errors import InvalidMessage
from hubbub.mesh.tasks.outbox import store
from hubbub.mesh.transport.answers import APIError, StoredMessage
from hubbub.mesh.transport.connection import Connection
from hubbub.mesh.transport.headers import EXPECTED_SEQUENCE, TTL
from hubbub.mesh.transport.streams import DEAD
from hubbub.wire.clock import now
from hubbub.wire.codec import decode, encode
from hubbub.wire.names import is_agent_token

__all__ = ["NOBODY", "Burial", "bury", "letter_subject", "read_dead_letter", "replace_by_marker"]

NOBODY = "-"
"""In place of an agent's token, where the message was for a name that nobody can have."""

_HEADER = "Hubbub-Dead-Letter"
_REMOVED = "Hubbub-Removed"
_MARKER_LASTS = "604800s"  # as long as the log that a late process may come back to
_ERROR_CHARACTERS = 300
_MOST_HEADER_BYTES = 60_000  # streams take 64 KiB of headers


class Burial(msgspec.Struct, frozen=True, kw_only=True):
    """What is known about a dead letter.

    Attributes:
        agent: token of the agent whose inbox it was in; the name as it stood in the subject if
            nobody can have it.
        task_id: the task it was to be, or a name for it if it was none.
        kind: `task`, or `notice` for what a listener failed to hear.
        reason: why it is here, in one sentence.
        errors: the error of each attempt.
        subject: where it had been published.
        headers: its headers.
        inbox_sequence: its place in the stream it came from.
        at: when it became a dead letter, ISO 8601.
        truncated: whether it was too large to be kept whole.
    """

    agent: str
    task_id: str
    kind: Literal["task", "notice"] = "task"
    reason: str
    errors: list[str]
    subject: str
    headers: dict[str, str]
    inbox_sequence: int
    at: str = msgspec.field(default_factory=now)
    truncated: bool = False


class Leftover(Protocol):
    """A message that is to be buried: a delivery, or what was read back from a stream."""

    @property
    def subject(self) -> str:
        """Where it had been published."""
        ...

    @property
    def sequence(self) -> int:
        """Its place in its stream."""
        ...

    @property
    def headers(self) -> dict[str, str]:
        """Its headers."""
        ...

    @property
    def data(self) -> bytes:
        """Its payload."""
        ...


_decoder = msgspec.json.Decoder(Burial)

# What a read adds to the headers of a stored message.
_OF_THE_READ = frozenset(
    {"Nats-Stream", "Nats-Subject", "Nats-Sequence", "Nats-Time-Stamp", "Nats-Num-Pending"}
    | {"Nats-Last-Sequence", "Nats-UpTo-Sequence"}
)


def letter_subject(agent: str, task_id: str) -> str:
    """Return where a dead letter lies.

    Args:
        agent: the agent's token, or what stood in its place.
        task_id: the task.
    """
    return f"dead.{agent if is_agent_token(agent) else NOBODY}.{task_id}"


def read_dead_letter(headers: dict[str, str]) -> Burial:
    """Return what the headers of a stored dead letter tell.

    Raises:
        InvalidMessage: it is no dead letter, or only the marker of one.
    """
    return decode(headers.get(_HEADER, "").encode(), _decoder)


async def bury(
    connection: Connection,
    agent: str,
    task_id: str,
    leftover: Leftover,
    *,
    reason: str,
    errors: list[str],
    kind: Literal["task", "notice"] = "task",
) -> None:
    """Store a message as a dead letter; the same one twice is stored once.

    Args:
        connection: the mesh.
        agent: the agent's token, or what stood in its place.
        task_id: the task.
        leftover: the message.
        reason: why it is given up.
        errors: the error of each attempt.
        kind: what it was.

    Raises:
        ConnectionLost: the server does not confirm it.
    """
    burial = Burial(
        agent=agent,
        task_id=task_id,
        kind=kind,
        reason=reason[:_ERROR_CHARACTERS],
        errors=[error[:_ERROR_CHARACTERS] for error in errors[-10:]],
        subject=leftover.subject,
        headers={k: v for k, v in leftover.headers.items() if k not in _OF_THE_READ},
        inbox_sequence=leftover.sequence,
    )
    if not await _lay(connection, burial, leftover.data):
        # Under this name lies another message that somebody sent with the same id.
        other = msgspec.structs.replace(burial, task_id=f"s{leftover.sequence}")
        await _lay(connection, other, leftover.data)


async def _lay(connection: Connection, burial: Burial, payload: bytes) -> bool:
    """Store a dead letter; return whether it is there, or has been."""
    subject = letter_subject(burial.agent, burial.task_id)
    burial, payload = _fitted(connection, burial, payload)
    try:
        await store(connection, subject, payload, headers=_headers(burial))
    except APIError as error:
        if not error.is_fence:
            raise
        there = await connection.last_of(DEAD, subject)
        return there is None or _sequence_of(there) in (0, burial.inbox_sequence)
    return True


def _fitted(connection: Connection, burial: Burial, payload: bytes) -> tuple[Burial, bytes]:
    """Return a dead letter that can be stored, with the beginnings of what is too large for it."""
    whole, room = burial, _MOST_HEADER_BYTES
    # Only plain clients' messages can be this large: our own senders leave the room.
    while len(encode(burial)) > _MOST_HEADER_BYTES:
        room //= 2
        headers = _beginning(whole.headers, room)
        burial = msgspec.structs.replace(whole, headers=headers, truncated=True)
    try:
        connection.check_size(payload, _headers(burial))
    except InvalidMessage:
        burial = msgspec.structs.replace(burial, truncated=True)
        payload = payload[: connection.max_content // 2]
    return burial, payload


def _beginning(headers: dict[str, str], room: int) -> dict[str, str]:
    kept: dict[str, str] = {}
    for key, value in headers.items():
        room -= len(key)
        if room <= 0:
            break
        kept[key] = value[:room]
        room -= len(kept[key])
    return kept


def _headers(burial: Burial) -> dict[str, str]:
    return {_HEADER: encode(burial).decode(), EXPECTED_SEQUENCE: "0"}


def _sequence_of(there: StoredMessage) -> int:
    """Return which message a letter or a marker stands for, 0 if it does not tell."""
    marked = there.headers.get(_REMOVED, "").rpartition(" ")[2]
    try:
        return int(marked) if marked else read_dead_letter(there.headers).inbox_sequence
    except (InvalidMessage, ValueError):
        return 0


async def replace_by_marker(
    connection: Connection, burial: Burial, sequence: int, *, what: str
) -> bool:
    """Remove a dead letter, in one write, unless somebody else has done so.

    Args:
        connection: the mesh.
        burial: the letter.
        sequence: its place in the stream of dead letters.
        what: what has become of it, in one word.

    Returns:
        Whether it was there until now.

    Raises:
        ConnectionLost: the server does not confirm it.
    """
    headers = {
        _REMOVED: f"{what} {burial.inbox_sequence}",
        EXPECTED_SEQUENCE: str(sequence),
        TTL: _MARKER_LASTS,
    }
    subject = letter_subject(burial.agent, burial.task_id)
    try:
        await store(connection, subject, b"", headers=headers)
    except APIError as error:
        if not error.is_fence:
            raise
        # Perhaps by this very write, whose confirmation got lost.
        there = await connection.last_of(DEAD, subject)
        return there is not None and there.headers.get(_REMOVED) == headers[_REMOVED]
    return True
