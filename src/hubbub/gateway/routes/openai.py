"""The API of OpenAI: each agent is a model, for any client of it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncGenerator
from typing import Any, Literal, cast

import msgspec
from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from hubbub.errors import AgentUnavailable, InvalidAgentName
from hubbub.gateway.bodies import StrictRoute
from hubbub.gateway.problems import Refusal, may_fail_with
from hubbub.gateway.sse import event_stream, prepended
from hubbub.gateway.state import OnGateway, SignedIn
from hubbub.wire.codec import JSON
from hubbub.wire.envelope import new_id

__all__ = ["router"]

router = APIRouter(prefix="/v1", tags=["openai"], route_class=StrictRoute)

_DEFAULT_SECONDS = 120.0
_DONE = b"data: [DONE]\n\n"


class ChatMessage(BaseModel):
    """One message of the conversation so far."""

    model_config = ConfigDict(extra="allow")

    role: str = Field(max_length=40)
    content: str | list[dict[str, JsonValue]] | None = None

    @property
    def text(self) -> str:
        """What it says in words."""
        if isinstance(self.content, list):
            return "\n".join(str(part["text"]) for part in self.content if "text" in part)
        return self.content or ""


class ChatRequest(BaseModel):
    """What a client of OpenAI sends; what agents cannot use is passed over."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "examples": [
                {"model": "Weather-Bot", "messages": [{"role": "user", "content": "Oslo?"}]}
            ]
        },
    )

    model: str = Field(min_length=1, max_length=63, description="Name of an agent.")
    messages: list[ChatMessage] = Field(min_length=1)
    stream: bool | None = None
    timeout: float = Field(_DEFAULT_SECONDS, ge=0.01, le=600, description="Seconds to wait.")


class ChoiceMessage(BaseModel):
    """What the agent says."""

    role: Literal["assistant"] = "assistant"
    content: str


class Choice(BaseModel):
    """The one answer that there is."""

    index: int = 0
    message: ChoiceMessage
    finish_reason: Literal["stop"] = "stop"


class Usage(BaseModel):
    """Not known: agents tell what they use in the logs of their tasks."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    total_tokens: int = 0


class ChatCompletion(BaseModel):
    """An answer, as OpenAI writes it."""

    id: str
    object: Literal["chat.completion"] = "chat.completion"
    created: int
    model: str
    choices: list[Choice]
    usage: Usage = Field(default_factory=Usage)


class Model(BaseModel):
    """An agent, as OpenAI lists a model."""

    id: str
    object: Literal["model"] = "model"
    created: int = 0
    owned_by: str = "hubbub"


class ModelList(BaseModel):
    """The agents that are there."""

    object: Literal["list"] = "list"
    data: list[Model]


@router.get("/models", operation_id="list_models", responses=may_fail_with())
async def list_models(gateway: OnGateway, _: SignedIn) -> ModelList:
    """Return the agents that are there, each as a model."""
    cards = await gateway.mesh.list_agents()
    return ModelList(data=[Model(id=card.name) for card in cards])


@router.post(
    "/chat/completions",
    operation_id="chat_completions",
    response_model=ChatCompletion,
    responses={
        200: {
            "description": "The answer; piece by piece with `stream`.",
            "content": {"text/event-stream": {"schema": {"type": "string"}}},
        },
        **may_fail_with(404, 502, 504),
    },
)
async def chat_completions(gateway: OnGateway, who: SignedIn, chat: ChatRequest) -> Any:
    """Ask an agent: its content is the last message, all of them are in its metadata."""
    content = chat.messages[-1].text
    messages = [message.model_dump(exclude_none=True) for message in chat.messages]
    metadata: dict[str, Any] = {"messages": messages}
    mark, created = f"chatcmpl-{new_id()}", int(time.time())
    try:
        if chat.stream:
            gateway.streams.check(who.user)
            pieces = gateway.mesh.stream_from_agent(
                chat.model, content, metadata=metadata, timeout=chat.timeout
            )
            first = await anext(pieces, None)
            writer = _Writer(mark, created, chat.model)
            source = _chunks(writer, pieces)
            begin = writer.chunk({"role": "assistant", "content": first or ""})
            return event_stream(gateway, who, prepended(begin, source), error_kind="")
        answer = await gateway.mesh.request_from_agent(
            chat.model, cast("JSON", content), metadata=metadata, timeout=chat.timeout
        )
    except (AgentUnavailable, InvalidAgentName) as error:
        raise Refusal(404, "model-not-found", f"No such model: {error}") from None
    return ChatCompletion(
        id=mark,
        created=created,
        model=chat.model,
        choices=[Choice(message=ChoiceMessage(content=answer.text))],
    )


class _Writer:
    """Writes the chunks of one streamed answer."""

    def __init__(self, mark: str, created: int, model: str) -> None:
        self._facts = {
            "id": mark,
            "object": "chat.completion.chunk",
            "created": created,
            "model": model,
        }

    def chunk(self, delta: dict[str, str], finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        return b"data: %s\n\n" % msgspec.json.encode({**self._facts, "choices": [choice]})


async def _chunks(writer: _Writer, pieces: AsyncGenerator[str]) -> AsyncGenerator[bytes]:
    async with contextlib.aclosing(pieces):
        async for piece in pieces:
            yield writer.chunk({"content": piece})
    yield writer.chunk({}, "stop")
    yield _DONE
