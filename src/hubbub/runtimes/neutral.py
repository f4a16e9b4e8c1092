"""The one interface every way of thinking has: a runtime is given a task and pushes what happens.

A runtime tells its surroundings what it does through `RunContext.emit`, asks people through
`RunContext.ask`, is cancelled by cancelling the asyncio task it runs in, and keeps what it needs
to go on in an opaque JSON value. Events are pushed, not yielded: a cancelled generator could not
hand over its state.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import msgspec

from hubbub.mesh.activity import current_activity
from hubbub.mesh.limits import Budget, Limits, Usage

__all__ = [
    "Event",
    "EventKind",
    "Parked",
    "Question",
    "QuestionKind",
    "RunContext",
    "RunResult",
    "Runtime",
    "asking_for",
    "current_run",
    "running",
]

EventKind = Literal[
    "text",
    "thinking",
    "message",
    "tool_call",
    "tool_result",
    "question",
    "handoff",
    "usage",
    "custom",
    "final",
    "suspended",
    "cancelled",
    "error",
]
QuestionKind = Literal["text", "choice", "choices", "approval"]


class Event(msgspec.Struct, frozen=True):
    """One thing that happened in a run.

    `text` and `thinking` carry `delta`; `message` a whole `role` and `content`; `tool_call` has
    `id`, `name`, `arguments`; `tool_result` has `id`, `name`, `result`, `failed`; `question` is
    the fields of a `Question`; `usage` those of a `Usage`; `custom` what its maker likes. Every
    run ends with exactly one of `final` (`output`), `suspended` (`pending`), `cancelled` or
    `error` (`kind`, `message`).
    """

    kind: EventKind
    data: dict[str, Any] = msgspec.field(default_factory=dict[str, Any])
    agent: str = ""


class Question(msgspec.Struct, frozen=True):
    """A question to a person.

    Attributes:
        prompt: what to ask.
        kind: free text, one of `choices`, several of them, or leave to run a tool.
        suggestions: possible answers to a free-text question.
        choices: the answers to choose from.
        tool: the tool that needs approval, with its `arguments` and the `reason`.
        id: given by the run if empty; the same again when the run is resumed.
    """

    prompt: str
    kind: QuestionKind = "text"
    suggestions: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    tool: str | None = None
    arguments: dict[str, Any] | None = None
    reason: str = ""
    id: str = ""


class RunResult(msgspec.Struct, frozen=True):
    """How a run ended.

    Attributes:
        output: a string or a JSON value.
        state: give it back in `RunContext.state` to go on from here.
        usage: what this run used.
        pending: unanswered questions; not empty means that the run is parked, and any process
            can go on with `state` and the answers.
    """

    output: Any = None
    state: Any = None
    usage: Usage = msgspec.field(default_factory=Usage)
    pending: tuple[Question, ...] = ()


class Parked(BaseException):
    """Unwinds a tool whose question nobody has answered yet.

    A `BaseException`, so that a tool's `except Exception` does not swallow it.
    """

    def __init__(self, question: Question) -> None:
        super().__init__(question.prompt)
        self.question = question


@dataclass(slots=True)
class RunContext:
    """What surrounds a run.

    Attributes:
        state: `RunResult.state` of an earlier run, possibly after a JSON round trip.
        answers: answers by question id, when a parked run is resumed.
        tools: more tools for this run: typed functions, or whatever `Tool.of` takes.
        on_event: called with every event, in order; awaited if it returns an awaitable.
        on_question: asks a person and returns the answer; None parks the run instead.
        steering: returns messages that arrived meanwhile; asked between two steps.
        limits: what the run may use; the runtime's own limits unless given.
        budget: the account, shared with inner runs; made from `limits` unless given.
        partial: where a runtime leaves its state when it is cancelled or fails.
    """

    state: Any = None
    answers: Mapping[str, Any] = field(default_factory=dict[str, Any])
    tools: Sequence[Any] = ()
    on_event: Callable[[Event], Awaitable[None] | None] | None = None
    on_question: Callable[[Question], Awaitable[Any]] | None = None
    steering: Callable[[], Awaitable[Sequence[str]]] | None = None
    limits: Limits | None = None
    budget: Budget | None = None
    partial: Any = None

    def account(self, limits: Limits | None = None) -> Budget:
        """Return the budget of this run, opened at the first call.

        Args:
            limits: what applies if the context has no limits.
        """
        if self.budget is None:
            activity = current_activity()
            outer = None if activity is None else activity.budget
            self.budget = Budget(self.limits or limits or Limits(), outer=outer)
        return self.budget

    def inner(self, state: Any, *, tools: bool = True, quiet: bool = False) -> RunContext:
        """Return the context of a run inside this one: its own state, the same account.

        Args:
            state: where the inner run goes on.
            tools: whether it may use the tools, the answers and the steering of this run.
            quiet: whether to keep its events to itself.
        """
        return RunContext(
            state=state,
            answers=self.answers if tools else {},
            tools=self.tools if tools else (),
            on_event=None if quiet else self.on_event,
            on_question=self.on_question,
            steering=self.steering if tools else None,
            limits=self.limits,
            budget=self.account(),
        )

    async def emit(self, kind: EventKind, agent: str = "", /, **data: Any) -> None:
        """Tell whoever watches this run what happened, and who did it."""
        if self.on_event is None:
            return
        outcome = self.on_event(Event(kind, data, agent))
        if inspect.isawaitable(outcome):
            await outcome

    async def ask(self, question: Question | str) -> Any:
        """Ask a person and return the answer.

        Inside a tool the question gets an id made of the tool call and a counter. In a run that
        parks, the tool is run again from its start once there is an answer, and this call then
        returns it; what the tool did before it asked is done twice.

        Raises:
            Parked: nobody is there to answer now; it must be let through.
        """
        if isinstance(question, str):
            question = Question(question)
        if not question.id:
            scope = _asking.get(None) or _Asking("run")
            question = msgspec.structs.replace(question, id=scope.next_id())
        if question.id in self.answers:
            return self.answers[question.id]
        await self.emit("question", **msgspec.to_builtins(question))
        if self.on_question is None:
            raise Parked(question)
        return await self.on_question(question)


class Runtime(Protocol):
    """Anything that can work on a task: a tool loop, an OODA loop, a foreign framework."""

    @property
    def name(self) -> str:
        """Whom the events are attributed to."""
        ...

    async def run(self, task: str | None, ctx: RunContext) -> RunResult:
        """Work on a task, or go on with `ctx.state` when there is none.

        Raises:
            ModelError: the model failed, or a limit is reached.
            asyncio.CancelledError: the run was cancelled; `ctx.partial` holds its state.
        """
        ...


@dataclass(slots=True)
class _Asking:
    """Numbers the questions of one tool call, so that a resumed run gives them the same ids."""

    scope: str
    count: int = 0

    def next_id(self) -> str:
        self.count += 1
        return f"{self.scope}:{self.count}"


_current: ContextVar[RunContext] = ContextVar("hubbub_run")
_asking: ContextVar[_Asking] = ContextVar("hubbub_asking")


def current_run() -> RunContext:
    """Return the context of the run this code is called from, also in threads of sync tools.

    Raises:
        LookupError: no run is going on.
    """
    return _current.get()


class running:  # noqa: N801 - used as a verb: `with running(ctx):`
    """Make `ctx` the current run for the body of a `with` statement."""

    def __init__(self, ctx: RunContext) -> None:
        self._ctx = ctx

    def __enter__(self) -> RunContext:
        self._token = _current.set(self._ctx)
        self._asking_token = _asking.set(_Asking("run"))
        return self._ctx

    def __exit__(self, *_: object) -> None:
        _asking.reset(self._asking_token)
        _current.reset(self._token)


def asking_for(call_id: str) -> None:
    """Let the questions asked from here on belong to a tool call."""
    _asking.set(_Asking(call_id))
