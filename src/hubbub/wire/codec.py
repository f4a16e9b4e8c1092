"""Strict JSON, fast for what our own senders write and unforgiving for what others do.

Bytes that re-encode to themselves are canonical: they can hide no duplicate key. All others take
a second, slower look. Decoding raises `InvalidMessage` and nothing else.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any, NoReturn, TypeVar

import msgspec

from hubbub.errors import InvalidMessage

__all__ = [
    "JSON",
    "MAX_DEPTH",
    "check_json",
    "decode",
    "decode_as_written",
    "decode_object",
    "encode",
    "explain",
]

T = TypeVar("T")

JSON = str | int | float | bool | None | list[Any] | dict[str, Any]
"""What can travel: the values of JSON."""

MAX_DEPTH = 64
"""How deep lists and objects may be nested."""

_encoder = msgspec.json.Encoder()
_any = msgspec.json.Decoder()
_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"', re.DOTALL)
_ONE_KIND = bytes.maketrans(b"{}", b"[]")
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


def encode(value: object) -> bytes:
    """Encode a record whose open parts have passed `check_json`.

    Raises:
        InvalidMessage: something in it has no JSON form.
    """
    try:
        return _encoder.encode(value)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise InvalidMessage(f"this cannot be written as JSON: {explain(error)}") from None


def decode(data: bytes, decoder: msgspec.json.Decoder[T]) -> T:
    """Decode untrusted bytes into a record.

    Args:
        data: the bytes.
        decoder: knows the record.

    Raises:
        InvalidMessage: the bytes are not strict JSON, or not such a record.
    """
    return decode_as_written(data, decoder)[0]


def decode_as_written(data: bytes, decoder: msgspec.json.Decoder[T]) -> tuple[T, bool]:
    """Decode untrusted bytes into a record, and tell whether they are canonical.

    Args:
        data: the bytes.
        decoder: knows the record.

    Returns:
        The record, and whether it re-encodes to the same bytes: every field is there.

    Raises:
        InvalidMessage: the bytes are not strict JSON, or not such a record.
    """
    try:
        record = decoder.decode(data)
        canonical = _encoder.encode(record) == data
        if canonical:
            _check_depth(data)
        else:
            _inspect(data)
    except InvalidMessage:
        raise
    except RecursionError:
        raise InvalidMessage(f"JSON nested deeper than {MAX_DEPTH}") from None
    except (msgspec.MsgspecError, ValueError, TypeError, OverflowError) as error:
        raise InvalidMessage(f"not a valid message: {explain(error)}") from None
    return record, canonical


def decode_object(data: bytes) -> dict[str, Any]:
    """Decode untrusted bytes into a JSON object, whatever its fields.

    Raises:
        InvalidMessage: the bytes are not strict JSON, or not an object.
    """
    try:
        value = _any.decode(data)
        _inspect(data)
    except InvalidMessage:
        raise
    except RecursionError:
        raise InvalidMessage(f"JSON nested deeper than {MAX_DEPTH}") from None
    except (msgspec.MsgspecError, ValueError, OverflowError) as error:
        raise InvalidMessage(f"not valid JSON: {explain(error)}") from None
    if not isinstance(value, dict):
        raise InvalidMessage(f"a JSON object is needed, this is a {type(value).__name__}")
    return value  # pyright: ignore[reportUnknownVariableType]


def check_json(value: object, *, what: str, depth: int = 0) -> None:
    """Refuse a value that would not come back from JSON as it was.

    Args:
        value: the value to send.
        what: how the error names it.
        depth: how deep it is nested already.

    Raises:
        InvalidMessage: it holds something other than strings, finite numbers, booleans, None,
            lists and string-keyed dictionaries, or is nested too deep.
    """
    try:
        _check(value, what, depth)
    except RecursionError:
        raise InvalidMessage(f"{what} is nested too deep for the stack it is sent from") from None


def _check(value: object, what: str, depth: int) -> None:
    if value is None or isinstance(value, (str, int)):
        return
    if isinstance(value, float):
        if not math.isfinite(value):
            raise InvalidMessage(f"{what} holds {value}, which JSON cannot carry")
        return
    if depth >= MAX_DEPTH:
        raise InvalidMessage(f"{what} is nested deeper than {MAX_DEPTH}")
    if isinstance(value, dict):
        for key, item in value.items():  # pyright: ignore[reportUnknownVariableType]
            if not isinstance(key, str):
                raise InvalidMessage(f"{what} has the key {key!r}; keys must be strings")
            _check(item, what, depth + 1)  # pyright: ignore[reportUnknownArgumentType]
    elif isinstance(value, (list, tuple)):
        for item in value:  # pyright: ignore[reportUnknownVariableType]
            _check(item, what, depth + 1)  # pyright: ignore[reportUnknownArgumentType]
    else:
        raise InvalidMessage(
            f"{what} holds a {type(value).__name__}; only strings, numbers, booleans, None, "
            "lists and dictionaries can travel"
        )


def explain(error: Exception) -> str:
    """Return the text of an error fit for headers and logs: it may quote whatever came in."""
    reason = str(error)
    if len(reason) > 200:
        reason = reason[:197] + "..."
    return reason if reason.isprintable() else repr(reason)[1:-1]


def _may_be_deep(data: bytes) -> bool:
    return data.count(b"[") + data.count(b"{") > MAX_DEPTH


def _inspect(data: bytes) -> None:
    """Look at every key and at the depth, which the fast decoder does not report."""
    _check_depth(data)
    json.loads(data, object_pairs_hook=_no_duplicates, parse_constant=_no_constant)


def _check_depth(data: bytes) -> None:
    if not _may_be_deep(data):
        return
    brackets = _STRING.sub(b"", data).translate(_ONE_KIND, _NOT_BRACKETS)
    for _ in range(MAX_DEPTH):
        if not brackets:
            return
        brackets = brackets.replace(b"[]", b"")  # the innermost level goes
    if brackets:
        raise InvalidMessage(f"JSON nested deeper than {MAX_DEPTH}")


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen = set[str]()
        for key, _ in pairs:
            if key in seen:
                raise InvalidMessage(f"the key {key[:80]!r} is there twice")
            seen.add(key)
    return found


def _no_constant(name: str) -> NoReturn:
    raise InvalidMessage(f"{name} is not JSON")
