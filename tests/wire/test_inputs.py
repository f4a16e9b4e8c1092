from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubbub.errors import InvalidMessage
from hubbub.wire.events import TaskEvent
from hubbub.wire.inputs import (
    CANCEL,
    DEADLINE_KEY,
    Answer,
    ChildEnd,
    Note,
    answer_key,
    child_call,
    child_key,
    is_note,
    is_timer,
    note_key,
    settling,
    timer_key,
)
from hubbub.wire.names import check_message_id
from hubbub.wire.questions import Question
from hubbub.wire.recording import Recording

from .material import json_values, message_ids, tokens

QUESTION = Question(id="q1", kind="text", prompt="Who?")


def asked() -> Recording:
    data = {"key": "ask_text#1", "question": msgspec.to_builtins(QUESTION)}
    return Recording([TaskEvent(kind="asked", data=data)])


def answer(text: str = "Ada", name: str = "a1") -> bytes:
    return Answer(id=name, answer=text, by="ada", at="2026-01-01T00:00:00Z").to_bytes()


def test_an_answer_settles_its_question_once() -> None:
    recording = asked()
    settled = settling(answer_key("q1"), answer(), recording)
    assert settled is not None
    kind, facts = settled
    assert kind == "answered"
    assert facts == {
        "key": "ask_text#1",
        "id": "q1",
        "answer": "Ada",
        "by": "ada",
        "answer_id": "a1",
        "at": "2026-01-01T00:00:00Z",
        "secret": False,
    }
    recording.add(TaskEvent(kind=kind, data=facts))
    assert settling(answer_key("q1"), answer("Bob", "a2"), recording) is None
    assert settling(answer_key("q2"), answer(), asked()) is None


def test_a_time_settles_what_waits_for_it() -> None:
    recording = asked()
    assert settling(timer_key("ask_text#1"), b"{}", recording) == (
        "timed_out",
        {"key": "ask_text#1", "id": "q1"},
    )
    recording.add(TaskEvent(kind="sleeping", data={"key": "sleep#1", "until": ""}))
    assert settling(timer_key("sleep#1"), b"{}", recording) == ("woken", {"key": "sleep#1"})
    recording.add(TaskEvent(kind="woken", data={"key": "sleep#1"}))
    assert settling(timer_key("sleep#1"), b"{}", recording) is None
    assert settling(timer_key("other"), b"{}", recording) is None


def test_the_end_of_a_child_is_taken_in_once() -> None:
    end = ChildEnd(agent="ant", task_id="t1", state="completed", result={"a": 1})
    recording = Recording()
    settled = settling(child_key("t1"), end.to_bytes(), recording)
    assert settled is not None
    kind, facts = settled
    assert (kind, facts["key"], facts["result"]) == ("child", child_call("ant", "t1"), {"a": 1})
    recording.add(TaskEvent(kind=kind, data=facts))
    assert settling(child_key("t1"), end.to_bytes(), recording) is None


def test_what_ends_a_task_settles_nothing() -> None:
    for key in (CANCEL, DEADLINE_KEY):
        assert settling(key, b"{}", asked()) is None


def test_times_are_told_from_other_inputs() -> None:
    assert is_timer(timer_key("sleep#1"))
    assert is_timer(DEADLINE_KEY)
    assert not any(map(is_timer, (CANCEL, answer_key("q"), child_key("t"))))


@given(message_ids, st.text())
def test_keys_are_tokens_of_a_subject(task_id: str, call: str) -> None:
    for key in (timer_key(call), answer_key("0123456789abcdef"), child_key(task_id)):
        assert key.replace("-", "").replace("_", "").isalnum()
        assert len(key) < 80
    check_message_id(timer_key(call))
    assert timer_key(call) == timer_key(call)
    assert timer_key(call) != timer_key(f"{call}.")


@given(tokens, message_ids, json_values)
def test_what_is_written_is_read_again(agent: str, task_id: str, value: object) -> None:
    end = ChildEnd(agent=agent, task_id=task_id, state="completed", result=value)  # pyright: ignore[reportArgumentType]
    given_answer = Answer(id="a", answer=value, by=agent, at="")  # pyright: ignore[reportArgumentType]
    for written, kind in ((end, ChildEnd), (given_answer, Answer)):
        try:
            data = written.to_bytes()
        except InvalidMessage:
            continue  # a number that no JSON reader takes
        assert kind.from_bytes(data) == written


@given(st.binary(max_size=60), st.sampled_from([answer_key("q1"), child_key("t"), "at-x", "else"]))
def test_hostile_bytes_are_refused(data: bytes, key: str) -> None:
    try:
        settled = settling(key, data, asked())
    except InvalidMessage:
        return
    assert settled is None


def a_note(note_id: str = "n1", text: str = "left") -> bytes:
    return Note(id=note_id, text=text, by="ada", at="2026-01-01T00:00:00Z").to_bytes()


def test_a_note_is_taken_in_once_and_given_once() -> None:
    recording = Recording()
    taken = settling(note_key("n1"), a_note(), recording)
    assert taken is not None
    kind, facts = taken
    assert (kind, facts["id"], facts["text"], facts["by"]) == ("steered", "n1", "left", "ada")
    recording.add(TaskEvent(kind=kind, data=facts))
    assert settling(note_key("n1"), a_note(text="right"), recording) is None
    assert settling(note_key("n2"), a_note("n1"), recording) is None
    assert recording.unread() == ["n1"]
    recording.add(TaskEvent(kind="notes_read", data={"key": "steering#1", "ids": ["n1"]}))
    assert recording.unread() == []
    assert is_note(note_key("n1"))
    assert not is_note(answer_key("n1"))


@pytest.mark.parametrize(
    "data",
    [
        b"{}",
        b"\xff",
        a_note(text=""),
        a_note(text="x" * 16_001),
        a_note("a.b"),
        b'{"id":"n1","text":"left","by":"","at":"' + b"0" * 200_000 + b'"}',
    ],
)
def test_what_is_no_note_is_told(data: bytes) -> None:
    with pytest.raises(InvalidMessage):
        settling(note_key("n1"), data, Recording())


@given(st.dictionaries(st.text(), json_values))
def test_events_of_others_do_not_break_what_is_known_of_notes(facts: dict[str, object]) -> None:
    for kind in ("steered", "notes_read", "said"):
        for unsteered in (facts, None, {"": "x"}, {"": True}):
            data = {**facts, "key": "steer:n1", "unsteered": unsteered}
            assert Recording([TaskEvent(kind=kind, data=data)]).unread() in ([], ["n1"])
