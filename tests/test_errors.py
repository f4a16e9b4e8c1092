from __future__ import annotations

from typing import Any

import pytest

from hubbub import errors
from hubbub.errors import (
    AgentUnavailable,
    AlreadyAnswered,
    ConnectionLost,
    DeadLetterNotFound,
    FilesFull,
    HubbubError,
    InboxFull,
    InvalidAgentName,
    InvalidAnswer,
    InvalidCursor,
    InvalidMessage,
    LimitReached,
    MissingExtra,
    PermissionDenied,
    QuestionNotFound,
    QuestionTimeout,
    RateLimited,
    Reject,
    RemoteError,
    RequestTimeout,
    RerunRefused,
    Retry,
    SettingsError,
    StepFailed,
    StepInterrupted,
    StepMismatch,
    StoredFileNotFound,
    TaskCanceled,
    TaskFailed,
    TaskFinished,
    TaskNotFound,
    TooManyHops,
    TooManyNotes,
)

DOCUMENTED = [
    "AlreadyAnswered",
    "InvalidAnswer",
    "QuestionNotFound",
    "StepFailed",
    "HubbubError",
    "InvalidAgentName",
    "InvalidMessage",
    "InvalidCursor",
    "AgentUnavailable",
    "RequestTimeout",
    "RemoteError",
    "InboxFull",
    "TooManyHops",
    "RateLimited",
    "PermissionDenied",
    "ConnectionLost",
    "DeadLetterNotFound",
    "FilesFull",
    "TaskCanceled",
    "TaskFailed",
    "TaskFinished",
    "TaskNotFound",
    "TooManyNotes",
    "StepMismatch",
    "StoredFileNotFound",
    "StepInterrupted",
    "RerunRefused",
    "QuestionTimeout",
    "SettingsError",
    "LimitReached",
    "MissingExtra",
    "Retry",
    "Reject",
]
EVERY_ERROR: list[tuple[HubbubError, dict[str, Any], list[str]]] = [
    (
        InvalidAgentName("a.b"),
        {"name": "a.b"},
        ["'a.b'", "letters, digits", "1 to 63"],
    ),
    (InvalidMessage("no message"), {}, ["no message"]),
    (
        AgentUnavailable("Weather-Bot", "agents.request.weather_bot.from.a"),
        {"agent": "Weather-Bot", "subject": "agents.request.weather_bot.from.a"},
        ["'Weather-Bot'", "online", "hubbub agents", "direct message"],
    ),
    (
        RequestTimeout("Weather-Bot", "agents.request.weather_bot.from.a", 2.5),
        {"agent": "Weather-Bot", "subject": "agents.request.weather_bot.from.a", "seconds": 2.5},
        ["'Weather-Bot'", "within 2.5 s", "agents.request.weather_bot", "longer timeout"],
    ),
    (
        RemoteError("Weather-Bot", "ValueError", "no such city"),
        {"agent": "Weather-Bot", "kind": "ValueError", "reason": "no such city"},
        ["'Weather-Bot'", "no such city", "ValueError"],
    ),
    (
        InboxFull("Weather-Bot", 3),
        {"agent": "Weather-Bot", "priority": 3},
        ["'Weather-Bot'", "priority 3", "full", "start more instances"],
    ),
    (
        TooManyHops(17, 16),
        {"hops": 17, "limit": 16},
        ["17", "16", "circle", "HUBBUB_MAX_HOPS"],
    ),
    (
        RateLimited("The model", 4),
        {"retry_after": 4},
        ["The model", "rate limited", "again in 4 s"],
    ),
    (
        PermissionDenied("may not publish", "agents.direct.b"),
        {"subject": "agents.direct.b"},
        ["may not publish"],
    ),
    (ConnectionLost("the server is gone"), {}, ["the server is gone"]),
    (InvalidCursor("no cursor"), {}, ["no cursor"]),
    (TaskNotFound("t-1"), {"task_id": "t-1"}, ["t-1", "hubbub tasks"]),
    (
        LimitReached("tokens", 5_000),
        {"limit": "tokens", "allowed": 5_000},
        ["5000 tokens", "before the work was done"],
    ),
    (
        TaskFinished("t-1", "completed"),
        {"task_id": "t-1", "state": "completed"},
        ["t-1 is completed", "new message", "run the task again"],
    ),
    (
        TooManyNotes("t-1", 100),
        {"task_id": "t-1", "allowed": 100},
        ["t-1 has 100 notes", "task.steering()"],
    ),
    (DeadLetterNotFound("t-1"), {"id": "t-1"}, ["t-1", "hubbub dead"]),
    (FilesFull("full"), {}, ["full", "HUBBUB_FILES_BYTES"]),
    (StoredFileNotFound("f-1"), {"id": "f-1"}, ["f-1", "history"]),
    (TaskCanceled("t-1", "no longer needed"), {"task_id": "t-1"}, ["t-1", "no longer needed"]),
    (
        TaskFailed("t-1", "rejected", "not my work"),
        {"task_id": "t-1", "state": "rejected", "reason": "not my work"},
        ["t-1", "rejected", "not my work"],
    ),
    (
        StepMismatch("t1", "step:a#1", "step:b#1"),
        {"recorded": "step:a#1", "found": "step:b#1"},
        ["t1", "step:a#1", "step:b#1", "another version", "hubbub tasks rerun t1", "--after"],
    ),
    (
        RerunRefused("t1", 7, "its log has no event 7"),
        {"task_id": "t1", "after": 7, "reason": "its log has no event 7"},
        ["t1", "no event 7"],
    ),
    (StepInterrupted("mail", "k1"), {"step": "mail", "step_key": "k1"}, ["mail", "k1", "anew"]),
    (StepFailed("Odd", "it broke"), {"kind": "Odd"}, ["Odd: it broke"]),
    (
        QuestionNotFound("t1", "q1", "it asks no such question"),
        {"task_id": "t1", "question_id": "q1"},
        ["t1", "no such question"],
    ),
    (
        AlreadyAnswered("q1", "Ada", "2026-11-24T10:00:00Z"),
        {"question_id": "q1", "by": "Ada", "at": "2026-11-24T10:00:00Z"},
        ["Ada", "2026-11-24T10:00:00Z"],
    ),
    (InvalidAnswer("q1", "it must be a text"), {"question_id": "q1"}, ["it must be a text"]),
    (QuestionTimeout("q1", "Who?"), {"question_id": "q1"}, ["Nobody answered", "Who?"]),
    (SettingsError("HUBBUB_REPLICAS: must be 1, 3 or 5"), {}, ["HUBBUB_REPLICAS"]),
    (
        MissingExtra("The gateway", "gateway"),
        {"extra": "gateway"},
        ["The gateway", "pip install 'hubbub[gateway]'"],
    ),
    (Retry("model away", after=5), {"after": 5}, ["model away"]),
    (Reject("not my work"), {}, ["not my work"]),
]


