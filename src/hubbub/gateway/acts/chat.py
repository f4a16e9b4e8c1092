"""A workflow as somebody to chat with: what it says, what it asks, and how that is answered.

A chat is nothing but its messages, which the client sends anew each time. So a question carries
the ids of its task, and the message behind it is the answer.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from hubbub.errors import (
    AlreadyAnswered,
    HubbubError,
    InvalidAnswer,
    QuestionNotFound,
    RemoteError,
    RequestTimeout,
)
from hubbub.gateway.acts.actions import answer_question
from hubbub.gateway.identity.ownership import actionable_task
from hubbub.gateway.identity.principals import Principal
from hubbub.gateway.records.models import Answer, Decision
from hubbub.gateway.state import Gateway
from hubbub.mesh.tasks.handle import TaskHandle
from hubbub.wire.card import AgentCard
from hubbub.wire.codec import encode
from hubbub.wire.events import EventKind, TaskEvent
from hubbub.wire.names import agent_token
from hubbub.wire.questions import Question
from hubbub.wire.subjects import DEFAULT_LANE

__all__ = ["Asked", "asked_before", "converse", "question_text"]

log = logging.getLogger("hubbub.gateway")

_MARK = re.compile(r"Task ([A-Za-z0-9_-]{1,64}), question ([A-Za-z0-9_-]{1,64})\.\s*\Z")
_YES = frozenset({"yes", "y", "ok", "approve", "approved"})
_NO = re.compile(r"(?:no|n|reject|rejected)\b[\s:,.]*(.*)", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Asked:
    """A question that ended an earlier answer."""

    task_id: str
    question_id: str


def asked_before(texts: Sequence[str]) -> Asked | None:
    """Return the question that the last message answers, if the one before it asks one.

    Args:
        texts: what has been said from the assistant's last message on.
    """
    found = _MARK.search(texts[0]) if len(texts) == 2 else None
    return Asked(found[1], found[2]) if found else None


async def converse(
    gateway: Gateway,
    who: Principal,
    card: AgentCard,
    text: str,
    metadata: dict[str, Any],
    *,
    asked: Asked | None,
    timeout: float,
) -> AsyncGenerator[str]:
    """Start a run, or answer what it has asked, and yield what it says until it ends or asks.

    A run that nobody waits for any more is canceled; one that has asked waits for its answer.

    Args:
        gateway: where.
        who: who owns the run.
        card: the workflow.
        text: what the user says.
        metadata: goes along with a start.
        asked: what the user answers.
        timeout: seconds that it may take.

    Raises:
        RemoteError: the run failed, or was canceled.
        RequestTimeout: it did not come so far in time.
        TaskNotFound: the run that asked is not there any more, or is somebody else's.
        HubbubError: it cannot be started.
    """
    mesh, rests = gateway.mesh, False
    task = None if asked is None else await actionable_task(mesh, who, asked.task_id)
    if asked is None or task is None or agent_token(task.agent) != card.token:
        asked = None  # or the user has turned to somebody else
        async with gateway.share(who.user, card.name, DEFAULT_LANE):
            handle = await mesh.send_direct_message(
                card.name, text, metadata=metadata, owner=who.user
            )
        gateway.metrics.tasks_started.inc()
    else:
        handle = mesh.task(card.name, task.id)
        for question in task.questions:
            if question.id == asked.question_id and not question.answered_at:
                refused = await _refused(gateway, who, task.id, question, text)
                if refused:
                    yield f"{refused}\n\n{question_text(task.id, question)}"
                    return
    ends_at = asyncio.get_running_loop().time() + timeout
    try:
        async with contextlib.aclosing(_said(handle, asked)) as said:
            while True:
                async with asyncio.timeout_at(ends_at):
                    piece = await anext(said, None)
                rests = piece is None or isinstance(piece, Question)
                if piece is None:
                    return
                yield question_text(handle.task_id, piece) if isinstance(piece, Question) else piece
    except TimeoutError:
        subject = mesh.connection.layout.log(card.token, handle.task_id)
        raise RequestTimeout(card.name, subject, timeout) from None
    finally:
        if not rests:
            with contextlib.suppress(HubbubError):  # it may have ended, or NATS be away
                await handle.cancel()


async def _said(handle: TaskHandle, asked: Asked | None) -> AsyncGenerator[str | Question]:
    """Yield what a run says behind a question, or from its beginning, and what it asks then."""
    is_old, answered = asked is not None, "" if asked is None else asked.question_id
    waiting: dict[str, Question] = {}
    last = ""
    async with contextlib.aclosing(handle.events()) as events:
        async for event in events:
            question = _question(event)
            if question is not None:
                waiting[question.id] = question
                if question.id == answered:
                    is_old = False
                    continue
            elif event.kind in ("answered", "timed_out"):
                waiting.pop(str(event.data.get("id")), None)
            if event.is_final:
                yield _end(handle, event, last)
            elif is_old:
                continue
            elif event.kind == "said":
                last = str(event.data.get("text", ""))
                yield f"{last}\n\n"
            elif question is not None or event.kind == EventKind.PARKED:
                for one in waiting.values():
                    if one.id != answered:
                        yield one
                        return


def _question(event: TaskEvent) -> Question | None:
    try:
        return msgspec.convert(event.data["question"], Question) if event.kind == "asked" else None
    except (msgspec.ValidationError, KeyError):
        return None


def _end(handle: TaskHandle, event: TaskEvent, last: str) -> str:
    if event.kind != EventKind.COMPLETED:
        reason = str(event.data.get("error", "")) or f"the run was {event.kind}"
        raise RemoteError(handle.agent, event.kind, reason)
    result = event.data.get("result")
    text = "" if result is None else result if isinstance(result, str) else encode(result).decode()
    return "" if text == last else text


# Questions and answers as text


def question_text(task_id: str, question: Question) -> str:
    """Return a question as a message of a chat, with how to answer it."""
    lines = [question.prompt]
    if question.reason:
        lines.append(question.reason)
    if question.kind == "approval":
        arguments = encode(question.arguments).decode()
        lines += [f"{question.tool} {arguments}", "Say yes, or no and why."]
    elif question.choices:
        lines += [f"{number}. {choice}" for number, choice in enumerate(question.choices, 1)]
        several = question.kind == "choices"
        lines.append("Choose by number or name" + (", several with commas." if several else "."))
    elif question.suggestions:
        lines.append(f"For example: {', '.join(question.suggestions)}")
    lines.append(
        "What is asked for is a secret and does not belong in a chat: answer with "
        f"`hubbub tasks answer {task_id}`, then say here that you did."
        if question.secret
        else "Your next message is the answer."
    )
    return "\n".join([*lines, f"Task {task_id}, question {question.id}."])


async def _refused(
    gateway: Gateway, who: Principal, task_id: str, question: Question, text: str
) -> str:
    """Give an answer, and return why it is none; empty if it is one."""
    if question.secret:
        return "It has not been answered yet."
    value = _answer(question, text)
    if value is None:
        return "I did not understand that."
    try:
        given = Answer(question_id=question.id, answer=value)
        await answer_question(gateway, who, task_id, given)
    except InvalidAnswer as error:
        return str(error)
    except (AlreadyAnswered, QuestionNotFound) as error:
        log.info("An answer in a chat came too late: %s", error)
    return ""


def _answer(question: Question, text: str) -> str | list[str] | Decision | None:
    text = text.strip()
    match question.kind:
        case "text":
            return text
        case "choice":
            return _choice(question, text)
        case "choices":
            return [_choice(question, one.strip()) for one in text.split(",") if one.strip()]
        case "approval":
            if text.rstrip(".!").casefold() in _YES:
                return Decision(decision="approve", arguments=None, comment="")
            no = _NO.fullmatch(text)
            return (
                Decision(decision="reject", arguments=None, comment=no[1][:10_000]) if no else None
            )


def _choice(question: Question, text: str) -> str:
    if text.isdecimal() and text not in question.choices and 0 < int(text) <= len(question.choices):
        return question.choices[int(text) - 1]
    same = [one for one in question.choices if one.casefold() == text.casefold()]
    return same[0] if len(same) == 1 else text
