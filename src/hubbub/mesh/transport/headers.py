"""The headers that messages of the mesh carry, besides NATS's own."""

from __future__ import annotations

from hubbub.errors import HubbubError
from hubbub.wire.names import agent_token, check_message_id

__all__ = [
    "CONTEXT",
    "DEADLINE",
    "DEFAULT_TIMEOUT_SECONDS",
    "ERROR",
    "ERROR_CODE",
    "EXPECTED_SEQUENCE",
    "EXPIRES",
    "FINAL",
    "HANDED_BACK",
    "KNOWN",
    "MESSAGE_ID",
    "NOT_BEFORE",
    "ORIGIN",
    "OWNER",
    "PARENT",
    "RETRY",
    "RETRY_AFTER",
    "RETRY_OF",
    "SEQUENCE",
    "STREAM",
    "TIMEOUT",
    "TTL",
    "WRITE",
    "pair_header",
    "read_pair",
]

MESSAGE_ID = "Nats-Msg-Id"
"""The server stores a message with the same id once."""

EXPECTED_SEQUENCE = "Nats-Expected-Last-Subject-Sequence"
"""The server refuses a write if somebody else wrote to the subject meanwhile."""

TTL = "Nats-TTL"
"""The server forgets a message after so long, where the stream allows it."""

WRITE = "Hubbub-Write"
"""Marks one write to a task's log, so that its repetition can be told from another's write."""

CONTEXT = "Hubbub-Context"
"""On an event of a task's log: the conversation that the task belongs to."""

NOT_BEFORE = "Hubbub-Not-Before"
"""On a message: when it may be worked on, ISO 8601."""

EXPIRES = "Hubbub-Expires"
"""On a message: until when work on it must have begun, ISO 8601."""

DEADLINE = "Hubbub-Deadline"
"""On a message: until when work on it must have ended, ISO 8601."""

OWNER = "Hubbub-Owner"
"""On a message, and on the events of its task's log: the person that it is done for."""

PARENT = "Hubbub-Parent"
"""On a message sent from within a task: that task's agent and id."""

RETRY_OF = "Hubbub-Retry-Of"
"""On a message that tries a dead letter again: the task that failed."""

ORIGIN = "Hubbub-Origin"
"""On a handoff: who sent the first message of the chain, and that message's id."""

STREAM = "Hubbub-Stream"
"""On a request: the answer is wanted piece by piece."""

TIMEOUT = "Hubbub-Timeout"
"""On a request: seconds after which nobody waits for the answer any more.

Our own requesters, who are known by their reply subject, leave it out if it is the default: to
write it and read it costs as much as the message itself.
"""

DEFAULT_TIMEOUT_SECONDS = 30.0
"""What `TIMEOUT` is if one of our own requesters leaves it out; both sides must agree on it."""

RETRY = "Hubbub-Retry"
"""On a request: it may have come before; whoever knows it does not start it again."""

KNOWN = "Hubbub-Known"
"""On the answer of one instance to a recall: 1 if it works on that request, 0 if not."""

HANDED_BACK = "Hubbub-Handed-Back"
"""Beside `ERROR`: the request was not begun, because this instance goes away; ask another one."""

RETRY_AFTER = "Retry-After"
"""Beside `ERROR`, on a refused request: seconds after which it may be taken."""

SEQUENCE = "Hubbub-Seq"
"""On a piece of an answer: its number, from 1."""

FINAL = "Hubbub-Final"
"""On the last piece of an answer."""

ERROR = "Nats-Service-Error"
"""On an answer that tells of a failure, as NATS micro services do: type and message."""

ERROR_CODE = "Nats-Service-Error-Code"
"""Beside `ERROR`: what kind of failure it is, as in HTTP.

400 for a request that could not be read, 429 for one above the rate limit, 500 for a handler that
failed, 503 for a request that was not begun, because this instance goes away.
"""


def pair_header(agent: str, message_id: str) -> str:
    """Return the value of a header that names an agent and a message or task."""
    return f"{agent} {message_id}"


def read_pair(value: str | None) -> tuple[str, str] | None:
    """Return the agent and the id that a header names, None if it names none."""
    agent, _, message_id = (value or "").rpartition(" ")
    try:
        agent_token(agent)
        check_message_id(message_id)
    except HubbubError:  # any client may have written it
        return None
    return agent, message_id
