"""An httpx2 transport that lets a local model server look like the protocol says."""

from __future__ import annotations

import asyncio
import functools
import json

import httpx2

from hubbub.runtimes.errors import BadModelAnswer, without_secrets
from hubbub.runtimes.normalise.chunks import StreamNormaliser, as_chunks, normalise_completion
from hubbub.runtimes.normalise.concessions import CONCESSIONS, Concession, concession_for
from hubbub.runtimes.normalise.sse import encode_sse
from hubbub.runtimes.normalise.stream import DONE, RepairedStream
from hubbub.runtimes.shapes import JsonObject, as_list, as_object, as_text, object_in

__all__ = ["NormalisingTransport"]

_LOADING_POLL_SECONDS = 0.2
_DEFAULT_PATIENCE_SECONDS = 60.0
_OF_THE_BODY = (b"content-length", b"content-encoding", b"transfer-encoding", b"content-type")
# Templates of these models write the opening tag of the thought, so answers begin inside it.
_BEGIN_THINKING = ("thinking", "deepseek-r1", "qwq")


class NormalisingTransport(httpx2.AsyncBaseTransport):
    """Passes everything on and repairs chat completions in both directions.

    It remembers by server and model what the server refuses and whether thoughts begin without
    their opening tag.

    Args:
        inner: what does the sending; an `AsyncHTTPTransport` unless given.
    """

    def __init__(self, inner: httpx2.AsyncBaseTransport | None = None) -> None:
        self._inner = inner or httpx2.AsyncHTTPTransport()
        self._conceded: dict[tuple[str, str], set[str]] = {}
        self._thinking: dict[tuple[str, str], bool] = {}

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request and return the repaired response.

        Raises:
            BadModelAnswer: the response is no chat completion at all.
            httpx2.TransportError: it could not be sent, or nothing came back.
        """
        if request.method != "POST" or not request.url.path.endswith("/chat/completions"):
            return await self._inner.handle_async_request(request)
        try:
            body = as_object(json.loads(await request.aread()))
        except ValueError:
            body = None
        if body is None:
            return await self._inner.handle_async_request(request)
        return await self._complete(request, body)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._inner.aclose()

    async def _complete(self, request: httpx2.Request, body: JsonObject) -> httpx2.Response:
        model = as_text(body.get("model"))
        key = (str(request.url), model)
        refused = self._conceded.setdefault(key, set())
        sent = body
        for concession in CONCESSIONS:
            if concession.name in refused and _concerns(concession, sent):
                sent = concession.rewrite(sent)
        while True:
            message = request if sent is body else _with_body(request, sent)
            response = await self._send_when_loaded(message)
            if response.status_code == 200:
                return await self._repaired(response, key, body)
            concession = concession_for(response.status_code, response.text, sent)
            if concession is None:
                return response
            if concession.lasting:
                refused.add(concession.name)
            sent = concession.rewrite(sent)

    async def _send_when_loaded(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request, waiting for a server that is still loading its model."""
        loop = asyncio.get_running_loop()
        timeout = object_in(request.extensions.get("timeout"))
        give_up = loop.time() + (timeout.get("read") or _DEFAULT_PATIENCE_SECONDS)
        health = httpx2.Request(
            "GET", request.url.copy_with(raw_path=b"/health"), extensions=request.extensions
        )
        while True:
            response = await self._inner.handle_async_request(request)
            if response.status_code == 200:
                return response
            await response.aread()
            loading = response.status_code == 503 and "loading" in response.text.lower()
            while loading:
                if loop.time() + _LOADING_POLL_SECONDS >= give_up:
                    return response
                await asyncio.sleep(_LOADING_POLL_SECONDS)
                answer = await self._inner.handle_async_request(health)
                await answer.aread()
                # A server without /health is asked its real question again.
                loading = answer.status_code == 503
            if response.status_code != 503 or "loading" not in response.text.lower():
                return response

    async def _repaired(
        self, response: httpx2.Response, key: tuple[str, str], body: JsonObject
    ) -> httpx2.Response:
        offered = frozenset(
            as_text(object_in(object_in(tool).get("function")).get("name"))
            for tool in as_list(body.get("tools"))
        )
        thinking = self._thinking.get(key, any(word in key[1].lower() for word in _BEGIN_THINKING))
        headers = [pair for pair in response.headers.raw if pair[0].lower() not in _OF_THE_BODY]
        if response.headers.get("content-type", "").startswith("text/event-stream"):
            normaliser = StreamNormaliser(offered, thinking=thinking)
            stream = RepairedStream(response, normaliser, functools.partial(self._learn, key))
            return httpx2.Response(
                200,
                headers=[*headers, (b"content-type", b"text/event-stream")],
                stream=stream,
                extensions=response.extensions,
            )
        raw = await response.aread()
        completion = _completion(raw, key[0], response.headers.get("content-type", ""))
        if "error" in completion and not as_list(completion.get("choices")):
            content, kind = raw, b"application/json"
            return httpx2.Response(
                502,
                headers=[*headers, (b"content-type", kind)],
                content=content,
                extensions=response.extensions,
            )
        completion = normalise_completion(completion, offered, thinking=thinking)
        if body.get("stream"):  # it was asked to stream and did not
            chunks = [encode_sse(json.dumps(chunk)) for chunk in as_chunks(completion)]
            content, kind = b"".join([*chunks, encode_sse(DONE)]), b"text/event-stream"
        else:
            content, kind = json.dumps(completion).encode(), b"application/json"
        return httpx2.Response(
            200,
            headers=[*headers, (b"content-type", kind)],
            content=content,
            extensions=response.extensions,
        )

    def _learn(self, key: tuple[str, str], seen: bool) -> None:
        if seen or key in self._thinking:
            self._thinking[key] = seen


def _concerns(concession: Concession, body: JsonObject) -> bool:
    return concession.name in body


def _with_body(request: httpx2.Request, body: JsonObject) -> httpx2.Request:
    headers = [pair for pair in request.headers.raw if pair[0].lower() != b"content-length"]
    return httpx2.Request(
        request.method,
        request.url,
        headers=headers,
        content=json.dumps(body).encode(),
        extensions=request.extensions,
    )


def _completion(raw: bytes, url: str, content_type: str) -> JsonObject:
    try:
        completion = as_object(json.loads(raw))
    except (ValueError, RecursionError):
        completion = None
    if completion is None or not ("choices" in completion or "error" in completion):
        what = content_type.partition(";")[0] or "something without a content type"
        raise BadModelAnswer(
            f"{without_secrets(url)} answered with {what} that is no chat completion: "
            "check that OPENAI_BASE_URL is the address of a model server, ending in /v1",
            base_url=url,
        )
    return completion
