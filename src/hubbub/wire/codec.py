"""Strict JSON, fast for what our own senders write and unforgiving for what others do.

Bytes that re-encode to themselves are canonical: they can hide no duplicate key. All others take
a second, slower look. Decoding raises `InvalidMessage` and nothing else.
"""

from __future__ import annotations

import json
import math
from typing import Any, NoReturn, TypeVar

import msgspec

from hubbub.errors import InvalidMessage

__all__ = ["JSON", "MAX_DEPTH", "check_json", "decode", "decode_object", "encode"]

T = TypeVar("T")

JSON = str | int | float | bool | None | list[Any] | dict[str, Any]
"""What can travel: the values of JSON."""

MAX_DEPTH = 64
"""How deep lists and objects may be nested."""

_encoder = msgspec.json.Encoder()
_any = msgspec.json.Decoder()


def encode(value: object) -> bytes:
    """Encode a record whose open parts have passed `check_json`.

    Raises:
        InvalidMessage: something in it has no JSON form.
    """
    try:
        return _encoder.encode(value)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise InvalidMessage(f"this cannot be written as JSON: {error}") from None


def decode(data: bytes, decoder: msgspec.json.Decoder[T]) -> T:
    """Decode untrusted bytes into a record.

    Args:
        data: the bytes.
        decoder: knows the record; it must forbid unknown fields.

    Raises:
        InvalidMessage: the bytes are not strict JSON, or not such a record.
    """
    try:
        record = decoder.decode(data)
        if _encoder.encode(record) != data or _may_be_deep(data):
            _inspect(data)
    except InvalidMessage:
        raise
    except RecursionError:
        raise InvalidMessage(f"JSON nested deeper than {MAX_DEPTH}") from None
    except (msgspec.MsgspecError, ValueError, TypeError, OverflowError) as error:
        raise InvalidMessage(f"not a valid message: {error}") from None
    return record


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
        raise InvalidMessage(f"not valid JSON: {error}") from None
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
    if value is None or isinstance(value, str | bool | int):
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
            check_json(item, what=what, depth=depth + 1)  # pyright: ignore[reportUnknownArgumentType]
    elif isinstance(value, list | tuple):
        for item in value:  # pyright: ignore[reportUnknownVariableType]
            check_json(item, what=what, depth=depth + 1)  # pyright: ignore[reportUnknownArgumentType]
    else:
        raise InvalidMessage(
            f"{what} holds a {type(value).__name__}; only strings, numbers, booleans, None, "
            "lists and dictionaries can travel"
        )


def _may_be_deep(data: bytes) -> bool:
    return data.count(b"[") + data.count(b"{") > MAX_DEPTH


def _inspect(data: bytes) -> None:
    """Look at every key and at the depth, which the fast decoder does not report."""
    _check_depth(data)
    json.loads(data, object_pairs_hook=_no_duplicates, parse_constant=_no_constant)


def _check_depth(data: bytes) -> None:
    if not _may_be_deep(data):
        return
    depth = 0
    in_string = escaped = False
    for byte in data:
        if in_string:
            if escaped:
                escaped = False
            elif byte == 0x5C:
                escaped = True
            elif byte == 0x22:
                in_string = False
        elif byte == 0x22:
            in_string = True
        elif byte in (0x5B, 0x7B):
            depth += 1
            if depth > MAX_DEPTH:
                raise InvalidMessage(f"JSON nested deeper than {MAX_DEPTH}")
        elif byte in (0x5D, 0x7D):
            depth -= 1


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise InvalidMessage(f"the key {twice[:80]!r} is there twice")
    return found


def _no_constant(name: str) -> NoReturn:
    raise InvalidMessage(f"{name} is not JSON")
