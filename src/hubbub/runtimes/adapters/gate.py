"""Everything that passes between a framework at work and its surroundings."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Collection
from typing import Any, NoReturn

from hubbub.errors import LimitReached
from hubbub.mesh.limits import Budget, Usage
from hubbub.runtimes.adapters.journal import Journal
from hubbub.runtimes.calls import approved, comment, shown
from hubbub.runtimes.errors import BadModelAnswer
from hubbub.runtimes.neutral import EventKind, Parked, Question, RunContext, asking_for
from hubbub.runtimes.normalise.recording import Calling
from hubbub.runtimes.shapes import JsonObject, as_object
from hubbub.runtimes.tools import Tool, ToolOutcome

__all__ = ["Gate"]

# Calls made together begin within this time of each other, and on a busy machine within as many
# turns of the loop.
_SETTLE_SECONDS = 0.02
_SETTLE_TURNS = 50


class Gate:
    """The gate of one run.

    What ends a run, a question that nobody answers or a limit, is not raised into the framework,
    which might swallow it or take it for a tool's failure. It is noted here, the caller waits for
    ever, and whoever drives the run cancels the framework.

    Args:
        ctx: what surrounds the run.
        budget: what it may use.
        journal: what it has done before it was interrupted.
        approve: names of tools that a person has to approve each call of.
        keeps_cut_off: whether an answer cut off at the token limit may be used.

    Attributes:
        stopped: set when the framework has to be cancelled.
        error: what ended the run.
        questions: what it waits for.
    """

    def __init__(
        self,
        ctx: RunContext,
        budget: Budget,
        journal: Journal,
        *,
        approve: Collection[str] = (),
        keeps_cut_off: bool = False,
    ) -> None:
        self.ctx = ctx
        self.journal = journal
        self.stopped = asyncio.Event()
        self.error: BaseException | None = None
        self.questions: list[Question] = []
        self._budget = budget
        self._approve = approve
        self._keeps_cut_off = keeps_cut_off
        self._busy = 0
        self._begun = 0
        self._asked: Counter[str] = Counter()
        self._called: Counter[str] = Counter()
        self._decided: Counter[str] = Counter()
        self._failed: set[str] = set()
        self._is_live = journal.is_empty
        self._checking: asyncio.Task[None] | None = None
        journal.answers |= ctx.answers
        ctx.answers = journal.answers

    @property
    def calling(self) -> Calling:
        """How the transport meets this run."""
        return Calling(
            self._before_call,
            self._after_call,
            self._out_of_time,
            self.journal,
            self._keeps_cut_off,
        )

    async def emit(self, kind: EventKind, agent: str, /, **data: Any) -> None:
        """Tell what happened, unless that has been told before the run was interrupted."""
        if self._is_live and not self.stopped.is_set():
            await self.ctx.emit(kind, agent, **data)

    # Tools

    def failed(self, call_id: str) -> bool:
        """Tell whether the last call of an id went wrong, as far as it went through here."""
        return call_id in self._failed

    async def call(self, tool: Tool, call_id: str, arguments: str, agent: str) -> ToolOutcome:
        """Make a call of one of the tools of the run.

        Args:
            tool: what to call.
            call_id: the id the model gave the call.
            arguments: JSON as the model wrote it.
            agent: who calls it.
        """

        async def made() -> ToolOutcome:
            given = arguments
            if tool.name in self._approve:
                fields = shown(arguments)
                question = Question(
                    f"May {agent} run {tool.name}?", "approval", tool=tool.name, arguments=fields
                )
                decision = await self.ctx.ask(question)
                if not approved(decision):
                    text = f"A person refused this call. {comment(decision)}"
                    return ToolOutcome(text, failed=True)
                given = _changed(decision) or given
            return await tool.call(given)

        return await self.tool(call_id, made)

    async def tool(self, call_id: str, make: Callable[[], Awaitable[ToolOutcome]]) -> ToolOutcome:
        """Make a tool call, or return what it returned before the run was interrupted.

        A tool that asks is run again from its start once there is an answer.

        Raises:
            Exception: whatever a tool of the framework's own raises.
        """
        key = _numbered(self._called, call_id)
        known = self.journal.tools.get(key)
        if known is not None:
            outcome = ToolOutcome(str(known["text"]), bool(known["failed"]))
        else:
            self._is_live = True
            self._busy += 1
            self._begun += 1
            try:
                asking_for(key)
                outcome = await make()
            except (Exception, asyncio.CancelledError):
                raise
            except BaseException as unwinding:  # noqa: BLE001 - it is handed to the driver
                await self._unwind(unwinding)
            finally:
                self._busy -= 1
                self._check_rest()
            self.journal.tools[key] = {"text": outcome.text, "failed": outcome.failed}
        if outcome.failed:
            self._failed.add(call_id)
        else:
            self._failed.discard(call_id)
        return outcome

    # Questions

    async def ask(self, question: Question, agent: str) -> Any:
        """Ask a person for an agent of the framework, and return the answer."""
        self._asked[agent] += 1
        if not question.id:
            import msgspec

            question = msgspec.structs.replace(question, id=f"{agent}:{self._asked[agent]}")
        if question.id in self.ctx.answers:
            return self.ctx.answers[question.id]
        self._is_live = True
        try:
            return await self.ctx.ask(question)
        except (Exception, asyncio.CancelledError):
            raise
        except BaseException as unwinding:  # noqa: BLE001 - it is handed to the driver
            await self._unwind(unwinding)

    async def approves(self, name: str, arguments: JsonObject, call_id: str, agent: str) -> Any:
        """Ask a person about a call of the framework's own tool; return the decision."""
        key = _numbered(self._decided, call_id)
        question = Question(
            f"May {agent} run {name}?", "approval", tool=name, arguments=arguments, id=key
        )
        return await self.ask(question, agent)

    async def _unwind(self, unwinding: BaseException) -> NoReturn:
        if not isinstance(unwinding, Parked):
            await self.end(unwinding)
        self.questions.append(unwinding.question)
        self._check_rest()
        await asyncio.Event().wait()
        raise AssertionError("waits until it is cancelled")

    async def end(self, error: BaseException) -> NoReturn:
        """End the run with an error of ours."""
        self.error = self.error or error
        self.stopped.set()
        await asyncio.Event().wait()
        raise AssertionError("waits until it is cancelled")

    def close(self) -> None:
        """Stop looking at a run that has ended."""
        if self._checking is not None:
            self._checking.cancel()

    def _check_rest(self) -> None:
        """Stop the framework once everything it does waits for a person."""
        if not self.questions or self._checking is not None:
            return

        async def check() -> None:
            begun = -1
            while begun != self._begun:
                begun = self._begun
                await asyncio.sleep(_SETTLE_SECONDS)
                for _ in range(_SETTLE_TURNS):
                    await asyncio.sleep(0)
            self._checking = None
            # A tool that waits for a person counts as busy until it is cancelled.
            if self._busy <= len(self.questions):
                self.stopped.set()

        self._checking = asyncio.get_running_loop().create_task(check())

    # Model calls

    async def _before_call(self) -> float | None:
        try:
            self._budget.check()
        except LimitReached as limit:
            await self.end(limit)
        self._budget.spend(Usage(requests=1))
        self._is_live = True
        self._busy += 1
        self._begun += 1
        return self._budget.seconds_left()

    async def _after_call(self, used: Usage | None, reason: str) -> None:
        self._busy -= 1
        self._check_rest()
        if used is None:
            return
        self._budget.spend(Usage(0, used.input_tokens, used.output_tokens, used.estimated))
        if reason == "length" and not self._keeps_cut_off:
            self.error = self.error or BadModelAnswer(
                f"The model was cut off after {used.output_tokens} tokens: raise max_tokens, or "
                "the context length of the model server, or keep such answers with cut_off='keep'"
            )
            self.stopped.set()

    async def _out_of_time(self) -> None:
        await self.end(LimitReached("seconds", self._budget.limits.seconds or 0))


def _numbered(seen: Counter[str], call_id: str) -> str:
    """Return an id of its own for a call: some servers number those of each answer anew."""
    seen[call_id] += 1
    return call_id if seen[call_id] == 1 else f"{call_id}#{seen[call_id]}"


def _changed(decision: Any) -> str | None:
    """Return the arguments a person put in place of the model's, as JSON."""
    import json

    changed = as_object((as_object(decision) or {}).get("arguments"))
    return None if changed is None else json.dumps(changed)