def test_every_documented_error_exists_and_no_other() -> None:
    assert sorted(errors.__all__) == sorted(DOCUMENTED)


@pytest.mark.parametrize("name", DOCUMENTED)
def test_every_error_has_one_root(name: str) -> None:
    assert issubclass(getattr(errors, name), HubbubError)


def test_every_error_is_told_about_here() -> None:
    told = {type(error).__name__ for error, _, _ in EVERY_ERROR}
    assert told == set(errors.__all__) - {"HubbubError"}


@pytest.mark.parametrize(
    ("error", "facts", "phrases"), EVERY_ERROR, ids=[type(e).__name__ for e, _, _ in EVERY_ERROR]
)
def test_an_error_carries_its_facts_and_says_what_to_do(
    error: HubbubError, facts: dict[str, Any], phrases: list[str]
) -> None:
    assert {name: getattr(error, name) for name in facts} == facts
    for phrase in phrases:
        assert phrase in str(error)


@pytest.mark.parametrize(
    ("error", "builtin"),
    [
        (RequestTimeout("a", "s", 1), TimeoutError),
        (QuestionTimeout("q", "Who?"), TimeoutError),
        (ConnectionLost("c"), ConnectionError),
        (MissingExtra("f", "e"), ImportError),
    ],
    ids=lambda value: type(value).__name__,
)
def test_code_that_expects_the_builtin_error_catches_ours(
    error: HubbubError, builtin: type[Exception]
) -> None:
    with pytest.raises(builtin):
        raise error


@pytest.mark.parametrize("name", ["x" * 300, "🌦" * 300, "a\r\nb", "\ud800", "", 5, None, b"a"])
def test_a_hostile_name_is_shown_short_and_printable(name: object) -> None:
    error = InvalidAgentName(name)
    assert error.name == name
    assert str(error).isprintable()
    assert len(str(error)) < 250


def test_what_is_not_known_is_not_said() -> None:
    assert str(RemoteError("a", "", "gone")) == "'a' failed: gone"
    assert str(TaskCanceled("t-1")) == "Task t-1 was canceled"
    assert str(RateLimited("The model")) == "The model is rate limited"
    assert RateLimited("The model").retry_after is None
    assert PermissionDenied("no").subject is None
    assert Retry().after is None
    assert str(Retry()) != ""
