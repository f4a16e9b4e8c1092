"""Make the tool calls a model asked for: all at once, each reported, none able to end the run."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from hubbub.runtimes.answers import CallRequest
from hubbub.runtimes.neutral import Parked, Question, RunContext, asking_for, current_run
from hubbub.runtimes.repair import BrokenJson, read_object
from hubbub.runtimes.shapes import JsonObject, as_object
from hubbub.runtimes.tools import Tool, ToolOutcome
from hubbub.runtimes.transcript import tool_message

__all__ = ["approved", "ask_person", "comment", "make_calls", "shown"]

_YES = {"y", "yes", "ok", "approve", "approved", "true", "1"}


async def ask_person(question: str) -> str:
    """Ask the person you work for, and wait for the answer.

    Args:
        question: what you need to know.
    """
    return str(await current_run().ask(question))


async def make_calls(
    calls: Sequence[CallRequest],
    tools: Mapping[str, Tool],
    messages: list[JsonObject],
    ctx: RunContext,
    *,
    agent: str,
    approve: Collection[str] = (),
) -> list[Question]:
    """Make calls in parallel, add their results to the conversation, return open questions.

    Results that are there when the run is cancelled are added as well.

    Args:
        calls: the calls.
        tools: what there is to call.
        messages: the conversation; gets a message for each call that has its result.
        ctx: the run.
        agent: whom the events are attributed to.
        approve: names of tools that a person has to approve each call of.

    Raises:
        asyncio.CancelledError: the run was cancelled.
    """
    results: dict[str, JsonObject] = {}
    questions: list[Question] = []

    async def make(call: CallRequest) -> None:
        try:
            outcome = await _made(call, tools, ctx, agent=agent, approve=approve)
        except Parked as parked:
            questions.append(parked.question)
            return
        results[call.id] = tool_message(call.id, outcome.text)
        await ctx.emit(
            "tool_result",
            agent,
            id=call.id,
            name=call.name,
            result=outcome.text,
            failed=outcome.failed,
        )

    try:
        async with asyncio.TaskGroup() as group:
            for call in calls:
                group.create_task(make(call))
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None  # of the watchers: tools cannot raise into here
    finally:
        messages += [results[call.id] for call in calls if call.id in results]
    return questions


async def _made(
    call: CallRequest,
    tools: Mapping[str, Tool],
    ctx: RunContext,
    *,
    agent: str,
    approve: Collection[str],
) -> ToolOutcome:
    asking_for(call.id)
    arguments = shown(call.arguments)
    await ctx.emit("tool_call", agent, id=call.id, name=call.name, arguments=arguments)
    tool = tools.get(call.name)
    if tool is None:
        names = ", ".join(tools) or "none"
        return ToolOutcome(f"No tool {call.name!r}. The tools are: {names}.", failed=True)
    given = call.arguments
    if call.name in approve:
        question = Question(
            f"May {agent} run {call.name}?", "approval", tool=call.name, arguments=arguments
        )
        decision = await ctx.ask(question)
        if not approved(decision):
            return ToolOutcome(f"A person refused this call. {comment(decision)}", failed=True)
        changed = as_object((as_object(decision) or {}).get("arguments"))
        given = given if changed is None else json.dumps(changed)
    return await tool.call(given)


def shown(arguments: str) -> JsonObject:
    """Return a model's arguments for people to see, also if they are broken."""
    try:
        return read_object(arguments)
    except BrokenJson:
        return {"broken": arguments}


def approved(decision: Any) -> bool:
    """Read an answer: a word, a truth value, or `{decision: approve|reject, ...}`."""
    told = as_object(decision)
    if told is not None:
        decision = told.get("decision", "")
    return str(decision).strip().lower() in _YES


def comment(decision: Any) -> str:
    """Return what a person said beside a decision."""
    told = as_object(decision)
    return str(told.get("comment") or "") if told is not None else str(decision)
