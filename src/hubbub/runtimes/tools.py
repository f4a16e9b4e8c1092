"""What a model may call: Python functions, or OpenAI tool dictionaries with a callable."""

from __future__ import annotations

import asyncio
import inspect
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, cast

import msgspec

from hubbub.runtimes.breaker import CircuitBreaker
from hubbub.runtimes.docstrings import describe
from hubbub.runtimes.repair import BrokenJson, read_object
from hubbub.runtimes.shapes import JsonObject, as_object
from hubbub.runtimes.signatures import Bind, read_signature, underlying
from hubbub.runtimes.trying import breaker_of_a_tool, tried

__all__ = ["Tool", "ToolOutcome", "toolbox"]

_CALLABLE_KEYS = ("callable", "function_callable")
RESULT_LIMIT = 16_000


class ToolOutcome(NamedTuple):
    """What the model is told about a call.

    Attributes:
        text: the result as text, or what went wrong.
        failed: whether it went wrong.
    """

    text: str
    failed: bool


@dataclass(frozen=True, slots=True)
class Tool:
    """Something a model may call by name.

    Attributes:
        name: what the model calls it.
        description: what it does, for the model.
        parameters: a JSON schema of its arguments.
        function: what runs.
        bind: turns JSON into the function's arguments.
        result_limit: characters of a result that reach the model.
        breaker: gives it a pause when what it works with is away.
    """

    name: str
    description: str
    parameters: JsonObject
    function: Callable[..., Any]
    bind: Bind
    result_limit: int = RESULT_LIMIT
    breaker: CircuitBreaker = field(default_factory=breaker_of_a_tool, compare=False, repr=False)

    @classmethod
    def of(cls, source: object) -> Tool:
        """Return a tool made of one of the accepted shapes.

        - a `Tool`;
        - a function: name, annotations and Google docstring tell the model about it;
        - `{"type": "function", "function": {name, description, parameters}, "callable": fn}`
          (`"function_callable"` is understood, too);
        - a tuple of such a dictionary without the callable, and the callable.

        Raises:
            TypeError: it is none of these, or a parameter of the function cannot be described.
        """
        if isinstance(source, Tool):
            return source
        if isinstance(source, Mapping):
            entry = dict(cast("Mapping[str, Any]", source))
            found = [entry.pop(key) for key in _CALLABLE_KEYS if key in entry]
            return cls._of_dictionary(entry, found[0] if found else None)
        if isinstance(source, tuple):
            pair = cast("tuple[object, ...]", source)
            if len(pair) == 2 and isinstance(pair[0], Mapping):
                return cls._of_dictionary(cast("Mapping[str, Any]", pair[0]), pair[1])
        elif callable(source):
            return cls._of_function(source)
        raise TypeError(
            f"{source!r} is not a tool: give a function, or an OpenAI tool dictionary whose "
            '"callable" is a function'
        )

    @classmethod
    def _of_function(cls, function: Callable[..., Any]) -> Tool:
        plain = underlying(function)
        name = plain.__name__ if plain.__name__ != "__call__" else type(function).__name__
        description, described = describe(inspect.getdoc(plain))
        signature = read_signature(function, described)
        return cls(name, description, signature.parameters, function, signature.bind)

    @classmethod
    def _of_dictionary(cls, entry: Mapping[str, Any], function: object) -> Tool:
        told = as_object(entry.get("function")) or dict(entry)
        name = told.get("name")
        if not isinstance(name, str) or not name:
            raise TypeError(f"The tool dictionary {dict(entry)!r} has no name")
        if not callable(function):
            raise TypeError(
                f'The tool {name!r} has nothing to call: put a function under "callable", '
                "or give a tuple of the dictionary and the function"
            )
        signature = read_signature(function, {})
        parameters = as_object(told.get("parameters")) or signature.parameters
        description = str(told.get("description") or "")
        return cls(name, description, parameters, function, signature.bind)

    @property
    def spec(self) -> JsonObject:
        """The OpenAI tool dictionary that describes it to a model."""
        function = {
            "name": self.name,
            "description": self.description,
            "parameters": self.parameters,
        }
        return {"type": "function", "function": function}

    async def call(self, arguments: str) -> ToolOutcome:
        """Run it with the arguments a model wrote.

        Whatever goes wrong in it, broken JSON and wrong arguments included, is an outcome for the
        model to read. Sync functions run in a thread, with the caller's context variables. One
        that raises `RateLimited` or `Retry` is called again after the time that it names.

        Raises:
            asyncio.CancelledError: the run was cancelled.
            Parked: it asked a question nobody has answered yet.
        """
        from pydantic import ValidationError

        try:
            args, kwargs = self.bind(json.dumps(read_object(arguments)).encode())
        except BrokenJson as error:
            text = f"The arguments are not valid JSON ({error}). Call {self.name} again."
            return ToolOutcome(text, failed=True)
        except ValidationError as error:
            problems = "; ".join(
                f"{'.'.join(map(str, item['loc'])) or 'arguments'}: {item['msg']}"
                for item in error.errors(include_url=False, include_context=False)
            )
            text = f"Invalid arguments: {problems}. Correct them and call {self.name} again."
            return ToolOutcome(text, failed=True)
        try:
            result = await tried(lambda: self._run(args, kwargs), self.breaker)
            return ToolOutcome(self._shown(result), failed=False)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            # The tool was cancelled from inside, by a library of its own; the run goes on.
            return ToolOutcome(f"{self.name} was cancelled.", failed=True)
        except Exception as error:  # noqa: BLE001 - a tool may raise anything, and the run goes on
            text = f"{self.name} failed: {type(error).__name__}: {error}"
            return ToolOutcome(text[: self.result_limit], failed=True)

    async def _run(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        function = self.function
        if inspect.iscoroutinefunction(underlying(function)):
            return await function(*args, **kwargs)
        result = await asyncio.to_thread(function, *args, **kwargs)
        return await result if inspect.isawaitable(result) else result

    def _shown(self, result: Any) -> str:
        if result is None:
            return "Done."
        if isinstance(result, str):
            text = result
        else:
            from pydantic_core import to_json

            text = to_json(result, fallback=_plain_value).decode()
        if len(text) <= self.result_limit:
            return text
        return f"{text[: self.result_limit]}... [cut off: the whole has {len(text)} characters]"


def toolbox(sources: Sequence[object]) -> dict[str, Tool]:
    """Return tools by name; of two with one name the later wins.

    Raises:
        TypeError: one of them is not a tool.
    """
    return {tool.name: tool for tool in map(Tool.of, sources)}


def _plain_value(value: Any) -> Any:
    return msgspec.to_builtins(value) if isinstance(value, msgspec.Struct) else str(value)
