"""What has come for a call, as a message or as the error that it stands for."""

from __future__ import annotations

import contextlib
import logging

from nats.aio.msg import Msg

from hubbub.errors import HubbubError, InvalidMessage, RateLimited, RemoteError
from hubbub.mesh.requests.call import Call
from hubbub.mesh.transport.headers import ERROR, ERROR_CODE, RETRY_AFTER
from hubbub.wire.envelope import AgentMessage, read_plain

__all__ = ["read_answer"]

log = logging.getLogger("hubbub.requests")


def read_answer(answer: Msg, call: Call) -> AgentMessage:
    """Return the message that has come for a call.

    Raises:
        RateLimited: it says that the agent takes no more requests just now.
        RemoteError: it says that the handler failed, or cannot be read.
    """
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
