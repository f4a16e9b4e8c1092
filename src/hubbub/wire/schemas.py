"""Whether a value is what a JSON schema wants, as far as that can be told in no time.

Schemas come from whoever serves an agent. What a hostile one could make expensive is left out:
patterns are not looked at, and a check that has taken too many steps finds nothing more. The agent
itself has the last word in any case.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeGuard, cast

from hubbub.wire.codec import encode

__all__ = ["Misfit", "Schema", "misfits", "resolved"]

Schema = dict[str, Any]

_MOST_STEPS = 20_000
_DEEPEST = 200
_MOST_MISFITS = 20

_TYPES: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "string": ("a text", lambda value: isinstance(value, str)),
    "integer": ("a whole number", lambda value: _is_number(value) and value == value // 1),
    "number": ("a number", lambda value: _is_number(value)),
    "boolean": ("true or false", lambda value: isinstance(value, bool)),
    "null": ("null", lambda value: value is None),
    "array": ("a list", lambda value: isinstance(value, list)),
    "object": ("an object", lambda value: isinstance(value, dict)),
}


@dataclass(frozen=True, slots=True)
class Misfit:
    """Something that a schema does not allow.

    Attributes:
        path: where, such as `address.street` or `topics.0`; empty for the value as a whole.
        reason: what is wrong, such as "must be a text".
    """

    path: str
    reason: str

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}" if self.path else self.reason


def misfits(value: object, schema: Schema, root: Schema | None = None) -> list[Misfit]:
    """Return what a schema does not allow in a value; nothing if it fits.

    Args:
        value: JSON.
        schema: what it must be.
        root: where the references of the schema lead, if not to itself.
    """
    check = _Check(schema if root is None else root)
    return check.of(value, schema, "")[:_MOST_MISFITS]


def resolved(schema: Schema, root: Schema) -> Schema:
    """Follow a reference, within the schema alone."""
    seen = set[str]()
    while isinstance(reference := schema.get("$ref"), str) and reference not in seen:
        seen.add(reference)
        target: Schema = root
        for part in reference.removeprefix("#/").split("/"):
            target = _object(target.get(part.replace("~1", "/").replace("~0", "~")))
        schema = {**target, **{key: value for key, value in schema.items() if key != "$ref"}}
    return schema


class _Check:
    """One check, which ends after so many steps."""

    def __init__(self, root: Schema) -> None:
        self._root = root
        self._left = _MOST_STEPS
        self._depth = 0

    def of(self, value: Any, schema: Any, path: str) -> list[Misfit]:
        self._left -= 1
        if self._left < 0 or self._depth > _DEEPEST or schema is True:
            return []
        self._depth += 1
        try:
            return self._of(value, schema, path)
        finally:
            self._depth -= 1

    def _of(self, value: Any, schema: Any, path: str) -> list[Misfit]:
        if schema is False:
            return [Misfit(path, "is not allowed")]
        schema = resolved(_object(schema), self._root)
        found = [Misfit(path, reason) for reason in _plain(value, schema)]
        if found:
            return found
        for option in _list(schema.get("allOf")):
            found += self.of(value, option, path)
        for key in ("anyOf", "oneOf"):
            options = _list(schema.get(key))
            if options:
                found += self._one_of(value, options, path)
        if isinstance(value, dict):
            found += self._object(cast("Schema", value), schema, path)
        elif isinstance(value, list):
            found += self._items(cast("list[Any]", value), schema, path)
        return found

    def _one_of(self, value: Any, options: list[Any], path: str) -> list[Misfit]:
        every = [self.of(value, option, path) for option in options]
        if not all(every):
            return []
        # Of what is wrong in each, whatever lies deepest is about the option that was meant.
        deepest = max(every, key=lambda some: len(some[0].path))
        if deepest[0].path != path:
            return deepest
        return [Misfit(path, ", or ".join(dict.fromkeys(some[0].reason for some in every)))]

    def _object(self, value: Schema, schema: Schema, path: str) -> list[Misfit]:
        properties = _object(schema.get("properties"))
        others = schema.get("additionalProperties", True)
        found = [
            Misfit(_below(path, name), "is missing")
            for name in _list(schema.get("required"))
            if isinstance(name, str) and name not in value
        ]
        for name, one in value.items():
            if name in properties:
                found += self.of(one, properties[name], _below(path, name))
            elif others is False and not schema.get("patternProperties"):
                known = ", ".join(properties) or "none at all"
                found.append(Misfit(_below(path, name), f"is not known, only {known}"))
            elif isinstance(others, dict):
                found += self.of(one, others, _below(path, name))
        return found

    def _items(self, value: list[Any], schema: Schema, path: str) -> list[Misfit]:
        first = _list(schema.get("prefixItems"))
        rest = schema.get("items", True)
        found: list[Misfit] = []
        for number, one in enumerate(value):
            wanted = first[number] if number < len(first) else rest
            found += self.of(one, wanted, _below(path, str(number)))
        return found


def _plain(value: Any, schema: Schema) -> list[str]:
    """Return what is wrong with a value, not looking at what lies within it."""
    wanted = schema.get("type")
    names = [wanted] if isinstance(wanted, str) else _list(wanted)
    types = [_TYPES[name] for name in names if isinstance(name, str) and name in _TYPES]
    if types and len(types) == len(names) and not any(fits(value) for _, fits in types):
        return [f"must be {' or '.join(text for text, _ in types)}"]
    if "const" in schema and not _same(value, schema["const"]):
        return [f"must be {_shown(schema['const'])}"]
    options = _list(schema.get("enum"))
    if options and not any(_same(value, option) for option in options):
        return [f"must be one of: {', '.join(map(_shown, options))}"]
    found: list[str] = []
    if _is_number(value):
        for key, text, is_wrong in _LIMITS:
            limit = schema.get(key)
            if _is_number(limit) and is_wrong(value, limit):
                found.append(f"must be {text} {limit}")
    for kind, least, most, what in _SIZES:
        if isinstance(value, kind):
            size, low, high = len(cast("Any", value)), schema.get(least), schema.get(most)
            if _is_number(low) and size < low:
                found.append(f"must have at least {low} {what}")
            if _is_number(high) and size > high:
                found.append(f"must have at most {high} {what}")
    return found


_LIMITS: list[tuple[str, str, Callable[[Any, Any], bool]]] = [
    ("minimum", "at least", lambda value, limit: value < limit),
    ("maximum", "at most", lambda value, limit: value > limit),
    ("exclusiveMinimum", "more than", lambda value, limit: value <= limit),
    ("exclusiveMaximum", "less than", lambda value, limit: value >= limit),
]
_SIZES: list[tuple[type, str, str, str]] = [
    (str, "minLength", "maxLength", "characters"),
    (list, "minItems", "maxItems", "items"),
    (dict, "minProperties", "maxProperties", "fields"),
]


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _same(value: object, other: object) -> bool:
    # To Python, true is 1.
    return value == other and isinstance(value, bool) == isinstance(other, bool)


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else encode(value).decode()


def _below(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _object(value: Any) -> Schema:
    return cast("Schema", value) if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return cast("list[Any]", value) if isinstance(value, list) else []
