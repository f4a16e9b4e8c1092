"""The envelope that agents exchange, as JSON (DESIGN section 4).

`AgentMessage.from_bytes` reads what one of our own senders wrote, `read_plain` what any NATS
client may send to an inbox: less than a full envelope, or just text.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal, Self, get_args

import msgspec

from hubbub.errors import InvalidAgentName, InvalidMessage
from hubbub.wire.clock import now
from hubbub.wire.codec import (
    JSON,
    check_json,
    decode,
    decode_as_written,
    decode_object,
    encode,
    explain,
)
from hubbub.wire.ids import new_id
from hubbub.wire.names import ANONYMOUS, agent_token, check_message_id

__all__ = ["HEARTBEAT_PREFIX", "AgentMessage", "MessageType", "read_plain"]

MessageType = Literal["request", "response", "handoff", "announcement", "heartbeat"]

HEARTBEAT_PREFIX = b'{"message_type":"heartbeat"'
"""How the bytes of our own heartbeats begin, so that they can be passed over undecoded."""


class AgentMessage(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, dict=True
):
    """One message between agents.

    Attributes:
        message_type: `request` and `handoff` set the receiver to work; the others inform.
        from_agent: display name of the sender.
        to_agent: display name of the receiver; None for everybody.
        content: the text, or any JSON value.
        metadata: anything else that is JSON.
        timestamp: when it was made, ISO 8601.
        message_id: 1 to 64 letters, digits, `_` or `-`.
        in_reply_to: id of the message that this one answers.
        priority: 1 (most urgent) to 5.
        context_id: the conversation it belongs to; its own id if it opens one.
        hops: how many messages led to this one.

    Raises:
        InvalidMessage: a field has a value that cannot travel.
        InvalidAgentName: a name cannot be a subject token.
    """

    message_type: MessageType
    from_agent: str
    to_agent: str | None = None
    content: JSON
    metadata: dict[str, Any] = msgspec.field(default_factory=dict[str, Any])
    timestamp: str = msgspec.field(default_factory=now)
    message_id: str = msgspec.field(default_factory=new_id)
    in_reply_to: str | None = None
    priority: int = 3
    context_id: str | None = None
    hops: int = 0

    def __post_init__(self) -> None:
        agent_token(self.from_agent)
        if self.to_agent is not None:
            agent_token(self.to_agent)
        check_message_id(self.message_id)
        if self.in_reply_to is not None:
            check_message_id(self.in_reply_to)
        # Most conversations are named after the message that opened them.
        if self.context_id is not None and self.context_id not in (
            self.message_id,
            self.in_reply_to,
        ):
            check_message_id(self.context_id)
        # Bytes arrive here with the right types, but an untyped caller may pass anything.
        if self.message_type not in _TYPES:
            raise InvalidMessage(
                f"message type {_shown(self.message_type)} must be one of {', '.join(_TYPES)}"
            )
        if not isinstance(self.metadata, dict):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InvalidMessage(f"metadata {_shown(self.metadata)} must be a dictionary")
        # bool is an int to Python, not to the wire.
        if type(self.priority) is not int or not 1 <= self.priority <= 5:
            raise InvalidMessage(
                f"priority {_shown(self.priority)} must be a whole number from 1 to 5"
            )
        if type(self.hops) is not int or not 0 <= self.hops <= 1_000_000:
            raise InvalidMessage(
                f"hops {_shown(self.hops)} must be a whole number from 0 to 1,000,000"
            )
        try:
            datetime.fromisoformat(self.timestamp)
        except (ValueError, TypeError):
            raise InvalidMessage(
                f"timestamp {_shown(self.timestamp)} must be an ISO 8601 date and time"
            ) from None

    @property
    def conversation(self) -> str:
        """The context this message belongs to, its own id if it opened it."""
        return self.context_id or self.message_id

    @property
    def text(self) -> str:
        """The content as a string; JSON values in their JSON form."""
        return self.content if isinstance(self.content, str) else encode(self.content).decode()

    @property
    def extra(self) -> dict[str, Any]:
        """Fields that this version does not know; they survive a round trip."""
        return vars(self).get("extra", {})

    def replace(self, **changes: Any) -> Self:
        """Return a copy with some fields changed."""
        copy = msgspec.structs.replace(self, **changes)
        vars(copy).update(vars(self))
        return copy

    def to_builtins(self) -> dict[str, Any]:
        """Return the message as the dictionary that its JSON has."""
        return {**msgspec.structs.asdict(self), **self.extra}

    def to_bytes(self) -> bytes:
        """Return the message as JSON.

        Raises:
            InvalidMessage: content or metadata hold what JSON cannot carry.
        """
        # Both lie one level down, in the object that the message becomes.
        if not isinstance(self.content, str):
            check_json(self.content, what="content", depth=1)
        if self.metadata:
            check_json(self.metadata, what="metadata", depth=1)
        if not self.extra:
            return encode(self)
        return encode(self.to_builtins())

    @classmethod
    def from_bytes(cls, data: bytes) -> AgentMessage:
        """Read a message from untrusted bytes.

        Raises:
            InvalidMessage: they are no message.
        """
        try:
            return decode(data, _decoder)
        except InvalidAgentName as error:
            raise InvalidMessage(str(error)) from None
        except InvalidMessage:
            fields = decode_object(data)
            if fields.keys() <= _FIELDS:
                raise
        return _from_fields(fields)


_TYPES: tuple[str, ...] = get_args(MessageType)
_FIELDS = frozenset(AgentMessage.__struct_fields__)
_decoder = msgspec.json.Decoder(AgentMessage)


def _shown(value: object) -> str:
    try:
        return repr(value)[:40]
    except ValueError:  # a whole number too long to be written
        return f"a huge {type(value).__name__}"


def _from_fields(fields: dict[str, Any]) -> AgentMessage:
    known = {key: value for key, value in fields.items() if key in _FIELDS}
    try:
        message = msgspec.convert(known, AgentMessage)
    except InvalidAgentName as error:
        raise InvalidMessage(str(error)) from None
    except msgspec.ValidationError as error:
        raise InvalidMessage(f"not a valid message: {explain(error)}") from None
    except RecursionError:
        raise InvalidMessage("not readable: the stack it is read from is too deep") from None
    extra = {key: value for key, value in fields.items() if key not in _FIELDS}
    if extra:
        vars(message)["extra"] = extra
    return message


def read_plain(
    data: bytes,
    *,
    to_agent: str | None,
    from_agent: str = ANONYMOUS,
    message_id: str | None = None,
    message_type: MessageType = "request",
) -> AgentMessage:
    """Read what any NATS client may send to an agent, or to everybody.

    A JSON object with at least `content` is an envelope whose missing fields are filled in.
    Other text becomes the content of one.

    Args:
        data: the payload.
        to_agent: whose inbox it came to; None if it is for everybody.
        from_agent: the sender, if the subject tells it.
        message_id: the id if the payload has none; a fresh one by default.
        message_type: what it is if the payload does not say so.

    Raises:
        InvalidMessage: the bytes are neither text nor an envelope.
    """
    if data[:1] == b"{" or data.lstrip()[:1] == b"{":
        try:
            message, canonical = decode_as_written(data, _decoder)
            # Only what re-encodes to itself has every field; others have some filled in below.
            if canonical and (message.to_agent or to_agent is None):
                return message
        except (InvalidMessage, InvalidAgentName):
            pass
        fields = decode_object(data)
    else:
        try:
            fields = {"content": data.decode()}
        except UnicodeDecodeError:
            raise InvalidMessage("the payload is neither JSON nor UTF-8 text") from None
    defaults = {
        "message_type": message_type,
        "from_agent": from_agent,
        "to_agent": to_agent,
        "message_id": message_id or new_id(),
    }
    given = {key: value for key, value in fields.items() if value is not None or key == "content"}
    return _from_fields({**defaults, **given})
