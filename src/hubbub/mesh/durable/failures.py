"""Exceptions on record: written down where they were raised, raised again on a replay."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any, cast

from hubbub.errors import InvalidMessage, StepFailed
from hubbub.wire.codec import check_json

__all__ = ["raised_again", "told", "with_causes"]

_MOST_TEXT = 2_000


def told(error: Exception, *, briefly: bool = False) -> dict[str, Any]:
    """Return what is kept of an exception: its class, its arguments and its own attributes.

    Args:
        error: the exception.
        briefly: whether to keep no more than its class and the beginning of its text.
    """
    kind = type(error)
    if briefly:
        text = str(error)
        text = text if len(text) <= _MOST_TEXT else text[:_MOST_TEXT] + "..."
        return {"module": kind.__module__, "class": kind.__qualname__, "message": text}
    return {
        "module": kind.__module__,
        "class": kind.__qualname__,
        "message": str(error),
        "args": [arg for arg in error.args if _is_json(arg)],
        "facts": {
            name: value
            for name, value in vars(error).items()
            if not name.startswith("_") and _is_json(value)
        },
    }


def raised_again(record: Mapping[str, Any]) -> Exception:
    """Return the exception that a record tells of.

    Its class is looked up among what this process has imported, and is not called: what it made
    of its arguments is on record. `StepFailed` takes the place of one that is not there any more.
    """
    name, message = str(record.get("class", "Exception")), str(record.get("message", ""))
    kind: Any = sys.modules.get(str(record.get("module")))
    for part in name.split("."):
        kind = getattr(kind, part, None)
    if not (isinstance(kind, type) and issubclass(kind, Exception)):
        return StepFailed(name, message)
    args, facts = record.get("args"), record.get("facts")
    try:
        error = kind.__new__(
            kind, *cast("list[Any]", args if isinstance(args, list) else [message])
        )
        vars(error).update(cast("dict[str, Any]", facts if isinstance(facts, dict) else {}))
        if str(error) != message:  # some of its arguments are no JSON
            error.args = (message,)
    except Exception:  # noqa: BLE001 - a class of the user's may do anything
        return StepFailed(name, message)
    return error


def with_causes(
    error: BaseException, is_enough: Callable[[BaseException], bool]
) -> Iterator[BaseException]:
    """Yield an exception, what it groups, and what it was raised from, each once.

    Args:
        error: the exception.
        is_enough: tells that what one was raised from does not matter.
    """
    seen: set[int] = set()
    ahead: list[BaseException | None] = [error]
    while ahead:
        one = ahead.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        if is_enough(one):
            continue
        if isinstance(one, BaseExceptionGroup):
            ahead += cast("BaseExceptionGroup[BaseException]", one).exceptions
        ahead += [one.__cause__, one.__context__]


def _is_json(value: object) -> bool:
    try:
        check_json(cast("Any", value), what="it")
    except InvalidMessage:
        return False
    return True
