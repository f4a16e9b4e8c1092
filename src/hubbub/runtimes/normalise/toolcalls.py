"""Put right the tool calls that servers send in a shape of their own."""

from __future__ import annotations

import json
import uuid
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from hubbub.runtimes.normalise.textcalls import TextCall
from hubbub.runtimes.shapes import JsonObject, as_text, object_in

__all__ = ["CallIndex", "new_call_id", "whole_call"]


def new_call_id() -> str:
    """Return an id for a call that came without one."""
    return "call_" + uuid.uuid4().hex[:16]


def whole_call(entry: object) -> JsonObject:
    """Return a complete tool call with an id, a name, and its arguments as a string of JSON."""
    call = object_in(entry)
    function = object_in(call.get("function"))
    return {
        "id": as_text(call.get("id")) or new_call_id(),
        "type": "function",
        "function": {
            "name": as_text(function.get("name")),
            "arguments": _arguments(function.get("arguments")) or "{}",
        },
    }


def _arguments(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value)


@dataclass(slots=True)
class _Known:
    """A call that has begun in the stream."""

    id: str
    name: str
    arguments: str = ""

    @property
    def complete(self) -> bool:
        try:
            json.loads(self.arguments)
        except (ValueError, RecursionError):
            return False
        return True


class CallIndex:
    """Gives each part of a streamed tool call the index, id and name it should have.

    Repaired are: no index; one index for several calls; id and name repeated, or empty, in every
    part; arguments as an object instead of a string.

    Args:
        offered: names of the tools that were offered.
    """

    def __init__(self, offered: Collection[str]) -> None:
        self._offered = offered
        self._calls: list[_Known] = []
        self._by_index: dict[Any, int] = {}
        self._by_id: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._calls)

    def part(self, entry: object) -> JsonObject:
        """Return a part of a call as it should have been sent."""
        delta = object_in(entry)
        function = object_in(delta.get("function"))
        given, call_id = delta.get("index"), as_text(delta.get("id"))
        name, arguments = as_text(function.get("name")), _arguments(function.get("arguments"))
        at = self._position(given, call_id, name)
        if at is None:
            at = self._begin(given, call_id, name)
            told = {"name": name, "arguments": arguments}
            part = {"index": at, "id": self._calls[at].id, "type": "function", "function": told}
        else:
            known = self._calls[at]
            told = {"arguments": arguments}
            # A name may arrive in parts as long as it is no name of a tool yet.
            if name and known.name not in self._offered and name != known.name:
                known.name += name
                told["name"] = name
            part = {"index": at, "function": told}
        self._calls[at].arguments += arguments
        return part

    def whole(self, call: TextCall) -> JsonObject:
        """Return a call that was found in text, as one part."""
        at = self._begin(None, "", call.name)
        self._calls[at].arguments = call.arguments
        function = {"name": call.name, "arguments": call.arguments}
        return {"index": at, "id": self._calls[at].id, "type": "function", "function": function}

    def _begin(self, given: Any, call_id: str, name: str) -> int:
        at = len(self._calls)
        self._calls.append(_Known(call_id or new_call_id(), name))
        if given is not None:
            self._by_index[given] = at
        if call_id:
            self._by_id[call_id] = at
        return at

    def _position(self, given: Any, call_id: str, name: str) -> int | None:
        """Return which known call a part belongs to; None if it begins another."""
        if call_id in self._by_id:
            return self._by_id[call_id]
        if given is not None:
            at = self._by_index.get(given)
            if at is None:
                return None
        elif call_id or not self._calls:
            return None
        else:
            at = len(self._calls) - 1
        # Ids made anew for every part are known from servers, too: only a call whose arguments
        # are complete can be followed by another.
        another = bool(name) and self._calls[at].complete
        return None if another else at
