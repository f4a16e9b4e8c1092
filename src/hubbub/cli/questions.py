"""Questions to people, as lines on the terminal and as commands that answer them."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from typing import Any

from hubbub.wire.codec import encode
from hubbub.wire.questions import Question

__all__ = [
    "answer_shown",
    "answered_by",
    "answering_command",
    "choices_read",
    "lines_of",
    "pretty",
]


def lines_of(question: Question) -> list[str]:
    """Return what a person is shown of a question."""
    lines = [question.prompt]
    match question.kind:
        case "text":
            if question.suggestions:
                lines.append(f"  for example: {', '.join(question.suggestions)}")
        case "choice" | "choices":
            lines += [f"  {number}. {one}" for number, one in enumerate(question.choices, 1)]
        case "approval":
            lines += [f"  why: {question.reason}"] if question.reason else []
            lines += [f"  {line}" for line in pretty(question.arguments).splitlines()]
    if question.expires_at:
        lines.append(f"  until {question.expires_at}")
    return lines


def answering_command(task_id: str, question: Question, *, alone: bool) -> str:
    """Return the command that answers a question.

    Args:
        task_id: the task that asks.
        question: what it asks.
        alone: whether it is the only one that is open.
    """
    answer = {
        "text": "TEXT",
        "choice": "CHOICE",
        "choices": "CHOICE,CHOICE",
        "approval": "--approve (or --reject)",
    }[question.kind]
    which = "" if alone else f" --question {question.id}"
    return f"hubbub tasks answer {shlex.quote(task_id)} {answer}{which}"


def answered_by(question: Question, held_up: str) -> str:
    """Return who has given the answer that is stored for a question; empty if there is none.

    Args:
        question: what was asked.
        held_up: why its task has not taken the answer in; empty if that is not known.
    """
    if not question.answered_at:
        return ""
    reason = f": {held_up}" if held_up else ""
    return f"answered by {question.answered_by or 'somebody'}, not taken in yet{reason}"


def answer_shown(question: Question | None, answer: Any) -> str:
    """Return an answer for people to see; what may be a secret is not shown."""
    if question is None or question.secret:
        return "(not shown)"
    if isinstance(answer, dict):
        return _decision(question, answer)  # pyright: ignore[reportUnknownArgumentType]
    if isinstance(answer, list):
        return ", ".join(map(str, answer)) or "nothing"  # pyright: ignore[reportUnknownArgumentType]
    return str(answer)


def _decision(question: Question, answer: dict[str, Any]) -> str:
    parts = ["approved" if answer.get("decision") == "approve" else "rejected"]
    changed = answer.get("arguments")
    if changed is not None and changed != question.arguments:
        parts.append(f"with {encode(changed).decode()}")
    if answer.get("comment"):
        parts.append(f"({answer['comment']})")
    return " ".join(parts)


def choices_read(text: str, choices: Sequence[str]) -> list[str] | None:
    """Return the choices that a text names, by number or as they are; None if one is none.

    Args:
        text: numbers or choices, with commas between them; one choice may hold commas.
        choices: what there is.
    """
    whole = _choice(text, choices)
    if whole is not None:
        return [whole]
    parts = [part for part in text.split(",") if part.strip()]
    if len(parts) == 1 and all(word.isdecimal() for word in text.split()):
        parts = text.split()
    found = [_choice(part, choices) for part in parts]
    return None if None in found else [one for one in found if one is not None]


def _choice(text: str, choices: Sequence[str]) -> str | None:
    text = text.strip()
    if text in choices:
        return text
    if text.isdecimal() and 0 < int(text) <= len(choices):
        return choices[int(text) - 1]
    alike = [one for one in choices if one.casefold() == text.casefold()]
    return alike[0] if len(alike) == 1 else None


def pretty(arguments: Any) -> str:
    """Return JSON, one value a line."""
    return json.dumps(arguments, indent=2, ensure_ascii=False)
