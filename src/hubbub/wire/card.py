"""The card of an agent: who it is and what it can do."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import msgspec

from hubbub.errors import InvalidAgentName, InvalidMessage
from hubbub.wire.codec import check_json, decode, encode
from hubbub.wire.names import agent_token

__all__ = ["WORKFLOW", "AgentCard", "AgentStatus"]

WORKFLOW = "workflow"
"""The capability of agents whose tasks are runs, which ask people and resume."""


class AgentStatus(StrEnum):
    """Whether an agent can be reached."""

    ONLINE = "online"
    BUSY = "busy"
    DRAINING = "draining"
    OFFLINE = "offline"


class AgentCard(msgspec.Struct, frozen=True, kw_only=True):
    """What an agent tells about itself.

    Attributes:
        name: display name.
        description: one sentence for people and models.
        capabilities: words to find it by.
        tools: names of the tools it uses.
        model: the model it thinks with, if any.
        version: its own version.
        status: online, busy, draining or offline.
        instances: how many processes serve the name.
        running: tasks and requests being worked on, over all instances.
        queued: what nobody has begun with: messages in the agent's inbox, which its instances
            share and which therefore count once, and the requests that wait in each instance for
            a free slot, added up. As the last heartbeats know it.
        last_seen: time of the newest heartbeat, ISO 8601.
        metadata: anything else that is JSON, such as the schema of a start form.
    """

    name: str
    description: str = ""
    capabilities: list[str] = msgspec.field(default_factory=list[str])
    tools: list[str] = msgspec.field(default_factory=list[str])
    model: str | None = None
    version: str = ""
    status: AgentStatus = AgentStatus.ONLINE
    instances: int = 1
    running: int = 0
    queued: int = 0
    last_seen: str | None = None
    metadata: dict[str, Any] = msgspec.field(default_factory=dict[str, Any])

    def __post_init__(self) -> None:
        agent_token(self.name)

    @property
    def input_schema(self) -> dict[str, Any] | None:
        """The JSON schema of what a task for it is started with; None if it takes any text."""
        schema = self.metadata.get("input_schema")
        return schema if isinstance(schema, dict) else None  # pyright: ignore[reportUnknownVariableType]

    @property
    def token(self) -> str:
        """The subject token of the name."""
        return agent_token(self.name)

    def has_capability(self, capability: str) -> bool:
        """Tell whether a capability is offered; upper and lower case are the same."""
        wanted = capability.casefold()
        return any(own.casefold() == wanted for own in self.capabilities)

    def to_bytes(self) -> bytes:
        """Return the card as JSON.

        Raises:
            InvalidMessage: something in it has no JSON form.
        """
        check_json(self.metadata, what="the card's metadata", depth=1)
        return encode(self)

    @classmethod
    def from_bytes(cls, data: bytes) -> AgentCard:
        """Read a card from untrusted bytes; fields of later versions are passed over.

        Raises:
            InvalidMessage: they are no card.
        """
        try:
            return decode(data, _decoder)
        except InvalidAgentName as error:
            raise InvalidMessage(str(error)) from None


_decoder = msgspec.json.Decoder(AgentCard)
