"""The public names are pinned, each of them loads, and importing them costs nothing."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

import hubbub

PUBLIC = [
    "Agent",
    "AgentCard",
    "AgentMessage",
    "AgentStatus",
    "AgentUnavailable",
    "AlreadyAnswered",
    "Approval",
    "ConnectionLost",
    "DeadLetter",
    "DeadLetterNotFound",
    "FilesFull",
    "HistoryEntry",
    "HistoryPage",
    "HubbubError",
    "InboxFull",
    "InvalidAgentName",
    "InvalidAnswer",
    "InvalidCursor",
    "InvalidMessage",
    "LimitReached",
    "Limits",
    "Mesh",
    "MissingExtra",
    "NATSAgentMixin",
    "NATSConfig",
    "NATSOODAAgent",
    "PermissionDenied",
    "Question",
    "QuestionNotFound",
    "QuestionTimeout",
    "RateLimited",
    "Reject",
    "RemoteError",
    "ReplayReport",
    "RequestTimeout",
    "RerunRefused",
    "Retry",
    "SettingsError",
    "StepFailed",
    "StepInterrupted",
    "StepMismatch",
    "StoredFileNotFound",
    "Task",
    "TaskCanceled",
    "TaskEvent",
    "TaskFailed",
    "TaskFinished",
    "TaskHandle",
    "TaskNotFound",
    "TaskPage",
    "TaskState",
    "TaskSummary",
    "TooManyHops",
    "TooManyNotes",
    "Workflow",
    "Workflows",
    "__version__",
    "connect",
    "current_task",
    "from_ag2",
    "from_autogen",
    "from_pydantic_ai",
    "lifespan",
]
HEAVY = {
    "asyncio",
    "fastapi",
    "httpx",
    "msgspec",
    "nats",
    "nkeys",
    "openai",
    "pydantic",
    "pydantic_settings",
    "rich",
    "ssl",
    "typer",
    "uvloop",
}


def _modules_after(code: str) -> set[str]:
    program = f"import sys\n{code}\nimport json\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    return {str(name).partition(".")[0] for name in json.loads(done.stdout)}


def test_the_public_names_are_these() -> None:
    assert hubbub.__all__ == PUBLIC
    assert dir(hubbub) == PUBLIC


@pytest.mark.parametrize("name", PUBLIC)
def test_a_public_name_loads(name: str) -> None:
    value = getattr(hubbub, name)
    if name != "__version__":
        assert value.__name__ == name
        assert value.__doc__
        assert getattr(hubbub, name) is value


def test_a_name_that_is_none_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="'hubbub' has no attribute 'Agnet'"):
        _ = hubbub.Agnet  # pyright: ignore[reportAttributeAccessIssue, reportUnknownVariableType, reportUnknownMemberType]


def test_all_names_can_be_imported_at_once() -> None:
    names = dict[str, object]()
    exec("from hubbub import *", names)
    assert set(PUBLIC) <= names.keys()


def test_importing_hubbub_imports_nothing_else() -> None:
    assert not _modules_after("import hubbub") & (HEAVY - _modules_after(""))


def test_talking_needs_no_framework() -> None:
    """What an agent without a model is made of brings in no model client and no command line."""
    code = "from hubbub import Agent, NATSAgentMixin, Task, connect"
    assert not _modules_after(code) & {"openai", "fastapi", "httpx", "rich", "typer"}


def test_every_error_has_the_one_root() -> None:
    errors = [getattr(hubbub, name) for name in PUBLIC if name[0].isupper()]
    errors = [e for e in errors if isinstance(e, type) and issubclass(e, Exception)]
    assert len(errors) == 33
    assert all(issubclass(error, hubbub.HubbubError) for error in errors)
