"""A message of our own on its way out: put together from parts that are known to be good.

`AgentMessage` checks every field, for it is made from whatever came in. A request or an answer
is written many thousand times a second, by code that has checked what it was given.
"""

from __future__ import annotations

from typing import Any

import msgspec

from hubbub.wire.clock import now
from hubbub.wire.codec import JSON, check_json, encode
from hubbub.wire.envelope import MessageType
from hubbub.wire.ids import new_id

__all__ = ["Draft"]


class Draft(msgspec.Struct, kw_only=True):
    """The fields of an `AgentMessage`, in their order, so that its bytes are the same.

    Only `content` and `metadata` are looked at, when it is written.
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
        return encode(self)
