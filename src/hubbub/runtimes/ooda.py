"""Observe, orient, decide, act: a loop above any runtime, for work that takes several turns."""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from hubbub.errors import LimitReached
from hubbub.mesh.limits import Budget, Limits
from hubbub.runtimes.errors import BadModelAnswer
from hubbub.runtimes.loop import ToolLoop
from hubbub.runtimes.neutral import Event, Question, RunContext, RunResult, Runtime
from hubbub.runtimes.shapes import JsonObject, as_text, object_in

__all__ = ["DECISION_SCHEMA", "OODA", "decider_for"]

Observe = Callable[[], Awaitable[Sequence[str]]]

DECISION_SCHEMA: JsonObject = {
    "type": "object",
    "properties": {
        "orient": {"type": "string", "description": "the situation now, in one sentence"},
        "status": {"type": "string", "enum": ["done", "continue", "blocked"]},
        "next": {
            "type": "string",
            "description": "continue: the next instruction to yourself; "
            "blocked: what is missing; done: empty",
        },
    },
    "required": ["orient", "status", "next"],
    "additionalProperties": False,
}
_DECIDE = (
    "You watch over work on a task. Judge the latest result against the task. "
    'Say "done" if the task is fulfilled, "continue" with one concrete next instruction if '
    'something is missing that can be done, "blocked" if it cannot be done.'
)


def decider_for(loop: ToolLoop) -> ToolLoop:
    """Return a runtime that asks a loop's model for a decision and gives it no tools."""
    return ToolLoop(
        loop.model,
        name=loop.name,
        instructions=_DECIDE,
        output_schema=DECISION_SCHEMA,
        output_attempts=1,
    )


@dataclass(slots=True)
class _Watch:
    """What an act did, seen from the outside, as far as the decision depends on it."""

    ctx: RunContext
    calls: int = 0
    failures: int = 0
    steered: bool = False

    async def on_event(self, event: Event) -> None:
        self.calls += event.kind == "tool_call"
        self.failures += event.kind == "tool_result" and bool(event.data.get("failed"))
        self.steered = self.steered or "steering" in event.data
        await self.ctx.emit(event.kind, event.agent, **event.data)

    @property
    def plain(self) -> bool:
        """Whether the act speaks for itself: at most one call, which went well, and no news."""
        return self.calls <= 1 and not self.failures and not self.steered


@dataclass(slots=True)
class _Work:
    """Where a run stands; its fields are the state between runs."""

    task: str
    stage: Literal["begin", "act", "decide", "done"] = "begin"
    round: int = 0
    instruction: str | None = None
    actor: Any = None
    output: Any = None

    def saved(self) -> JsonObject:
        return dataclasses.asdict(self)


@dataclass(frozen=True, slots=True)
class _Decision:
    orient: str
    status: Literal["done", "continue", "blocked"]
    next: str = ""
    asked: bool = False


