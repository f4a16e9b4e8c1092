"""Turn the chunks of a streamed answer, or a whole answer, into what the protocol says."""

from __future__ import annotations

from collections.abc import Collection

from hubbub.runtimes.normalise.content import ContentReader
from hubbub.runtimes.normalise.tags import Piece
from hubbub.runtimes.normalise.textcalls import TextCall
from hubbub.runtimes.normalise.toolcalls import CallIndex, new_call_id, whole_call
from hubbub.runtimes.shapes import JsonObject, as_list, as_object, as_text, object_in

__all__ = ["RETRACTED", "StreamNormaliser", "as_chunks", "normalise_completion"]

# Set in a delta that takes back, as a thought, all content sent before it.
RETRACTED = "hubbub_retracted"
_THOUGHT_KEYS = ("reasoning_content", "reasoning", "thinking")


class StreamNormaliser:
    """Is fed the chunks of one streamed answer and returns the ones to pass on.

    Content becomes content, `reasoning_content` and `tool_calls`; a `finish_reason` that hides
    calls becomes `tool_calls`. Only the first choice is read for thoughts and calls in text.

    Args:
        offered: names of the tools that were offered.
        thinking: the content begins inside a thought.
    """

    def __init__(self, offered: Collection[str] = (), *, thinking: bool = False) -> None:
        self.finished = False
        self._assumed = thinking
        self._reader = ContentReader(offered, thinking=thinking)
        self._calls = CallIndex(offered)
        self._thought = ""
        self._said = False
        self._frame: JsonObject = {}

    @property
    def closed_unopened(self) -> bool:
        """Whether a thought was closed that was never opened."""
        return self._reader.tags.closed_unopened

    def feed(self, chunk: JsonObject) -> list[JsonObject]:
        """Take a chunk and return the chunks it becomes."""
        choices = as_list(chunk.get("choices"))
        choice = as_object(choices[0]) if choices else None
        if choice is None:
            return [chunk]
        self._frame = {key: value for key, value in chunk.items() if key != "usage"}
        return self._choice(chunk, choice)

    def close(self) -> list[JsonObject]:
        """Return what was held back, if the stream ended without a finish reason."""
        return [] if self.finished else self._content("", end=True, reason=None)

    def _choice(self, chunk: JsonObject, choice: JsonObject) -> list[JsonObject]:
        delta = dict(object_in(choice.get("delta")))
        reason = choice.get("finish_reason")
        end = reason is not None and not self.finished
        text = as_text(delta.pop("content", None))
        parts = as_list(delta.pop("tool_calls", None))
        if any(delta.get(key) for key in _THOUGHT_KEYS):
            self._reader.tags.thought_elsewhere()
        out = self._content(text, end=end, reason=reason)
        if parts:
            out.append(self._chunk({"tool_calls": [self._calls.part(part) for part in parts]}))
        if end:
            self.finished = True
            if len(self._calls) and reason != "length":
                reason = "tool_calls"
        if delta or end or "usage" in chunk:
            out.append({**chunk, "choices": [{**choice, "delta": delta, "finish_reason": reason}]})
        return out

    def _content(self, text: str, *, end: bool, reason: object) -> list[JsonObject]:
        out: list[JsonObject] = []
        for said in self._reader.feed(text, end=end):
            if isinstance(said, TextCall):
                out.append(self._chunk({"tool_calls": [self._calls.whole(said)]}))
            elif said.kind == "retract":
                out.append(self._chunk({"content": "", RETRACTED: True}))
            elif said.kind == "think":
                self._thought += said.text
                out.append(self._chunk({"reasoning_content": said.text}))
            else:
                self._said = True
                out.append(self._chunk({"content": said.text}))
        unclosed = self._assumed and not self.closed_unopened and not self._said
        if end and unclosed and self._thought and not len(self._calls) and reason != "length":
            # It was assumed to think, and did not: what it said was the answer.
            out.append(self._chunk({"content": self._thought}))
        return out

    def _chunk(self, delta: JsonObject) -> JsonObject:
        choice = {"index": 0, "delta": delta, "finish_reason": None}
        return {**self._frame, "choices": [choice]}


def normalise_completion(
    completion: JsonObject, offered: Collection[str] = (), *, thinking: bool = False
) -> JsonObject:
    """Return an answer that was not streamed, with every choice put right.

    Args:
        completion: the body of the response.
        offered: names of the tools that were offered.
        thinking: the content begins inside a thought.
    """
    choices = [
        _choice(object_in(choice), offered, thinking=thinking)
        for choice in as_list(completion.get("choices"))
    ]
    return {**completion, "choices": choices}


def _choice(choice: JsonObject, offered: Collection[str], *, thinking: bool) -> JsonObject:
    message = dict(object_in(choice.get("message")))
    content = as_text(message.get("content"))
    calls = [whole_call(call) for call in as_list(message.get("tool_calls"))]
    closes = "</think>" in content or "</thinking>" in content
    text, thought = "", as_text(message.get("reasoning_content"))
    for said in ContentReader(offered, thinking=thinking and closes).feed(content, end=True):
        if isinstance(said, TextCall):
            calls.append(_found(said))
        else:
            text, thought = _said(said, text, thought)
    text = text.strip() if thought or calls else text
    message["content"] = text or (None if calls else "")
    if thought:
        message["reasoning_content"] = thought.rstrip()
    message.pop("tool_calls", None)
    reason = choice.get("finish_reason")
    if calls:
        message["tool_calls"] = calls
        reason = reason if reason == "length" else "tool_calls"
    return {**choice, "message": message, "finish_reason": reason or "stop"}


def _said(piece: Piece, text: str, thought: str) -> tuple[str, str]:
    if piece.kind == "retract":
        return "", thought + text
    return (text, thought + piece.text) if piece.kind == "think" else (text + piece.text, thought)


def _found(call: TextCall) -> JsonObject:
    function = {"name": call.name, "arguments": call.arguments}
    return {"id": new_call_id(), "type": "function", "function": function}


def as_chunks(completion: JsonObject) -> list[JsonObject]:
    """Return a whole answer as the chunks it would have been streamed in."""
    frame = {key: value for key, value in completion.items() if key != "choices"}
    usage = frame.pop("usage", None)
    frame["object"] = "chat.completion.chunk"
    chunks: list[JsonObject] = []
    for choice in map(object_in, as_list(completion.get("choices"))):
        delta = dict(object_in(choice.get("message")))
        calls = as_list(delta.get("tool_calls"))
        if calls:
            delta["tool_calls"] = [{"index": at, **call} for at, call in enumerate(calls)]
        reason = choice.get("finish_reason")
        chunks += [
            {**frame, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]},
            {**frame, "choices": [{"index": 0, "delta": {}, "finish_reason": reason}]},
        ]
    if usage:
        chunks.append({**frame, "choices": [], "usage": usage})
    return chunks
