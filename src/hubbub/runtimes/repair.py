"""Read the JSON that models write, mending what is mended without guessing."""

from __future__ import annotations

import ast
import json
import re
from typing import Any, NoReturn

from hubbub.runtimes.shapes import JsonObject, as_object

__all__ = ["BrokenJson", "read_json", "read_object"]

_FENCE = re.compile(r"^```[\w-]*\s*\n?(.*?)\n?\s*```$", re.DOTALL)
_STRING_OR_TRAILING_COMMA = re.compile(r'"(?:[^"\\]|\\.)*"|,(?=\s*[}\]])', re.DOTALL)
# `ast` recurses and is slow on long text; whatever is longer than this is no tool call.
_LITERAL_LIMIT = 100_000


class BrokenJson(ValueError):
    """Text that is not JSON and cannot be mended; the message is meant for the model."""


def read_json(text: str) -> Any:
    """Return the JSON value in `text`.

    Mended are code fences, trailing commas and Python literals. Text that breaks off is never
    completed: a tool must not run with half of its arguments.

    Raises:
        BrokenJson: there is no JSON value in it.
    """
    text = text.strip()
    if fenced := _FENCE.match(text):
        text = fenced[1].strip()
    try:
        return _load(text)
    except ValueError as error:
        reason = str(error)
    mended = _STRING_OR_TRAILING_COMMA.sub(lambda hit: "" if hit[0] == "," else hit[0], text)
    for read in (_load, _literal):
        try:
            return read(mended)
        except ValueError:
            continue
    raise BrokenJson(reason)


def read_object(text: str) -> JsonObject:
    """Return the JSON object in `text`; empty text is an empty object.

    An object that was encoded twice, as a string of JSON, is decoded twice.

    Raises:
        BrokenJson: there is no JSON object in it.
    """
    if not text.strip():
        return {}
    value = read_json(text)
    if isinstance(value, str):
        value = read_json(value)
    found = as_object(value)
    if found is None:
        raise BrokenJson(f"expected a JSON object, not {json.dumps(value)[:80]}")
    return found


def _load(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_refuse)
    except RecursionError:
        raise BrokenJson("nested too deeply") from None


def _refuse(constant: str) -> NoReturn:
    raise BrokenJson(f"{constant} is not JSON")


def _literal(text: str) -> Any:
    """Read `{'city': 'Paris', 'rain': True}`, which small models write instead of JSON."""
    if len(text) > _LITERAL_LIMIT or not text.startswith(("{", "[")):
        raise BrokenJson("not a literal")
    try:
        value = ast.literal_eval(text)
        # Tuples become arrays; sets, bytes and keys that JSON lacks are refused here.
        return json.loads(json.dumps(value, allow_nan=False))
    except (SyntaxError, TypeError, MemoryError, RecursionError) as error:
        raise BrokenJson(str(error)) from None
