"""Make each call of a model once: what is on record is returned instead of asking again.

A call is known by the body of its request. What a task has on record comes from its log; a run
that was parked brings its own record along. Only answers that ended well are recorded.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Generator
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Protocol

import httpx2
import msgspec

from hubbub.mesh.activity import current_activity
from hubbub.mesh.limits import Usage
from hubbub.runtimes.normalise.tally import DONE_RECORD, Tally
from hubbub.runtimes.shapes import as_text, object_in

__all__ = ["RECORDED", "Calling", "Recorder", "RecordingTransport", "calling", "recorder_here"]

# The header of a response that was on record, so that nobody pays for it.
RECORDED = "hubbub-recorded"
_DONE_LINE = f"data: {DONE_RECORD}".encode()


class Recorder(Protocol):
    """Keeps the outcomes of calls."""

    async def once_by_content(
        self, kind: str, content: bytes, make: Callable[[], Awaitable[dict[str, Any]]]
    ) -> tuple[dict[str, Any], bool]:
        """Return the facts of a call, and whether they were on record.

        Raises:
            Exception: whatever `make` raises; that is not kept.
        """
        ...


@dataclass(frozen=True, slots=True)
class Calling:
    """Who makes the calls of the code inside `calling`, as far as the transport must know.

    Attributes:
        before: awaited before a call that is really made; returns the seconds it may take.
        after: told at its end what it used and why it ended; None if it failed.
        out_of_time: awaited when it takes longer.
        recorder: keeps the answers where no task does.
        keeps_cut_off: whether an answer cut off at the token limit is good enough to be kept.
    """

    before: Callable[[], Awaitable[float | None]]
    after: Callable[[Usage | None, str], Awaitable[None]] | None = None
    out_of_time: Callable[[], Awaitable[None]] | None = None
    recorder: Recorder | None = None
    keeps_cut_off: bool = False


_calling: ContextVar[Calling | None] = ContextVar("hubbub_calling", default=None)


@contextlib.contextmanager
def calling(caller: Calling) -> Generator[None]:
    """Let the calls of models made inside be those of `caller`."""
    token = _calling.set(caller)
    try:
        yield
    finally:
        _calling.reset(token)


def recorder_here() -> Recorder | None:
    """Return what keeps the calls made from here: the task's log, or the caller's own record."""
    activity = current_activity()
    if activity is not None and activity.run is not None and activity.run.is_kept:
        return activity.run
    caller = _calling.get()
    return None if caller is None else caller.recorder


class RecordingTransport(httpx2.AsyncBaseTransport):
    """Records chat completions for whoever they are made for, and passes everything else on.

    Args:
        inner: makes the calls; its answers must have been repaired already.
    """

    def __init__(self, inner: httpx2.AsyncBaseTransport) -> None:
        self._inner = inner

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Return the answer on record, or make the call.

        Raises:
            httpx2.TransportError: it could not be sent, or nothing came back.
        """
        recorder, caller = recorder_here(), _calling.get()
        if (
            (recorder is None and caller is None)
            or request.method != "POST"
            or not request.url.path.endswith("/chat/completions")
        ):
            return await self._inner.handle_async_request(request)
        content = await request.aread()
        call = _Call(self._inner, request, content, caller)
        made = (
            call.make()
            if recorder is None
            else _on_record(recorder.once_by_content("model", _known_by(content), call.make))
        )
        job = asyncio.ensure_future(made)
        # A client that stops reading at an error never asks how the call ended.
        job.add_done_callback(lambda job: job.cancelled() or job.exception())
        return await call.answered(job)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._inner.aclose()


async def _on_record(
    once: Awaitable[tuple[dict[str, Any], bool]],
) -> dict[str, Any]:
    return (await once)[0]


class _Refused(Exception):
    """The server refused: its response is passed on and not recorded."""

    def __init__(self, response: httpx2.Response) -> None:
        self.response = response


class _NotWhole(Exception):
    """The answer is not fit to be kept; it has been passed on as it is."""


