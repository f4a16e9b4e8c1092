"""Asking: a request, and the answer to it, at once or piece by piece (DESIGN sections 3 and 4).

A call ends with an answer, an error in time, or because nobody waits for it any more; then the
agent is told, so that it need not go on. A call that lives through a loss of the connection is
repeated by itself, in a way that does not start the handler again where it is known.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator

from nats.aio.msg import Msg

from hubbub.errors import (
    AgentUnavailable,
    ConnectionLost,
    HubbubError,
    InvalidMessage,
    RateLimited,
    RemoteError,
    RequestTimeout,
)
from hubbub.mesh.requests.arrivals import Arrival, instances_of
from hubbub.mesh.requests.call import Call
from hubbub.mesh.transport.connection import Connection
from hubbub.mesh.transport.headers import (
    DEFAULT_TIMEOUT_SECONDS,
    ERROR,
    ERROR_CODE,
    FINAL,
    HANDED_BACK,
    KNOWN,
    OWNER,
    RETRY,
    RETRY_AFTER,
    SEQUENCE,
    STREAM,
    TIMEOUT,
)
from hubbub.mesh.transport.replies import NO_RESPONDERS, status_of
from hubbub.wire.draft import Draft
from hubbub.wire.envelope import AgentMessage, read_plain
from hubbub.wire.names import agent_token

__all__ = ["Requester"]

log = logging.getLogger("hubbub.requests")

_SILENCE_SECONDS = 15.0
_SUSPICIOUS_SECONDS = 6.0
_LOOK_SECONDS = 1.0
_DOUBT_SECONDS = 0.25
_POLL_SECONDS = 1.0
# After an outage of the server, agents come back at different moments.
_RETURN_SECONDS = 5.0
_RECALL_SECONDS = 0.25
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
            InvalidMessage: the request cannot be written or is too large.
        """
        call = await self._call(to_agent, message, timeout, wait, owner, streamed=False)
        answered = False
        try:
            if repeated:
                await self._repeat(call, recalls=1)
            else:
                await self._send(call)
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
                await self._give_up(call)
        return _read_answer(answer, call)

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
        call = await self._call(to_agent, message, timeout, wait, owner, streamed=True)
        expected, cancel_subject, finished = 1, "", False
        try:
            await self._send(call)
            piece = await self._settle(call, await call.next(min(timeout, _DOUBT_SECONDS)))
            while True:
                headers = piece.headers or {}
                finished = FINAL in headers or SEQUENCE not in headers
                answer = _read_answer(piece, call)
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
                await self._give_up(call, cancel_subject)

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
                        await self._send(call)  # it was not begun, so another instance may take it
                    elif KNOWN not in headers:  # else it came after its time
                        return answer
                elif call.reconnected:
                    await self._repeat(call, recalls=_RECALLS_AFTER_OUTAGE)
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
            await self._repeat(call, recalls=_RECALLS_AFTER_OUTAGE)
        else:
            await self._send(call)

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

    # Sending

    async def _call(
        self,
        to_agent: str,
        message: Draft,
        timeout: float,
        wait: float | None,
        owner: str,
        *,
        streamed: bool,
    ) -> Call:
        sender, agent = agent_token(message.from_agent), agent_token(to_agent)
        data = message.to_bytes()
        self._connection.check_content(data)
        if sender not in self._heard:
            await self._listen(sender)
        self._next += 1
        number = str(self._next)
        layout, now = self._connection.layout, asyncio.get_running_loop().time()
        call = self._calls[number] = Call(
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

    async def _send(self, call: Call, *, again: bool = False) -> None:
        if not self._connection.client.is_connected:
            await self._available(call)
        call.reconnected = False
        headers: dict[str, str] = {}
        if call.streamed:
            headers[STREAM] = "1"
        elif again or call.sent or call.timeout != DEFAULT_TIMEOUT_SECONDS:
            left = call.answer_by - asyncio.get_running_loop().time()
            headers[TIMEOUT] = f"{max(left, 0.001):.3f}" if call.sent else f"{call.timeout:g}"
        if again:
            headers[RETRY] = "1"
        if call.owner:
            headers[OWNER] = call.owner
        call.sent = True
        await self._connection.publish(
            call.subject, call.data, reply=call.reply, headers=headers or None
        )

    async def _available(self, call: Call) -> None:
        """Wait for the connection: what is published without one would be sent twice."""
        try:
            async with asyncio.timeout_at(call.answer_by):
                await self._connection.available()
        except TimeoutError:
            raise RequestTimeout(call.to_agent, call.subject, call.timeout) from None

    async def _repeat(self, call: Call, *, recalls: int) -> None:
        """Send a request that may have come before, unless some instance says that it did.

        Args:
            call: the call.
            recalls: how many times to ask; after an outage, instances come back one by one.
        """
        call.repeated = True
        if not await self._is_known(call, recalls):
            await self._send(call, again=True)

    async def _is_known(self, call: Call, recalls: int) -> bool:
        """Ask all instances of the agent whether they know a request; who has an answer sends it.

        One that is alone need not be asked: the request itself goes to it.
        """
        call.reconnected = False
        try:
            instances = await instances_of(self._connection, call.agent)
        except ConnectionLost:
            return False
        if instances < 2:
            return False
        loop, strangers = asyncio.get_running_loop(), set[bytes]()
        subject = self._connection.layout.recall(call.agent, call.sender)
        for _ in range(recalls):
            call.sent, call.reconnected = True, False
            await self._connection.publish(subject, call.message_id.encode(), reply=call.reply)
            until = min(loop.time() + _RECALL_SECONDS, call.answer_by)
            while (answer := await call.next(until - loop.time())) is not None:
                headers = answer.headers or {}
                if status_of(answer) == NO_RESPONDERS:
                    if recalls == 1:
                        return False
                    continue  # they are not back yet
                if KNOWN not in headers:
                    call.arrived.appendleft(answer)
                    return True
                if headers[KNOWN] == "1":
                    return True
                strangers.add(answer.data)
                if len(strangers) >= instances:
                    return False
        return False

    async def _give_up(self, call: Call, cancel_subject: str = "") -> None:
        """Tell the agent that nobody waits for its answer any more."""
        if not call.sent:
            return
        with contextlib.suppress(HubbubError):
            if cancel_subject:
                await self._connection.publish(cancel_subject, b"cancel")
                return
            subject = self._connection.layout.cancel(call.agent, call.sender)
            await self._connection.publish(subject, call.message_id.encode(), reply=call.reply)

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


def _read_answer(answer: Msg, call: Call) -> AgentMessage:
    headers = answer.headers or {}
    if ERROR in headers:
        raise _read_error(answer, headers, call)
    try:
        return read_plain(answer.data, to_agent=call.to_agent, from_agent=call.agent)
    except InvalidMessage as error:
        raise RemoteError(
            call.to_agent, "InvalidMessage", f"its answer is unreadable: {error}"
        ) from None


def _read_error(answer: Msg, headers: dict[str, str], call: Call) -> HubbubError:
    if headers.get(ERROR_CODE) == "429":
        seconds: float | None = None
        with contextlib.suppress(KeyError, ValueError):
            seconds = float(headers[RETRY_AFTER])
        return RateLimited(repr(call.to_agent), seconds)
    kind, _, reason = headers[ERROR].partition(": ")
    try:
        reason = read_plain(answer.data, to_agent=call.to_agent).text or reason
    except InvalidMessage:
        log.debug("an error reply of %s has no readable body", call.to_agent)
    return RemoteError(call.to_agent, kind, reason)
