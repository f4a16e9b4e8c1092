"""Split a server-sent event stream into its records."""

from __future__ import annotations

import re
from typing import NamedTuple

__all__ = ["SseRecord", "SseSplitter", "encode_sse"]

_LINE_END = rb"(?>\r\n|\n|\r)"
_RECORD_END = re.compile(_LINE_END + _LINE_END)
# A record larger than this is no chat chunk, and memory is not to be filled by a mad server.
_LONGEST_RECORD = 16 * 1024 * 1024


class SseRecord(NamedTuple):
    """One event: its name, and its data lines joined.

    A field called `error`, which llama.cpp sends instead of data, is an event of that name.
    """

    event: str
    data: str


class SseSplitter:
    """Is fed bytes as they arrive and returns whole records; comments are dropped.

    Raises:
        ValueError: a record has no end within reason.
    """

    def __init__(self) -> None:
        self._buffer = b""

    def feed(self, data: bytes) -> list[SseRecord]:
        """Take the next bytes and return the records they complete."""
        searched = max(0, len(self._buffer) - 3)
        self._buffer += data
        # A final carriage return may be the first half of a line end.
        limit = len(self._buffer) - self._buffer.endswith(b"\r")
        records: list[SseRecord] = []
        start = 0
        for end in _RECORD_END.finditer(self._buffer, searched, limit):
            records += _record(self._buffer[start : end.start()])
            start = end.end()
        self._buffer = self._buffer[start:]
        if len(self._buffer) > _LONGEST_RECORD:
            raise ValueError("an event in the stream has no end")
        return records

    def close(self) -> list[SseRecord]:
        """Return the record that is left, though its empty line never came."""
        rest, self._buffer = self._buffer, b""
        return _record(rest)


def _record(raw: bytes) -> list[SseRecord]:
    event, data = "", list[str]()
    text = raw.decode("utf-8", "replace").removeprefix("\ufeff")
    for line in re.split(r"\r\n|\n|\r", text):
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            data.append(value)
        elif name == "event":
            event = value
        elif name == "error":
            event, data = "error", [value]
    return [SseRecord(event, "\n".join(data))] if data else []


def encode_sse(data: str) -> bytes:
    """Return one record that carries `data`."""
    return f"data: {data}\n\n".encode()
