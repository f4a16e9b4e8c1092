from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubbub.errors import InvalidMessage
from hubbub.wire.codec import encode
from hubbub.wire.events import (
    FINAL_KINDS,
    EventKind,
    TaskEvent,
    TaskSnapshot,
    TaskState,
    fold,
    state_after,
)

from .material import (
    deep_values,
    json_objects,
    json_values,
    median_microseconds,
    nested,
    read_or_refuse,
    timestamps,
    with_frames_left,
)
from .test_codec import unsendable

FINAL_STATES = [TaskState.COMPLETED, TaskState.FAILED, TaskState.CANCELED, TaskState.REJECTED]
OTHER_STATES = [state for state in TaskState if state not in FINAL_STATES]
NOTES = ("tool_call", "progress", "phase", "something of a later version")
moves = st.sampled_from([str(kind) for kind in EventKind if str(kind) not in FINAL_KINDS])


@st.composite
def _claimed_logs(draw: st.DrawFn) -> list[str]:
    """Logs as instances write them: attempts, each ended, or cut off by the claim of the next."""
    attempts = draw(st.lists(_attempts(), min_size=1, max_size=5))
    kinds = [kind for attempt in attempts for kind in attempt]
    at_work = kinds[-1] not in ("released", "retrying", "parked")
    ends = sorted(FINAL_KINDS) if at_work else ["canceled", "failed"]
    return kinds + draw(st.lists(st.sampled_from(ends), max_size=1))


@st.composite
def _attempts(draw: st.DrawFn) -> list[str]:
    notes = draw(st.lists(st.sampled_from(NOTES), max_size=4))
    pause = draw(st.lists(st.sampled_from(["released", "retrying", "parked"]), max_size=1))
    return ["claimed", *notes, *pause]


logs = st.sampled_from([["canceled"], ["failed"]]) | _claimed_logs()


def told(*kinds: str) -> TaskSnapshot:
    return fold(TaskEvent(kind=kind) for kind in kinds)


# Bytes


@given(st.builds(TaskEvent, kind=st.text(), at=timestamps, data=json_objects))
def test_an_event_decodes_to_itself(event: TaskEvent) -> None:
    assert TaskEvent.from_bytes(event.to_bytes()) == event


@given(st.binary())
def test_arbitrary_bytes_are_an_event_or_refused(data: bytes) -> None:
    read_or_refuse(TaskEvent.from_bytes, data)


@given(st.dictionaries(st.sampled_from(["kind", "at", "data", "later"]), json_values))
def test_any_values_are_an_event_or_refused(fields: dict[str, Any]) -> None:
    event = read_or_refuse(TaskEvent.from_bytes, encode(fields))
    if event is not None:
        assert TaskEvent.from_bytes(event.to_bytes()) == event


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b"[]",
        b'{"kind":1}',
        b'{"kind":null}',
        b'{"kind":"a","at":5}',
        b'{"kind":"a","data":[]}',
        b'{"kind":"a","data":null}',
        b'{"kind":"a","kind":"a"}',
        b'{"kind":"a","data":{"b":1,"b":2}}',
        b'{"kind":"a","data":{"b":1e999}}',
        b'{"kind":"\xff"}',
        b'\xef\xbb\xbf{"kind":"a"}',
    ],
    ids=repr,
)
def test_what_is_no_event_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidMessage):
        TaskEvent.from_bytes(data)


@pytest.mark.parametrize("shape", deep_values(2))
@pytest.mark.parametrize("left", [500, 60])
def test_a_deep_event_is_refused_from_any_stack(shape: str, left: int) -> None:
    data = b'{"kind":"a","data":%s}' % deep_values(200_000)[shape]
    with pytest.raises(InvalidMessage):
        with_frames_left(left, lambda: TaskEvent.from_bytes(data))


@unsendable
def test_facts_that_cannot_travel_are_refused_before_they_are_written(value: Any) -> None:
    with pytest.raises(InvalidMessage, match="the completed event"):
        TaskEvent(kind="completed", data={"result": value}).to_bytes()


