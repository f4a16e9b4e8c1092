"""The body of a streamed answer, repaired record by record."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx2

from hubbub.runtimes.normalise.chunks import StreamNormaliser
from hubbub.runtimes.normalise.sse import SseRecord, SseSplitter, encode_sse
from hubbub.runtimes.shapes import as_object

__all__ = ["BROKEN_STREAM", "DONE", "RepairedStream"]

DONE = "[DONE]"
# The type of the error that stands for the rest of a stream that broke off.
BROKEN_STREAM = "broken_stream"


class RepairedStream(httpx2.AsyncByteStream):
    """Reads a response's records and yields them repaired.

    A stream that ends too early ends in an error record, so that no half answer passes for whole.

    Args:
        response: what the server sends.
        normaliser: repairs the chunks.
        learn: told at the end whether a thought was closed that was never opened.
    """

    def __init__(
        self, response: httpx2.Response, normaliser: StreamNormaliser, learn: Callable[[bool], None]
    ) -> None:
        self._response = response
        self._normaliser = normaliser
        self._learn = learn

    async def __aiter__(self) -> AsyncIterator[bytes]:
        splitter = SseSplitter()
        done = False
        async for data in self._response.aiter_bytes():
            for record in splitter.feed(data):
                done = done or record.data.strip() == DONE
                for out in self._records(record):
                    yield out
        for record in splitter.close():
            done = done or record.data.strip() == DONE
            for out in self._records(record):
                yield out
        if not done:
            if not self._normaliser.finished:
                yield _error("the stream broke off before the answer was complete")
            yield encode_sse(DONE)

    async def aclose(self) -> None:
        """Close the connection, which tells the server to stop."""
        await self._response.aclose()

    def _records(self, record: SseRecord) -> list[bytes]:
        if record.data.strip() == DONE:
            chunks = self._normaliser.close()
            self._learn(self._normaliser.closed_unopened)
            return [*(encode_sse(json.dumps(chunk)) for chunk in chunks), encode_sse(DONE)]
        out: list[bytes] = []
        for value in _values(record.data):
            chunk = as_object(value)
            if chunk is None:
                out.append(_error(f"the stream has a record that is no chunk: {record.data[:80]}"))
            elif record.event == "error" or (chunk.get("error") and not chunk.get("choices")):
                out.append(encode_sse(json.dumps({"error": chunk.get("error") or chunk})))
            else:
                out += [encode_sse(json.dumps(part)) for part in self._normaliser.feed(chunk)]
        return out


def _values(data: str) -> list[Any]:
    """Return the JSON values of a record: one, or one a line from servers without empty lines."""
    try:
        return [json.loads(data)]
    except (ValueError, RecursionError):
        lines = data.splitlines()
    if len(lines) < 2:
        return [None]
    return [value for line in lines for value in _values(line) if line.strip() != DONE]


def _error(message: str) -> bytes:
    return encode_sse(json.dumps({"error": {"message": message, "type": BROKEN_STREAM}}))
