"""What an answer of a model cost, how it ended, and whether it is whole."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from hubbub.mesh.limits import Usage
from hubbub.runtimes.normalise.sse import SseRecord, SseSplitter, encode_sse
from hubbub.runtimes.shapes import JsonObject, as_list, as_object, object_in

__all__ = ["DONE_RECORD", "Tally", "Total"]

DONE_RECORD = "[DONE]"
# About four characters make a token, where a server does not tell.
_CHARACTERS_A_TOKEN = 4
_TEXTS = ("content", "reasoning_content")


class Total(NamedTuple):
    """What a body adds up to.

    Attributes:
        usage: one request and its tokens, estimated where the server counted none.
        finish_reason: why the answer ended; empty if it never did.
        whole: whether nothing is missing and nothing went wrong.
    """

    usage: Usage
    finish_reason: str
    whole: bool


class Tally:
    """Is fed the repaired body of a chat completion, streamed or not, as it arrives.

    Args:
        streamed: whether the body is an event stream.
        prompt_characters: the length of the request, for an estimate.
    """

    def __init__(self, *, streamed: bool, prompt_characters: int) -> None:
        self._streamed = streamed
        self._asked = prompt_characters
        self._splitter = SseSplitter()
        self._tokens: tuple[int, int] | None = None
        self._reason = ""
        self._failed = False
        self._done = False
        self._parts: list[bytes] = []
        self._said = 0
        self._chunks: list[JsonObject] = []

    @property
    def body(self) -> bytes:
        """Everything that has been fed."""
        return b"".join(self._parts)

    @property
    def compact(self) -> str:
        """The same answer in less space: of a stream, one chunk for what hundreds have told."""
        if not self._streamed:
            return self.body.decode("utf-8", "replace")
        told = [encode_sse(json.dumps(chunk)) for chunk in _joined(self._chunks)]
        return b"".join([*told, encode_sse(DONE_RECORD)]).decode()

    def feed(self, data: bytes) -> None:
        """Take the next bytes."""
        self._parts.append(data)
        if self._streamed:
            for record in self._splitter.feed(data):
                self._take(record)

    def total(self) -> Total:
        """Return what has been fed adds up to."""
        if not self._streamed:
            self._read(_parsed(self.body.decode("utf-8", "replace")))
            self._done = True
        estimate = (self._asked // _CHARACTERS_A_TOKEN + 1, self._said // _CHARACTERS_A_TOKEN + 1)
        tokens = self._tokens or estimate
        usage = Usage(1, *tokens, estimated=self._tokens is None)
        whole = self._done and bool(self._reason) and not self._failed
        return Total(usage, self._reason, whole)

    def _take(self, record: SseRecord) -> None:
        if record.data.strip() == DONE_RECORD:
            self._done = True
        else:
            self._read(_parsed(record.data))

    def _read(self, chunk: JsonObject | None) -> None:
        if chunk is None or (chunk.get("error") and not chunk.get("choices")):
            self._failed = True
            return
        self._chunks.append(chunk)
        counted = as_object(chunk.get("usage"))
        if counted is not None:
            told = (counted.get("prompt_tokens") or 0, counted.get("completion_tokens") or 0)
            if all(type(number) is int for number in told) and any(told):
                self._tokens = (told[0], told[1])
        for choice in map(object_in, as_list(chunk.get("choices"))[:1]):
            said = object_in(choice.get("delta") or choice.get("message"))
            self._said += sum(len(str(value)) for value in said.values() if value)
            reason = choice.get("finish_reason")
            if isinstance(reason, str) and reason:
                self._reason = reason


def _joined(chunks: list[JsonObject]) -> list[JsonObject]:
    """Return the chunks with neighbours that only add text of one kind made one."""
    out: list[JsonObject] = []
    for chunk in chunks:
        at, kind, text = _text_alone(chunk)
        place, before, said = _text_alone(out[-1]) if out else (0, "", "")
        if kind and (at, kind) == (place, before):
            choice = object_in(out[-1]["choices"][0])
            out[-1] = {**out[-1], "choices": [{**choice, "delta": {kind: said + text}}]}
        else:
            out.append(chunk)
    return out


def _text_alone(chunk: JsonObject) -> tuple[Any, str, str]:
    """Return the choice, the key and the text of a chunk that has nothing else to tell."""
    choices = as_list(chunk.get("choices"))
    choice = object_in(choices[0]) if len(choices) == 1 else {}
    delta = object_in(choice.get("delta"))
    if len(delta) != 1 or choice.get("finish_reason") or chunk.get("usage"):
        return 0, "", ""
    ((key, text),) = delta.items()
    alone = key in _TEXTS and isinstance(text, str)
    return (choice.get("index", 0), key, text) if alone else (0, "", "")


def _parsed(text: str) -> JsonObject | None:
    try:
        return as_object(json.loads(text))
    except ValueError:
        return None
