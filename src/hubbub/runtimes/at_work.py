"""A runtime at work on a task: its events in the log, its questions asked by the task."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import AsyncGenerator, Collection, Sequence
from dataclasses import replace
from typing import Any, TypeGuard, cast

from hubbub.agents.saying import Text
from hubbub.agents.task import Task
from hubbub.mesh.durable.branches import here
from hubbub.mesh.limits import Limits
from hubbub.runtimes.hosting import execute, iterate
from hubbub.runtimes.mesh_tools import MESH_TOOLS, mesh_tools
from hubbub.runtimes.neutral import Event, Question, RunContext, Runtime
from hubbub.runtimes.shapes import object_in

__all__ = ["answer", "as_runtime", "give_back", "run_team", "work"]

_MARGIN_SECONDS = 1.0
_FRAMEWORKS = ("autogen", "ag2", "pydantic_ai")
_COUNTS = ("requests", "input_tokens", "output_tokens")


async def answer(runtime: Runtime, task: Task, *, tools: Collection[str] | None = None) -> Any:
    """Answer a request: its answer, or its pieces if the requester wants them.

    Args:
        runtime: what answers.
        task: the request.
        tools: which mesh tools it has; by default those that the runtime wants.
    """
    context = _context(runtime, task, tools)
    if task.streamed:
        return _pieces(runtime, task, context)
    return (await execute(runtime, asked(task), context)).output


async def work(runtime: Runtime, task: Task, *, tools: Collection[str] | None = None) -> Any:
    """Work on a task and return its result; what happens meanwhile is in the task's log.

    Args:
        runtime: what works.
        task: the task.
        tools: which mesh tools it has; by default those that the runtime wants.
    """
    context = _context(runtime, task, tools)
    context.on_event = _Recorder(task, runtime.name).take
    context.steering = _Notes(task).read
    return (await execute(runtime, asked(task), context)).output


async def run_team(
    task: Task,
    team: Any,
    topic: str,
    *,
    tools: Sequence[Any] = (),
    limits: Limits | None = None,
) -> Any:
    """Let a runtime, or what a framework calls an agent or a team, work on a topic.

    Args:
        task: what it works for.
        team: a runtime, or an agent or team that `as_runtime` knows.
        topic: what it is to work on.
        tools: typed functions that it may call, too.
        limits: what it may use; those of the runtime unless given.

    Returns:
        Its answer.

    Raises:
        TypeError: it is nothing that can work.
        LimitReached: it used up what it may use.
        ModelError: its model failed.
    """
    runtime = as_runtime(team)
    context = RunContext(
        tools=tools,
        limits=limits,
        on_event=_Recorder(task, runtime.name).take,
        on_question=_Asker(task).ask,
        steering=_Notes(task).read,
    )
    try:
        return (await execute(runtime, topic, context)).output
    finally:
        if runtime is not team:
            await give_back(runtime)


def as_runtime(team: Any) -> Runtime:
    """Return a runtime for an agent or a team of one of the frameworks; a runtime as it is.

    Raises:
        TypeError: it is none of these.
    """
    members = cast("Sequence[Any]", team) if isinstance(team, list | tuple) else (team,)
    match _framework_of(members[0] if members else None):
        case "autogen":
            from hubbub.runtimes.adapters.autogen import from_autogen

            return from_autogen(team)
        case "ag2":
            from hubbub.runtimes.adapters.ag2 import from_ag2

            return from_ag2(team)
        case "pydantic_ai":
            from hubbub.runtimes.adapters.pydantic_ai import from_pydantic_ai

            return from_pydantic_ai(team)
        case _ if _is_runtime(team):
            return team
        case _:
            raise TypeError(
                f"{team!r} is no runtime: give a ToolLoop, what from_autogen, from_ag2 or "
                "from_pydantic_ai return, or an agent or team of these frameworks"
            )


def _framework_of(member: object) -> str:
    """Return the framework that a member is of, or derived from; empty if it is of none."""
    packages = (kind.__module__.partition(".")[0] for kind in type(member).__mro__)
    return next((package for package in packages if package in _FRAMEWORKS), "")


def _is_runtime(team: Any) -> TypeGuard[Runtime]:
    return callable(getattr(team, "run", None)) and isinstance(getattr(team, "name", None), str)


async def give_back(runtime: Runtime) -> None:
    """Give back the connections that a runtime holds, if it holds any."""
    close = getattr(runtime, "aclose", None)
    if close is not None:
        await close()


def asked(task: Task) -> str:
    """Return what the model is told: the message, and whom it is from."""
    return f"Message from {task.message.from_agent}:\n{task.content}"


def _context(runtime: Runtime, task: Task, tools: Collection[str] | None) -> RunContext:
    limits: Limits = getattr(runtime, "limits", None) or Limits()
    if task.timeout_seconds is not None:
        # The requester is to hear why there is no answer before it stops listening.
        whole = task.timeout_seconds
        seconds = whole - max(0.1 * whole, min(_MARGIN_SECONDS, 0.3 * whole))
        limits = replace(limits, seconds=min(seconds, limits.seconds or seconds))
    wanted = getattr(runtime, "mesh_tools", MESH_TOOLS) if tools is None else tools
    return RunContext(tools=mesh_tools(task, wanted), limits=limits, on_question=_Asker(task).ask)


async def _pieces(runtime: Runtime, task: Task, context: RunContext) -> AsyncGenerator[str]:
    # Whoever leaves early must not leave the model at work until the garbage is collected.
    async with contextlib.aclosing(iterate(runtime, asked(task), context)) as events:
        async for event in events:
            if event.kind == "text":
                yield event.data["delta"]


class _Recorder:
    """Puts what happens in a run into the task's log.

    What the log has in the events of the model calls themselves is not counted again.
    """

    def __init__(self, task: Task, name: str) -> None:
        self._task = task
        self._name = name
        self._counted = _recorded_usage(task)
        self._text: Text | None = None

    async def take(self, event: Event) -> None:
        task, data = self._task, event.data
        if event.kind == "text":
            await self._written(data["delta"])
            return
        self._text = None
        match event.kind:
            case "message" if event.agent not in ("", self._name):
                # A member of a team; what the whole says in the end is the task's result.
                await task.record("said", {"text": data["content"], "agent": event.agent})
            case "tool_call":
                await task.tool_call(data["name"], data["arguments"], call_id=data["id"])
            case "tool_result":
                await task.tool_result(data["name"], data["result"], call_id=data["id"])
            case "custom" if "phase" in data:
                await task.record("phase", data)
            case "usage":
                await self._usage(data)
            case _:
                # Thinking is not kept, and how it ended is the task's own last event.
                return

    async def _written(self, piece: str) -> None:
        """Show a piece of text under a key, by which viewers know it again in a replay."""
        if self._text is None:
            self._text = self._task.shown_text()
        await self._text.write(piece, known=self._task.run.is_replaying)

    async def _usage(self, data: dict[str, Any]) -> None:
        counted = _recorded_usage(self._task) - self._counted
        rest = {key: max(0, data.get(key, 0) - counted[key]) for key in _COUNTS}
        if any(rest.values()):
            await self._task.record("usage", {**data, **rest})


def _recorded_usage(task: Task) -> Counter[str]:
    counted: Counter[str] = Counter()
    for event in task.run.recording.settled.values():
        if event.kind == "model":
            usage = object_in(event.data.get("usage"))
            counted.update({key: usage.get(key, 0) for key in _COUNTS})
    return counted


class _Notes:
    """Reads the notes to a task for a run, where nothing else in it may read them at that time."""

    def __init__(self, task: Task) -> None:
        self._task = task

    async def read(self) -> list[str]:
        run = self._task.run
        # Beside the handler's own asyncio task, and in no branch, nothing tells whose turn it is.
        if run.branch.owner is not here():
            return []
        return await self._task.steering()


class _Asker:
    """Asks the questions of a run through its task, where they are on record."""

    def __init__(self, task: Task) -> None:
        self._task = task

    async def ask(self, question: Question) -> Any:
        """Ask a person.

        Raises:
            HubbubError: a request cannot wait for a person.
        """
        task, prompt, name = self._task, question.prompt, question.id
        match question.kind:
            case "choice":
                return await task.ask_choice(prompt, question.choices, name=name)
            case "choices":
                return await task.ask_choices(prompt, question.choices, name=name)
            case "approval":
                approval = await task.approve(
                    question.tool or "", question.arguments or {}, reason=question.reason, name=name
                )
                return {
                    "decision": "approve" if approval.approved else "reject",
                    "arguments": approval.arguments,
                    "comment": approval.comment,
                }
            case _:
                return await task.ask_text(prompt, suggestions=question.suggestions, name=name)
