"""Names, subjects, envelope, card and task events: pure, no I/O."""

from hubbub.wire.card import AgentCard, AgentStatus
from hubbub.wire.codec import JSON
from hubbub.wire.envelope import AgentMessage, MessageType
from hubbub.wire.names import ANONYMOUS, agent_token

__all__ = [
    "ANONYMOUS",
    "JSON",
    "AgentCard",
    "AgentMessage",
    "AgentStatus",
    "MessageType",
    "agent_token",
]
