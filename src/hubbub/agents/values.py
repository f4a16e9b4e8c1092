"""What a step returns, as JSON on record and back as what its annotation promises."""

from __future__ import annotations

import functools
import inspect
import typing
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from hubbub.errors import InvalidMessage
from hubbub.wire.codec import JSON, check_json

if TYPE_CHECKING:
    from pydantic import TypeAdapter

__all__ = ["as_json", "from_json"]

_PLAIN = (None, type(None), str, int, float, bool, dict, list, Any, inspect.Parameter.empty)


def as_json(function: Callable[..., Any], value: Any) -> JSON:
    """Return a result of a function as it is put on record.

    Raises:
        InvalidMessage: it has no JSON form.
    """
    adapter = _adapter(function)
    if adapter is not None:
        try:
            value = adapter.dump_python(value, mode="json")
        except ValueError as error:
            raise InvalidMessage(f"the result of {_name(function)} is no JSON: {error}") from None
    check_json(value, what=f"the result of {_name(function)}", depth=2)
    return value


def from_json(function: Callable[..., Any], value: JSON) -> Any:
    """Return what is on record as the function's annotation promises it.

    Raises:
        InvalidMessage: it does not fit.
    """
    adapter = _adapter(function)
    if adapter is None:
        return value
    try:
        return adapter.validate_python(value)
    except ValueError as error:
        raise InvalidMessage(
            f"what is on record of {_name(function)} is not what it returns now: {error}"
        ) from None


def _adapter(function: Callable[..., Any]) -> TypeAdapter[Any] | None:
    annotation = _returned(function)
    if annotation in _PLAIN or (typing.get_origin(annotation) is None and annotation is object):
        return None
    return _adapter_of(annotation)


@functools.lru_cache(maxsize=256)
def _adapter_of(annotation: Any) -> TypeAdapter[Any] | None:
    from pydantic import TypeAdapter
    from pydantic.errors import PydanticSchemaGenerationError, PydanticUserError

    try:
        return TypeAdapter(annotation)
    except (PydanticSchemaGenerationError, PydanticUserError):
        return None


def _returned(function: Callable[..., Any]) -> Any:
    try:
        return typing.get_type_hints(inspect.unwrap(function)).get("return")
    except (NameError, TypeError, AttributeError):
        return None


def _name(function: Callable[..., Any]) -> str:
    return getattr(function, "__qualname__", repr(function))
