"""The headers that messages of the mesh carry, besides NATS's own."""

from __future__ import annotations

from hubbub.errors import HubbubError
from hubbub.wire.names import agent_token, check_message_id

__all__ = [
    "ERROR",
    "ERROR_CODE",
    "EXPECTED_SEQUENCE",
    "FINAL",
    "MESSAGE_ID",
    "ORIGIN",
    "SEQUENCE",
    "STREAM",
    "TIMEOUT",
    "WRITE",
    "origin_header",
    "parse_origin",
]

MESSAGE_ID = "Nats-Msg-Id"
"""The server stores a message with the same id once."""

EXPECTED_SEQUENCE = "Nats-Expected-Last-Subject-Sequence"
"""The server refuses a write if somebody else wrote to the subject meanwhile."""

WRITE = "Hubbub-Write"
"""Marks one write to a task's log, so that its repetition can be told from another's write."""

ORIGIN = "Hubbub-Origin"
"""On a handoff: who sent the first message of the chain, and that message's id."""

STREAM = "Hubbub-Stream"
"""On a request: the answer is wanted piece by piece."""

TIMEOUT = "Hubbub-Timeout"
"""On a request: seconds after which nobody waits for the answer any more."""

SEQUENCE = "Hubbub-Seq"
"""On a piece of an answer: its number, from 1."""

FINAL = "Hubbub-Final"
"""On the last piece of an answer."""

ERROR = "Nats-Service-Error"
"""On an answer that tells of a failure, as NATS micro services do: type and message."""

ERROR_CODE = "Nats-Service-Error-Code"
"""Beside `ERROR`: 400 for a request that could not be read, 500 for a handler that failed."""


def origin_header(agent: str, message_id: str) -> str:
    """Return the value of `ORIGIN` for a first message."""
    return f"{agent} {message_id}"


def parse_origin(value: str | None) -> tuple[str, str] | None:
    """Return sender and message id of a first message, None if the header names none."""
    agent, _, message_id = (value or "").rpartition(" ")
    try:
        agent_token(agent)
        check_message_id(message_id)
    except HubbubError:  # any client may have written it
        return None
    return agent, message_id
