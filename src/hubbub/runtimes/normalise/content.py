"""Read a model's text as it arrives: what is thought, what is said, what is a tool call."""

from __future__ import annotations

import json
import re
from collections.abc import Collection

from hubbub.runtimes.normalise.tags import Piece, TagSplitter
from hubbub.runtimes.normalise.textcalls import (
    PREFIXES,
    TextCall,
    calls_in,
    may_open_call,
    tagged_calls,
)
from hubbub.runtimes.repair import BrokenJson, read_json

__all__ = ["CallSniffer", "ContentReader", "Said"]

Said = Piece | TextCall

_STARTS = "|".join(re.escape(prefix[0]) for prefix in PREFIXES)
_LINE_THAT_MAY_CALL = re.compile(rf"^[ \t]*(?=[{{\[`]|{_STARTS})", re.MULTILINE)
_BLANK_LINE_END = re.compile(r"(?:^|\n)[ \t]*$")
_JSON = json.JSONDecoder()


class ContentReader:
    """Turns the `content` of an answer into pieces of text and thought, and tool calls.

    Args:
        offered: names of the tools that were offered; without any, nothing is taken for a call.
        thinking: the text begins inside a thought.
    """

    def __init__(self, offered: Collection[str] = (), *, thinking: bool = False) -> None:
        self.tags = TagSplitter(thinking=thinking, calls=bool(offered))
        self._offered = offered
        self._sniffer = CallSniffer(offered)

    def feed(self, text: str, *, end: bool = False) -> list[Said]:
        """Take the next text and return what is certain now; at the end, everything."""
        said: list[Said] = []
        for piece in self.tags.feed(text, end=end):
            if piece.kind == "text":
                said += self._sniffer.feed(piece.text)
                continue
            said += self._sniffer.break_line()
            if piece.kind == "call":
                said += tagged_calls(piece.text, self._offered) or [Piece("text", piece.text)]
            else:
                said.append(piece)
        if end:
            said += self._sniffer.feed("", end=True)
        return said


class CallSniffer:
    """Finds tool calls written as bare or fenced JSON at the start of a line.

    Text flows through at once unless it begins like a call of an offered tool; then it is held
    back until it is one or is not.
    """

    def __init__(self, offered: Collection[str]) -> None:
        self._offered = offered
        self._buffer = ""
        self._at_line_start = True
        self._after_call = False

    def feed(self, text: str, *, end: bool = False) -> list[Said]:
        """Take the next text and return what is certain now; at the end, everything."""
        if not self._offered:
            return [Piece("text", text)] if text else []
        self._buffer += text
        said: list[Said] = []
        while self._buffer and self._step(said, end=end):
            pass
        return said

    def break_line(self) -> list[Said]:
        """Return what was held back; text after a thought or a call begins a line of its own."""
        said = self.feed("", end=True)
        self._at_line_start = True
        return said

    def _step(self, said: list[Said], *, end: bool) -> bool:
        """Deal with the first part of the buffer; tell whether there may be more to do."""
        if self._after_call:
            self._buffer = self._buffer.lstrip(" \t\r\n,;]")
            if not self._buffer:
                return False
            self._after_call = False
        start = self._next_start()
        if start is None:
            # Spaces at the start of a line wait for what follows them.
            blank = _BLANK_LINE_END.search(self._buffer) if not end else None
            keep = len(self._buffer) - len(self._buffer.rstrip(" \t")) if blank else 0
            self._say(said, len(self._buffer) - keep)
            return False
        self._say(said, start)
        verdict = may_open_call(self._buffer.lstrip(" \t"), self._offered)
        if verdict is None and not end:
            return False
        if verdict:
            return self._take(said, end=end)
        self._say(said, len(self._buffer) - len(self._buffer.lstrip(" \t")) + 1)
        return True

    def _next_start(self) -> int | None:
        for match in _LINE_THAT_MAY_CALL.finditer(self._buffer):
            if match.start() > 0 or self._at_line_start:
                return match.start()
        return None

    def _take(self, said: list[Said], *, end: bool) -> bool:
        """Take a whole block that began like a call off the buffer, once it is complete."""
        body, length = _block(self._buffer)
        if body is None and not end:
            return False
        if body is None:
            body, length = _payload(self._buffer), len(self._buffer)
        try:
            calls = calls_in(read_json(body), self._offered)
        except BrokenJson:
            calls = []
        if not calls:
            self._say(said, length)
            return True
        said += calls
        self._buffer = self._buffer[length:]
        self._after_call = True
        self._at_line_start = True
        return True

    def _say(self, said: list[Said], length: int) -> None:
        text, self._buffer = self._buffer[:length], self._buffer[length:]
        if text:
            said.append(Piece("text", text))
            self._at_line_start = _BLANK_LINE_END.search(text) is not None and "\n" in text


def _payload(block: str) -> str:
    """Return a block without the prefix and the fence in front of its JSON."""
    text = block.strip()
    for prefix in PREFIXES:
        text = text.removeprefix(prefix).lstrip(" \t:")
    if text.startswith("```"):
        text = text.partition("\n")[2].removesuffix("```")
    return text.strip()


def _block(buffer: str) -> tuple[str | None, int]:
    """Return the JSON of the block at the start of the buffer and the block's length.

    The JSON is None while the block is not complete.
    """
    fence = buffer.find("```")
    brace = min((at for at in (buffer.find("{"), buffer.find("[")) if at >= 0), default=-1)
    for prefix in PREFIXES:
        if (at := buffer.find(prefix)) >= 0 and not buffer[:at].strip():
            rest = at + len(prefix)
            after = [at for at in (buffer.find("{", rest), buffer.find("[", rest)) if at >= 0]
            brace = min(after, default=-1)
    if fence >= 0 and (brace < 0 or fence < brace):
        closing = buffer.find("```", fence + 3)
        if closing < 0:
            return None, 0
        return _payload(buffer[: closing + 3]), closing + 3
    try:
        _, stop = _JSON.raw_decode(buffer, brace)
    except (ValueError, RecursionError):
        return None, 0
    return buffer[brace:stop], stop
