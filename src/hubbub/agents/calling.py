"""How a user's function is called: sync or async, with the argument its annotation asks for."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import inspect
import types
import typing
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Executor
from typing import TYPE_CHECKING, Any, Literal

from hubbub.agents.blocking import stopped_together
from hubbub.agents.parameters import Parameters
from hubbub.mesh.service import Listener
from hubbub.wire.envelope import AgentMessage

if TYPE_CHECKING:
    from hubbub.agents.task import Task

__all__ = ["Argument", "Handler", "argument_of", "listener_of"]

Argument = Literal["text", "message", "task", "nothing"]

_BY_POSITION = (
    inspect.Parameter.POSITIONAL_ONLY,
    inspect.Parameter.POSITIONAL_OR_KEYWORD,
    inspect.Parameter.VAR_POSITIONAL,
)


def argument_of(function: Callable[..., Any], default: Argument) -> Argument:
    """Return what a function wants as its argument.

    Args:
        function: the function or bound method.
        default: what it gets if its parameter is not annotated.

    Raises:
        TypeError: it cannot be called with one argument, or wants something we cannot give.
    """
    parameters = list(inspect.signature(function).parameters.values())
    first = next((p for p in parameters if p.kind in _BY_POSITION), None)
    needed = [
        p.name
        for p in parameters
        if p is not first
        and p.default is p.empty
        and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
    ]
    name = getattr(function, "__qualname__", repr(function))
    if needed:
        raise TypeError(f"{name} takes more than one argument: {', '.join(needed)}")
    if first is None:
        return "nothing"
    annotation = _annotation(function, first)
    if annotation is inspect.Parameter.empty or annotation is Any:
        return default
    kinds: dict[str, Argument] = {"str": "text", "AgentMessage": "message", "Task": "task"}
    shown = _shown(annotation)
    kind = kinds.get(shown.rpartition(".")[2])
    if kind is None:
        raise TypeError(
            f"{name} wants a {shown}: annotate its argument as str, AgentMessage "
            "or Task, or leave the annotation out"
        )
    return kind


def _shown(annotation: Any) -> str:
    """Return the name of a type; that it may also be None does not matter here."""
    if isinstance(annotation, str):
        names = [name.strip() for name in annotation.split("|")]
    elif typing.get_origin(annotation) in (typing.Union, types.UnionType):
        names = [_shown(option) for option in typing.get_args(annotation)]
    else:
        names = [getattr(annotation, "__name__", str(annotation))]
    return " | ".join(name for name in names if name not in ("", "None", "NoneType"))


def listener_of(function: Callable[..., Any]) -> Listener:
    """Return a function that hears messages as one that the mesh can await.

    Args:
        function: sync or async; a sync one runs in a thread.

    Raises:
        TypeError: it does not fit.
    """
    argument = argument_of(function, "message")
    if argument == "task":
        name = getattr(function, "__qualname__", repr(function))
        raise TypeError(f"{name} hears messages: annotate its argument as AgentMessage or str")

    async def hear(message: AgentMessage) -> None:
        arguments = {"nothing": (), "text": (message.text,)}.get(argument, (message,))
        if _is_async(function):
            await function(*arguments)
        else:
            result = await asyncio.to_thread(_for_thread(function, arguments))
            if inspect.isawaitable(result):
                await result

    return hear


def _is_async(function: Callable[..., Any]) -> bool:
    # A callable object is async if its `__call__` is.
    plain = function if inspect.isroutine(function) else getattr(function, "__call__", function)  # noqa: B004
    return inspect.iscoroutinefunction(plain) or inspect.isasyncgenfunction(plain)


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
        parameters: what it takes beside the task, for a workflow.

    Raises:
        TypeError: the function does not fit.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        default: Argument,
        parameters: Parameters | None = None,
    ) -> None:
        self.function = function
        self.argument = argument_of(function, default) if parameters is None else "task"
        self._parameters = parameters
        self._is_async = _is_async(function)

    async def __call__(self, task: Task, threads: Executor) -> Any:
        """Call the function and return its result, or the iterator over the pieces of it.

        A sync function runs in a thread, so that it never blocks the event loop.
        """
        arguments = self._argument(task)
        more = {} if self._parameters is None else self._parameters.values(task)
        if self._is_async:
            task.belongs_here()
            result = self.function(*arguments, **more)
        else:
            loop = asyncio.get_running_loop()
            function = functools.partial(self.function, **more)
            call = _for_thread(function, arguments, at_start=task.belongs_here)
            with stopped_together():
                context = contextvars.copy_context()
                result = await loop.run_in_executor(threads, context.run, call)
        if inspect.isawaitable(result):
            task.belongs_here()
            result = await result
        if inspect.isgenerator(result):
            return _from_thread(result, threads, at_start=task.belongs_here)
        return result

    def _argument(self, task: Task) -> tuple[Any, ...]:
        if self.argument == "nothing":
            return ()
        if self.argument == "task":
            return (task,)
        return (task.content if self.argument == "text" else task.message,)


def _for_thread(
    function: Callable[..., Any],
    arguments: tuple[Any, ...],
    *,
    at_start: Callable[[], None] | None = None,
) -> Callable[[], Any]:
    def call() -> Any:
        if at_start is not None:
            at_start()
        try:
            return function(*arguments)
        except StopIteration as error:  # no future takes it: its waiter would wait for ever
            raise RuntimeError(f"the function raised {error!r}") from error

    return call


async def _from_thread(
    pieces: types.GeneratorType[Any, Any, Any],
    threads: Executor,
    *,
    at_start: Callable[[], None],
) -> AsyncIterator[Any]:
    """Iterate over a sync generator without blocking the loop."""
    context, end = contextvars.copy_context(), object()

    def advance() -> Any:
        at_start()  # it may be another thread each time
        return next(pieces, end)

    step = threads.submit(context.run, advance)
    try:
        while (piece := await asyncio.wrap_future(step)) is not end:
            yield piece
            step = threads.submit(context.run, advance)
    finally:
        if not step.done():  # nobody waits for this step any more, yet it cannot be stopped
            step.add_done_callback(lambda _: context.run(pieces.close))
        elif pieces.gi_frame is not None:
            await asyncio.get_running_loop().run_in_executor(threads, context.run, pieces.close)