def test_what_is_written_is_never_too_deep_to_be_read() -> None:
    event = TaskEvent(kind="completed", data={"result": nested(62)})
    assert TaskEvent.from_bytes(event.to_bytes()) == event
    with pytest.raises(InvalidMessage, match="deeper than 64"):
        TaskEvent(kind="completed", data={"result": nested(63)}).to_bytes()


# One step


def test_the_states_are_those_of_a2a_and_four_are_final() -> None:
    assert [str(state) for state in TaskState] == [
        "submitted",
        "working",
        "input-required",
        "auth-required",
        "completed",
        "failed",
        "canceled",
        "rejected",
    ]
    assert {state for state in TaskState if state.is_final} == set(FINAL_STATES)
    assert set(FINAL_STATES) == FINAL_KINDS


OPENING = ("claimed", "canceled", "failed")


@pytest.mark.parametrize("kind", OPENING)
def test_a_log_begins_with_a_claim_or_with_an_end_that_needs_none(kind: str) -> None:
    told(kind)


@pytest.mark.parametrize("kind", [*(kind for kind in EventKind if kind not in OPENING), *NOTES, ""])
def test_a_log_begins_with_nothing_else(kind: str) -> None:
    with pytest.raises(InvalidMessage, match="cannot begin"):
        state_after(None, kind)


@pytest.mark.parametrize("state", FINAL_STATES)
@pytest.mark.parametrize("kind", [*EventKind, *NOTES])
def test_nothing_follows_a_final_state(state: TaskState, kind: str) -> None:
    with pytest.raises(InvalidMessage, match="takes no"):
        state_after(state, kind)


@pytest.mark.parametrize(
    ("kind", "after"),
    [
        ("claimed", TaskState.WORKING),
        ("released", TaskState.SUBMITTED),
        ("retrying", TaskState.SUBMITTED),
        ("parked", TaskState.INPUT_REQUIRED),
        ("completed", TaskState.COMPLETED),
        ("failed", TaskState.FAILED),
        ("canceled", TaskState.CANCELED),
        ("rejected", TaskState.REJECTED),
        *((note, TaskState.WORKING) for note in NOTES),
    ],
)
def test_what_happens_to_a_task_at_work(kind: str, after: TaskState) -> None:
    assert state_after(TaskState.WORKING, kind) is after


@pytest.mark.parametrize("state", [state for state in OTHER_STATES if state != "working"])
@pytest.mark.parametrize("kind", [*EventKind, *NOTES])
def test_a_task_at_rest_is_claimed_or_ends_unstarted(state: TaskState, kind: str) -> None:
    if kind in OPENING:
        state_after(state, kind)
    else:
        with pytest.raises(InvalidMessage, match="takes no"):
            state_after(state, kind)


# Whole logs


def test_without_a_log_a_task_is_submitted() -> None:
    assert fold([]) == TaskSnapshot(state=TaskState.SUBMITTED)


def test_a_log_tells_the_whole_story() -> None:
    claim: dict[str, Any] = {
        "instance": "i-1",
        "inbox_sequence": 7,
        "message": {"content": "rain?"},
        "parent": ["planner", "t-0"],
        "retry_of": "t-9",
    }
    sent = {"to_agent": "Radar", "message_id": "t-2"}
    snapshot = fold(
        [
            TaskEvent(kind="claimed", at="2026-01-01T00:00:00Z", data=claim),
            TaskEvent(kind="progress", data={"result": "not yet", "error": "no"}),
            TaskEvent(kind="sent", data=sent),
            TaskEvent(kind="retrying", data={"error": "model away", "again_at": "later"}),
            TaskEvent(kind="claimed", data=claim | {"instance": "i-2"}),
            TaskEvent(kind="completed", at="2026-01-01T00:00:09Z", data={"result": {"rain": True}}),
        ]
    )
    assert snapshot == TaskSnapshot(
        state=TaskState.COMPLETED,
        result={"rain": True},
        instance="i-2",
        inbox_sequence=7,
        attempts=2,
        errors=["model away"],
        message={"content": "rain?"},
        sent=[("Radar", "t-2")],
        parent=("planner", "t-0"),
        retry_of="t-9",
        created_at="2026-01-01T00:00:00Z",
        updated_at="2026-01-01T00:00:09Z",
    )


