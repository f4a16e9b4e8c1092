"""Keeping what people ask: requests are live alone, so a gateway puts a copy on record.

The copies lie in the history beside those of direct messages. What agents ask one another is
never kept, and costs nothing more.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import AsyncGenerator, Coroutine
from typing import Any

from hubbub.errors import HubbubError
from hubbub.mesh.mesh import Mesh
from hubbub.mesh.tasks.outbox import store
from hubbub.mesh.transport.headers import MESSAGE_ID, OWNER
from hubbub.mesh.transport.streams import HISTORY_PREFIX
from hubbub.wire.codec import JSON
from hubbub.wire.envelope import AgentMessage
from hubbub.wire.names import agent_token

__all__ = ["keep_question", "keep_reply", "kept_as_it_comes"]

log = logging.getLogger("hubbub.gateway")


async def keep_question(
    mesh: Mesh, user: str, agent: str, content: JSON, metadata: dict[str, Any]
) -> AgentMessage:
    """Put on record what somebody is about to ask, and return it; the request gets its id.

    Raises:
        InvalidAgentName: the name cannot be an agent's.
    """
    agent_token(agent)
    question = AgentMessage(
        message_type="request",
        from_agent=mesh.name,
        to_agent=agent,
        content=content,
        metadata=metadata,
    )
    await _keep(mesh, user, question)
    return question


async def keep_reply(
    mesh: Mesh, user: str, question: AgentMessage, asking: Coroutine[Any, Any, AgentMessage]
) -> AgentMessage:
    """Return the answer to a question, and put it on record, or why there is none.

    Raises:
        HubbubError: why there is none.
    """
    try:
        reply = await asking
    except HubbubError as error:
        await _keep(mesh, user, _reply(question, str(error), error))
        raise
    await _keep(mesh, user, _reply(question, reply.content))
    return reply


async def kept_as_it_comes(
    mesh: Mesh, user: str, question: AgentMessage, pieces: AsyncGenerator[str]
) -> AsyncGenerator[str]:
    """Yield the answer to a question piece by piece, and put it on record as a whole.

    Raises:
        HubbubError: why there is none, or no more of it.
    """
    said = list[str]()
    try:
        async with contextlib.aclosing(pieces):
            async for piece in pieces:
                said.append(piece)
                yield piece
    except HubbubError as error:
        text = "\n\n".join(filter(None, ("".join(said), str(error))))
        await _keep(mesh, user, _reply(question, text, error))
        raise
    await _keep(mesh, user, _reply(question, "".join(said)))


def _reply(question: AgentMessage, content: JSON, error: HubbubError | None = None) -> AgentMessage:
    return AgentMessage(
        message_type="response",
        from_agent=question.to_agent or "",
        to_agent=question.from_agent,
        content=content,
        metadata={} if error is None else {"error": type(error).__name__},
        in_reply_to=question.message_id,
        context_id=question.conversation,
    )


async def _keep(mesh: Mesh, user: str, message: AgentMessage) -> None:
    """Put a copy on record. An answer is worth more than its copy: if that fails, the log tells."""
    layout, sender = mesh.connection.layout, agent_token(message.from_agent)
    receiver = agent_token(message.to_agent or "")
    is_question = message.in_reply_to is None
    place = layout.kept_request if is_question else layout.kept_reply
    headers = {MESSAGE_ID: f"{message.message_id}.kept", OWNER: user}
    try:
        await store(
            mesh.connection,
            f"{HISTORY_PREFIX}{place(receiver, sender)}",
            message.to_bytes(),
            headers=headers,
        )
    except HubbubError as error:
        kind = "question" if is_question else "answer"
        log.warning("A %s of %s is not kept: %s", kind, user, error)
