"""A dead letter tried again: the message that it becomes, and how that is stored."""

from __future__ import annotations

import contextlib
import uuid
from typing import Any

from hubbub.errors import HubbubError, InvalidMessage
from hubbub.mesh.tasks.burial import Burial, letter_subject
from hubbub.mesh.tasks.handle import TaskHandle
from hubbub.mesh.tasks.outbox import put_in_inbox, store
from hubbub.mesh.transport.connection import Connection
from hubbub.mesh.transport.headers import DEADLINE, EXPIRES, MESSAGE_ID, NOT_BEFORE, RETRY_OF
from hubbub.mesh.transport.streams import TASKS
from hubbub.wire.codec import JSON
from hubbub.wire.envelope import AgentMessage, read_plain
from hubbub.wire.names import ANONYMOUS, agent_token, is_agent_token
from hubbub.wire.subjects import DEFAULT_LANE, LANES, parse

__all__ = ["put_back", "read_message"]

_OLD_TIMES = (NOT_BEFORE, EXPIRES, DEADLINE)
_NAMESPACE = uuid.UUID("0f5d1a35-9d0b-4f0f-8f43-6b8f4dbd0f4e")


def read_message(burial: Burial, payload: bytes) -> AgentMessage:
    """Return the message that a dead letter was.

    Raises:
        InvalidMessage: it is none.
    """
    agent = burial.agent
    return read_plain(
        payload,
        to_agent=agent if _is_name(agent) else None,
        from_agent=_sender_of(burial.subject),
        message_id=f"s{burial.inbox_sequence}",
        message_type="request" if burial.kind == "task" else "response",
    )


async def put_back(
    connection: Connection,
    burial: Burial,
    payload: bytes,
    *,
    content: JSON,
    metadata: dict[str, Any] | None,
    to_agent: str | None,
    as_sender: str | None,
) -> TaskHandle | None:
    """Store a dead letter once more where it came from; doing it again changes nothing.

    Arguments and errors are those of `DeadLetter.retry`.

    Args:
        connection: the mesh.
        burial: the letter.
        payload: its payload.
        content: new content, if not None.
        metadata: new metadata, if not None.
        to_agent: another receiver.
        as_sender: whom it shall be from, if not from whom it was.
    """
    message = _read_or_rewrite(burial, payload, content)
    receiver = to_agent or burial.agent
    token = agent_token(receiver)
    if message.to_agent is None or agent_token(message.to_agent) != token:
        message = message.replace(to_agent=receiver)
    message = message.replace(
        from_agent=as_sender or message.from_agent,
        content=message.content if content is None else content,
        metadata=message.metadata if metadata is None else metadata,
    )
    new = _new_id(burial)
    if burial.kind == "notice":
        subject, data = connection.layout.done(token), message.to_bytes()
        await store(connection, subject, data, headers={MESSAGE_ID: f"{new}.notice"})
        return None
    if message.message_type not in ("request", "handoff"):
        if content is None:
            raise InvalidMessage(
                f"a {message.message_type} sets no agent to work, now or later: "
                "give it new content to send that as a request"
            )
        message = message.replace(message_type="request")
    message = message.replace(
        message_id=new,
        context_id=message.conversation,
        priority=_lane_of(burial.subject, message.priority),
    )
    size = len(message.to_bytes())
    if size > connection.max_content:
        raise InvalidMessage(
            f"the message has {size:,} bytes, an agent may send {connection.max_content:,}: "
            "give it shorter content"
        )
    for known in await connection.read_back(TASKS, connection.layout.log("*", new)):
        # It was put back before, perhaps to somebody else, and the letter could not be removed.
        address = parse(known.subject)
        if address is not None:
            return TaskHandle(connection, address.agent, new)
    await put_in_inbox(connection, receiver, message, headers=_headers(burial))
    return TaskHandle(connection, receiver, new)


def _read_or_rewrite(burial: Burial, payload: bytes, content: JSON) -> AgentMessage:
    if burial.truncated and content is None:
        raise InvalidMessage("the message was too large to be kept whole: give it new content")
    try:
        return read_message(burial, payload)
    except InvalidMessage as error:
        if content is None:
            raise InvalidMessage(f"it is no message ({error}): give it new content") from None
    return AgentMessage(
        message_type="request" if burial.kind == "task" else "response",
        from_agent=_sender_of(burial.subject),
        content=content,
        message_id=f"s{burial.inbox_sequence}",
    )


def _headers(burial: Burial) -> dict[str, str]:
    kept = {
        name: value
        for name, value in burial.headers.items()
        if not name.lower().startswith("nats-") and name not in _OLD_TIMES
    }
    return {**kept, RETRY_OF: burial.task_id}


def _new_id(burial: Burial) -> str:
    """Return the id that every attempt to put a letter back gives it."""
    name = f"{letter_subject(burial.agent, burial.task_id)} {burial.inbox_sequence} {burial.at}"
    return str(uuid.uuid5(_NAMESPACE, name))


def _sender_of(subject: str) -> str:
    tokens = subject.split(".")
    return tokens[-1] if tokens[-2:-1] == ["from"] and is_agent_token(tokens[-1]) else ANONYMOUS


def _lane_of(subject: str, priority: int) -> int:
    """Return the lane that a message was in; a plain client names it in the subject only."""
    tokens = subject.split(".")
    if len(tokens) == 3:  # a bare `agents.direct.<name>`
        return DEFAULT_LANE
    with contextlib.suppress(ValueError, IndexError):
        if int(tokens[3]) in LANES:
            return int(tokens[3])
    return priority


def _is_name(agent: str) -> bool:
    try:
        agent_token(agent)
    except HubbubError:
        return False
    return True
