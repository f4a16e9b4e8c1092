"""Hubbub: a message mesh for AI agents and their workflows, on NATS.

Everything public is here; each name loads what it needs on first use, so that `import hubbub`
costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from hubbub.version import __version__

if TYPE_CHECKING:
    from hubbub.agents.agent import Agent
    from hubbub.agents.asking import Approval
    from hubbub.agents.lifespan import lifespan
    from hubbub.agents.mixin import NATSAgentMixin
    from hubbub.agents.task import Task, current_task
    from hubbub.agents.workflows import Workflow, Workflows
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
    from hubbub.mesh.history.entries import HistoryEntry
    from hubbub.mesh.history.pages import HistoryPage
    from hubbub.mesh.letters.reading import DeadLetter
    from hubbub.mesh.limits import Limits
    from hubbub.mesh.mesh import Mesh, connect
    from hubbub.mesh.tasks.handle import TaskHandle
    from hubbub.mesh.tasks.lists import TaskPage
    from hubbub.mesh.tasks.summary import TaskSummary
    from hubbub.runtimes.adapters.ag2 import from_ag2
    from hubbub.runtimes.adapters.autogen import from_autogen
    from hubbub.runtimes.adapters.pydantic_ai import from_pydantic_ai
    from hubbub.runtimes.ooda_agent import NATSOODAAgent
    from hubbub.settings import NATSConfig
    from hubbub.wire.card import AgentCard, AgentStatus
    from hubbub.wire.envelope import AgentMessage
    from hubbub.wire.events import TaskEvent, TaskState
    from hubbub.wire.questions import Question
    from hubbub.wire.replays import ReplayReport

_HOMES = {
    "wire.questions": ["Question"],
    "wire.replays": ["ReplayReport"],
    "agents.lifespan": ["lifespan"],
    "agents.workflows": ["Workflow", "Workflows"],
    "agents.asking": ["Approval"],
    "agents.agent": ["Agent"],
    "agents.mixin": ["NATSAgentMixin"],
    "agents.task": ["Task", "current_task"],
    "errors": [
        "AlreadyAnswered",
        "InvalidAnswer",
        "QuestionNotFound",
        "StepFailed",
        "AgentUnavailable",
        "ConnectionLost",
        "DeadLetterNotFound",
        "FilesFull",
        "HubbubError",
        "InboxFull",
        "InvalidAgentName",
        "InvalidCursor",
        "InvalidMessage",
        "LimitReached",
        "MissingExtra",
        "PermissionDenied",
        "QuestionTimeout",
        "RateLimited",
        "Reject",
        "RemoteError",
        "RequestTimeout",
        "RerunRefused",
        "Retry",
        "SettingsError",
        "StepInterrupted",
        "StepMismatch",
        "StoredFileNotFound",
        "TaskCanceled",
        "TaskFailed",
        "TaskFinished",
        "TaskNotFound",
        "TooManyHops",
        "TooManyNotes",
    ],
    "mesh.history.entries": ["HistoryEntry"],
    "mesh.tasks.handle": ["TaskHandle"],
    "mesh.history.pages": ["HistoryPage"],
    "mesh.letters.reading": ["DeadLetter"],
    "mesh.limits": ["Limits"],
    "mesh.mesh": ["Mesh", "connect"],
    "mesh.tasks.lists": ["TaskPage"],
    "mesh.tasks.summary": ["TaskSummary"],
    "runtimes.adapters.ag2": ["from_ag2"],
    "runtimes.adapters.autogen": ["from_autogen"],
    "runtimes.adapters.pydantic_ai": ["from_pydantic_ai"],
    "runtimes.ooda_agent": ["NATSOODAAgent"],
    "settings": ["NATSConfig"],
    "wire.card": ["AgentCard", "AgentStatus"],
    "wire.envelope": ["AgentMessage"],
    "wire.events": ["TaskEvent", "TaskState"],
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
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


def __getattr__(name: str) -> object:
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module 'hubbub' has no attribute {name!r}")
    value = getattr(import_module(f"hubbub.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
