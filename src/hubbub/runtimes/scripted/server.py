"""A model server that openly is none: OpenAI-compatible HTTP whose answers follow rules."""

from __future__ import annotations

import asyncio
import inspect
import json
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from hubbub.runtimes.permitted import SCRIPTED
from hubbub.runtimes.scripted import quirks as wire
from hubbub.runtimes.scripted.conversation import Conversation
from hubbub.runtimes.scripted.directives import directed
from hubbub.runtimes.scripted.examples import example
from hubbub.runtimes.scripted.http import Exchange, HttpRequest, connections
from hubbub.runtimes.scripted.replies import Reply, ToolCall, ToolCalls
from hubbub.runtimes.scripted.rules import answer
from hubbub.runtimes.shapes import JsonObject, as_list, as_text, object_in

__all__ = ["MODEL", "ReplyFunction", "ScriptedModel"]

MODEL = "hubbub-scripted"
OWNER = "hubbub (scripted, not a real model)"
_HEADERS = {"x-hubbub-scripted": "1"}

ReplyFunction = Callable[
    [list[JsonObject], list[JsonObject]], str | ToolCalls | Awaitable[str | ToolCalls]
]


class _Ask(NamedTuple):
    """A chat request: its body, the model's quirks, and how often it came before."""

    body: JsonObject
    model: str
    quirks: frozenset[str]
    asked: int

    @property
    def messages(self) -> list[JsonObject]:
        return [object_in(message) for message in as_list(self.body.get("messages"))]

    @property
    def tools(self) -> list[JsonObject]:
        return [object_in(tool) for tool in as_list(self.body.get("tools"))]

    @property
    def schema(self) -> JsonObject:
        wanted = object_in(self.body.get("response_format"))
        return object_in(object_in(wanted.get("json_schema")).get("schema"))


