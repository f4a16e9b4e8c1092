"""The steps of one run of the tool loop: ask the model, make its calls, look at its answer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from hubbub.mesh.limits import Budget
from hubbub.runtimes.answers import Delta, ModelAnswer
from hubbub.runtimes.calls import make_calls
from hubbub.runtimes.errors import BadModelAnswer
from hubbub.runtimes.model import ModelClient
from hubbub.runtimes.neutral import Question, RunContext, RunResult
from hubbub.runtimes.shaped import Shape, ShapeMismatch
from hubbub.runtimes.shapes import JsonObject
from hubbub.runtimes.tools import Tool
from hubbub.runtimes.transcript import open_calls, user_message

__all__ = ["Setup", "Steps"]

_EMPTY = "Your answer was empty. Please answer now."


@dataclass(frozen=True, slots=True)
class Setup:
    """What stays the same in all runs of a loop; the fields are the arguments of `ToolLoop`."""

    model: ModelClient
    name: str
    instructions: str
    tools: Mapping[str, Tool]
    approve: frozenset[str]
    shape: Shape | None
    output_attempts: int
    after_tools: Literal["auto", "none"]


class Steps:
    """One run.

    Args:
        setup: what the loop is made of.
        messages: the conversation so far; grows with every step.
        tools: what there is to call in this run.
        ctx: what surrounds the run.
        account: what the run may use.

    Attributes:
        said: what the model has said so far of an answer that is not complete.
    """

    def __init__(
        self,
        setup: Setup,
        messages: list[JsonObject],
        tools: Mapping[str, Tool],
        ctx: RunContext,
        account: Budget,
    ) -> None:
        self.said = ""
        self._setup = setup
        self._messages = messages
        self._tools = tools
        self._ctx = ctx
        self._account = account
        self._before = account.used
        # Servers that constrain the output cannot offer tools at the same time.
        self._enforced = setup.shape is not None and not tools
        self._misshapen = 0
        self._empty = 0

    async def take(self) -> RunResult | None:
        """Make the open calls, or ask the model; return the result if that was the last step.

        Raises:
            LimitReached: the run used up what it may use.
            BadModelAnswer: the answer was cut off, stayed empty or had the wrong shape.
            ModelError: the server failed.
        """
        if calls := open_calls(self._messages):
            questions = await make_calls(
                calls,
                self._tools,
                self._messages,
                self._ctx,
                agent=self._setup.name,
                approve=self._setup.approve,
            )
            return self._result(None, pending=tuple(questions)) if questions else None
        await self._steered()
        answer = await self._answer()
        self._check_complete(answer)
        self.said = ""
        if answer.text:
            await self._emit_message(answer.text)
        if answer.calls:
            self._messages.append(answer.message)
            return None
        if not answer.text:
            return self._ask_again_after_nothing()
        self._messages.append(answer.message)
        return None if await self._steered() else self._read(answer)

    async def _answer(self) -> ModelAnswer:
        setup, shape = self._setup, self._setup.shape
        prompt = setup.instructions
        if shape is not None and not self._enforced:
            told = f"Your final answer must be nothing but JSON: {json.dumps(shape.schema)}"
            prompt = f"{prompt}\n\n{told}" if prompt else told
        system = [{"role": "system", "content": prompt}] if prompt else []
        has_results = self._messages[-1].get("role") == "tool"
        return await setup.model.answer(
            [*system, *self._messages],
            tools=[] if self._enforced else [tool.spec for tool in self._tools.values()],
            tool_choice="none" if has_results and setup.after_tools == "none" else None,
            schema=shape.schema if shape is not None and self._enforced else None,
            on_delta=self._tell,
            budget=self._account,
        )

    async def _tell(self, delta: Delta) -> None:
        """Pass on a part of an answer as it arrives."""
        if delta.kind == "retract":
            self.said = ""
            await self._ctx.emit("custom", self._setup.name, retracted=True)
        else:
            self.said += delta.text if delta.kind == "text" else ""
            await self._ctx.emit(delta.kind, self._setup.name, delta=delta.text)

    async def _emit_message(self, text: str) -> None:
        await self._ctx.emit("message", self._setup.name, role="assistant", content=text)

    def _check_complete(self, answer: ModelAnswer) -> None:
        """Refuse an answer that the token limit cut off: nobody can tell what is missing."""
        if answer.finish_reason != "length":
            return
        thinking = answer.thinking and not answer.text
        raise self._bad(
            f"The model was cut off {'while thinking' if thinking else 'in mid-answer'}, "
            f"after {answer.usage.output_tokens} tokens: "
            "raise max_tokens, or the context length of the model server"
        )

    def _ask_again_after_nothing(self) -> None:
        """Ask once more after an empty answer, which small models give after a tool's result."""
        self._empty += 1
        if self._empty > 1:
            raise self._bad("The model gave an empty answer twice")
        self._messages.append(user_message(_EMPTY))

    def _read(self, answer: ModelAnswer) -> RunResult | None:
        """Return the result if the answer has its shape, else have the model correct it."""
        shape = self._setup.shape
        if shape is None:
            return self._result(answer.text)
        try:
            return self._result(shape.read(answer.text))
        except ShapeMismatch as error:
            self._misshapen += 1
            if self._misshapen >= self._setup.output_attempts:
                raise self._bad(
                    f"The model's answer has not the shape asked for: {error}"
                ) from None
            self._enforced = True
            told = f"That answer does not fit: {error}. Answer again with nothing but the JSON."
            self._messages.append(user_message(told))
            return None

    async def _steered(self) -> bool:
        """Add what has arrived meanwhile to the conversation; tell whether there was anything."""
        if self._ctx.steering is None:
            return False
        news = list(await self._ctx.steering())
        if news:
            await self._ctx.emit("custom", self._setup.name, steering=news)
            self._messages += [user_message(text) for text in news]
        return bool(news)

    def _result(self, output: Any, *, pending: tuple[Question, ...] = ()) -> RunResult:
        used = self._account.used - self._before
        return RunResult(output, {"messages": list(self._messages)}, used, pending)

    def _bad(self, message: str) -> BadModelAnswer:
        return BadModelAnswer(message, base_url=self._setup.model.base_url)
