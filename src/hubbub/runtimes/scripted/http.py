"""As much of HTTP/1.1 as a model server needs, on asyncio alone."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import NamedTuple, cast

from hubbub.runtimes.shapes import JsonObject

__all__ = ["Exchange", "Handler", "HttpRequest", "connections"]

_LONGEST_REQUEST = 32 * 1024 * 1024
_REASONS = {200: "OK", 400: "Bad Request", 401: "Unauthorized", 404: "Not Found"}


class HttpRequest(NamedTuple):
    """A request as it came in; names of headers are lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Exchange:
    """Answers one request: whole, as a stream, or not at all."""

    def __init__(self, transport: asyncio.Transport, headers: dict[str, str]) -> None:
        self._transport = transport
        self._headers = headers

    def respond(
        self,
        status: int,
        body: JsonObject | bytes,
        *,
        content_type: str = "application/json",
        headers: dict[str, str] | None = None,
    ) -> None:
        """Send a whole response."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        told = {"content-type": content_type, "content-length": str(len(data)), **(headers or {})}
        self.send(self._head(status, told) + data)

    def begin_stream(self) -> None:
        """Send the head of an event stream."""
        told = {"content-type": "text/event-stream", "transfer-encoding": "chunked"}
        self.send(self._head(200, told))

    def send_event(self, data: str, *, line_end: str = "\n") -> None:
        """Send one event of the stream."""
        self.send_chunk(f"data: {data}{line_end}{line_end}".encode())

    def send_chunk(self, data: bytes) -> None:
        """Send some bytes of the stream."""
        self.send(f"{len(data):x}\r\n".encode() + data + b"\r\n")

    def end_stream(self) -> None:
        """Send the end of the stream."""
        self.send(b"0\r\n\r\n")

    def send(self, data: bytes) -> None:
        """Send bytes as they are."""
        self._transport.write(data)

    def break_off(self) -> None:
        """Close the connection, whatever has been sent."""
        self._transport.close()

    def _head(self, status: int, headers: dict[str, str]) -> bytes:
        lines = [f"{name}: {value}" for name, value in {**self._headers, **headers}.items()]
        reason = _REASONS.get(status, "Error")
        return "\r\n".join([f"HTTP/1.1 {status} {reason}", *lines, "", ""]).encode()


Handler = Callable[[HttpRequest, Exchange], Awaitable[None]]


class _Connection(asyncio.Protocol):
    """Reads requests and has them handled one after another.

    When the client goes away the handler is cancelled, which is how it learns of it.
    """

    def __init__(
        self,
        handler: Handler,
        headers: dict[str, str],
        tasks: set[asyncio.Task[None]],
        transports: set[asyncio.Transport],
    ) -> None:
        self._handler = handler
        self._headers = headers
        self._tasks = tasks
        self._transports = transports
        self._buffer = b""
        self._waiting: list[HttpRequest] = []
        self._task: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # Not every loop's transports are subclasses of asyncio's, though they all act like them.
        self._transport = cast("asyncio.Transport", transport)
        self._transports.add(self._transport)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self._transports.discard(self._transport)
        if self._task is not None:
            self._task.cancel()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if len(self._buffer) > _LONGEST_REQUEST:
            self._transport.abort()
            return
        while (request := self._next_request()) is not None:
            self._waiting.append(request)
        if self._waiting and self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._work())
            self._tasks.add(self._task)
            self._task.add_done_callback(self._tasks.discard)

    async def _work(self) -> None:
        try:
            while self._waiting and not self._transport.is_closing():
                exchange = Exchange(self._transport, self._headers)
                await self._handler(self._waiting.pop(0), exchange)
        except Exception:
            self._transport.abort()
            raise
        finally:
            self._task = None

    def _next_request(self) -> HttpRequest | None:
        head, found, rest = self._buffer.partition(b"\r\n\r\n")
        if not found:
            return None
        first, *lines = head.decode("latin-1").split("\r\n")
        pairs = (line.partition(":") for line in lines)
        headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
        length = headers.get("content-length", "0")
        words = first.split(" ")
        if len(words) != 3 or not length.isdecimal():
            self._transport.abort()
            return None
        if len(rest) < int(length):
            return None
        self._buffer = rest[int(length) :]
        return HttpRequest(words[0], words[1].partition("?")[0], headers, rest[: int(length)])


def connections(
    handler: Handler,
    headers: dict[str, str],
    tasks: set[asyncio.Task[None]],
    transports: set[asyncio.Transport],
) -> Callable[[], asyncio.Protocol]:
    """Return the protocol factory for `loop.create_server`.

    Args:
        handler: answers a request; cancelled when the client goes away.
        headers: sent with every response.
        tasks: where running handlers are kept, so that they can be ended with the server.
        transports: where open connections are kept, for the same reason.
    """
    return lambda: _Connection(handler, headers, tasks, transports)
