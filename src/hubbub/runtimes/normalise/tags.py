"""Separate thoughts and tool calls from text by the tags that models write into it."""

from __future__ import annotations

from typing import Literal, NamedTuple

__all__ = ["Piece", "TagSplitter"]

PieceKind = Literal["text", "think", "call", "retract"]
Mode = Literal["text", "think", "call"]

_TAGS: dict[str, Mode] = {
    "<think>": "think",
    "<thinking>": "think",
    "</think>": "text",
    "</thinking>": "text",
    "<tool_call>": "call",
    "</tool_call>": "text",
}
_OF_CALLS = ("<tool_call>", "</tool_call>")
_CLOSING_THOUGHT = ("</think>", "</thinking>")


class Piece(NamedTuple):
    """A part of what a model said.

    `retract` means that the text so far was a thought whose opening tag the server has eaten.
    A `call` is what stands between the tags of a tool call.
    """

    kind: PieceKind
    text: str


class TagSplitter:
    """Is fed text as it arrives and returns it in pieces; what may be half a tag is held back.

    Any way of cutting the text into chunks gives the same pieces, apart from where they are cut.
    Tags right after a backtick are text: somebody writes about them.

    Args:
        thinking: the text begins inside a thought (the chat template wrote the opening tag).
        calls: whether tags of tool calls mean something.
    """

    def __init__(self, *, thinking: bool = False, calls: bool = True) -> None:
        self.mode: Mode = "think" if thinking else "text"
        self.closed_unopened = False
        self._opened = False
        self._calls = calls
        self._buffer = ""
        self._fresh = True
        self._last = ""

    def feed(self, text: str, *, end: bool = False) -> list[Piece]:
        """Take the next text and return what is certain now; at the end, everything."""
        self._buffer += text
        pieces: list[Piece] = []
        while (hit := self._next_tag()) is not None:
            position, tag = hit
            self._put(pieces, self._buffer[:position])
            self._buffer = self._buffer[position + len(tag) :]
            self._switch(pieces, tag)
        if self.mode == "call" and not end:
            return pieces
        cut = len(self._buffer) - (0 if end else self._held_back())
        self._put(pieces, self._buffer[:cut])
        self._buffer = self._buffer[cut:]
        return pieces

    def thought_elsewhere(self) -> None:
        """Note that the server tells thoughts apart itself, so the text is no thought."""
        if self.mode == "think" and not self._opened and not self._buffer:
            self.mode = "text"

    def _switch(self, pieces: list[Piece], tag: str) -> None:
        if tag in _CLOSING_THOUGHT and not self._opened and not self.closed_unopened:
            self.closed_unopened = True
            if self.mode == "text":
                pieces.append(Piece("retract", ""))
        self._opened = self._opened or _TAGS[tag] == "think"
        self.mode = _TAGS[tag]
        self._fresh = True
        self._last = ""

    def _tags(self) -> tuple[str, ...]:
        if self.mode == "call":
            return ("</tool_call>",)
        return tuple(tag for tag in _TAGS if tag not in _OF_CALLS or self._meaningful(tag))

    def _meaningful(self, tag: str) -> bool:
        return self._calls and tag == "<tool_call>"

    def _next_tag(self) -> tuple[int, str] | None:
        hits = ((self._find(tag), tag) for tag in self._tags())
        return min((hit for hit in hits if hit[0] >= 0), default=None)

    def _find(self, tag: str) -> int:
        position = self._buffer.find(tag)
        while position >= 0 and self.mode == "text" and self._before(position) == "`":
            position = self._buffer.find(tag, position + 1)
        return position

    def _before(self, position: int) -> str:
        return self._buffer[position - 1] if position else self._last

    def _held_back(self) -> int:
        """Return how many of the last characters may be the beginning of a tag."""
        return max(
            (
                size
                for tag in self._tags()
                for size in range(1, len(tag))
                if self._buffer.endswith(tag[:size])
            ),
            default=0,
        )

    def _put(self, pieces: list[Piece], text: str) -> None:
        if self._fresh:
            text = text.lstrip()
        if text:
            self._fresh = False
            self._last = text[-1]
            pieces.append(Piece(self.mode, text))
