"""Let a framework that calls its model from threads use the connections of the event loop.

Classic AutoGen has a sync client in a worker thread. Here the thread waits while the loop makes
the call, so that there is one transport, context variables follow, and a run that is cancelled
takes its calls along.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextvars
from collections.abc import Callable, Coroutine
from typing import Any

from hubbub.agents.threads import DaemonThreads
from hubbub.errors import HubbubError
from hubbub.runtimes.adapters.clients import Clients, package

__all__ = ["Bridge", "RunEnded"]

_HANDLED_BY_SENDING = ("host", "content-length", "connection")
_MOST_THREADS = 64
_OF_THE_BODY = (b"content-length", b"content-encoding", b"transfer-encoding")


class RunEnded(BaseException):
    """Ends a thread whose run is over; a `BaseException`, so that no client tries again."""


class Bridge:
    """The way from the threads of one run to the loop.

    Args:
        clients: the connections.
    """

    def __init__(self, clients: Clients) -> None:
        self._clients = clients
        self._loop = asyncio.get_running_loop()
        # AutoGen starts threads without it.
        self._context = contextvars.copy_context()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._bodies: dict[int, tuple[Any, Any]] = {}
        # Threads that wait for the loop must not be those that it looks up addresses in.
        self._threads = DaemonThreads(_MOST_THREADS, name="autogen")
        self._is_closed = False

    async def in_thread(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Call a function in a thread that has the context variables of here."""
        context = contextvars.copy_context()
        return await self._loop.run_in_executor(
            self._threads, lambda: context.run(function, *arguments)
        )

    def client(self) -> Any:
        """Return a sync client of httpx 0.28, the one that AutoGen takes."""
        httpx = package("httpx", extra="autogen", feature="from_autogen")
        bridge = self

        class Transport(httpx.BaseTransport):
            def handle_request(self, request: Any) -> Any:
                return bridge.send(httpx, request)

        class Client(httpx.Client):
            def __deepcopy__(self, _memo: Any) -> Any:
                return self  # AutoGen copies its configurations, and this belongs to the run

        return Client(transport=Transport(), trust_env=False)

    def send(self, httpx: Any, request: Any) -> Any:
        """Send a request from a thread and return its response, whose body is still to come."""
        response = self.wait(self._sent(request))
        bridge, key, parts = self, id(response), response.aiter_bytes()
        self._bodies[key] = (parts, response)

        class Body(httpx.SyncByteStream):
            def __iter__(self) -> Any:
                while (part := bridge.wait(anext(parts, None))) is not None:
                    yield part

            def close(self) -> None:
                bridge.wait(bridge.end_body(key))

        headers = [pair for pair in response.headers.raw if pair[0].lower() not in _OF_THE_BODY]
        return httpx.Response(response.status_code, headers=headers, stream=Body())

    async def _sent(self, request: Any) -> Any:
        import httpx2

        url = str(request.url)
        http = self._clients.http(url.removesuffix("/chat/completions"))
        headers = [
            (name, value)
            for name, value in request.headers.items()
            if name.lower() not in _HANDLED_BY_SENDING
        ]
        timeout = httpx2.Timeout(**request.extensions["timeout"])
        made = http.build_request(
            request.method, url, headers=headers, content=request.read(), timeout=timeout
        )
        return await http.send(made, stream=True)

    def wait(self, doing: Any) -> Any:
        """Let the loop do something, and wait for it in the calling thread.

        Raises:
            RunEnded: the run is over.
            HubbubError: the caller is the loop itself, which cannot wait.
        """
        try:
            here = asyncio.get_running_loop()
        except RuntimeError:
            here = None
        if here is self._loop:
            _close(doing)
            raise HubbubError(
                "AutoGen called a model synchronously on the event loop, as nested chats with the "
                "summary method 'reflection_with_llm' do: use 'last_msg', or a tool for it"
            )
        if self._is_closed:
            _close(doing)
            raise RunEnded

        async def done() -> Any:
            task = asyncio.current_task()
            if task is None or self._is_closed:
                _close(doing)
                raise asyncio.CancelledError
            self._tasks.add(task)
            try:
                return await doing
            finally:
                self._tasks.discard(task)

        context = self._context.copy()
        future = context.run(asyncio.run_coroutine_threadsafe, done(), self._loop)
        try:
            return future.result()
        except concurrent.futures.CancelledError:
            raise RunEnded from None

    async def end_body(self, key: int) -> None:
        """Close a response, which tells the server to stop."""
        body = self._bodies.pop(key, None)
        if body is not None:
            parts, response = body
            await parts.aclose()
            await response.aclose()  # parts that nobody has asked for do not

    async def aclose(self) -> None:
        """End everything that threads of the run still wait for."""
        self._is_closed = True
        while self._tasks:
            tasks = list(self._tasks)
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
        for key in list(self._bodies):
            await self.end_body(key)
        self._threads.shutdown()


def _close(doing: Any) -> None:
    if isinstance(doing, Coroutine):
        doing.close()
