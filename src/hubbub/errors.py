"""Every error Hubbub raises: one root, one class a condition, the facts as attributes.

Each message names what happened, why, and what to do next.
"""

from __future__ import annotations

from typing import ClassVar

__all__ = [
    "AgentUnavailable",
    "AlreadyAnswered",
    "ConnectionLost",
    "DeadLetterNotFound",
    "FilesFull",
    "HubbubError",
    "InboxFull",
    "InvalidAgentName",
    "InvalidAnswer",
    "InvalidCursor",
    "InvalidMessage",
    "LimitReached",
    "MissingExtra",
    "PermissionDenied",
    "QuestionNotFound",
    "QuestionTimeout",
    "RateLimited",
    "Reject",
    "RemoteError",
    "RequestTimeout",
    "RerunRefused",
    "Retry",
    "SettingsError",
    "StepFailed",
    "StepInterrupted",
    "StepMismatch",
    "StoredFileNotFound",
    "TaskCanceled",
    "TaskFailed",
    "TaskFinished",
    "TaskNotFound",
    "TooManyHops",
    "TooManyNotes",
]


class HubbubError(Exception):
    """The root of all errors raised by Hubbub.

    Attributes:
        is_permanent: whether the same call would fail again, so that a task is not retried.
    """

    is_permanent: ClassVar[bool] = False


class InvalidAgentName(HubbubError):
    """A name that cannot become a subject token.

    Attributes:
        name: the name as it was given.
    """

    is_permanent = True

    def __init__(self, name: object) -> None:
        shown = name if isinstance(name, str) else repr(name)
        if len(shown) > 80:
            shown = shown[:77] + "..."
        super().__init__(
            f"{shown!r} is not an agent name: use 1 to 63 letters, digits, spaces, '-' or '_', "
            "with a letter or digit at both ends"
        )
        self.name = name


class InvalidMessage(HubbubError):
    """Bytes that are no message, or a message that cannot be written as one."""

    is_permanent = True


class AgentUnavailable(HubbubError):
    """Nobody serves the requested name right now.

    Attributes:
        agent: the name that was asked.
        subject: the subject the request went to.
    """

    def __init__(self, agent: str, subject: str) -> None:
        super().__init__(
            f"No agent named {agent!r} is online. `hubbub agents` shows who is; "
            "a direct message waits for an agent that is away, a request does not"
        )
        self.agent = agent
        self.subject = subject


class RequestTimeout(HubbubError, TimeoutError):
    """An agent took the request but did not answer in time.

    Attributes:
        agent: the name that was asked.
        subject: the subject the request went to.
        seconds: how long the caller waited.
    """

    def __init__(self, agent: str, subject: str, seconds: float) -> None:
        super().__init__(
            f"{agent!r} did not answer within {seconds:g} s (subject {subject}). "
            "Give it a longer timeout, or send a direct message and let it take its time"
        )
        self.agent = agent
        self.subject = subject
        self.seconds = seconds


class RemoteError(HubbubError):
    """The other agent's handler failed, or its reply stream broke off.

    Attributes:
        agent: who failed.
        kind: the name of the error there, e.g. `ValueError`.
        reason: its message.
    """

    def __init__(self, agent: str, kind: str, reason: str) -> None:
        super().__init__(f"{agent!r} failed: {reason}" + (f" ({kind})" if kind else ""))
        self.agent = agent
        self.kind = kind
        self.reason = reason


class InboxFull(HubbubError):
    """The recipient's inbox takes no more messages from this sender for now.

    Attributes:
        agent: whose inbox it is.
        priority: the lane that is full.
    """

    def __init__(self, agent: str, priority: int) -> None:
        super().__init__(
            f"The inbox of {agent!r} is full for messages of priority {priority} from this sender. "
            "Wait until it has worked some off, or start more instances of it"
        )
        self.agent = agent
        self.priority = priority


class TooManyHops(HubbubError):
    """A chain of messages grew longer than the hop limit: most likely a loop.

    Attributes:
        hops: how many hops the refused message would have had.
        limit: the highest allowed number.
    """

    is_permanent = True

    def __init__(self, hops: int, limit: int) -> None:
        super().__init__(
            f"This message would be hop {hops} of its conversation, the limit is {limit}: "
            "agents are probably passing the same work in a circle. "
            "Raise HUBBUB_MAX_HOPS if the chain is meant to be this long"
        )
        self.hops = hops
        self.limit = limit