class ScriptedModel:
    """A scripted model server on loopback, for first runs and for tests.

    Its model is called `hubbub-scripted`; a test may add quirks to the name (see
    `hubbub.runtimes.scripted.quirks`) and directives to the user's text (see `.directives`).

    Args:
        reply: answers instead of the rules: gets messages and tools as they came over the wire
            and returns a text or `ToolCalls`, at once or as an awaitable.
        port: where to listen; 0 picks a free port.
        api_key: the key clients have to show, if any.
        word_seconds: the pause after each word of a streamed answer.

    Attributes:
        requests: the bodies of all chat requests so far.
        disconnects: how many answers were cut short because the client went away.
    """

    def __init__(
        self,
        reply: ReplyFunction | None = None,
        *,
        port: int = 0,
        api_key: str | None = None,
        word_seconds: float = 0.0,
    ) -> None:
        self.requests: list[JsonObject] = []
        self.disconnects = 0
        self._reply = reply
        self._port = port
        self._api_key = api_key
        self._word_seconds = word_seconds
        self._seen: Counter[str] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()
        self._transports: set[asyncio.Transport] = set()
        self._server: asyncio.Server | None = None
        self._gone = asyncio.Event()

    @property
    def base_url(self) -> str:
        """What to set `OPENAI_BASE_URL` to."""
        return f"http://127.0.0.1:{self._port}/v1"

    async def start(self) -> None:
        """Begin to listen.

        Raises:
            OSError: the port is taken.
        """
        loop = asyncio.get_running_loop()
        factory = connections(self._handle, _HEADERS, self._tasks, self._transports)
        self._server = await loop.create_server(factory, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]
        SCRIPTED.add(self.base_url)

    async def close(self) -> None:
        """Stop listening and end what is being answered."""
        if self._server is None:
            return
        SCRIPTED.discard(self.base_url)
        self._server.close()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for transport in list(self._transports):
            transport.abort()
        await asyncio.sleep(0)  # a connection is closed in the next turn of the loop
        self._server = None

    async def __aenter__(self) -> ScriptedModel:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def serve_forever(self) -> None:
        """Serve until the task is cancelled."""
        if self._server is None:
            await self.start()
        try:
            await asyncio.Event().wait()
        finally:
            await self.close()

    async def client_gone(self) -> None:
        """Wait until a client has gone away before its answer was complete."""
        await self._gone.wait()

    async def _handle(self, request: HttpRequest, exchange: Exchange) -> None:
        if self._api_key and request.headers.get("authorization") != f"Bearer {self._api_key}":
            exchange.respond(401, _error("the key is wrong", "invalid_api_key"))
        elif request.method == "GET" and request.path.endswith("/models"):
            entry = {"id": MODEL, "object": "model", "created": 1_700_000_000, "owned_by": OWNER}
            exchange.respond(200, {"object": "list", "data": [entry]})
        elif request.method == "GET" and request.path == "/health":
            exchange.respond(200, {"status": "ok"})
        elif request.method == "POST" and request.path.endswith("/chat/completions"):
            await self._chat(request, exchange)
        else:
            exchange.respond(404, _error(f"no {request.path} here", "not_found"))

    async def _chat(self, request: HttpRequest, exchange: Exchange) -> None:
        try:
            body = object_in(json.loads(request.body))
        except ValueError:
            exchange.respond(400, _error("the body is not JSON", "invalid_request"))
            return
        model = as_text(body.get("model")) or MODEL
        if not model.startswith(MODEL):
            exchange.respond(404, _error(f"model {model!r} not found", "model_not_found"))
            return
        self.requests.append(body)
        last = json.dumps(as_list(body.get("messages"))[-1:])
        self._seen[f"{model} {last}"] += 1
        ask = _Ask(body, model, wire.quirks_of(model), self._seen[f"{model} {last}"])
        try:
            if not await self._misbehave(ask, exchange):
                await self._answer(ask, exchange)
        except asyncio.CancelledError:
            self.disconnects += 1
            self._gone.set()
            raise

    async def _misbehave(self, ask: _Ask, exchange: Exchange) -> bool:
        """Do what the quirks demand instead of an answer; tell whether they did."""
        quirks = ask.quirks
        if "silent" in quirks:
            await asyncio.Event().wait()
        if "flaky" in quirks and ask.asked < 3:
            exchange.respond(500, _error("boom", "server_error"))
        elif "429" in quirks and ask.asked < 2:
            headers = {"retry-after": "0"}
            exchange.respond(429, _error("slow down", "rate_limit"), headers=headers)
        elif "loading" in quirks and ask.asked < 2:
            exchange.respond(503, _error("Loading model", "unavailable_error"))
        elif "notools" in quirks and ask.tools:
            exchange.respond(400, _error(f"{ask.model} does not support tools", "invalid_request"))
        elif "dropearly" in quirks and ask.asked < 2:
            exchange.begin_stream()
            exchange.break_off()
        elif "nonsense" in quirks:
            page = b"<html><body>It works!</body></html>"
            exchange.respond(200, page, content_type="text/html")
        elif "garbage" in quirks:
            exchange.send(b"\x00\xff\xfe\x01 220 hello\r\n\r\n")
            exchange.break_off()
        else:
            return False
        return True

    async def _answer(self, ask: _Ask, exchange: Exchange) -> None:
        try:
            reply = wire.told(await self._replied(ask), ask.quirks)
        except Exception as error:  # noqa: BLE001 - the user's function may raise anything
            exchange.respond(500, _error(f"{type(error).__name__}: {error}", "server_error"))
            return
        if not ask.body.get("stream") or "nostream" in ask.quirks:
            exchange.respond(200, wire.completion(reply, ask.model, ask.quirks))
            return
        await self._stream(ask, reply, exchange)

    async def _replied(self, ask: _Ask) -> Reply:
        if self._reply is not None:
            given = self._reply(ask.messages, ask.tools)
            said = await given if inspect.isawaitable(given) else given
            return Reply(said) if isinstance(said, str) else Reply(calls=tuple(said))
        talk = Conversation.read(ask.messages, ask.tools)
        if "loop" in ask.quirks and talk.names:
            first = talk.names[0]
            call = ToolCall(first, json.dumps(example(talk.parameters[first])))
            return Reply(calls=(call,), first=len(talk.results))
        reply = directed(talk)
        if reply is not None and reply.calls and not talk.names:
            reply = None  # whatever the text says, nothing was offered to call
        if ask.schema and (reply is None or not (reply.calls or reply.text.startswith("{"))):
            return Reply(json.dumps(example(ask.schema)))
        return reply or answer(talk)._replace(first=len(talk.results))

    async def _stream(self, ask: _Ask, reply: Reply, exchange: Exchange) -> None:
        options = object_in(ask.body.get("stream_options"))
        line_end = "\r\n" if "crlf" in ask.quirks else "\n"
        pause = self._word_seconds or (0.02 if "slow" in ask.quirks else 0.0)
        exchange.begin_stream()
        words = 0
        for chunk in wire.stream(
            reply, ask.model, ask.quirks, usage=bool(options.get("include_usage"))
        ):
            if "crlf" in ask.quirks:
                exchange.send_chunk(b": still here\r\n\r\n")
            exchange.send_event(json.dumps(chunk), line_end=line_end)
            if not _word(chunk):
                continue
            words += 1
            if pause:
                await asyncio.sleep(pause)
            if words == 2 and "drop" in ask.quirks:
                exchange.break_off()
                return
            if words == 2 and "sseerror" in ask.quirks:
                exchange.send_event(json.dumps(_error("context overflow", "server_error")))
                break
        exchange.send_event("[DONE]", line_end=line_end)
        exchange.end_stream()


def _word(chunk: JsonObject) -> bool:
    choices = as_list(chunk.get("choices"))
    return bool(choices and object_in(object_in(choices[0]).get("delta")).get("content"))


def _error(message: str, kind: str) -> JsonObject:
    return {"error": {"message": message, "type": kind, "code": kind}}
