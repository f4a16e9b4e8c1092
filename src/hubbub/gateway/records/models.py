"""What travels over HTTP, as records that describe themselves."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, StringConstraints

from hubbub.wire.card import AgentStatus
from hubbub.wire.events import TaskState

__all__ = [
    "Agent",
    "AgentName",
    "AgentPage",
    "Answer",
    "Answered",
    "DeadLetter",
    "DeadLetterPage",
    "Decision",
    "FileRef",
    "Health",
    "Key",
    "LetterRetry",
    "MessageIn",
    "MessageOut",
    "MessagePage",
    "Metadata",
    "Question",
    "ReplayReport",
    "Reply",
    "RequestIn",
    "Retried",
    "Sent",
    "Task",
    "TaskIn",
    "TaskPage",
]

AgentName = Annotated[
    str,
    StringConstraints(min_length=1, max_length=63),
    Field(description="Name of an agent.", examples=["Weather-Bot"]),
]
Key = Annotated[
    str,
    StringConstraints(min_length=1, max_length=200),
    Field(description="The same key starts the same task once.", examples=["order-4711"]),
]
MessageId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
Metadata = Annotated[dict[str, JsonValue], Field(description="Anything else that is JSON.")]
Priority = Annotated[int, Field(ge=1, le=5, description="1 is the most urgent.")]


class _In(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Health(BaseModel):
    """Whether the gateway works."""

    status: Literal["ok"] = Field(description="`ok`.")
    version: str = Field(description="The version of Hubbub.", examples=["0.1.0"])


class Agent(BaseModel):
    """An agent or a workflow, and how busy it is."""

    name: str = Field(examples=["Weather-Bot"])
    description: str = ""
    capabilities: list[str] = Field(default_factory=list[str], examples=[["weather_lookup"]])
    tools: list[str] = Field(default_factory=list[str])
    model: str | None = Field(None, description="The model that it thinks with.")
    version: str = ""
    status: AgentStatus
    online: bool = Field(description="Whether an instance of it is there.")
    instances: int = Field(description="How many processes serve it.")
    running: int = Field(description="Tasks and requests being worked on.")
    queued: int = Field(description="What waits for it.")
    last_seen: str | None = None
    input_schema: dict[str, Any] | None = Field(
        None, description="JSON schema of the parameters that a start takes, if it takes some."
    )
    metadata: dict[str, Any] = Field(default_factory=dict[str, Any])


class AgentPage(BaseModel):
    """The agents that are there."""

    agents: list[Agent]


class MessageIn(_In):
    """Something to say."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"kind": "direct", "agent": "Weather-Bot", "content": "Bring an umbrella"}]
        }
    )

    kind: Literal["direct", "handoff", "broadcast"] = "direct"
    agent: AgentName | None = Field(None, description="For whom; nobody for a broadcast.")
    content: JsonValue = Field(description="Text, or any JSON.")
    metadata: Metadata = Field(default_factory=dict[str, JsonValue])
    priority: Priority | None = None
    context_id: str | None = Field(None, description="A conversation of yours to go on with.")
    message_id: MessageId | None = Field(
        None, description="An id of your own: the same one twice within two minutes is stored once."
    )


class Sent(BaseModel):
    """What was sent."""

    message_id: str = Field(description="Its id.")
    task_id: str | None = Field(description="The task that it opened, if it opened one.")


class MessageOut(BaseModel):
    """Something that was said."""

    kind: str = Field(
        description="direct, handoff, completion, broadcast, request, reply, join, leave, status."
    )
    from_agent: str
    to_agent: str = Field(description="Empty for everybody.")
    content: JsonValue
    metadata: dict[str, Any]
    message_id: str
    in_reply_to: str | None
    context_id: str
    priority: int
    failed: bool = Field(description="Whether it tells of a failure.")
    at: str
    user: str = Field("", description="The person who said it through a gateway, if one did.")
    task_id: str = Field("", description="The task that it opens or completes, if it does.")
    latency_ms: float | None = Field(
        None, description="Milliseconds since what it answers, if that is on this page."
    )
    files: list[FileRef] = Field(default_factory=list["FileRef"])


class FileRef(BaseModel):
    """A file that goes with a message."""

    id: str = Field(examples=["5f0c1f6e2b8d4a7f9c3e6b1a0d2c4e8f"])
    name: str = Field(examples=["report.pdf"])
    media_type: str = Field(examples=["application/pdf"])
    size: int = Field(description="In bytes.")


class MessagePage(BaseModel):
    """A stretch of the conversation, in the order of time."""

    messages: list[MessageOut]
    before: str | None = Field(description="Where the page before this one ends.")


