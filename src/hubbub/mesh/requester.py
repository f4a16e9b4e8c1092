"""Asking: a request, and the answer to it, at once or piece by piece (DESIGN sections 3 and 4)."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import AsyncGenerator
from typing import Self

from nats.aio.msg import Msg

from hubbub.errors import (
    AgentUnavailable,
    ConnectionLost,
    InvalidMessage,
    RemoteError,
    RequestTimeout,
)
from hubbub.mesh.connection import Connection
from hubbub.mesh.headers import ERROR, FINAL, SEQUENCE, STREAM, TIMEOUT
from hubbub.mesh.presence import is_present
from hubbub.mesh.replies import NO_RESPONDERS, status_of
from hubbub.wire.envelope import AgentMessage, read_plain
from hubbub.wire.names import agent_token

__all__ = ["Requester"]

log = logging.getLogger("hubbub.requests")

_SILENCE_SECONDS = 15.0
_DOUBT_SECONDS = 0.25


class _Answers:
    """The answers to one request in their order, while the context lasts.

    Attributes:
        reply: the subject on which they come.
        arrived: those that nobody has taken yet.
    """

    def __init__(self, waiting: dict[str, _Answers], number: str, reply: str) -> None:
        self._waiting = waiting
        self._number = number
        self._waiter: asyncio.Future[None] | None = None
        self.reply = reply
        self.arrived: deque[Msg] = deque()

    def __enter__(self) -> Self:
        self._waiting[self._number] = self
        return self

    def __exit__(self, *_: object) -> None:
        del self._waiting[self._number]

    def put(self, message: Msg) -> None:
        """Take in an answer."""
        self.arrived.append(message)
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def get(self) -> Msg:
        """Wait for the next answer; may be canceled without losing one."""
        while not self.arrived:
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        return self.arrived.popleft()


class Requester:
    """Asks agents, and hears their answers on one subscription per name asked under."""

    def __init__(self, connection: Connection, stack: contextlib.AsyncExitStack) -> None:
        self._connection = connection
        self._stack = stack
        self._waiting: dict[str, _Answers] = {}
        self._heard: set[str] = set()
        self._listening: dict[str, asyncio.Task[None]] = {}
        self._next = 0

    async def ask(self, to_agent: str, message: AgentMessage, *, timeout: float) -> AgentMessage:
        """Return the answer to a request.

        Raises:
            AgentUnavailable: nobody serves the name.
            RequestTimeout: no answer within `timeout` seconds.
            RemoteError: the agent's handler failed.
            InvalidMessage: the request cannot be written or is too large.
        """
        subject = self._subject(to_agent, message)
        with await self._asked(to_agent, message) as answers:
            await self._connection.publish(
                subject,
                message.to_bytes(),
                reply=answers.reply,
                headers={TIMEOUT: f"{timeout:g}"},
            )
            answer = await self._first(answers, to_agent, subject, timeout)
        return _read_answer(answer, to_agent, subject)

    async def stream(
        self, to_agent: str, message: AgentMessage, *, timeout: float
    ) -> AsyncGenerator[str]:
        """Yield the answer to a request piece by piece.

        Args:
            to_agent: whom to ask.
            message: the request.
            timeout: seconds to wait for the first piece or sign of life.

        Raises:
            AgentUnavailable: nobody serves the name.
            RequestTimeout: no sign of life within `timeout` seconds.
            RemoteError: the handler failed, a piece got lost, or the agent fell silent.
        """
        subject = self._subject(to_agent, message)
        with await self._asked(to_agent, message) as answers:
            await self._connection.publish(
                subject, message.to_bytes(), reply=answers.reply, headers={STREAM: "1"}
            )
            expected, cancel_subject, finished = 1, "", False
            try:
                while not finished:
                    if expected == 1:
                        piece = await self._first(answers, to_agent, subject, timeout)
                    else:
                        piece = await _following(answers, to_agent)
                    headers = piece.headers or {}
                    finished = FINAL in headers or SEQUENCE not in headers
                    answer = _read_answer(piece, to_agent, subject)
                    cancel_subject = cancel_subject or piece.reply
                    if headers.get(SEQUENCE, str(expected)) != str(expected):
                        raise RemoteError(to_agent, "", "a piece of its answer got lost")
                    expected += 1
                    if answer.text:
                        yield answer.text
            finally:
                if not finished and cancel_subject:
                    await self._connection.publish(cancel_subject, b"cancel")

    async def _first(self, answers: _Answers, to_agent: str, subject: str, timeout: float) -> Msg:
        """Wait for the first answer, and see early whether anybody is there to give one.

        The server tells at once when nobody listens; but whoever only watches the mesh listens,
        too, and then the list of who is there has to tell.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(min(timeout, _DOUBT_SECONDS)):
                return await answers.get()
        try:
            async with asyncio.timeout(max(timeout - _DOUBT_SECONDS, 0)):
                if not await self._may_be_present(to_agent) and not answers.arrived:
                    raise AgentUnavailable(to_agent, subject)
                return await answers.get()
        except TimeoutError:
            raise RequestTimeout(to_agent, subject, timeout) from None

    async def _may_be_present(self, agent: str) -> bool:
        try:
            return await is_present(self._connection, agent_token(agent))
        except ConnectionLost:
            return True  # nobody knows

    def _subject(self, to_agent: str, message: AgentMessage) -> str:
        return self._connection.layout.request(
            agent_token(to_agent), agent_token(message.from_agent)
        )

    async def _asked(self, to_agent: str, message: AgentMessage) -> _Answers:
        requester, responder = agent_token(message.from_agent), agent_token(to_agent)
        if requester not in self._heard:
            await self._listen(requester)
        self._next += 1
        reply = self._connection.layout.reply(requester, responder, self._connection.id, self._next)
        return _Answers(self._waiting, str(self._next), reply)

    async def _listen(self, requester: str) -> None:
        if requester not in self._listening:
            self._listening[requester] = asyncio.ensure_future(self._subscribe(requester))
        await asyncio.shield(self._listening[requester])
        self._heard.add(requester)

    async def _subscribe(self, requester: str) -> None:
        subject = self._connection.layout.reply_filter(requester, self._connection.id)
        await self._stack.enter_async_context(self._connection.subscription(subject, self._deliver))

    async def _deliver(self, message: Msg) -> None:
        answers = self._waiting.get(message.subject.rpartition(".")[2])
        if answers is not None:
            answers.put(message)


async def _following(answers: _Answers, to_agent: str) -> Msg:
    """Wait for a further piece of an answer."""
    try:
        async with asyncio.timeout(_SILENCE_SECONDS):
            return await answers.get()
    except TimeoutError:
        reason = f"it has been silent for {_SILENCE_SECONDS:g} s"
        raise RemoteError(to_agent, "", reason) from None


def _read_answer(answer: Msg, to_agent: str, subject: str) -> AgentMessage:
    if status_of(answer) == NO_RESPONDERS:
        raise AgentUnavailable(to_agent, subject)
    headers = answer.headers or {}
    if ERROR in headers:
        kind, _, reason = headers[ERROR].partition(": ")
        try:
            reason = read_plain(answer.data, to_agent=to_agent).text or reason
        except InvalidMessage:
            log.debug("an error reply of %s has no readable body", to_agent)
        raise RemoteError(to_agent, kind, reason)
    try:
        return read_plain(answer.data, to_agent=to_agent, from_agent=agent_token(to_agent))
    except InvalidMessage as error:
        raise RemoteError(
            to_agent, "InvalidMessage", f"its answer is unreadable: {error}"
        ) from None
