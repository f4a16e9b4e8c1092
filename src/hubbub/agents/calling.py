"""How a user's function is called: sync or async, with the argument its annotation asks for."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import typing
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Executor
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from hubbub.agents.task import Task

__all__ = ["Argument", "Handler", "argument_of"]

Argument = Literal["text", "message", "task", "nothing"]


def argument_of(function: Callable[..., Any], default: Argument) -> Argument:
    """Return what a function wants as its argument.

    Args:
        function: the function or bound method.
        default: what it gets if its parameter is not annotated.

    Raises:
        TypeError: it cannot be called with one argument, or wants something we cannot give.
    """
    parameters = [
        parameter
        for parameter in inspect.signature(function).parameters.values()
        if parameter.kind is not parameter.KEYWORD_ONLY
    ]
    if not parameters:
        return "nothing"
    needed = [p for p in parameters[1:] if p.default is p.empty and p.kind is not p.VAR_POSITIONAL]
    name = getattr(function, "__qualname__", repr(function))
    if needed:
        raise TypeError(f"{name} takes more than one argument: {', '.join(p.name for p in needed)}")
    annotation = _annotation(function, parameters[0])
    if annotation is inspect.Parameter.empty or annotation is Any:
        return default
    shown = annotation if isinstance(annotation, str) else getattr(annotation, "__name__", "")
    kinds: dict[str, Argument] = {"str": "text", "AgentMessage": "message", "Task": "task"}
    kind = kinds.get(shown.rpartition(".")[2])
    if kind is None:
        raise TypeError(
            f"{name} wants a {shown or annotation}: annotate its argument as str, AgentMessage "
            "or Task, or leave the annotation out"
        )
    return kind


def _annotation(function: Callable[..., Any], parameter: inspect.Parameter) -> Any:
    try:
        return typing.get_type_hints(function).get(parameter.name, parameter.annotation)
    except (NameError, TypeError, AttributeError):
        # Names that are imported for type checkers only cannot be looked up; their text can.
        return parameter.annotation


class Handler:
    """One of an agent's functions, ready to be called.

    Args:
        function: sync or async function or bound method, or an async generator.
        default: what it gets if its parameter is not annotated.

    Raises:
        TypeError: the function does not fit.
    """

    def __init__(self, function: Callable[..., Any], default: Argument) -> None:
        self.function = function
        self.argument = argument_of(function, default)
        # A callable object is async if its `__call__` is.
        plain = function if inspect.isroutine(function) else getattr(function, "__call__", function)  # noqa: B004
        self._is_async = inspect.iscoroutinefunction(plain) or inspect.isasyncgenfunction(plain)

    async def __call__(self, task: Task, threads: Executor) -> Any:
        """Call the function and return its result, or the iterator over the pieces of it.

        A sync function runs in a thread, so that it never blocks the event loop.
        """
        call = _bound(self.function, self._argument(task))
        if self._is_async:
            result = call()
        else:
            context = contextvars.copy_context()
            loop = asyncio.get_running_loop()
            result = await loop.run_in_executor(threads, context.run, call)
        if inspect.isawaitable(result):
            result = await result
        if inspect.isgenerator(result):
            return _from_thread(result, threads)
        return result

    def _argument(self, task: Task) -> tuple[Any, ...]:
        if self.argument == "nothing":
            return ()
        if self.argument == "task":
            return (task,)
        return (task.content if self.argument == "text" else task.message,)


def _bound(function: Callable[..., Any], arguments: tuple[Any, ...]) -> Callable[[], Any]:
    return lambda: function(*arguments)


async def _from_thread(pieces: Iterator[Any], threads: Executor) -> AsyncIterator[Any]:
    """Iterate over a sync generator without blocking the loop."""
    loop, context, end = asyncio.get_running_loop(), contextvars.copy_context(), object()

    def following() -> Any:
        return next(pieces, end)

    while (piece := await loop.run_in_executor(threads, context.run, following)) is not end:
        yield piece
