"""Run a framework to its end, its next question or its failure."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from hubbub.errors import HubbubError
from hubbub.mesh.limits import Limits
from hubbub.runtimes.adapters.gate import Gate
from hubbub.runtimes.adapters.journal import Journal
from hubbub.runtimes.errors import BadModelAnswer
from hubbub.runtimes.mesh_tools import MESH_TOOLS
from hubbub.runtimes.neutral import RunContext, RunResult
from hubbub.runtimes.normalise.recording import calling
from hubbub.runtimes.shapes import as_object, object_in

__all__ = ["CutOff", "Driver", "Played", "is_caused_by", "refuse_empty"]

CutOff = Literal["refuse", "keep"]


class Played(NamedTuple):
    """How a framework's run ended: its answer, and what it needs to go on from there."""

    output: Any
    state: Any


Play = Callable[[Gate, str, Any], Awaitable[Played]]


@dataclass(frozen=True, slots=True)
class Driver:
    """What all adapters do the same way.

    The state of a run is `{"done": state of the framework}`, or, of one that was interrupted,
    `{"parked": {task, before, journal}}`.

    Args:
        limits: of a run, unless its context says otherwise.
        approve: names of tools that a person has to approve each call of.
        cut_off: whether an answer cut off at the token limit ends the run or may be used.
        mesh_tools: which mesh tools the runtime wants of an agent that hosts it.
    """

    limits: Limits
    approve: Collection[str] = ()
    cut_off: CutOff = "refuse"
    mesh_tools: Collection[str] = MESH_TOOLS

    async def drive(self, task: str | None, ctx: RunContext, play: Play) -> RunResult:
        """Work on a task, or go on with the run in `ctx.state`.

        Args:
            task: the task; None to go on.
            ctx: what surrounds the run.
            play: lets the framework work; is given the gate, the task and the framework's state.

        Raises:
            LimitReached: the run used up what it may use.
            ModelError: the model failed.
            asyncio.CancelledError: the run was cancelled.
            ValueError: there is neither a task nor an interrupted run.
        """
        saved = object_in(ctx.state)
        parked = as_object(saved.get("parked"))
        before = saved.get("done") if parked is None else parked.get("before")
        journal = Journal()
        if task is None:
            if parked is None:
                raise ValueError("a run needs a task, or the state of one that was interrupted")
            journal = Journal.of(object_in(parked.get("journal")))
            task = str(parked.get("task"))
        account = ctx.account(self.limits)
        used = account.used
        keeps = self.cut_off == "keep"
        gate = Gate(ctx, account, journal, approve=self.approve, keeps_cut_off=keeps)

        def interrupted() -> Any:
            return {"parked": {"task": task, "before": before, "journal": journal.saved()}}

        try:
            with calling(gate.calling):
                played = await _played(gate, play(gate, task, before))
        except BaseException:
            ctx.partial = interrupted()
            raise
        finally:
            gate.close()
        if played is None:
            state = interrupted()
            return RunResult(None, state, account.used - used, tuple(gate.questions))
        return RunResult(played.output, {"done": played.state}, account.used - used)


async def _played(gate: Gate, playing: Awaitable[Played]) -> Played | None:
    """Return how it ended; None if it waits for a person."""
    inner = asyncio.ensure_future(playing)
    stopped = asyncio.ensure_future(gate.stopped.wait())
    try:
        await asyncio.wait({inner, stopped}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stopped.cancel()
        await _cancelled(inner)
    if gate.error is not None:
        raise gate.error
    if gate.questions:
        return None
    try:
        return inner.result()
    except Exception as error:
        named = _named(error)
        if named is error:
            raise
        raise named from error


async def _cancelled(inner: asyncio.Future[Any]) -> None:
    """Wait until a framework has ended, which some do only when they are told twice.

    Raises:
        asyncio.CancelledError: the caller was cancelled meanwhile.
    """
    told: asyncio.CancelledError | None = None
    while not inner.done():
        inner.cancel()
        try:
            await asyncio.wait({inner}, timeout=1.0)
        except asyncio.CancelledError as canceled:
            told = canceled  # but nothing of the run may stay behind
    if not inner.cancelled():
        inner.exception()
    if told is not None:
        raise told


def is_caused_by(error: BaseException | None, kind: type[BaseException]) -> BaseException | None:
    """Return the error of a kind that led to another one."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        if isinstance(error, kind):
            return error
        seen.add(id(error))
        error = error.__cause__ or error.__context__
    return None


def _named(error: Exception) -> Exception:
    """Return our error for what a framework made of the failure of a model."""
    from openai import OpenAIError

    from hubbub.runtimes.failures import named

    ours = is_caused_by(error, HubbubError)
    if isinstance(ours, HubbubError):
        return ours
    theirs = is_caused_by(error, OpenAIError)
    if not isinstance(theirs, OpenAIError):
        return error
    request = getattr(theirs, "request", None)
    url = str(getattr(request, "url", "")).removesuffix("/chat/completions")
    return named(theirs, url, model="the model", seconds=0, key="")


def refuse_empty(output: Any) -> Any:
    """Return an answer.

    Raises:
        BadModelAnswer: it is empty.
    """
    if output is None or (isinstance(output, str) and not output.strip()):
        raise BadModelAnswer("The model gave an empty answer")
    return output
