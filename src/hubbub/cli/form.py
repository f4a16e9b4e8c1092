"""From `name=value` on the command line to the parameters of a workflow, by their JSON schema."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any, cast

import msgspec

from hubbub.wire.schemas import Schema, misfits, resolved

__all__ = ["WrongParameter", "described", "fitting", "missing", "read_parameters"]

_YES = frozenset({"true", "yes", "y", "on", "1"})
_NO = frozenset({"false", "no", "n", "off", "0"})


class WrongParameter(ValueError):
    """A parameter is not what the schema wants.

    Attributes:
        name: which.
        reason: what it must be.
    """

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name}: {reason}")
        self.name = name
        self.reason = reason


def read_parameters(pairs: Iterable[str], schema: Schema) -> dict[str, Any]:
    """Return what `name=value` pairs say.

    Args:
        pairs: a name that comes several times makes a list.
        schema: of an object that holds the parameters.

    Raises:
        WrongParameter: there is no such parameter, or its value does not fit.
    """
    properties = _object(schema.get("properties"))
    given: dict[str, list[str]] = {}
    for pair in pairs:
        name, separator, value = pair.partition("=")
        if not separator or not name:
            raise WrongParameter(pair, f"it must look like name=value, with {_names(properties)}")
        if name not in properties:
            raise WrongParameter(name, f"there is no such parameter, only {_names(properties)}")
        given.setdefault(name, []).append(value)
    return {name: fitting(name, values, schema) for name, values in given.items()}


def fitting(name: str, texts: list[str], root: Schema) -> Any:
    """Return what texts say for a parameter, within all that its schema allows.

    Args:
        name: the parameter.
        texts: one, or several for a list.
        root: the schema of an object that holds it.

    Raises:
        WrongParameter: its value does not fit.
    """
    schema = _object(_object(root.get("properties")).get(name))
    value = _typed(name, texts, schema, root)
    for wrong in misfits(value, schema, root):
        raise WrongParameter(f"{name}.{wrong.path}" if wrong.path else name, f"it {wrong.reason}")
    return value


def missing(given: Iterable[str], schema: Schema) -> list[str]:
    """Return the required parameters that are not given, in their order."""
    required, there = cast("list[str]", schema.get("required") or []), set(given)
    return [name for name in _object(schema.get("properties")) if name in {*required} - there]


def described(name: str, root: Schema) -> str:
    """Return a parameter's description and what it may be, for a prompt."""
    schema = resolved(_object(_object(root.get("properties")).get(name)), root)
    about = str(schema.get("description") or "")
    options = cast("list[Any]", schema.get("enum") or [])
    kind = ", ".join(map(_as_text, options)) or str(schema.get("type") or "")
    return f"{name} ({kind})" + (f", {about}" if about else "") if kind else name


def _typed(name: str, texts: list[str], schema: Schema, root: Schema) -> Any:
    """Return what texts say where a schema wants a value.

    Args:
        name: whose value it is, for errors.
        texts: one, or several for a list.
        schema: what it must be.
        root: where references lead.

    Raises:
        WrongParameter: it is no such value.
    """
    schema = resolved(schema, root)
    options = [_object(one) for key in ("anyOf", "oneOf") for one in schema.get(key) or ()]
    if options:
        return _one_of(name, texts, options, root)
    if schema.get("type") == "array":
        return _list(name, texts, schema, root)
    if len(texts) > 1:
        raise WrongParameter(name, "it is given twice, and is no list")
    (text,) = texts
    if "const" in schema or "enum" in schema:
        return _chosen(name, text, [schema["const"]] if "const" in schema else schema["enum"])
    return _READERS.get(str(schema.get("type")), _any)(name, text)


def _one_of(name: str, texts: list[str], options: list[Schema], root: Schema) -> Any:
    # Text takes everything, so it comes last.
    reasons = list[str]()
    for option in sorted(options, key=lambda one: resolved(one, root).get("type") == "string"):
        try:
            return _typed(name, texts, option, root)
        except WrongParameter as wrong:
            reasons.append(wrong.reason)
    raise WrongParameter(name, ", or ".join(dict.fromkeys(reasons)))


def _list(name: str, texts: list[str], schema: Schema, root: Schema) -> list[Any]:
    if len(texts) == 1 and texts[0].lstrip().startswith("["):
        found = _json(name, texts[0], list, "a list, as JSON or given once for each item")
        return cast("list[Any]", found)
    items = _object(schema.get("items"))
    return [_typed(name, [text], items, root) for text in texts]


def _chosen(name: str, text: str, options: list[Any]) -> Any:
    for option in options:
        if _as_text(option) == text:
            return option
    raise WrongParameter(name, f"it must be one of: {', '.join(map(_as_text, options))}")


def _text(_: str, text: str) -> str:
    return text


def _integer(name: str, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise WrongParameter(name, f"{text!r} is no whole number") from None


def _number(name: str, text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise WrongParameter(name, f"{text!r} is no number")
    return number


def _boolean(name: str, text: str) -> bool:
    word = text.strip().casefold()
    if word not in _YES | _NO:
        raise WrongParameter(name, f"{text!r} is neither true nor false")
    return word in _YES


def _nothing(name: str, text: str) -> None:
    if text not in ("", "null"):
        raise WrongParameter(name, "it must be null")


def _record(name: str, text: str) -> Any:
    return _json(name, text, dict, 'an object, as JSON: {"key": "value"}')


def _any(_: str, text: str) -> Any:
    try:
        return msgspec.json.decode(text.encode())
    except msgspec.DecodeError:
        return text


_READERS: dict[str, Callable[[str, str], Any]] = {
    "string": _text,
    "integer": _integer,
    "number": _number,
    "boolean": _boolean,
    "null": _nothing,
    "object": _record,
}


def _json(name: str, text: str, kind: type, what: str) -> object:
    try:
        value: object = msgspec.json.decode(text.encode())
    except msgspec.DecodeError as error:
        raise WrongParameter(name, f"it must be {what} ({error})") from None
    if not isinstance(value, kind):
        raise WrongParameter(name, f"it must be {what}")
    return value


def _object(value: Any) -> Schema:
    return cast("Schema", value) if isinstance(value, dict) else {}


def _names(properties: Schema) -> str:
    return ", ".join(properties) or "none at all"


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
