"""Asking: a request, and the answer to it, at once or piece by piece (DESIGN sections 3 and 4).

A call ends with an answer, an error in time, or because nobody waits for it any more; then the
agent is told, so that it need not go on. A call that lives through a loss of the connection is
repeated by itself, in a way that does not start the handler again where it is known.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator

from nats.aio.msg import Msg

from hubbub.errors import (
    AgentUnavailable,
    ConnectionLost,
    RemoteError,
    RequestTimeout,
)
from hubbub.mesh.requests.arrivals import Arrival, instances_of
from hubbub.mesh.requests.call import Call
from hubbub.mesh.requests.reading import read_answer
from hubbub.mesh.requests.sending import give_up, repeat, send
from hubbub.mesh.transport.connection import Connection
from hubbub.mesh.transport.headers import FINAL, HANDED_BACK, KNOWN, SEQUENCE
from hubbub.mesh.transport.replies import NO_RESPONDERS, status_of
from hubbub.wire.clock import check_seconds
from hubbub.wire.draft import Draft
from hubbub.wire.envelope import AgentMessage
from hubbub.wire.names import agent_token

__all__ = ["Requester"]

_SILENCE_SECONDS = 15.0
_SUSPICIOUS_SECONDS = 6.0
_LOOK_SECONDS = 1.0
_DOUBT_SECONDS = 0.25
_POLL_SECONDS = 1.0
# After an outage of the server, agents come back at different moments.
_RETURN_SECONDS = 5.0
_RECALLS_AFTER_OUTAGE = 8


class Requester:
    """Asks agents, and hears their answers on one subscription per name asked under."""

    def __init__(self, connection: Connection, stack: contextlib.AsyncExitStack) -> None:
        self._connection = connection
        self._stack = stack
        self._calls: dict[str, Call] = {}
        self._heard: set[str] = set()
        self._listening: dict[str, asyncio.Task[None]] = {}
        self._next = 0
        self._back_until = 0.0
        stack.enter_context(connection.on_reconnect(self._back))

    async def ask(
        self,
        to_agent: str,
        message: Draft,
        *,
        timeout: float,
        wait: float | None = None,
        repeated: bool = False,
        owner: str = "",
    ) -> AgentMessage:
        """Return the answer to a request.

        Args:
            to_agent: whom to ask.
            message: the request.
            timeout: seconds to wait for the answer, once somebody serves the name.
            wait: seconds to wait for somebody to serve the name.
            repeated: whether the agent may know the request already.
            owner: the person that it is asked for; empty if nobody in particular.

        Raises:
            AgentUnavailable: nobody serves the name.
            RequestTimeout: no answer within `timeout` seconds.
            RateLimited: the agent takes no more requests just now.
            RemoteError: the agent's handler failed.
            InvalidMessage: the request cannot be written or is too large, or a time is none.
        """
        sender = agent_token(message.from_agent)
        if sender not in self._heard:
            await self._listen(sender)
        call = self._call(sender, to_agent, message, timeout, wait, owner, streamed=False)
        answered = False
        try:
            if repeated:
                await repeat(self._connection, call, recalls=1)
            else:
                await send(self._connection, call)
            answer = await call.next(min(timeout, _DOUBT_SECONDS))
            if answer is None or answer.headers is not None:
                answer = await self._settle(call, answer)
            answered = True
        except AgentUnavailable:
            answered = True
            raise
        finally:
            del self._calls[call.number]
            if not answered:
                await give_up(self._connection, call)
        return read_answer(answer, call)

    async def stream(
        self,
        to_agent: str,
        message: Draft,
        *,
        timeout: float,
        wait: float | None = None,
        owner: str = "",
    ) -> AsyncGenerator[str]:
        """Yield the answer to a request piece by piece.

        Args:
            to_agent: whom to ask.
            message: the request.
            timeout: seconds to wait for the first piece or sign of life, once somebody is there.
            wait: seconds to wait for somebody to serve the name.
            owner: the person that it is asked for; empty if nobody in particular.

        Raises:
            AgentUnavailable: nobody serves the name.
            RequestTimeout: no sign of life within `timeout` seconds.
            RateLimited: the agent takes no more requests just now.
            RemoteError: the handler failed, a piece got lost, or the agent fell silent.
        """
        sender = agent_token(message.from_agent)
        if sender not in self._heard:
            await self._listen(sender)
        call = self._call(sender, to_agent, message, timeout, wait, owner, streamed=True)
        expected, cancel_subject, finished = 1, "", False
        try:
            await send(self._connection, call)
            piece = await self._settle(call, await call.next(min(timeout, _DOUBT_SECONDS)))
            while True:
                headers = piece.headers or {}
                finished = FINAL in headers or SEQUENCE not in headers
                answer = read_answer(piece, call)
                cancel_subject = cancel_subject or piece.reply
                if headers.get(SEQUENCE, str(expected)) != str(expected):
                    raise RemoteError(to_agent, "", "a piece of its answer got lost")
                expected += 1
                if answer.text:
                    yield answer.text
                if finished:
                    return
                piece = await self._following(call)
        except AgentUnavailable:
            finished = True
            raise
        finally:
            del self._calls[call.number]
            if not finished:
                await give_up(self._connection, call, cancel_subject)

    # The first answer

    async def _settle(self, call: Call, answer: Msg | None) -> Msg:
        """Return the first answer to a call, whatever comes in between.

        The server tells at once when nobody listens; but whoever only watches the mesh listens,
        too, and then the list of who is there has to tell.

        Args:
            call: the call.
            answer: what has come of it so far.
        """
        loop, doubted = asyncio.get_running_loop(), False
        async with Arrival(self._connection, call.agent) as arrival:
            while True:
                left = call.answer_by - loop.time()
                if answer is not None:
                    headers = answer.headers or {}
                    if status_of(answer) == NO_RESPONDERS:
                        await self._come_up(call, arrival)
                        doubted = False
                    elif HANDED_BACK in headers:
                        # It was not begun, so another instance may take it.
                        await send(self._connection, call)
                    elif KNOWN not in headers:  # else it came after its time
                        return answer
                elif call.reconnected:
                    await repeat(self._connection, call, recalls=_RECALLS_AFTER_OUTAGE)
                elif left <= 0:
                    raise RequestTimeout(call.to_agent, call.subject, call.timeout)
                elif not doubted:
                    doubted = True
                    if not await self._may_be_present(call.agent) and not call.arrived:
                        await self._come_up(call, arrival)
                        doubted = False
                left = call.answer_by - loop.time()
                answer = await call.next(left if doubted else min(left, _DOUBT_SECONDS))

    async def _come_up(self, call: Call, arrival: Arrival) -> None:
        """Wait until the agent may be there, and send the request again."""
        loop = asyncio.get_running_loop()
        left = max(call.wait_until, self._back_until) - loop.time()
        if left <= 0:
            raise AgentUnavailable(call.to_agent, call.subject)
        await arrival.wait(min(left, _POLL_SECONDS))
        call.answer_by = loop.time() + call.timeout
        if call.repeated:
            await repeat(self._connection, call, recalls=_RECALLS_AFTER_OUTAGE)
        else:
            await send(self._connection, call)

    async def _may_be_present(self, agent: str) -> bool:
        try:
            return await instances_of(self._connection, agent) > 0
        except ConnectionLost:
            return True  # nobody knows

    async def _following(self, call: Call) -> Msg:
        """Wait for a further piece of an answer."""
        loop = asyncio.get_running_loop()
        since = loop.time()
        while True:
            silent = loop.time() - since
            if silent >= _SILENCE_SECONDS:
                reason = f"it has been silent for {_SILENCE_SECONDS:g} s"
                raise RemoteError(call.to_agent, "", reason)
            # By now, one sign of life is missing.
            if silent >= _SUSPICIOUS_SECONDS and not await self._may_be_present(call.agent):
                raise RemoteError(call.to_agent, "", "it has gone in the middle of its answer")
            call.reconnected = False  # the numbers tell whether something got lost
            until = _SUSPICIOUS_SECONDS if silent < _SUSPICIOUS_SECONDS else silent + _LOOK_SECONDS
            piece = await call.next(min(until, _SILENCE_SECONDS) - silent)
            if piece is not None and KNOWN not in (piece.headers or {}):
                return piece

    # Making calls

    def _call(
        self,
        sender: str,
        to_agent: str,
        message: Draft,
        timeout: float,
        wait: float | None,
        owner: str,
        *,
        streamed: bool,
    ) -> Call:
        agent = agent_token(to_agent)
        check_seconds("timeout", timeout)
        if wait is not None:
            check_seconds("wait_for_agent", wait)
        data = message.to_bytes()
        self._connection.check_content(data)
        self._next += 1
        number = str(self._next)
        layout, now = self._connection.layout, self._connection.loop.time()
        call = self._calls[number] = Call(
            self._connection.deadlines,
            to_agent,
            agent,
            sender,
            message.message_id,
            data,
            streamed,
            layout.request(agent, sender),
            layout.reply(sender, agent, self._connection.id, number),
            number,
            timeout,
            now + timeout,
            0.0 if wait is None else now + wait,
            owner,
        )
        return call

    # Hearing

    def _back(self) -> None:
        self._back_until = asyncio.get_running_loop().time() + _RETURN_SECONDS
        for call in self._calls.values():
            call.back()

    async def _listen(self, requester: str) -> None:
        if requester not in self._listening:
            self._listening[requester] = asyncio.ensure_future(self._subscribe(requester))
        await asyncio.shield(self._listening[requester])
        self._heard.add(requester)

    async def _subscribe(self, requester: str) -> None:
        subject = self._connection.layout.reply_filter(requester, self._connection.id)
        await self._stack.enter_async_context(self._connection.subscription(subject, self._deliver))

    async def _deliver(self, message: Msg) -> None:
        call = self._calls.get(message.subject.rpartition(".")[2])
        if call is not None:
            call.put(message)
