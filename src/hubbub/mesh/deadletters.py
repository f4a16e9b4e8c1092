"""Dead letters: what could not be worked off, kept with everything needed to try again.

The payload is stored as it came, what is known about it in one header.
"""

from __future__ import annotations

import msgspec

from hubbub.errors import InvalidMessage
from hubbub.mesh.answers import APIError
from hubbub.mesh.connection import Connection
from hubbub.mesh.headers import EXPECTED_SEQUENCE
from hubbub.mesh.inbox import Delivery
from hubbub.mesh.outbox import store
from hubbub.wire.codec import decode, encode
from hubbub.wire.envelope import now

__all__ = ["DeadLetter", "bury", "read_dead_letter"]

_HEADER = "Hubbub-Dead-Letter"
_ERROR_CHARACTERS = 300


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True):
    """Why a message became a dead letter.

    Attributes:
        agent: token of the agent whose inbox it was in.
        task_id: the task it was to be.
        reason: why it is here, in one sentence.
        errors: the error of each attempt.
        subject: where it had been published.
        headers: its headers.
        inbox_sequence: its place in the inbox.
        at: when it became a dead letter, ISO 8601.
        truncated: whether the payload was too large to be kept whole.
    """

    agent: str
    task_id: str
    reason: str
    errors: list[str]
    subject: str
    headers: dict[str, str]
    inbox_sequence: int
    at: str = msgspec.field(default_factory=now)
    truncated: bool = False


_decoder = msgspec.json.Decoder(DeadLetter)


def read_dead_letter(headers: dict[str, str]) -> DeadLetter:
    """Return what the headers of a stored dead letter tell.

    Raises:
        InvalidMessage: it is no dead letter.
    """
    return decode(headers.get(_HEADER, "").encode(), _decoder)


async def bury(
    connection: Connection,
    agent: str,
    task_id: str,
    delivery: Delivery,
    *,
    reason: str,
    errors: list[str],
) -> None:
    """Store a delivery as a dead letter; the same one twice is stored once.

    Raises:
        ConnectionLost: the server does not confirm it.
    """
    letter = DeadLetter(
        agent=agent,
        task_id=task_id,
        reason=reason[:_ERROR_CHARACTERS],
        errors=[error[:_ERROR_CHARACTERS] for error in errors[-10:]],
        subject=delivery.subject,
        headers=delivery.headers,
        inbox_sequence=delivery.sequence,
    )
    payload = delivery.data
    try:
        connection.check_size(payload, _headers(letter))
    except InvalidMessage:
        # Only a plain client's message can be this large: our own senders leave the room.
        letter = msgspec.structs.replace(letter, truncated=True)
        payload = payload[: connection.max_content // 2]
    try:
        await store(connection, f"dead.{agent}.{task_id}", payload, headers=_headers(letter))
    except APIError as error:
        if not error.is_fence:  # it lies there already
            raise


def _headers(letter: DeadLetter) -> dict[str, str]:
    return {_HEADER: encode(letter).decode(), EXPECTED_SEQUENCE: "0"}