class _Call:
    """One call, made in an asyncio task of its own while its answer is passed on."""

    def __init__(
        self,
        inner: httpx2.AsyncBaseTransport,
        request: httpx2.Request,
        content: bytes,
        caller: Calling | None,
    ) -> None:
        self._inner = inner
        self._request = request
        self._size = len(content)
        self._model = _model_in(content)
        self._caller = caller
        self._begun = asyncio.Event()
        self._head: httpx2.Response | None = None
        self._parts: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._rest: list[bytes] = []
        self._body = b""

    async def make(self) -> dict[str, Any]:
        """Make the call and return what is to be kept of it."""
        caller = self._caller
        seconds = await caller.before() if caller is not None else None
        deadline = asyncio.timeout(seconds)
        told: tuple[Usage | None, str] = (None, "")
        try:
            async with deadline:
                facts, told = await self._made()
        except TimeoutError:
            if deadline.expired() and caller is not None and caller.out_of_time is not None:
                await caller.out_of_time()
            raise
        finally:
            try:
                if caller is not None and caller.after is not None:
                    await caller.after(*told)
            finally:
                self._parts.put_nowait(None)  # or else the reader waits for ever
        if facts is None:
            raise _NotWhole
        return facts

    async def _made(self) -> tuple[dict[str, Any] | None, tuple[Usage, str]]:
        response = await self._inner.handle_async_request(self._request)
        if response.status_code != 200:
            await response.aread()
            raise _Refused(response)
        kind = response.headers.get("content-type", "")
        tally = Tally(streamed=kind.startswith("text/event-stream"), prompt_characters=self._size)
        self._head = response
        self._begun.set()
        try:
            async for data in response.aiter_bytes():
                tally.feed(data)
                # A client goes away at the last record, which therefore waits for the log.
                if self._rest or data.lstrip().startswith(_DONE_LINE):
                    self._rest.append(data)
                else:
                    self._parts.put_nowait(data)
        finally:
            await response.aclose()
        self._body = tally.body
        total = tally.total()
        keeps = self._caller is not None and self._caller.keeps_cut_off
        told = (total.usage, total.finish_reason)
        if not total.whole or (total.finish_reason == "length" and not keeps):
            return None, told
        facts = {
            "status": 200,
            "headers": {"content-type": kind},
            "body": tally.compact,
            "model": self._model,
            "usage": msgspec.to_builtins(total.usage),
        }
        return facts, told

    async def answered(self, job: asyncio.Future[dict[str, Any]]) -> httpx2.Response:
        """Return the response as soon as there is one."""
        begun = asyncio.ensure_future(self._begun.wait())
        try:
            await asyncio.wait({job, begun}, return_when=asyncio.FIRST_COMPLETED)
        except BaseException:
            await _ended(job)
            raise
        finally:
            begun.cancel()
        head = self._head
        if head is None:
            try:
                return _recorded(job.result(), self._request)
            except _Refused as refused:
                return refused.response
        kind = head.headers.get("content-type", "")
        if kind.startswith("text/event-stream"):
            stream = _Live(job, self._parts, self._rest)
            return httpx2.Response(200, headers=head.headers, stream=stream)
        try:
            await asyncio.shield(job)
        except _NotWhole:
            pass  # it is passed on as it is, and not put on record
        except asyncio.CancelledError:
            await _ended(job)
            raise
        headers = [pair for pair in head.headers.raw if pair[0].lower() != b"content-length"]
        return httpx2.Response(200, headers=headers, content=self._body)


class _Live(httpx2.AsyncByteStream):
    """The body of an answer that is on its way."""

    def __init__(
        self,
        job: asyncio.Future[dict[str, Any]],
        parts: asyncio.Queue[bytes | None],
        rest: list[bytes],
    ) -> None:
        self._job = job
        self._parts = parts
        self._rest = rest

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while (data := await self._parts.get()) is not None:
            yield data
        with contextlib.suppress(_NotWhole):
            await asyncio.shield(self._job)
        for data in self._rest:
            yield data

    async def aclose(self) -> None:
        """End the call, if its answer is not complete."""
        await _ended(self._job)


async def _ended(job: asyncio.Future[dict[str, Any]]) -> None:
    """End a call; whoever is interested in how it went has been told already."""
    if not job.done():
        job.cancel()
    await asyncio.wait({job})
    if not job.cancelled():
        job.exception()


def _recorded(facts: dict[str, Any], request: httpx2.Request) -> httpx2.Response:
    headers = {str(name): str(value) for name, value in object_in(facts.get("headers")).items()}
    status = facts.get("status")
    return httpx2.Response(
        status if isinstance(status, int) else 200,
        headers={**headers, RECORDED: "1"},
        content=as_text(facts.get("body")).encode(),
        request=request,
    )


def _model_in(content: bytes) -> str:
    """Return the model that a request's body names."""
    with contextlib.suppress(ValueError):
        return as_text(object_in(json.loads(content)).get("model"))
    return ""


def _known_by(content: bytes) -> bytes:
    """Return a request's body in the one form that does not depend on the order of its keys."""
    try:
        return json.dumps(json.loads(content), sort_keys=True).encode()
    except ValueError:
        return content
