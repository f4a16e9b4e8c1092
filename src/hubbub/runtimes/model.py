"""One call of a model: streamed, retried, bounded in time, its failures named."""

from __future__ import annotations

import asyncio
import importlib
import json
from collections.abc import Awaitable, Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from hubbub.errors import LimitReached
from hubbub.mesh.limits import Budget, Limits, Usage
from hubbub.runtimes.answers import AnswerBuilder, Delta, ModelAnswer
from hubbub.runtimes.errors import ModelError, ModelNotFound
from hubbub.runtimes.permitted import require_permitted
from hubbub.runtimes.probing import model_ids
from hubbub.runtimes.shapes import JsonObject, as_list, as_text, object_in

if TYPE_CHECKING:
    from openai import AsyncOpenAI

    from hubbub.runtimes.connections import Lease
    from hubbub.settings import NATSConfig

__all__ = ["ModelClient"]

_CONNECT_SECONDS = 10.0


class ModelClient:
    """Calls a model on any OpenAI-compatible server.

    The server, its key, the model and the patience with it come from the settings unless given.
    Clients share connections; `aclose` gives this one's share back.

    Args:
        config: the settings; read from the environment unless given.
        base_url: the server, ending in `/v1`.
        api_key: the key, if the server wants one.
        model: the model; without it the first one the server lists.
        timeout: seconds of silence after which a call is given up.
        attempts: how often a call is tried in all, when the server is unwell.
        parameters: sent with every call: `temperature`, `max_tokens`, `extra_body` and so on.
    """

    def __init__(
        self,
        config: NATSConfig | None = None,
        *,
        base_url: str | None = None,
        api_key: str | None = None,
        model: str | None = None,
        timeout: float | None = None,
        attempts: int = 3,
        parameters: Mapping[str, Any] | None = None,
    ) -> None:
        if config is None:
            from hubbub.settings import NATSConfig

            config = NATSConfig()
        if api_key is None and config.openai_api_key is not None:
            api_key = config.openai_api_key.get_secret_value()
        self.base_url = (base_url or config.openai_base_url).rstrip("/")
        self.model = model or config.model
        self.timeout = timeout or config.model_timeout
        self._api_key = api_key or ""
        self._attempts = attempts
        self._parameters = dict(parameters or {})
        self._lease: Lease | None = None
        self._client: AsyncOpenAI | None = None

    async def __aenter__(self) -> ModelClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Give the connections back; the next call takes them again."""
        held, self._lease, self._client = self._lease, None, None
        if held is not None:
            await held.release()

    async def models(self) -> list[str]:
        """Return the models the server lists.

        Raises:
            ModelError: the server is not there, or refuses the key.
        """
        client = await self._connected()
        try:
            answer = await client.get("/models", cast_to=object)
        except _call_errors() as error:
            raise self._named(error, "") from None
        return model_ids(answer)

    async def model_name(self) -> str:
        """Return the model in use, asking the server if none is set.

        Raises:
            ModelNotFound: the server lists none.
            ModelError: the server is not there, or refuses the key.
        """
        if self.model is None:
            listed = await self.models()
            # LM Studio lists models for embeddings among the others.
            able = [name for name in listed if "embed" not in name.lower()]
            if not able:
                raise ModelNotFound(self.base_url, None, listed)
            self.model = able[0]
        return self.model

    async def answer(
        self,
        messages: Sequence[JsonObject],
        *,
        tools: Sequence[JsonObject] = (),
        tool_choice: str | None = None,
        schema: JsonObject | None = None,
        on_delta: Callable[[Delta], Awaitable[None]] | None = None,
        budget: Budget | None = None,
    ) -> ModelAnswer:
        """Return the model's answer to a conversation.

        A call that fails before anything of its answer was passed on is tried again, with growing
        pauses or as long as the server asks, but not beyond the budget's time.

        Args:
            messages: the conversation, as OpenAI messages.
            tools: OpenAI tool dictionaries.
            tool_choice: `auto`, `none` or `required`; the server's default if None.
            schema: a JSON schema the answer has to fit.
            on_delta: called with each part of the answer as it arrives.
            budget: what the run may still use; what this call uses is booked there, unless the
                answer is on record.

        Raises:
            LimitReached: the budget does not allow the call, or its time ran out meanwhile.
            ModelCircuitOpen: the server has failed too often just now.
            ModelError: the server is not there, refuses, breaks off or talks nonsense.
        """
        from hubbub.runtimes.breaker import breaker_for
        from hubbub.runtimes.failures import is_missing_model, is_servers_fault
        from hubbub.runtimes.normalise.recording import recorder_here

        budget = budget or Budget(Limits(requests=None))
        payment = _Payment(budget)
        if recorder_here() is None:
            payment.make()
        request: dict[str, Any] = {**self._parameters, "messages": list(messages)}
        if tools:
            request["tools"] = list(tools)
            if tool_choice is not None:
                request["tool_choice"] = tool_choice
        if schema is not None:
            wanted = {"name": "answer", "schema": schema, "strict": True}
            request["response_format"] = {"type": "json_schema", "json_schema": wanted}
        deadline = asyncio.timeout(budget.seconds_left())
        try:
            async with deadline:
                with breaker_for(self.base_url, is_servers_fault).guard(), payment.due():
                    answer = await self._persistent(request, on_delta, budget)
        except TimeoutError:
            if deadline.expired():
                raise LimitReached("seconds", budget.limits.seconds or 0) from None
            raise
        except ModelError as error:
            if is_missing_model(error):
                raise await self._missing(error) from None
            raise
        if not payment.made:
            return replace(answer, usage=Usage())
        used = answer.usage
        budget.spend(Usage(0, used.input_tokens, used.output_tokens, used.estimated))
        return answer

    async def _persistent(
        self,
        request: dict[str, Any],
        on_delta: Callable[[Delta], Awaitable[None]] | None,
        budget: Budget,
    ) -> ModelAnswer:
        """Make the call until it succeeds or there is no point in trying again."""
        import stamina

        from hubbub.runtimes.failures import is_transient

        told = False

        async def tell(delta: Delta) -> None:
            nonlocal told
            told = True
            if on_delta is not None:
                await on_delta(delta)

        def again(error: Exception) -> bool | float:
            """Tell whether to try again, or after how many seconds."""
            if told or not is_transient(error):
                return False
            wait, left = getattr(error, "retry_after", None), budget.seconds_left()
            if wait is None:
                return True
            return wait if left is None or wait < left else False

        async for attempt in stamina.retry_context(
            on=again,
            attempts=self._attempts,
            timeout=None,
            wait_initial=0.2,
            wait_max=5.0,
            wait_jitter=0.1,
        ):
            with attempt:
                return await self._once(request, tell)
        raise AssertionError("the last attempt either returns or raises")

    async def _once(
        self, request: dict[str, Any], tell: Callable[[Delta], Awaitable[None]]
    ) -> ModelAnswer:
        client = await self._connected()
        model = await self.model_name()
        create: Any = client.chat.completions.create
        builder = AnswerBuilder()
        options = {"include_usage": True}
        try:
            async with await create(
                model=model, stream=True, stream_options=options, **request
            ) as stream:
                async for chunk in stream:
                    for delta in builder.feed(chunk):
                        await tell(delta)
        except _call_errors() as error:
            if isinstance(error.__cause__, LimitReached):
                raise error.__cause__ from None
            raise self._named(error, model) from None
        messages = request["messages"]
        taken = {
            as_text(object_in(call).get("id"))
            for message in messages
            for call in as_list(message.get("tool_calls"))
        }
        return builder.build(messages, taken)

    async def _missing(self, error: ModelError) -> ModelError:
        """Return what to say of a model that is not there: which ones are."""
        if self.model is None:
            return error
        try:
            return ModelNotFound(self.base_url, self.model, await self.models())
        except ModelError:
            return error  # the address is wrong altogether

    def _named(self, error: Exception, model: str) -> ModelError:
        from hubbub.runtimes.failures import named

        return named(error, self.base_url, model=model, seconds=self.timeout, key=self._api_key)

    async def _connected(self) -> AsyncOpenAI:
        require_permitted(self.base_url)
        loop = asyncio.get_running_loop()
        if self._client is not None and self._lease is not None and self._lease.loop is loop:
            return self._client
        # The SDK takes half a second to import, too long to stop the loop for.
        openai = await asyncio.to_thread(importlib.import_module, "openai")
        import httpx2

        from hubbub.runtimes.connections import lease

        self._lease = lease(self.base_url)
        client: AsyncOpenAI = openai.AsyncOpenAI(
            base_url=self.base_url,
            api_key=self._api_key or "none",
            http_client=self._lease.client,
            max_retries=0,
            timeout=httpx2.Timeout(self.timeout, connect=min(_CONNECT_SECONDS, self.timeout)),
        )
        self._client = client
        return client


@dataclass(slots=True)
class _Payment:
    """Pays for one answer, however often it is tried; one that is on record costs nothing."""

    budget: Budget
    made: bool = False

    def make(self) -> None:
        if not self.made:
            self.budget.check()
            self.budget.spend(Usage(requests=1))
            self.made = True

    @contextmanager
    def due(self) -> Generator[None]:
        """Let the transport pay when it really makes a call, if that has not been done yet."""
        from hubbub.runtimes.normalise.recording import Calling, calling

        if self.made:
            yield
            return

        async def before() -> None:
            self.make()

        with calling(Calling(before)):
            yield


def _call_errors() -> tuple[type[Exception], ...]:
    """Return what a call may raise; anything else comes from whoever watches it."""
    import httpx2
    from openai import OpenAIError

    return (
        OpenAIError,
        httpx2.HTTPError,
        httpx2.StreamError,
        json.JSONDecodeError,
        UnicodeDecodeError,
    )
