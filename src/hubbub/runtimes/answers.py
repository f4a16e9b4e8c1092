"""A model's answer, put together from the chunks it is streamed in."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple

from hubbub.mesh.limits import Usage
from hubbub.runtimes.normalise.chunks import RETRACTED
from hubbub.runtimes.normalise.toolcalls import new_call_id
from hubbub.runtimes.shapes import JsonObject

if TYPE_CHECKING:
    from openai.types.chat import ChatCompletionChunk
    from openai.types.chat.chat_completion_chunk import ChoiceDelta

__all__ = ["AnswerBuilder", "CallRequest", "Delta", "ModelAnswer"]

_THOUGHT_KEYS = ("reasoning_content", "reasoning")
# About four characters make a token, where a server does not tell.
_CHARACTERS_A_TOKEN = 4


class Delta(NamedTuple):
    """Something new in an answer; `retract` makes all text so far a thought."""

    kind: Literal["text", "thinking", "retract"]
    text: str


class CallRequest(NamedTuple):
    """A tool the model wants to call; `arguments` is JSON as it wrote it."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class ModelAnswer:
    """A whole answer.

    Attributes:
        text: what was said, without thoughts.
        thinking: what was thought.
        calls: the tools to call.
        finish_reason: `stop`, `tool_calls`, `length` or what the server said instead.
        usage: of this call, estimated where the server keeps it to itself.
    """

    text: str
    thinking: str
    calls: tuple[CallRequest, ...]
    finish_reason: str
    usage: Usage

    @property
    def message(self) -> JsonObject:
        """The answer as a message of the conversation; thoughts are not repeated to the model."""
        message: JsonObject = {"role": "assistant", "content": self.text or None}
        if self.calls:
            message["tool_calls"] = [
                {
                    "id": call.id,
                    "type": "function",
                    "function": {"name": call.name, "arguments": call.arguments},
                }
                for call in self.calls
            ]
        elif not self.text:
            message["content"] = ""
        return message


@dataclass(slots=True)
class _Call:
    id: str = ""
    name: str = ""
    arguments: list[str] = field(default_factory=list[str])


@dataclass(slots=True)
class AnswerBuilder:
    """Is fed chunks and tells what is new in each."""

    _text: list[str] = field(default_factory=list[str])
    _thinking: list[str] = field(default_factory=list[str])
    _calls: dict[int, _Call] = field(default_factory=dict[int, _Call])
    _finish_reason: str = ""
    _tokens: tuple[int, int] | None = None

    @property
    def text(self) -> str:
        """What has been said so far."""
        return "".join(self._text).strip()

    def feed(self, chunk: ChatCompletionChunk) -> list[Delta]:
        """Take a chunk and return what is new."""
        if chunk.usage is not None:
            self._tokens = (chunk.usage.prompt_tokens or 0, chunk.usage.completion_tokens or 0)
        deltas: list[Delta] = []
        for choice in chunk.choices[:1]:
            if choice.delta:
                deltas += self._delta(choice.delta)
            self._finish_reason = choice.finish_reason or self._finish_reason
        return deltas

    def build(self, prompt: Sequence[JsonObject], taken_ids: set[str]) -> ModelAnswer:
        """Return the whole answer.

        Args:
            prompt: the conversation that was sent, for an estimate of its tokens.
            taken_ids: ids of earlier calls in the conversation; a call that repeats one gets a
                new id, since results are told apart by it.
        """
        calls: list[CallRequest] = []
        taken = set(taken_ids)
        for at in sorted(self._calls):
            call = self._calls[at]
            call_id = new_call_id() if not call.id or call.id in taken else call.id
            taken.add(call_id)
            calls.append(CallRequest(call_id, call.name, "".join(call.arguments)))
        return ModelAnswer(
            self.text,
            "".join(self._thinking).strip(),
            tuple(calls),
            self._finish_reason or ("tool_calls" if calls else "stop"),
            self._usage(prompt, calls),
        )

    def _delta(self, delta: ChoiceDelta) -> list[Delta]:
        deltas: list[Delta] = []
        extra = delta.model_extra or {}
        if extra.get(RETRACTED):
            self._thinking += self._text
            self._text.clear()
            deltas.append(Delta("retract", ""))
        thought = next((extra[key] for key in _THOUGHT_KEYS if extra.get(key)), None)
        if isinstance(thought, str):
            self._thinking.append(thought)
            deltas.append(Delta("thinking", thought))
        if delta.content:
            self._text.append(delta.content)
            deltas.append(Delta("text", delta.content))
        for part in delta.tool_calls or ():
            call = self._calls.setdefault(part.index, _Call())
            call.id = call.id or part.id or ""
            if part.function is not None:
                call.name += part.function.name or ""
                call.arguments.append(part.function.arguments or "")
        return deltas

    def _usage(self, prompt: Sequence[JsonObject], calls: list[CallRequest]) -> Usage:
        if self._tokens is not None:
            return Usage(1, *self._tokens)
        said = [*self._text, *self._thinking, *(call.name + call.arguments for call in calls)]
        output = sum(map(len, said)) // _CHARACTERS_A_TOKEN + 1
        asked = len(json.dumps(prompt, default=str)) // _CHARACTERS_A_TOKEN + 1
        return Usage(1, asked, output, estimated=True)
