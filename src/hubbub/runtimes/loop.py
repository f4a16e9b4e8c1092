"""The built-in way to think: ask the model, make its calls, until it has an answer."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from hubbub.mesh.limits import Limits
from hubbub.runtimes.model import ModelClient
from hubbub.runtimes.neutral import RunContext, RunResult
from hubbub.runtimes.shaped import Shape
from hubbub.runtimes.shapes import as_list, object_in
from hubbub.runtimes.steps import Setup, Steps
from hubbub.runtimes.tools import toolbox
from hubbub.runtimes.transcript import closed, user_message

if TYPE_CHECKING:
    from hubbub.settings import NATSConfig

__all__ = ["ToolLoop"]


class ToolLoop:
    """A runtime that lets a model work with tools. One loop serves any number of runs at once.

    Its state is `{"messages": [...]}`, the conversation as OpenAI messages without the
    instructions.

    Args:
        model: a client, or the name of a model; the settings say which unless given.
        name: whom its events are attributed to.
        instructions: the system prompt.
        tools: functions, or whatever else `Tool.of` takes.
        config: the settings, for a client of its own.
        limits: what a run may use unless its context says otherwise.
        approve: names of tools whose every call a person has to approve.
        output_schema: the shape of the answer: a JSON schema, or a type for pydantic. The result's
            `output` is then a JSON value.
        output_attempts: answers of the wrong shape that are tried, the first included.
        after_tools: `none` asks small models, which like to call a tool again and again, to answer
            once they have its result.
        parameters: sent with every model call; only for a client of its own.

    Raises:
        TypeError: a tool or the output schema cannot be used.
    """

    def __init__(
        self,
        model: ModelClient | str | None = None,
        *,
        name: str = "agent",
        instructions: str = "",
        tools: Sequence[object] = (),
        config: NATSConfig | None = None,
        limits: Limits | None = None,
        approve: Collection[str] = (),
        output_schema: object | None = None,
        output_attempts: int = 3,
        after_tools: Literal["auto", "none"] = "auto",
        parameters: Mapping[str, Any] | None = None,
    ) -> None:
        self._own_client = not isinstance(model, ModelClient)
        client = (
            model
            if isinstance(model, ModelClient)
            else ModelClient(config, model=model, parameters=parameters)
        )
        shape = None if output_schema is None else Shape.of(output_schema)
        self.limits = limits or Limits()
        self._setup = Setup(
            client,
            name,
            instructions,
            toolbox(tools),
            frozenset(approve),
            shape,
            output_attempts,
            after_tools,
        )

    @property
    def name(self) -> str:
        """Whom its events are attributed to."""
        return self._setup.name

    @property
    def model(self) -> ModelClient:
        """The client it asks."""
        return self._setup.model

    @property
    def tools(self) -> list[str]:
        """The names of its own tools."""
        return list(self._setup.tools)

    async def aclose(self) -> None:
        """Give back the connections of a client of its own."""
        if self._own_client:
            await self.model.aclose()

    async def run(self, task: str | None, ctx: RunContext) -> RunResult:
        """Work on a task, or go on with the conversation in `ctx.state`.

        Raises:
            LimitReached: the run used up what it may use.
            BadModelAnswer: the model's answer was cut off, stayed empty or had the wrong shape.
            ModelError: the server failed.
            asyncio.CancelledError: the run was cancelled.
            ValueError: there is neither a task nor a conversation.
        """
        messages = [object_in(one) for one in as_list(object_in(ctx.state).get("messages"))]
        if task is not None:
            messages = [*closed(messages, "This call was not made."), user_message(task)]
        if not messages:
            raise ValueError("a run needs a task, or the state of an earlier run")
        tools = {**self._setup.tools, **toolbox(ctx.tools)}
        steps = Steps(self._setup, messages, tools, ctx, ctx.account(self.limits))
        try:
            while (result := await steps.take()) is None:
                pass
        except BaseException as error:
            reason = "cancelled" if isinstance(error, asyncio.CancelledError) else "interrupted"
            ctx.partial = {"messages": closed(messages, reason, steps.said.strip())}
            raise
        return result
