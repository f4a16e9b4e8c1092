"""A request on its way: sent, sent again where it may have come before, or given up."""

from __future__ import annotations

import asyncio
import contextlib

from hubbub.errors import ConnectionLost, HubbubError, RequestTimeout
from hubbub.mesh.requests.arrivals import instances_of
from hubbub.mesh.requests.call import Call
from hubbub.mesh.transport.connection import Connection
from hubbub.mesh.transport.headers import (
    DEFAULT_TIMEOUT_SECONDS,
    KNOWN,
    OWNER,
    RETRY,
    STREAM,
    TIMEOUT,
)
from hubbub.mesh.transport.replies import NO_RESPONDERS, status_of

__all__ = ["give_up", "repeat", "send"]

_RECALL_SECONDS = 0.25


async def send(connection: Connection, call: Call, *, again: bool = False) -> None:
    """Send a request to one instance of the agent.

    Args:
        connection: the mesh.
        call: the call.
        again: whether it may have come before, so that it must not run twice.

    Raises:
        RequestTimeout: there was no connection within the call's time.
    """
    if not connection.client.is_connected:
        await _available(connection, call)
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
    await connection.publish(call.subject, call.data, reply=call.reply, headers=headers or None)


async def _available(connection: Connection, call: Call) -> None:
    """Wait for the connection: what is published without one would be sent twice."""
    try:
        async with asyncio.timeout_at(call.answer_by):
            await connection.available()
    except TimeoutError:
        raise RequestTimeout(call.to_agent, call.subject, call.timeout) from None


async def repeat(connection: Connection, call: Call, *, recalls: int) -> None:
    """Send a request that may have come before, unless some instance says that it did.

    Args:
        connection: the mesh.
        call: the call.
        recalls: how many times to ask; after an outage, instances come back one by one.
    """
    call.repeated = True
    if not await _is_known(connection, call, recalls):
        await send(connection, call, again=True)


async def _is_known(connection: Connection, call: Call, recalls: int) -> bool:
    """Ask all instances of the agent whether they know a request; who has an answer sends it.

    One that is alone need not be asked: the request itself goes to it.
    """
    call.reconnected = False
    try:
        instances = await instances_of(connection, call.agent)
    except ConnectionLost:
        return False
    if instances < 2:
        return False
    loop, strangers = asyncio.get_running_loop(), set[bytes]()
    subject = connection.layout.recall(call.agent, call.sender)
    for _ in range(recalls):
        call.sent, call.reconnected = True, False
        await connection.publish(subject, call.message_id.encode(), reply=call.reply)
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


async def give_up(connection: Connection, call: Call, cancel_subject: str = "") -> None:
    """Tell the agent that nobody waits for its answer any more."""
    if not call.sent:
        return
    with contextlib.suppress(HubbubError):
        if cancel_subject:
            await connection.publish(cancel_subject, b"cancel")
            return
        subject = connection.layout.cancel(call.agent, call.sender)
        await connection.publish(subject, call.message_id.encode(), reply=call.reply)
