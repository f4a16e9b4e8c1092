"""Asking an agent that is there now."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator
from typing import Annotated, Any, cast

from fastapi import APIRouter, Header
from fastapi.responses import Response

from hubbub.gateway.actions import own_metadata
from hubbub.gateway.bodies import StrictRoute
from hubbub.gateway.forms import check_parameters
from hubbub.gateway.models import Reply, RequestIn
from hubbub.gateway.problems import may_fail_with
from hubbub.gateway.sse import event, event_stream, prepended
from hubbub.gateway.state import OnGateway, SignedIn
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
    asked: RequestIn,
    accept: Annotated[str, Header(description="`text/event-stream` streams the answer.")] = "",
) -> Any:
    """Ask an agent and wait for its answer; 503 at once if nobody serves the name."""
    if "text/event-stream" in accept:
        return await _streamed(gateway, who, asked)
    await check_parameters(
        gateway.mesh,
        asked.agent,
        cast("JSON", asked.content),
        own_metadata(asked.metadata),
        field="metadata.params",
    )
    answer = await gateway.mesh.request_from_agent(
        asked.agent,
        cast("JSON", asked.content),
        metadata=own_metadata(asked.metadata),
        timeout=asked.timeout,
    )
    return Reply(
        agent=answer.from_agent,
        content=answer.content,
        metadata=answer.metadata,
        message_id=answer.message_id,
        in_reply_to=answer.in_reply_to,
    )


async def _streamed(gateway: OnGateway, who: SignedIn, asked: RequestIn) -> Response:
    gateway.streams.check(who.user)
    pieces = gateway.mesh.stream_from_agent(
        asked.agent,
        cast("JSON", asked.content),
        metadata=own_metadata(asked.metadata),
        timeout=asked.timeout,
    )
    # Its failure to begin still has a status.
    first = await anext(pieces, None)
    rest = _events(pieces)
    source = rest if first is None else prepended(event("delta", {"text": first}), rest)
    return event_stream(gateway, who, source)


async def _events(pieces: AsyncGenerator[str]) -> AsyncGenerator[bytes]:
    async with contextlib.aclosing(pieces):
        async for piece in pieces:
            yield event("delta", {"text": piece})
    yield event("end", {})
