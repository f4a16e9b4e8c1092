from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from hubbub.wire.events import EventKind, TaskEvent
from hubbub.wire.recording import OPENING_KINDS, SETTLING_KINDS, Recording, branch_of

from .material import json_objects, json_values

MARKS = ("said", "progress", "tool_call", "sent", "unsent", "step_retrying")
kinds = st.sampled_from(
    sorted({*OPENING_KINDS, *SETTLING_KINDS, *MARKS, *map(str, EventKind), "usage"})
)


def event(kind: str, key: str = "", **data: Any) -> TaskEvent:
    return TaskEvent(kind=kind, data={**({"key": key} if key else {}), **data})


def test_the_branch_of_a_key_is_what_stands_before_its_last_part() -> None:
    assert branch_of("step:a#1") == ""
    assert branch_of("left/step:a#1") == "left"
    assert branch_of("left/step:outer#1/step:a#2") == "left/step:outer#1"


def test_events_are_told_apart_by_what_they_do_to_a_call() -> None:
    asked = event("asked", "ask_text#1", place=0, question={"id": "q", "kind": "text"})
    said, step = event("said", "said#1", text="hello"), event("step", "step:a#1", place=1)
    recording = Recording([asked, said, step])
    assert recording.opened == {"ask_text#1": asked}
    assert recording.marks == {"said#1": said}
    assert recording.settled == {"step:a#1": step}
    assert recording.places("") == {0: "ask_text#1", 1: "step:a#1"}
    assert (recording.at("", 1), recording.at("", 2), recording.at("x", 1)) == (
        "step:a#1",
        None,
        None,
    )


def test_places_belong_to_branches() -> None:
    recording = Recording(
        [event("step", "x/step:a#1", place=0), event("step", "step:b#1", place=0)]
    )
    assert recording.places("x") == {0: "x/step:a#1"}
    assert recording.places("") == {0: "step:b#1"}


def test_what_settles_a_call_first_stays() -> None:
    answered = event("answered", "ask_text#1", answer="yes")
    recording = Recording([answered, event("timed_out", "ask_text#1")])
    assert recording.settled["ask_text#1"] is answered


def test_a_retry_forgets_what_it_names_and_nothing_else() -> None:
    started, failed = event("step_started", "step:a#1"), event("step", "step:a#1", error={})
    asked = event("asked", "ask_text#1", question={"id": "q", "kind": "text", "prompt": "?"})
    kept, late = event("step", "step:b#1"), event("timed_out", "ask_text#1")
    recording = Recording([started, failed, kept, asked, late])
    recording.add(event("retrying", forgets=["step:a#1", "ask_text#1", "unknown", 7]))
    assert recording.settled == {"step:b#1": kept}
    # It has ended, if badly: it was not cut off. A question, however, has been asked.
    assert recording.opened == {"ask_text#1": asked}
    assert [*recording.open_questions()] == ["ask_text#1"]
    again = event("step", "step:a#1", result=1)
    recording.add(again)
    assert recording.settled["step:a#1"] is again


def test_a_step_that_is_tried_again_forgets_what_failed_inside() -> None:
    inner = event("step", "step:a#1/step:b#1", error={})
    recording = Recording([inner])
    recording.add(event("step_retrying", "step:a#1:try1", forgets=["step:a#1/step:b#1"]))
    assert recording.settled == {}


def test_a_message_has_certainly_been_stored_once_the_run_has_come_to_rest() -> None:
    sent = [event("sent", f"sent:{one}", message_id=one, to_agent="x") for one in ("m1", "m2")]
    recording = Recording(sent)
    assert recording.sent == set()
    recording.add(event("unsent", "sent:m2", message_id="m2"))
    recording.add(event("parked"))
    assert recording.sent == {"m1"}
    assert set(recording.marks) == {"sent:m1"}


def test_what_models_used_adds_up() -> None:
    usage = {"requests": 1, "input_tokens": 10, "output_tokens": 3}
    recording = Recording(
        [
            TaskEvent(kind="usage", data=usage),
            event("model", "model:x#1", usage=usage),
            event("usage", requests="x"),
        ]
    )
    assert dict(recording.usage) == {"requests": 2, "input_tokens": 20, "output_tokens": 6}


def test_time_at_rest_is_summed_up() -> None:
    def at(kind: str, second: int) -> TaskEvent:
        return TaskEvent(kind=kind, at=f"2026-01-01T00:00:{second:02}Z")

    told = [("claimed", 0), ("parked", 5), ("claimed", 15), ("claimed", 20), ("waiting", 30)]
    recording = Recording(at(kind, second) for kind, second in told)
    assert recording.seconds_at_rest == 10
    recording.add(at("claimed", 31))
    assert recording.seconds_at_rest == 11
    for event in (at("parked", 40), TaskEvent(kind="claimed", at="never")):
        recording.add(event)
    assert recording.seconds_at_rest == 11


def test_a_broken_question_is_none() -> None:
    recording = Recording([event("asked", "ask_text#1", question={"kind": "riddle"})])
    assert recording.question("ask_text#1") is None
    assert recording.question("other") is None
    assert recording.open_questions() == {}


@given(st.lists(st.tuples(kinds, json_objects), max_size=8))
def test_whatever_stands_in_a_log_can_be_taken_in(events: list[tuple[str, dict[str, Any]]]) -> None:
    recording = Recording(TaskEvent(kind=kind, data=data) for kind, data in events)
    recording.open_questions()


keyed = st.tuples(
    st.sampled_from(sorted(OPENING_KINDS | SETTLING_KINDS | {"said", "sent"})),
    st.sampled_from(["a#1", "a#2", "b/a#1"]),
    json_values,
)


@given(st.lists(keyed, max_size=12))
def test_taken_in_one_by_one_or_all_at_once_is_the_same(
    told: list[tuple[str, str, Any]],
) -> None:
    events = [event(kind, key, result=value) for kind, key, value in told]
    at_once, one_by_one = Recording(events), Recording()
    for each in events:
        one_by_one.add(each)
    assert at_once.settled == one_by_one.settled
    assert at_once.opened == one_by_one.opened
    first = dict[str, TaskEvent]()
    for each in events:
        if each.kind in SETTLING_KINDS:
            first.setdefault(each.data["key"], each)
    assert at_once.settled == first
