"""Questions to people, and what may answer them (DESIGN sections 6 and 9)."""

from __future__ import annotations

import hashlib
from typing import Any, Literal, cast

import msgspec

from hubbub.errors import InvalidAnswer, InvalidMessage
from hubbub.wire.codec import JSON, check_json, encode

__all__ = ["Question", "QuestionKind", "checked_answer", "fingerprint", "question_id"]

QuestionKind = Literal["text", "choice", "choices", "approval"]


class Question(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A question that a task asks a person.

    Attributes:
        id: names it within its task; made of what is shown, so that an answer is for nothing else.
        kind: free text, one of the choices, several of them, or leave to use a tool.
        prompt: what is asked.
        suggestions: possible answers to a free-text question.
        choices: what to choose from.
        secret: whether what is typed must not be seen.
        tool: the tool that needs approval.
        arguments: what it is to be called with.
        reason: why.
        asked_at: when it was asked, ISO 8601.
        expires_at: until when it can be answered, ISO 8601; empty if for ever.
        answered_by: who has given the answer that is stored for it, which its task has not taken
            in yet; empty while nobody has.
        answered_at: when, ISO 8601.
    """

    id: str
    kind: QuestionKind
    prompt: str
    suggestions: list[str] = msgspec.field(default_factory=list[str])
    choices: list[str] = msgspec.field(default_factory=list[str])
    secret: bool = False
    tool: str = ""
    arguments: dict[str, Any] = msgspec.field(default_factory=dict[str, Any])
    reason: str = ""
    asked_at: str = ""
    expires_at: str = ""
    answered_by: str = ""
    answered_at: str = ""


def fingerprint(question: Question) -> str:
    """Return a hash of all that a person is shown of a question.

    Raises:
        InvalidMessage: its arguments are no JSON.
    """
    check_json(cast("JSON", question.arguments), what="the arguments")
    shown = [
        question.kind,
        question.prompt,
        question.choices,
        question.tool,
        _ordered(question.arguments),
        question.reason,
    ]
    return hashlib.blake2b(encode(shown), digest_size=16).hexdigest()


def question_id(task_id: str, key: str, shown: str) -> str:
    """Return the id of a question.

    Args:
        task_id: the task that asks.
        key: which of its questions it is.
        shown: the question's `fingerprint`.
    """
    seed = f"{task_id}\n{key}\n{shown}".encode()
    return hashlib.blake2b(seed, digest_size=8).hexdigest()


def _ordered(value: JSON) -> JSON:
    """Return the same for equal values, in whatever order their fields were written down."""
    if isinstance(value, dict):
        return [[name, _ordered(value[name])] for name in sorted(value)]
    return [_ordered(one) for one in value] if isinstance(value, list) else value


def checked_answer(question: Question, answer: JSON) -> JSON:
    """Return an answer in the form in which it is kept.

    Args:
        question: what was asked.
        answer: text; one of the choices; a list of them; or for an approval an object with
            `decision` ("approve" or "reject"), `arguments` (those to use instead) and `comment`.

    Raises:
        InvalidAnswer: it does not answer the question.
    """
    match question.kind:
        case "text":
            if not isinstance(answer, str):
                raise InvalidAnswer(question.id, "it must be a text")
            return answer
        case "choice":
            if not isinstance(answer, str) or answer not in question.choices:
                raise InvalidAnswer(question.id, f"it must be one of: {_listed(question.choices)}")
            return answer
        case "choices":
            return _chosen(question, answer)
        case "approval":
            return _decision(question, answer)


def _chosen(question: Question, answer: JSON) -> JSON:
    if not isinstance(answer, list) or any(one not in question.choices for one in answer):
        raise InvalidAnswer(question.id, f"it must be a list of: {_listed(question.choices)}")
    return [choice for choice in question.choices if choice in answer]


def _decision(question: Question, answer: JSON) -> JSON:
    if not isinstance(answer, dict) or answer.get("decision") not in ("approve", "reject"):
        raise InvalidAnswer(
            question.id,
            'it must be an object whose "decision" is "approve" or "reject", with "arguments" '
            'and "comment" if you like',
        )
    if unknown := set(answer) - {"decision", "arguments", "comment"}:
        raise InvalidAnswer(question.id, f"it has no field {min(unknown)!r}")
    arguments, comment = answer.get("arguments"), answer.get("comment") or ""
    if arguments is not None and not isinstance(arguments, dict):
        raise InvalidAnswer(question.id, 'its "arguments" must be an object')
    if not isinstance(comment, str):
        raise InvalidAnswer(question.id, 'its "comment" must be a text')
    if arguments is not None:
        try:
            check_json(cast("JSON", arguments), what="the arguments")
        except InvalidMessage as error:
            raise InvalidAnswer(question.id, str(error)) from None
    return {"decision": answer["decision"], "arguments": arguments, "comment": comment}


def _listed(choices: list[str]) -> str:
    return ", ".join(map(repr, choices))
