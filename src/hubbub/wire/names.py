"""Agent names and message ids: what may enter a subject, and what may not.

A subject is built from tokens only, and a token can hold no dot, wildcard or white space. This
is the one place that makes them, which is why it is also a security rule.
"""

from __future__ import annotations

import functools
import re

from hubbub.errors import InvalidAgentName, InvalidMessage

__all__ = ["ANONYMOUS", "agent_token", "check_message_id", "is_agent_token"]

ANONYMOUS = "anonymous"
"""The sender of messages that name none."""

_TOKEN = re.compile(r"[a-z0-9](?:[a-z0-9_]{0,61}[a-z0-9])?")
_MESSAGE_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


def is_agent_token(text: str) -> bool:
    """Tell whether a text already is a token."""
    return _TOKEN.fullmatch(text) is not None


@functools.lru_cache(maxsize=8192)
def _token(name: str) -> str | None:
    # Only ASCII may be lowered: other letters, such as the Kelvin sign, would turn into ASCII ones.
    if not name.isascii():
        return None
    token = name.lower().replace(" ", "_").replace("-", "_")
    return token if is_agent_token(token) else None


def agent_token(name: str) -> str:
    """Return the subject token of a name: `Weather-Bot` becomes `weather_bot`.

    Two names with the same token are the same agent.

    Raises:
        InvalidAgentName: the name has no token.
    """
    # An untyped caller may pass anything; the cache must not be asked with what cannot be hashed,
    # nor filled with endless names.
    token = _token(name) if isinstance(name, str) and len(name) <= 63 else None  # pyright: ignore[reportUnnecessaryIsInstance]
    if token is None:
        raise InvalidAgentName(name)
    return token


def check_message_id(message_id: str) -> str:
    """Return a message id that may be used in headers and as a task id.

    Raises:
        InvalidMessage: it is not 1 to 64 letters, digits, `_` or `-`.
    """
    if not isinstance(message_id, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InvalidMessage(f"a message id must be a string, not a {type(message_id).__name__}")
    if _MESSAGE_ID.fullmatch(message_id) is None:
        raise InvalidMessage(
            f"message id {message_id[:80]!r} must be 1 to 64 letters, digits, '_' or '-'"
        )
    return message_id
