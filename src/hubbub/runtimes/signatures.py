"""Turn a Python function into a JSON schema and a check of its arguments, by way of pydantic."""

from __future__ import annotations

import functools
import inspect
import typing
from collections.abc import Callable
from typing import Any, cast

from hubbub.runtimes.shapes import JsonObject, as_list, as_object, object_in

__all__ = ["Bind", "Signature", "read_signature", "underlying"]

Bind = Callable[[bytes], tuple[tuple[Any, ...], dict[str, Any]]]


class Signature(typing.NamedTuple):
    """What a tool takes.

    Attributes:
        parameters: a JSON schema of the arguments.
        bind: turns the arguments' JSON into positional and keyword arguments, or raises
            pydantic's `ValidationError`.
    """

    parameters: JsonObject
    bind: Bind


_known: dict[Any, Signature] = {}
_MOST_KNOWN = 512


def read_signature(function: Callable[..., Any], described: dict[str, str]) -> Signature:
    """Return the schema and the check for a function.

    Functions made anew for every run, as closures over a task are, have one code object and one
    signature, which is read once: reading takes about a millisecond.

    Args:
        function: whose annotations to read; what has none takes anything.
        described: descriptions to add, by name of the parameter.

    Raises:
        TypeError: a parameter cannot be given by name, or its type has no JSON schema.
    """
    key = _identity(function, described)
    if key is None:
        return _read(function, described)
    if key not in _known:
        if len(_known) >= _MOST_KNOWN:
            _known.clear()
        _known[key] = _read(function, described)
    return _known[key]


def _identity(function: Callable[..., Any], described: dict[str, str]) -> Any:
    """Return what decides the signature of a plain function; None for anything else."""
    if not inspect.isfunction(function) or hasattr(function, "__wrapped__"):
        return None
    key = (
        function.__code__,
        function.__defaults__,
        tuple((function.__kwdefaults__ or {}).items()),
        tuple(function.__annotations__.items()),
        tuple(described.items()),
    )
    try:
        hash(key)
    except TypeError:
        return None
    return key


def _read(function: Callable[..., Any], described: dict[str, str]) -> Signature:
    from pydantic import TypeAdapter
    from pydantic.errors import PydanticUserError

    label = getattr(function, "__name__", repr(function))
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.VAR_POSITIONAL):
            raise TypeError(
                f"The tool {label!r} takes {parameter.name!r} by position: "
                "models give arguments by name, so use ordinary or keyword parameters"
            )

    # The stand-in has the function's signature and only hands the checked arguments on: checking
    # happens on the event loop, while the function itself may have to run in a thread, and a
    # ValidationError that the function raises is not mistaken for one about its arguments.
    def stand_in(*args: Any, **kwargs: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
        return args, kwargs

    plain = underlying(function)
    functools.update_wrapper(stand_in, plain)
    vars(stand_in)["__signature__"] = inspect.signature(function)
    try:
        hints = typing.get_type_hints(plain, include_extras=True)
        hints.pop("return", None)
        stand_in.__annotations__ = hints
        adapter: TypeAdapter[Any] = TypeAdapter(cast("Any", stand_in))
        schema = adapter.json_schema()
    except (PydanticUserError, NameError) as error:
        raise TypeError(f"The tool {label!r} has a parameter models cannot fill: {error}") from None
    return Signature(_tidy(schema, described), adapter.validate_json)


def underlying(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function or method inside a `functools.partial` or a callable object."""
    while isinstance(function, functools.partial):
        function = cast("functools.partial[Any]", function).func
    if inspect.isroutine(function) or inspect.isclass(function):
        return function
    return cast("Callable[..., Any]", getattr(function, "__call__"))  # noqa: B004, B009 - as it is


def _tidy(schema: JsonObject, described: dict[str, str]) -> JsonObject:
    """Drop pydantic's titles, which only cost tokens, and add the descriptions."""
    plain = _without_titles(schema)
    properties = object_in(plain.setdefault("properties", {}))
    for name, text in described.items():
        if name in properties:
            properties[name].setdefault("description", text)
    return plain


def _without_titles(schema: JsonObject) -> JsonObject:
    kept: JsonObject = {}
    for key, value in schema.items():
        if key == "title" and isinstance(value, str):
            continue
        if key in ("properties", "$defs"):
            kept[key] = {name: _without_titles(part) for name, part in object_in(value).items()}
        elif (part := as_object(value)) is not None and key not in ("default", "const"):
            kept[key] = _without_titles(part)
        elif key in ("anyOf", "oneOf", "allOf"):
            kept[key] = [_without_titles(part) for part in as_list(value)]
        else:
            kept[key] = value
    return kept