class RateLimited(HubbubError):
    """A rate limit refused the call.

    Attributes:
        retry_after: seconds until a retry makes sense, if known.
    """

    def __init__(self, what: str, retry_after: float | None = None) -> None:
        when = f"; try again in {retry_after:g} s" if retry_after is not None else ""
        super().__init__(f"{what} is rate limited{when}")
        self.retry_after = retry_after


class LimitReached(HubbubError):
    """A task, or a run of a model in it, used up what it was allowed.

    Attributes:
        limit: `requests`, `tokens`, `seconds`, `messages` or `rounds`.
        allowed: how much of it was allowed.
    """

    is_permanent = True

    def __init__(self, limit: str, allowed: float) -> None:
        super().__init__(f"The limit of {allowed:g} {limit} was reached before the work was done")
        self.limit = limit
        self.allowed = allowed


class PermissionDenied(HubbubError):
    """The NATS server refused a publish or subscribe.

    Attributes:
        subject: what was refused, if the server said so.
    """

    is_permanent = True

    def __init__(self, message: str, subject: str | None = None) -> None:
        super().__init__(message)
        self.subject = subject


class ConnectionLost(HubbubError, ConnectionError):
    """There is no usable connection to a NATS server."""


class TaskCanceled(HubbubError):
    """The task whose result was awaited has been canceled.

    Attributes:
        task_id: the task.
    """

    def __init__(self, task_id: str, reason: str = "") -> None:
        super().__init__(f"Task {task_id} was canceled" + (f": {reason}" if reason else ""))
        self.task_id = task_id


class TaskFailed(HubbubError):
    """The task whose result was awaited has failed or was rejected.

    Attributes:
        task_id: the task.
        state: `failed` or `rejected`.
        reason: what the agent reported.
    """

    def __init__(self, task_id: str, state: str, reason: str) -> None:
        super().__init__(f"Task {task_id} {state}: {reason}")
        self.task_id = task_id
        self.state = state
        self.reason = reason


class InvalidCursor(HubbubError, ValueError):
    """A cursor was not made by a page of what it is given for."""

    is_permanent = True


class TaskNotFound(HubbubError):
    """No task has this id, or not any more.

    Attributes:
        task_id: the id as it was given.
    """

    is_permanent = True

    def __init__(self, task_id: str, reason: str = "") -> None:
        shown = task_id if len(task_id) <= 140 else task_id[:137] + "..."
        super().__init__(
            f"There is no task {shown!r}"
            + (f": {reason}" if reason else "; `hubbub tasks` lists them")
        )
        self.task_id = task_id


class TaskFinished(HubbubError):
    """A task has ended, and takes in nothing more.

    Attributes:
        task_id: the task.
        state: how it ended.
    """

    is_permanent = True

    def __init__(self, task_id: str, state: str) -> None:
        super().__init__(
            f"Task {task_id} is {state} and hears nothing any more: send its agent a new message, "
            "or run the task again"
        )
        self.task_id = task_id
        self.state = state


class TooManyNotes(HubbubError):
    """A task has not read the notes that it was sent, and takes no more of them until it has.

    Attributes:
        task_id: the task.
        allowed: how many it may have unread.
    """

    is_permanent = True

    def __init__(self, task_id: str, allowed: int) -> None:
        super().__init__(
            f"Task {task_id} has {allowed} notes that it has not read: wait until it reads them, "
            "which a handler does that calls `task.steering()`, or cancel it"
        )
        self.task_id = task_id
        self.allowed = allowed


class DeadLetterNotFound(HubbubError):
    """No dead letter has this id, or not any more.

    Attributes:
        id: the id as it was given.
    """

    is_permanent = True

    def __init__(self, letter_id: str, reason: str = "") -> None:
        shown = letter_id if len(letter_id) <= 140 else letter_id[:137] + "..."
        super().__init__(
            f"There is no dead letter {shown!r}"
            + (f": {reason}" if reason else "; `hubbub dead` lists them")
        )
        self.id = letter_id


class StoredFileNotFound(HubbubError):
    """No file has this id, or not any more.

    Attributes:
        id: the id as it was given.
    """

    is_permanent = True

    def __init__(self, file_id: str, reason: str = "") -> None:
        shown = file_id if len(file_id) <= 64 else file_id[:61] + "..."
        super().__init__(
            f"There is no file {shown!r}"
            + (f": {reason}" if reason else "; files are kept as long as the history is")
        )
        self.id = file_id


