from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubbub.errors import InvalidAnswer, InvalidMessage
from hubbub.wire.questions import Question, checked_answer, fingerprint, question_id

from .material import json_objects, json_values

CHOICES = ["red", "green", "blue"]
TEXT = Question(id="t", kind="text", prompt="Who?")
CHOICE = Question(id="c", kind="choice", prompt="Which?", choices=CHOICES)
SEVERAL = Question(id="s", kind="choices", prompt="Which?", choices=CHOICES)
APPROVAL = Question(id="a", kind="approval", prompt="May it?", tool="mail", arguments={"to": "Ada"})
questions = st.sampled_from([TEXT, CHOICE, SEVERAL, APPROVAL])


@given(questions, json_values)
def test_an_answer_is_kept_in_its_form_or_refused(question: Question, answer: Any) -> None:
    try:
        kept = checked_answer(question, answer)
    except InvalidAnswer:
        return
    # What is kept is an answer, too, and the same one.
    assert checked_answer(question, kept) == kept


@given(st.lists(st.sampled_from(CHOICES), max_size=6))
def test_choices_are_kept_once_and_in_the_order_of_the_question(chosen: list[str]) -> None:
    kept = checked_answer(SEVERAL, list(chosen))
    assert kept == [choice for choice in CHOICES if choice in chosen]


@given(st.sampled_from(["approve", "reject"]), json_objects | st.none(), st.text())
def test_a_decision_is_kept_whole(
    decision: str, arguments: dict[str, Any] | None, comment: str
) -> None:
    answer: Any = {"decision": decision, "arguments": arguments, "comment": comment}
    try:
        assert checked_answer(APPROVAL, answer) == answer
    except InvalidAnswer as error:
        assert "arguments" in str(error)  # noqa: PT017 - only numbers that no JSON reader takes


def test_what_may_be_left_out_of_a_decision() -> None:
    kept = {"decision": "approve", "arguments": None, "comment": ""}
    assert checked_answer(APPROVAL, {"decision": "approve"}) == kept
    assert checked_answer(APPROVAL, {"decision": "approve", "comment": None}) == kept


@pytest.mark.parametrize(
    "other",
    [
        Question(id="a", kind="approval", prompt="May it?", tool="call", arguments={"to": "Ada"}),
        Question(id="a", kind="approval", prompt="May it?", tool="mail", arguments={"to": "Bob"}),
        Question(id="a", kind="approval", prompt="May it?", tool="mail", arguments={}),
        Question(
            id="a",
            kind="approval",
            prompt="May it?",
            tool="mail",
            arguments={"to": "Ada"},
            reason="because",
        ),
        Question(id="a", kind="text", prompt="May it?"),
    ],
)
def test_what_is_shown_is_in_the_fingerprint(other: Question) -> None:
    assert fingerprint(other) != fingerprint(APPROVAL)
    assert question_id("t", "k", fingerprint(other)) != question_id("t", "k", fingerprint(APPROVAL))


def test_when_it_was_asked_is_not() -> None:
    later = Question(
        id="other",
        kind="approval",
        prompt="May it?",
        tool="mail",
        arguments={"to": "Ada"},
        asked_at="2026-01-01T00:00:00Z",
        expires_at="2026-01-02T00:00:00Z",
    )
    assert fingerprint(later) == fingerprint(APPROVAL)


def _backwards(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _backwards(value[name]) for name in reversed(value)}  # pyright: ignore
    return [_backwards(one) for one in value] if isinstance(value, list) else value  # pyright: ignore


@given(json_objects)
def test_the_order_in_which_arguments_were_written_does_not_matter(
    arguments: dict[str, Any],
) -> None:
    one = Question(id="a", kind="approval", prompt="", arguments=arguments)
    other = Question(id="a", kind="approval", prompt="", arguments=_backwards(arguments))
    with contextlib.suppress(InvalidMessage):  # a number that no JSON reader takes
        assert fingerprint(one) == fingerprint(other)


def test_arguments_that_are_no_json_are_refused() -> None:
    with pytest.raises(InvalidMessage, match="arguments"):
        fingerprint(Question(id="a", kind="approval", prompt="", arguments={"set": {1}}))


def test_the_id_names_the_task_the_call_and_what_is_shown() -> None:
    ids = {question_id(task, key, shown) for task in "ab" for key in "cd" for shown in "ef"}
    assert len(ids) == 8
    assert all(len(one) == 16 for one in ids)
