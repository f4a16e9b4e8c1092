"""Narrow JSON of unknown origin to a known shape, without trusting it."""

from __future__ import annotations

from typing import Any, cast

__all__ = ["JsonObject", "as_list", "as_object", "as_text", "object_in"]

JsonObject = dict[str, Any]


def as_object(value: object) -> JsonObject | None:
    """Return `value` if it is a JSON object, else None."""
    return cast("JsonObject", value) if isinstance(value, dict) else None


def as_list(value: object) -> list[Any]:
    """Return `value` if it is a JSON array, else an empty list."""
    return cast("list[Any]", value) if isinstance(value, list) else []


def as_text(value: object) -> str:
    """Return the text of a message's content: a string, or a list of parts."""
    if isinstance(value, str):
        return value
    parts = (
        part if isinstance(part, str) else object_in(part).get("text") for part in as_list(value)
    )
    return "".join(part for part in parts if isinstance(part, str))


def object_in(value: object) -> JsonObject:
    """Return `value` if it is a JSON object, else an empty one."""
    return as_object(value) or {}
