"""Questions to people, asked by a task; whoever answers may take days (DESIGN 5.13 and 6)."""

from __future__ import annotations

import math
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, cast

import msgspec

from hubbub.agents.recorded import Recorded
from hubbub.errors import HubbubError, InvalidMessage, QuestionTimeout
from hubbub.mesh.durable.branches import Call
from hubbub.wire import clock
from hubbub.wire.codec import JSON
from hubbub.wire.questions import Question, fingerprint, question_id

__all__ = ["Approval", "Asking"]

_UNASKED = ("id", "asked_at", "expires_at")


@dataclass(frozen=True, slots=True)
class Approval:
    """A person's decision about the use of a tool.

    Attributes:
        approved: whether it may be used.
        arguments: what to call it with; the person may have changed that.
        comment: what the person said to it, such as why not.
    """

    approved: bool
    arguments: dict[str, Any]
    comment: str

    def __bool__(self) -> bool:
        return self.approved


class Asking(Recorded):
    """The questions of a task; part of `Task`.

    A question is on record before anybody sees it, and so is its answer. Until there is one, the
    task rests when nothing else in it goes on: its handler is unwound by a `BaseException`, and
    called again, in any process, when the answer is there. A request cannot ask.
    """

    def ask_text(
        self,
        prompt: str,
        *,
        suggestions: Sequence[str] = (),
        secret: bool = False,
        timeout: float | None = None,
        name: str | None = None,
    ) -> Coroutine[Any, Any, str]:
        """Ask for a text.

        Args:
            prompt: what is asked.
            suggestions: possible answers.
            secret: whether what is typed must not be seen; in the log it is readable.
            timeout: seconds in which somebody must answer.
            name: tells it from questions that are asked at the same time.

        Raises:
            QuestionTimeout: nobody answered in time.
        """
        question = Question(
            id="", kind="text", prompt=prompt, suggestions=[*suggestions], secret=secret
        )
        return cast("Coroutine[Any, Any, str]", self._ask("ask_text", question, timeout, name))

    def ask_choice(
        self,
        prompt: str,
        choices: Sequence[str],
        *,
        timeout: float | None = None,
        name: str | None = None,
    ) -> Coroutine[Any, Any, str]:
        """Let a person choose one of several answers; see `ask_text`."""
        question = Question(id="", kind="choice", prompt=prompt, choices=_distinct(choices))
        return cast("Coroutine[Any, Any, str]", self._ask("ask_choice", question, timeout, name))

    def ask_choices(
        self,
        prompt: str,
        choices: Sequence[str],
        *,
        timeout: float | None = None,
        name: str | None = None,
    ) -> Coroutine[Any, Any, list[str]]:
        """Let a person choose any number of answers; see `ask_text`."""
        question = Question(id="", kind="choices", prompt=prompt, choices=_distinct(choices))
        return cast(
            "Coroutine[Any, Any, list[str]]", self._ask("ask_choices", question, timeout, name)
        )

    def approve(
        self,
        tool: str,
        arguments: dict[str, Any],
        *,
        reason: str = "",
        timeout: float | None = None,
        name: str | None = None,
    ) -> Coroutine[Any, Any, Approval]:
        """Ask for leave to use a tool with these arguments, and none but these.

        Args:
            tool: the tool.
            arguments: what it is to be called with, JSON; the person may change them.
            reason: why.
            timeout: seconds in which somebody must decide.
            name: tells it from questions that are asked at the same time.

        Raises:
            QuestionTimeout: nobody decided in time.
        """
        prompt = f"May {tool} be used?"
        question = Question(
            id="", kind="approval", prompt=prompt, tool=tool, arguments=arguments, reason=reason
        )
        answer = self._ask("approve", question, timeout, name)

        async def decide() -> Approval:
            decision = cast("dict[str, Any]", await answer)
            changed = decision.get("arguments")
            return Approval(
                approved=decision.get("decision") == "approve",
                arguments=arguments if changed is None else changed,
                comment=str(decision.get("comment", "")),
            )

        return decide()

    def _ask(
        self, verb: str, question: Question, timeout: float | None, name: str | None
    ) -> Coroutine[Any, Any, JSON]:
        if timeout is not None:
            clock.check_seconds("timeout", timeout)
        call = self.run.call(verb, name or "", named=name is not None)
        return self._asked(call, question, timeout)

    async def _asked(self, call: Call, question: Question, timeout: float | None) -> JSON:
        run = self.run
        if not run.is_kept:
            raise HubbubError(
                "a request cannot wait for a person: send a direct message, which opens a task"
            )
        run.waits.check()
        shown = fingerprint(question)
        asked = run.recording.question(call.key)
        if asked is None:
            moment = clock.seconds()
            asked = msgspec.structs.replace(
                question,
                id=question_id(self.id, call.key, shown),
                asked_at=clock.iso(moment),
                expires_at="" if timeout is None else clock.iso(moment + timeout),
            )
            await run.put("asked", call, {"question": msgspec.to_builtins(asked)})
        elif fingerprint(asked) != shown:
            raise run.mismatch(_shown(asked), _shown(question))
        until = clock.read_iso(asked.expires_at) if asked.expires_at else math.inf
        settled = await run.wait(call, until=until)
        if settled is None:
            settled = await run.settle("timed_out", call, {"id": asked.id})
        if settled.kind == "timed_out":
            error = QuestionTimeout(asked.id, asked.prompt)
            run.note_raised(call, error)
            raise error
        return settled.data.get("answer")


def _distinct(choices: Sequence[str]) -> list[str]:
    if not choices or len(set(choices)) != len(choices):
        raise InvalidMessage("a choice needs answers to choose from, each of them once")
    return [*choices]


def _shown(question: Question) -> str:
    facts = msgspec.to_builtins(question)
    shown = {name: value for name, value in facts.items() if name not in _UNASKED}
    return f"the question {shown}"
