"""What the scripted model answers with, before it is put on the wire."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

__all__ = ["Reply", "ToolCall", "ToolCalls"]


class ToolCall(NamedTuple):
    """A call of a tool; `arguments` is JSON, perhaps broken on purpose."""

    name: str
    arguments: str


class ToolCalls(tuple[ToolCall, ...]):
    """Calls a reply function answers with: `ToolCalls(("get_weather", {"city": "Paris"}))`."""

    __slots__ = ()

    def __new__(cls, *calls: tuple[str, Mapping[str, Any] | str]) -> ToolCalls:
        """Take pairs of a name and the arguments, as a mapping or as text."""
        return super().__new__(
            cls,
            (
                ToolCall(name, given if isinstance(given, str) else json.dumps(dict(given)))
                for name, given in calls
            ),
        )


class Reply(NamedTuple):
    """A whole answer.

    Attributes:
        text: what it says.
        calls: the tools it calls instead.
        first: the number of calls made before in this turn, for the ids.
    """

    text: str = ""
    calls: tuple[ToolCall, ...] = ()
    first: int = 0
