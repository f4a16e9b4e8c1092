"""What JetStream answers, read into records and errors."""

from __future__ import annotations

from typing import Any

import msgspec
from nats.aio.msg import Msg

from hubbub.errors import HubbubError

__all__ = [
    "APIError",
    "PubAck",
    "StoredMessage",
    "StreamMissing",
    "read_answer",
    "read_puback",
    "read_stored",
]

# The second one is said while a write on the same subject is on its way to the replicas.
_WRONG_LAST_SEQUENCE = {10071, 10164}

# No leader, all servers that hold it away, the same message on its way to the replicas, overload.
_PASSING = {10008, 10009, 10118, 10119, 10158, 10163, 10167}


class PubAck(msgspec.Struct, frozen=True):
    """What the server says about a stored message.

    Attributes:
        stream: the stream that stored it.
        seq: its sequence there.
        duplicate: whether it had been stored before.
    """

    stream: str
    seq: int
    duplicate: bool = False


class StoredMessage(msgspec.Struct, frozen=True):
    """A message read back from a stream.

    Attributes:
        subject: where it was published.
        sequence: its place in the stream.
        time: when it was stored, RFC 3339.
        headers: its headers.
        data: its payload.
    """

    subject: str
    sequence: int
    time: str
    headers: dict[str, str]
    data: bytes


class APIError(HubbubError):
    """JetStream refused something.

    Attributes:
        code: HTTP-like status code.
        error_code: the server's own error code.
    """

    def __init__(self, code: int, error_code: int, description: str) -> None:
        super().__init__(f"The NATS server refused it: {description} ({error_code})")
        self.code = code
        self.error_code = error_code

    @property
    def is_fence(self) -> bool:
        """Whether somebody else wrote to the subject first."""
        return self.error_code in _WRONG_LAST_SEQUENCE

    @property
    def is_passing(self) -> bool:
        """Whether the same may be taken in a moment, as when a cluster has elected a leader."""
        return self.error_code in _PASSING


class StreamMissing(HubbubError):
    """No stream takes the subject: the mesh has not been set up on this server."""


class _Error(msgspec.Struct):
    code: int = 0
    err_code: int = 0
    description: str = ""

    def as_exception(self) -> APIError:
        return APIError(self.code, self.err_code, self.description)


class _Reply(msgspec.Struct):
    error: _Error | None = None
    stream: str = ""
    seq: int = 0
    duplicate: bool = False


_reply_decoder = msgspec.json.Decoder(_Reply)
_object_decoder = msgspec.json.Decoder(dict[str, Any])


def read_puback(message: Msg) -> PubAck:
    """Read the answer to a publish into a stream.

    Raises:
        APIError: the stream refused it.
    """
    reply = _reply_decoder.decode(message.data)
    if reply.error is not None:
        raise reply.error.as_exception()
    return PubAck(reply.stream, reply.seq, reply.duplicate)


def read_answer(message: Msg) -> dict[str, Any]:
    """Read the answer to an API call.

    Raises:
        APIError: the server refused.
    """
    answer = _object_decoder.decode(message.data)
    if "error" in answer:
        raise msgspec.convert(answer["error"], _Error).as_exception()
    return answer


def read_stored(message: Msg) -> StoredMessage:
    """Read a message that was got from a stream."""
    headers = dict(message.headers or {})
    return StoredMessage(
        headers.get("Nats-Subject", message.subject),
        int(headers["Nats-Sequence"]),
        headers.get("Nats-Time-Stamp", ""),
        headers,
        message.data,
    )
