"""Asking an agent that is there now."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator
from typing import Annotated, Any, cast

from fastapi import APIRouter, Header, Request

from hubbub.gateway.acts.actions import own_metadata
from hubbub.gateway.acts.forms import check_parameters
from hubbub.gateway.acts.keeping import keep_question, keep_reply, kept_as_it_comes
from hubbub.gateway.edge.bodies import StrictRoute
from hubbub.gateway.problems import may_fail_with
from hubbub.gateway.records.models import Reply, RequestIn
from hubbub.gateway.sse import event, event_stream
from hubbub.gateway.state import OnGateway, SignedIn
from hubbub.gateway.waiting import Beginning, while_here
from hubbub.wire.codec import JSON

__all__ = ["router"]

router = APIRouter(prefix="/api/requests", tags=["requests"], route_class=StrictRoute)

_EXAMPLE = 'event: delta\ndata: {"text":"Sunny"}\n\nevent: end\ndata: {}\n\n'


@router.post(
    "",
    operation_id="request_from_agent",
    response_model=Reply,
    responses={
        200: {
            "description": "The answer; piece by piece if `Accept: text/event-stream` asks for it.",
            "content": {"text/event-stream": {"schema": {"type": "string"}, "example": _EXAMPLE}},
        },
        **may_fail_with(502, 504),
    },
)
async def request_from_agent(
    gateway: OnGateway,
    who: SignedIn,
    request: Request,
    asked: RequestIn,
    accept: Annotated[str, Header(description="`text/event-stream` streams the answer.")] = "",
) -> Any:
    """Ask an agent and wait for its answer; 503 at once if nobody serves the name.

    A client that leaves is taken at its word: the agent is told to stop.
    """
    mesh, content = gateway.mesh, cast("JSON", asked.content)
    metadata = own_metadata(asked.metadata)
    await check_parameters(mesh, asked.agent, content, metadata, field="metadata.params")
    with gateway.requests.taken(who.user):
        question = None
        if asked.keep:
            question = await keep_question(mesh, who.user, asked.agent, content, metadata)
        message_id = None if question is None else question.message_id
        if "text/event-stream" in accept:
            pieces = mesh.stream_from_agent(
                asked.agent,
                content,
                metadata=metadata,
                timeout=asked.timeout,
                message_id=message_id,
                owner=who.user,
            )
            if question is not None:
                pieces = kept_as_it_comes(mesh, who.user, question, pieces)
            with contextlib.ExitStack() as held:
                held.enter_context(gateway.streams.taken(who.user))
                answer = Beginning(pieces)
                await answer.wait(request, gateway.settings.keep_alive_seconds)
                source = _events(answer.pieces())
                return event_stream(
                    gateway, who, request, source, made_of=answer, held=held.pop_all()
                )
        asking = mesh.request_from_agent(
            asked.agent,
            content,
            metadata=metadata,
            timeout=asked.timeout,
            message_id=message_id,
            owner=who.user,
        )
        if question is None:
            reply = await while_here(request, asking)
        else:
            reply = await while_here(request, keep_reply(mesh, who.user, question, asking))
    return Reply(
        agent=reply.from_agent,
        content=reply.content,
        metadata=reply.metadata,
        message_id=reply.message_id,
        in_reply_to=reply.in_reply_to,
    )


async def _events(pieces: AsyncGenerator[str]) -> AsyncGenerator[bytes]:
    async with contextlib.aclosing(pieces):
        async for piece in pieces:
            yield event("delta", {"text": piece})
    yield event("end", {})