def test_the_next_attempt_is_due_until_it_has_begun() -> None:
    log = [
        TaskEvent(kind="claimed"),
        TaskEvent(kind="retrying", data={"error": "no", "again_at": "2026-01-01T00:00:00Z"}),
    ]
    assert fold(log).again_at == "2026-01-01T00:00:00Z"
    assert fold([*log, TaskEvent(kind="claimed")]).again_at == ""


@pytest.mark.parametrize("kind", ["failed", "rejected", "canceled"])
def test_the_end_of_a_log_says_why(kind: str) -> None:
    snapshot = fold([TaskEvent(kind="claimed"), TaskEvent(kind=kind, data={"error": "because"})])
    assert (snapshot.state, snapshot.error, snapshot.result) == (TaskState(kind), "because", None)


@pytest.mark.parametrize(
    ("kinds", "attempts"),
    [
        (["claimed"], 1),
        (["claimed", "claimed", "claimed"], 3),
        (["claimed", "retrying", "claimed"], 2),
        (["claimed", "released"], 0),
        (["claimed", "parked"], 0),
        (["claimed", "progress", "parked", "claimed", "released", "claimed"], 1),
        (["claimed", "claimed", "released"], 1),
        (["claimed", "retrying", "claimed", "parked", "claimed"], 2),
        (["failed"], 0),
        (["canceled"], 0),
    ],
    ids=str,
)
def test_only_claims_not_handed_back_are_attempts(kinds: list[str], attempts: int) -> None:
    assert told(*kinds).attempts == attempts


@given(logs)
def test_a_legal_log_has_at_most_one_final_event_and_it_is_the_last(kinds: list[str]) -> None:
    finals = [kind for kind in kinds if kind in FINAL_KINDS]
    assert told(*kinds).state.is_final is (len(finals) == 1)
    for length in range(len(kinds)):
        assert not told(*kinds[:length]).state.is_final


@given(logs, st.sampled_from([*EventKind, *NOTES]))
def test_nothing_can_be_added_to_a_finished_log(kinds: list[str], kind: str) -> None:
    if told(*kinds).state.is_final:
        with pytest.raises(InvalidMessage, match="takes no"):
            told(*kinds, kind)


@given(st.lists(moves | st.sampled_from([*FINAL_KINDS, *NOTES])))
def test_any_log_is_told_or_refused_and_never_ends_twice(kinds: list[str]) -> None:
    try:
        snapshot = told(*kinds)
    except InvalidMessage:
        return
    assert sum(kind in FINAL_KINDS for kind in kinds) == snapshot.state.is_final
    assert 0 <= snapshot.attempts <= kinds.count("claimed")
    assert len(snapshot.errors) == kinds.count("retrying")


@given(json_objects, st.sampled_from(["retrying", "completed", "failed"]))
def test_any_facts_are_told_or_refused(facts: dict[str, Any], kind: str) -> None:
    for key in ("instance", "inbox_sequence", "error", "result"):
        given_facts = {key: next(iter(facts.values()), None)}
        try:
            fold(
                [
                    TaskEvent(kind="claimed", data=given_facts),
                    TaskEvent(kind=kind, data=given_facts),
                ]
            )
        except InvalidMessage:
            assert key == "inbox_sequence"


@pytest.mark.parametrize("sequence", ["7", None, 1.5, True, [], {}], ids=repr)
def test_a_claim_without_a_usable_inbox_sequence_is_refused(sequence: object) -> None:
    with pytest.raises(InvalidMessage, match="inbox_sequence"):
        fold([TaskEvent(kind="claimed", data={"inbox_sequence": sequence})])


def test_a_missing_reason_is_an_empty_one() -> None:
    snapshot = fold(
        [TaskEvent(kind="claimed"), TaskEvent(kind="failed", data={"error": None, "result": None})]
    )
    assert snapshot.error == ""


def test_a_kibibyte_costs_little() -> None:
    data = TaskEvent(kind="completed", data={"result": "x" * 950}).to_bytes()
    assert median_microseconds(lambda: TaskEvent.from_bytes(data).to_bytes()) < 50
