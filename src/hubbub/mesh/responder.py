"""Answering: requests to one agent, shared by its instances, in one reply or in pieces."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

from nats.aio.msg import Msg

from hubbub.errors import HubbubError, InvalidMessage
from hubbub.mesh.activity import Activity, acting
from hubbub.mesh.complaints import text_of
from hubbub.mesh.connection import Connection
from hubbub.mesh.headers import ERROR, ERROR_CODE, FINAL, SEQUENCE, STREAM, TIMEOUT
from hubbub.mesh.service import Request, Service
from hubbub.wire.codec import JSON
from hubbub.wire.envelope import AgentMessage, read_plain
from hubbub.wire.names import ANONYMOUS, agent_token
from hubbub.wire.subjects import parse

__all__ = ["Responder"]

activity_log = logging.getLogger("hubbub.activity")
log = logging.getLogger("hubbub.requests")

_KEEP_ALIVE_SECONDS = 5.0


class Responder:
    """Answers the requests to one agent in this process.

    Attributes:
        running: how many requests are being answered.
    """

    def __init__(self, connection: Connection, service: Service, group: asyncio.TaskGroup) -> None:
        self._connection = connection
        self._service = service
        self._group = group
        self._slots = asyncio.Semaphore(service.request_concurrency)
        self._answering: set[asyncio.Task[None]] = set()
        self._leaving = False

    @property
    def running(self) -> int:
        """How many requests are being answered or wait for a free slot."""
        return len(self._answering)

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncGenerator[None]:
        """Take requests while the context lasts."""
        agent = self._service.card.token
        async with contextlib.AsyncExitStack() as stack:
            for subject in self._connection.layout.request_filters(agent):
                await stack.enter_async_context(
                    self._connection.subscription(subject, self._take, queue=agent)
                )
            yield

    async def finish(self, grace_seconds: float) -> None:
        """Let running answers end, and stop those that take too long."""
        if self._answering:
            await asyncio.wait(self._answering, timeout=grace_seconds)
        self._leaving = True
        for task in self._answering:
            task.cancel()

    async def _take(self, message: Msg) -> None:
        task = self._group.create_task(self._answer(message))
        self._answering.add(task)
        task.add_done_callback(self._answering.discard)

    async def _answer(self, raw: Msg) -> None:
        if not raw.reply:
            log.warning("A request on %s has no reply subject and is passed over", raw.subject)
            return
        me = self._service.card.name
        address = parse(raw.subject)
        sender = address.sender if address is not None and address.sender else ANONYMOUS
        try:
            message = read_plain(raw.data, to_agent=me, from_agent=sender)
            if self._connection.layout.secured and agent_token(message.from_agent) != sender:
                raise InvalidMessage(f"it says it is from {message.from_agent!r}, not {sender}")
        except InvalidMessage as error:
            unread = AgentMessage(message_type="request", from_agent=sender, content="")
            await self._fail(raw, unread, error)
            return
        streamed = STREAM in (raw.headers or {})
        timeout = None if streamed else _timeout(raw)
        request = Request(message, streamed, timeout)
        # Nobody would hear what comes later, and it may cost money.
        deadline = asyncio.timeout(timeout)
        try:
            async with deadline, self._slots:
                _tell(message, "request received")
                with acting(Activity(agent=me, message=message, task_id=None)):
                    if streamed:
                        await self._stream(raw, request)
                    else:
                        await self._reply(raw, request)
            _tell(message, "request answered")
        except asyncio.CancelledError:
            stopped = bool((current := asyncio.current_task()) and current.cancelling())
            if self._leaving or not stopped:
                reason = "it is going away" if stopped else "the handler canceled itself"
                await self._fail(raw, message, HubbubError(reason))
            if stopped:
                raise
        except Exception as error:  # noqa: BLE001 - a handler may raise anything
            if deadline.expired():
                _tell(message, "request given up", error=f"no answer within {timeout:g} s")
                return
            reason = text_of(error)
            _tell(message, "request failed", error=reason)
            log.warning("%s failed to answer %s: %s", me, message.from_agent, reason)
            await self._fail(raw, message, error)

    def _response(self, message: AgentMessage, content: JSON, **metadata: Any) -> AgentMessage:
        return AgentMessage(
            message_type="response",
            from_agent=self._service.card.name,
            to_agent=message.from_agent,
            content=content,
            metadata=metadata,
            in_reply_to=message.message_id,
            priority=message.priority,
            context_id=message.conversation,
            hops=message.hops,
        )

    async def _reply(self, raw: Msg, request: Request) -> None:
        answer = await self._service.answer(request)
        if isinstance(answer, AsyncIterator):
            answer = "".join([str(piece) async for piece in answer])
        response = self._response(request.message, answer)
        await self._connection.publish(raw.reply, response.to_bytes())

    async def _fail(self, raw: Msg, message: AgentMessage, error: Exception) -> None:
        kind, reason = type(error).__name__, text_of(error)
        response = self._response(message, reason, error={"type": kind, "message": reason})
        headers = {
            # A header holds one line of ASCII; the body has the text as it was.
            ERROR: f"{kind}: {reason}".encode("ascii", "replace").decode().replace("\n", " ")[:300],
            ERROR_CODE: "400" if isinstance(error, InvalidMessage) else "500",
            FINAL: "1",
        }
        headers[ERROR] = "".join(c if c.isprintable() else " " for c in headers[ERROR])
        try:
            await self._connection.publish(raw.reply, response.to_bytes(), headers=headers)
        except HubbubError as lost:
            log.warning("%s could not tell %s: %s", message.to_agent, message.from_agent, lost)

    async def _stream(self, raw: Msg, request: Request) -> None:
        """Send an answer in numbered pieces, with a sign of life now and then."""
        message = request.message
        cancel_subject = f"_INBOX.{self._connection.id}.cancel.{message.message_id}"
        current = asyncio.current_task()

        async def on_cancel(_: Msg) -> None:
            if current is not None:
                current.cancel()

        number = 0

        async def send(content: JSON, *, final: bool = False) -> None:
            nonlocal number
            number += 1
            headers = {SEQUENCE: str(number)} | ({FINAL: "1"} if final else {})
            await self._connection.publish(
                raw.reply,
                self._response(message, content).to_bytes(),
                reply=cancel_subject,
                headers=headers,
            )

        async def send_all() -> None:
            # All in one task: a generator may hold a timeout or a task group across its pieces.
            answer = await self._service.answer(request)
            pieces = answer if isinstance(answer, AsyncIterator) else _once(answer)
            async with _closing(pieces):
                async for piece in pieces:
                    await send(piece)

        async with self._connection.subscription(cancel_subject, on_cancel):
            sending = asyncio.create_task(send_all())
            try:
                while not (await asyncio.wait({sending}, timeout=_KEEP_ALIVE_SECONDS))[0]:
                    await send("")
            finally:
                if not sending.done():
                    sending.cancel()
                    await asyncio.wait({sending})
            sending.result()
            await send("", final=True)


def _timeout(raw: Msg) -> float | None:
    """Return how long the requester waits, None if it does not say so in a usable way."""
    try:
        seconds = float((raw.headers or {})[TIMEOUT])
    except (KeyError, ValueError):
        return None
    return seconds if 0 < seconds < math.inf else None


@contextlib.asynccontextmanager
async def _closing(pieces: AsyncIterator[JSON]) -> AsyncGenerator[None]:
    """Close a generator at the end of the context; other iterators have nothing to close."""
    try:
        yield
    finally:
        if isinstance(pieces, AsyncGenerator):
            await pieces.aclose()


async def _once(answer: JSON) -> AsyncIterator[JSON]:
    yield answer


def _tell(message: AgentMessage, what: str, **facts: Any) -> None:
    if activity_log.isEnabledFor(logging.INFO):
        activity_log.info("%s", what, extra={"mesh": message, **facts})