class FilesFull(HubbubError):
    """There is no room for one more file: all files together, or the server, hold what they may."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"There is no room for this file ({reason}): files go by themselves when they are as "
            "old as HUBBUB_HISTORY_DAYS says; HUBBUB_FILES_BYTES makes room for more"
        )


class StepMismatch(HubbubError):
    """The code no longer fits what the task's log recorded.

    Attributes:
        recorded: what the log has at this place of the run; empty for nothing.
        found: what the code does there; empty for nothing.
    """

    is_permanent = True

    def __init__(self, task_id: str, recorded: str, found: str) -> None:
        super().__init__(
            f"The code does not fit the record of task {task_id}: on record is "
            f"{recorded or 'nothing more'}, the code now has {found or 'nothing more'}. Put the "
            "old code back before other runs go on, or register the new one under another version "
            f"and keep both. This run has failed: `hubbub tasks rerun {task_id}` goes on with what "
            "is on record when the code fits again, with --after N only with what is on record up "
            "to there"
        )
        self.task_id = task_id
        self.recorded = recorded
        self.found = found


class RerunRefused(HubbubError):
    """A task cannot be run again from there.

    Attributes:
        task_id: the task.
        after: the place in its log; None if it was to be the last one.
        reason: why not.
    """

    is_permanent = True

    def __init__(self, task_id: str, after: int | None, reason: str) -> None:
        super().__init__(f"Task {task_id} cannot be run again: {reason}")
        self.task_id = task_id
        self.after = after
        self.reason = reason


class StepInterrupted(HubbubError):
    """A step declared `once=True` was interrupted, so nobody knows whether it happened.

    Attributes:
        step: the step's name.
        step_key: what it would have passed on as its idempotency key.
    """

    is_permanent = True

    def __init__(self, step: str, step_key: str) -> None:
        super().__init__(
            f"The step {step} had begun when its process died, and is to run once only: find out "
            f"whether it happened (its step_key is {step_key}), then start the task anew"
        )
        self.step = step
        self.step_key = step_key


class StepFailed(HubbubError):
    """A recorded step had failed with an exception whose class is not there any more.

    Attributes:
        kind: the class's name.
    """

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(f"{kind}: {message}")
        self.kind = kind


class QuestionTimeout(HubbubError, TimeoutError):
    """Nobody answered a question in time.

    Attributes:
        question_id: the question.
    """

    is_permanent = True

    def __init__(self, question_id: str, prompt: str) -> None:
        super().__init__(f"Nobody answered in time: {prompt}")
        self.question_id = question_id


class QuestionNotFound(HubbubError):
    """A task has no such question, or several, so that one must be named.

    Attributes:
        task_id: the task.
        question_id: the id as it was given; None if none was.
    """

    is_permanent = True

    def __init__(self, task_id: str, question_id: str | None, reason: str) -> None:
        super().__init__(f"Task {task_id} cannot take this answer: {reason}")
        self.task_id = task_id
        self.question_id = question_id


class AlreadyAnswered(HubbubError):
    """Somebody else was first to answer a question.

    Attributes:
        question_id: the question.
        by: who answered.
        at: when, ISO 8601.
    """

    is_permanent = True

    def __init__(self, question_id: str, by: str, at: str) -> None:
        super().__init__(f"This question was answered by {by or 'somebody'} at {at}")
        self.question_id = question_id
        self.by = by
        self.at = at


class InvalidAnswer(HubbubError, ValueError):
    """An answer does not fit its question.

    Attributes:
        question_id: the question.
    """

    is_permanent = True

    def __init__(self, question_id: str, reason: str) -> None:
        super().__init__(f"This does not answer the question: {reason}")
        self.question_id = question_id


class SettingsError(HubbubError):
    """A setting has a value that cannot be used; names the variable and what it must be."""

    is_permanent = True


class MissingExtra(HubbubError, ImportError):
    """A feature needs an optional dependency.

    Attributes:
        extra: the name of the extra to install.
    """

    is_permanent = True

    def __init__(self, feature: str, extra: str) -> None:
        super().__init__(f"{feature} needs more packages: pip install 'hubbub[{extra}]'")
        self.extra = extra


class Retry(HubbubError):
    """Raised by a handler: try this task again later, without counting it as a mistake.

    Attributes:
        after: seconds to wait, or None for the usual backoff.
    """

    def __init__(self, reason: str = "", *, after: float | None = None) -> None:
        super().__init__(reason or "the handler asked for another attempt")
        self.after = after


class Reject(HubbubError):
    """Raised by a handler: this task is not one I take; do not try again."""