@dataclass(slots=True)
class OODA:
    """A runtime that lets another one act, and decides after each act whether to go on.

    A round is the four phases, each told as a `custom` event with `phase` and `round`:

    - *observe*: the result of the last act, and messages that came in meanwhile;
    - *orient*: the situation in a sentence;
    - *decide*: done, go on with a next instruction, or blocked;
    - *act*: the actor runs with its tools, in its own conversation.

    Deciding costs a model call only where there is something to decide. The first round acts on
    the task without asking. An act that speaks for itself, an answer with at most one successful
    tool call and no news meanwhile, ends the run without asking; so a plain question takes exactly
    the calls the actor takes. After any other act the decider is asked once. A decider that
    answers something else than a decision, or for which the limits leave nothing, means: done.
    When the rounds are used up the run ends with the last answer there is.

    Args:
        actor: does the work.
        decider: answers with an object of `DECISION_SCHEMA`. Without one, a `ToolLoop` as the
            actor lends its model; any other actor acts once, and again only when there is news.
        observe: returns messages that came in; `ctx.steering` is asked as well.
        max_rounds: acts at most.
        limits: of a run, unless its context says otherwise.
    """

    actor: Runtime
    decider: Runtime | None = None
    observe: Observe | None = None
    max_rounds: int = 8
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        if self.decider is None and isinstance(self.actor, ToolLoop):
            self.decider = decider_for(self.actor)

    @property
    def name(self) -> str:
        """Whom the events are attributed to."""
        return self.actor.name

    async def run(self, task: str | None, ctx: RunContext) -> RunResult:
        """Work on a task until it is done, blocked, out of rounds, or has a question.

        Raises:
            LimitReached: the limits ended the work before there was any answer.
            ModelError: the model failed.
            asyncio.CancelledError: the run was cancelled.
            ValueError: there is neither a task nor a state.
        """
        work = _resumed(task, ctx.state)
        account = ctx.account(self.limits)
        before = account.used
        output = work.output
        while work.stage != "done":
            watch = _Watch(ctx)
            if work.stage == "begin":
                await self._begin(work, ctx)
            if work.stage == "act":
                pending = await self._act(work, watch, ctx)
                if pending:
                    return RunResult(None, work.saved(), account.used - before, pending)
            decision = await self._decided(work, watch, ctx, account)
            if decision.status == "continue":
                work.round, work.stage, work.instruction = work.round + 1, "act", decision.next
                continue
            work.stage = "done"
            blocked = decision.status == "blocked" and decision.next
            output = f"Blocked: {decision.next}" if blocked else work.output
        return RunResult(output, work.saved(), account.used - before)

    async def _begin(self, work: _Work, ctx: RunContext) -> None:
        work.round = 1
        decision = _Decision(f"A new task for {self.name}.", "continue", work.task)
        await self._phases(ctx, work, work.task, [], decision)
        work.stage, work.instruction = "act", work.task

    async def _act(self, work: _Work, watch: _Watch, ctx: RunContext) -> tuple[Question, ...]:
        """Let the actor work on the instruction; return its open questions."""
        await self._phase(ctx, work, "act", instruction=work.instruction)
        inner = ctx.inner(work.actor)
        inner.on_event = watch.on_event
        try:
            result = await self.actor.run(work.instruction, inner)
        except BaseException as error:
            if inner.partial is not None:
                # The next run goes on where the actor was; the instruction is in its conversation.
                work.actor, work.instruction = inner.partial, None
            ctx.partial = work.saved()
            if isinstance(error, LimitReached) and work.output is not None:
                work.stage = "decide"
                return ()
            raise
        work.actor, work.instruction = result.state, None
        if not result.pending:
            work.output, work.stage = result.output, "decide"
        return result.pending

    async def _decided(
        self, work: _Work, watch: _Watch, ctx: RunContext, account: Budget
    ) -> _Decision:
        """Observe, orient and decide after an act."""
        news = list(await self.observe()) if self.observe is not None else []
        if ctx.steering is not None:
            news += await ctx.steering()
        ctx.partial = work.saved()
        if work.round >= self.max_rounds:
            decision = _Decision(f"All {self.max_rounds} rounds are used.", "done")
        elif news:
            told = "\n".join(["New messages came in. Take them into account:", *news])
            decision = _Decision("There is news.", "continue", told)
        elif watch.plain or self.decider is None:
            decision = _Decision("The answer speaks for itself.", "done")
        else:
            decision = await self._asked(self.decider, work, ctx, account)
        await self._phases(ctx, work, work.output, news, decision)
        return decision

    async def _asked(
        self, decider: Runtime, work: _Work, ctx: RunContext, account: Budget
    ) -> _Decision:
        prompt = (
            f"Task: {work.task}\n\nLatest result: {work.output}\n\n"
            f"This was round {work.round} of at most {self.max_rounds}. Orient and decide."
        )
        try:
            account.check()
            result = await decider.run(prompt, ctx.inner(None, tools=False, quiet=True))
        except LimitReached as error:
            return _Decision(str(error), "done")
        except BadModelAnswer:
            return _Decision("The model gave no decision.", "done", asked=True)
        decision = object_in(result.output)
        status = decision.get("status")
        following = as_text(decision.get("next")).strip()
        if status == "continue" and following:
            return _Decision(as_text(decision.get("orient")), "continue", following, asked=True)
        if status == "blocked":
            return _Decision(as_text(decision.get("orient")), "blocked", following, asked=True)
        orient = as_text(decision.get("orient")) or "The work is done."
        return _Decision(orient, "done", asked=True)

    async def _phases(
        self, ctx: RunContext, work: _Work, seen: Any, news: list[str], decision: _Decision
    ) -> None:
        await self._phase(ctx, work, "observe", seen=seen, news=news)
        await self._phase(ctx, work, "orient", situation=decision.orient)
        await self._phase(
            ctx,
            work,
            "decide",
            status=decision.status,
            next=decision.next,
            asked=decision.asked,
        )

    async def _phase(self, ctx: RunContext, work: _Work, phase: str, **data: Any) -> None:
        await ctx.emit("custom", self.name, phase=phase, round=work.round, **data)


def _resumed(task: str | None, state: Any) -> _Work:
    """Return where to go on: with a new task the actor remembers the conversation so far."""
    saved = object_in(state)
    if task is not None:
        return _Work(task, actor=saved.get("actor"))
    if not saved:
        raise ValueError("a run needs a task, or the state of an earlier run")
    return _Work(**saved)
