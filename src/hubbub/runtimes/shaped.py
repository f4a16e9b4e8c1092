"""Answers of a given shape: a JSON schema, and a check that says what does not fit."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from typing import Any, NamedTuple, cast

from hubbub.runtimes.repair import BrokenJson, read_json
from hubbub.runtimes.shapes import JsonObject, as_list, as_object, object_in

__all__ = ["Shape", "ShapeMismatch", "misfits"]

_TYPES: dict[str, type | tuple[type, ...]] = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "null": type(None),
}


class ShapeMismatch(ValueError):
    """An answer that does not have the shape; the message is meant for the model."""


class Shape(NamedTuple):
    """The shape an answer must have.

    Attributes:
        schema: as a JSON schema.
        read: returns the JSON value in a text, or raises `ShapeMismatch`.
    """

    schema: JsonObject
    read: Callable[[str], Any]

    @classmethod
    def of(cls, source: object) -> Shape:
        """Return the shape of a JSON schema, or of a type that pydantic understands.

        Raises:
            TypeError: it is neither.
        """
        schema = as_object(source)
        if schema is not None:
            return cls(schema, functools.partial(_read_schema, schema=schema))
        return cls._of_type(source)

    @classmethod
    def _of_type(cls, source: object) -> Shape:
        from pydantic import TypeAdapter, ValidationError
        from pydantic.errors import PydanticUserError

        try:
            adapter: TypeAdapter[Any] = TypeAdapter(cast("Any", source))
            schema = adapter.json_schema()
        except PydanticUserError as error:
            raise TypeError(f"{source!r} cannot be the shape of an answer: {error}") from None

        def read(text: str) -> Any:
            try:
                value = adapter.validate_json(json.dumps(_json_in(text)))
            except ValidationError as error:
                problems = error.errors(include_url=False, include_context=False)
                told = (f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in problems)
                raise ShapeMismatch("; ".join(told)) from None
            return adapter.dump_python(value, mode="json")

        return cls(schema, read)


def _json_in(text: str) -> Any:
    try:
        return read_json(text)
    except BrokenJson as error:
        raise ShapeMismatch(f"it is not valid JSON ({error})") from None


def _read_schema(text: str, schema: JsonObject) -> Any:
    value = _json_in(text)
    problems = misfits(value, schema, schema)
    if problems:
        raise ShapeMismatch("; ".join(problems[:5]))
    return value


def misfits(value: Any, schema: JsonObject, root: JsonObject, at: str = "answer") -> list[str]:
    """Return what is wrong with a value, by the parts of a schema that matter for answers.

    Looked at are types, required and additional properties, items, enumerations and references;
    formats and ranges are not.
    """
    if isinstance(schema.get("$ref"), str):
        schema = _referred(schema["$ref"], root)
    for key in ("anyOf", "oneOf"):
        if options := as_list(schema.get(key)):
            tried = [misfits(value, object_in(option), root, at) for option in options]
            return min(tried, key=len)
    if "const" in schema and value != schema["const"]:
        return [f"{at} must be {json.dumps(schema['const'])}"]
    if (allowed := as_list(schema.get("enum"))) and value not in allowed:
        return [f"{at} must be one of {json.dumps(allowed)}"]
    kinds = as_list(schema.get("type")) or [schema.get("type")]
    if kinds != [None] and not any(_is(value, str(kind)) for kind in kinds):
        return [f"{at} must be of type {' or '.join(map(str, kinds))}"]
    problems: list[str] = []
    if (entry := as_object(value)) is not None:
        problems += _entry_misfits(entry, schema, root, at)
    items = as_object(schema.get("items"))
    if items is not None:
        for number, item in enumerate(as_list(value)):
            problems += misfits(item, items, root, f"{at}[{number}]")
    return problems


def _entry_misfits(entry: JsonObject, schema: JsonObject, root: JsonObject, at: str) -> list[str]:
    properties = object_in(schema.get("properties"))
    required = as_list(schema.get("required"))
    problems = [f"{at} lacks {name!r}" for name in required if name not in entry]
    if schema.get("additionalProperties") is False:
        problems += [f"{at} has no {name!r}" for name in entry if name not in properties]
    for name, part in properties.items():
        if name in entry:
            problems += misfits(entry[name], object_in(part), root, f"{at}.{name}")
    return problems


def _is(value: Any, kind: str) -> bool:
    if isinstance(value, bool) and kind in ("integer", "number"):
        return False
    return isinstance(value, _TYPES.get(kind, object))


def _referred(reference: str, root: JsonObject) -> JsonObject:
    node = root
    for part in reference.lstrip("#/").split("/"):
        node = object_in(node.get(part))
    return node
