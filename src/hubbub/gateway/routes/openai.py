"""The API of OpenAI: each agent is a model, for any client of it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncGenerator
from typing import Annotated, Any, Literal, cast

import msgspec
from fastapi import APIRouter, Path, Request
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from hubbub.errors import AgentUnavailable, InvalidAgentName, RemoteError, RequestTimeout
from hubbub.gateway.acts.chat import asked_before, converse
from hubbub.gateway.edge.bodies import StrictRoute
from hubbub.gateway.identity.principals import Principal
from hubbub.gateway.problems import Refusal, may_fail_with, problem_of
from hubbub.gateway.sse import event_stream
from hubbub.gateway.state import Gateway, OnGateway, SignedIn
from hubbub.gateway.waiting import Beginning, while_here
from hubbub.mesh.presence.cards import find_card
from hubbub.wire.card import WORKFLOW, AgentCard, AgentStatus
from hubbub.wire.codec import JSON
from hubbub.wire.ids import new_id
from hubbub.wire.names import agent_token

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

    @property
    def metadata(self) -> dict[str, Any]:
        """What goes along with the last message: all of them."""
        return {"messages": [message.model_dump(exclude_none=True) for message in self.messages]}


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


@router.get("/models/{model:path}", operation_id="get_model", responses=may_fail_with(404))
async def get_model(
    gateway: OnGateway,
    _: SignedIn,
    model: Annotated[str, Path(description="Name of an agent.", examples=["Weather-Bot"])],
) -> Model:
    """Return an agent that is there, as a model."""
    try:
        card = await find_card(gateway.mesh.connection, agent_token(model))
    except InvalidAgentName as error:
        raise _no_such_model(error) from None
    if card is None or card.status is AgentStatus.OFFLINE:
        raise _no_such_model(f"no agent named {model!r} is there now; GET /v1/models lists them")
    return Model(id=card.name)


@router.post(
    "/chat/completions",
    operation_id="chat_completions",
    response_model=ChatCompletion,
    responses={
        200: {
            "description": "The answer; piece by piece with `stream`.",
            "content": {"text/event-stream": {"schema": {"type": "string"}}},
        },
        **may_fail_with(404, 424),
    },
)
async def chat_completions(
    gateway: OnGateway, who: SignedIn, request: Request, chat: ChatRequest
) -> Any:
    """Ask an agent: its content is the last message, all of them are in its metadata.

    A workflow is started. What it says is the answer; when it asks a question, that ends the
    answer, and the next message of the chat is taken as the reply. A client that leaves stops it.
    """
    mark, created = f"chatcmpl-{new_id()}", int(time.time())
    async with _as_openai_says_it(gateway, chat.model):
        with gateway.requests.taken(who.user):
            if not chat.stream:
                text = await while_here(request, _whole(gateway, who, chat))
            else:
                with contextlib.ExitStack() as held:
                    held.enter_context(gateway.streams.taken(who.user))
                    answer = Beginning(_pieces(gateway, who, chat))
                    await answer.wait(request, gateway.settings.keep_alive_seconds)
                    source = _chunks(_Writer(mark, created, chat.model), answer.pieces())
                    return event_stream(
                        gateway,
                        who,
                        request,
                        source,
                        error_kind="",
                        made_of=answer,
                        held=held.pop_all(),
                    )
    message = ChoiceMessage(content=text)
    return ChatCompletion(
        id=mark, created=created, model=chat.model, choices=[Choice(message=message)]
    )


@contextlib.asynccontextmanager
async def _as_openai_says_it(gateway: Gateway, model: str) -> AsyncGenerator[None]:
    """Turn errors into what clients of OpenAI act rightly on.

    They repeat what fails with 408, 409, 429 and from 500 on. That is right if nobody has begun
    with it; to have it done, and paid, twice is not.
    """
    try:
        yield
    except (RemoteError, RequestTimeout) as error:
        known = problem_of(error)
        raise Refusal(424, known.code, str(error), headers={"X-Should-Retry": "false"}) from None
    except InvalidAgentName as error:
        raise _no_such_model(error) from None
    except AgentUnavailable as error:
        if await find_card(gateway.mesh.connection, agent_token(model)) is not None:
            raise  # it comes back
        raise _no_such_model(error) from None


def _no_such_model(why: object) -> Refusal:
    return Refusal(404, "model-not-found", f"No such model: {why}")


async def _whole(gateway: Gateway, who: Principal, chat: ChatRequest) -> str:
    mesh = gateway.mesh
    card = await find_card(mesh.connection, agent_token(chat.model))
    if card is not None and card.has_capability(WORKFLOW):
        async with contextlib.aclosing(_run(gateway, who, chat, card)) as pieces:
            return "".join([piece async for piece in pieces]).rstrip()
    content, metadata = cast("JSON", chat.messages[-1].text), chat.metadata
    reply = await mesh.request_from_agent(
        chat.model, content, metadata=metadata, timeout=chat.timeout, owner=who.user
    )
    return reply.text


async def _pieces(gateway: Gateway, who: Principal, chat: ChatRequest) -> AsyncGenerator[str]:
    mesh = gateway.mesh
    card = await find_card(mesh.connection, agent_token(chat.model))
    if card is not None and card.has_capability(WORKFLOW):
        pieces = _run(gateway, who, chat, card)
    else:
        pieces = mesh.stream_from_agent(
            chat.model,
            cast("JSON", chat.messages[-1].text),
            metadata=chat.metadata,
            timeout=chat.timeout,
            owner=who.user,
        )
    async with contextlib.aclosing(pieces):
        async for piece in pieces:
            yield piece


def _run(
    gateway: Gateway, who: Principal, chat: ChatRequest, card: AgentCard
) -> AsyncGenerator[str]:
    if card.status is AgentStatus.OFFLINE:
        raise AgentUnavailable(card.name, f"agents.direct.{card.token}")
    last = next((n for n, one in enumerate(chat.messages[::-1]) if one.role == "assistant"), None)
    texts = [] if last is None else [one.text for one in chat.messages[-last - 1 :]]
    return converse(
        gateway,
        who,
        card,
        chat.messages[-1].text,
        chat.metadata,
        asked=asked_before(texts),
        timeout=chat.timeout,
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
    yield writer.chunk({"role": "assistant", "content": ""})
    async with contextlib.aclosing(pieces):
        async for piece in pieces:
            yield writer.chunk({"content": piece})
    yield writer.chunk({}, "stop")
    yield _DONE