class RequestIn(_In):
    """A question to an agent that is there now."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"agent": "Weather-Bot", "content": "Oslo?", "timeout": 10}]
        }
    )

    agent: AgentName
    content: JsonValue = Field(description="Text, or any JSON.")
    metadata: Metadata = Field(default_factory=dict[str, JsonValue])
    timeout: float = Field(30.0, ge=0.01, le=600, description="Seconds to wait for the answer.")
    keep: bool = Field(False, description="Whether question and answer go into the history.")


class Reply(BaseModel):
    """The answer of an agent."""

    agent: str
    content: JsonValue
    metadata: dict[str, Any]
    message_id: str
    in_reply_to: str | None


class Question(BaseModel):
    """A question that a task asks a person."""

    id: str
    kind: Literal["text", "choice", "choices", "approval"]
    prompt: str
    suggestions: list[str] = Field(default_factory=list[str])
    choices: list[str] = Field(default_factory=list[str])
    secret: bool = Field(False, description="Whether what is typed must not be seen.")
    tool: str = Field("", description="The tool that needs approval.")
    arguments: dict[str, Any] = Field(default_factory=dict[str, Any])
    reason: str = ""
    asked_at: str = ""
    expires_at: str = Field("", description="Empty if it can be answered for ever.")
    answered_by: str = Field(
        "", description="Who has answered, if the answer is stored and not taken in yet."
    )
    answered_at: str = Field("", description="When; empty while nobody has.")


class Task(BaseModel):
    """A task, as it stands."""

    id: str = Field(examples=["0d3c5c6e-6f0a-4a2b-9a53-1c6b8f2f7d11"])
    agent: str = Field(examples=["simple_learning"])
    state: TaskState
    context_id: str
    content: JsonValue
    metadata: dict[str, Any]
    result: JsonValue = None
    error: str = Field("", description="Why it failed, or why the last attempt did.")
    questions: list[Question] = Field(
        default_factory=list[Question], description="What it waits for a person to answer."
    )
    owner: str = Field("", description="The person it is done for.")
    from_agent: str = Field("", description="Who sent it; for people it is their gateway.")
    attempt: int = 0
    usage: dict[str, int] = Field(default_factory=dict[str, int])
    priority: int = 3
    parent_id: str | None = Field(None, description="The task that opened this one.")
    retry_of: str = ""
    version: str = Field("", description="The version of the workflow that it began with.")
    held_up: str = Field(
        "", description="Why nobody goes on with it, such as that nobody serves its agent."
    )
    created_at: str
    updated_at: str


class TaskIn(_In):
    """A task to start."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"agent": "Weather-Bot", "content": "Watch the weather in Oslo"},
                {"agent": "simple_learning", "params": {"topic": "fractals"}},
            ]
        }
    )

    agent: AgentName
    content: JsonValue = Field(None, description="Text, or any JSON.")
    params: dict[str, JsonValue] | None = Field(
        None, description="Parameters of a workflow; see the agent's `input_schema`."
    )
    metadata: Metadata = Field(default_factory=dict[str, JsonValue])
    priority: Priority = 3
    idempotency_key: Key | None = None


class RerunIn(_In):
    """From where a task is run again."""

    after: int | None = Field(
        None,
        ge=0,
        description=(
            "Sequence of the last event of its log that is taken over; 0 for nothing, null for "
            "all that is on record, but what it failed of."
        ),
    )


class TaskPage(BaseModel):
    """Some tasks, the one that changed last first."""

    tasks: list[Task]
    before: str | None = Field(description="Where the next page begins; null if there is none.")


class Decision(_In):
    """The answer to a request for approval."""

    decision: Literal["approve", "reject"]
    arguments: dict[str, JsonValue] | None = Field(None, description="To be used instead.")
    comment: str = Field("", max_length=10_000)


class Answer(_In):
    """The answer to a question."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"question_id": "9f2c41d0a7e85b36", "answer": "fractals"},
                {"answer": {"decision": "reject", "comment": "Ask finance first"}},
            ]
        }
    )

    question_id: str | None = Field(
        None, max_length=200, description="Which; needed if several are open."
    )
    answer: str | list[str] | Decision = Field(
        description="A text or a choice; choices; or a decision."
    )


class NoteIn(_In):
    """A note to a task that has not ended."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"text": "Leave out the appendix", "id": "note-4711"}]}
    )

    text: str = Field(min_length=1, max_length=16_000, description="What is said.")
    id: MessageId | None = Field(None, description="Under the same id one note is taken in.")


class NoteSent(BaseModel):
    """A note that a task will take in."""

    task_id: str
    id: str


class Answered(BaseModel):
    """An answer that counts."""

    task_id: str
    question_id: str
    by: str


class ReplayReport(BaseModel):
    """Whether the code of today does what a task's log records."""

    task_id: str
    agent: str
    fits: bool
    departs_at: str = Field(description="The first place where it does something else.")
    recorded: JsonValue
    found: JsonValue
    steps: int = Field(description="How many recorded steps it went through.")
    version: str = Field("", description="The version of the code that was run.")
    message: str


class DeadLetter(BaseModel):
    """A message that could not be worked off."""

    id: str
    agent: str
    task_id: str
    kind: Literal["task", "notice"]
    reason: str
    errors: list[str]
    payload: str
    truncated: bool
    sequence: int
    at: str


class DeadLetterPage(BaseModel):
    """Some dead letters, the newest first."""

    dead_letters: list[DeadLetter]
    before: str | None = Field(description="Where the next page begins; null if there is none.")


class LetterRetry(_In):
    """What to say instead, if anything."""

    model_config = ConfigDict(json_schema_extra={"examples": [{}, {"content": "Try Bergen"}]})

    content: JsonValue = None
    agent: AgentName | None = Field(None, description="Who is to do it instead.")
    metadata: Metadata | None = None


class Retried(BaseModel):
    """A dead letter that was tried again."""

    task_id: str | None = Field(description="The new task; none for a notice.")
