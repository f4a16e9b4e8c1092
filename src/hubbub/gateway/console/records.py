"""What the console's own routes take and give, as records that describe themselves."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from hubbub.gateway.records.models import FileRef, Question, Task
from hubbub.wire.card import AgentStatus

__all__ = [
    "Asked",
    "Finding",
    "GatewayHealth",
    "LogPage",
    "LoggedEvent",
    "MeshHealth",
    "QuestionPage",
    "RoleName",
    "ServerHealth",
    "SessionView",
    "SignIn",
    "StoredFileView",
    "StreamHealth",
    "Worker",
]

RoleName = Literal["user", "viewer", "operator", "admin"]


class SignIn(BaseModel):
    """What somebody signs in with."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"credential": "hub_3f9a0c71be52_0d3c5c6e6f0a4a2b9a53"}]},
    )

    credential: SecretStr = Field(
        min_length=1, max_length=16_384, description="An API key, or a token (JWT)."
    )


class SessionView(BaseModel):
    """Who is signed in, and how one signs in."""

    user: str | None = Field(description="Null if nobody is; `local` where everybody is let in.")
    role: RoleName | None = Field(description="What they may do.")
    sign_in: list[Literal["api-key", "token"]] = Field(
        description="What can be signed in with; empty where everybody is let in."
    )
    gateway: str = Field(
        description="The name under which the gateway speaks on the mesh.", examples=["Gateway"]
    )
    version: str = Field(description="The version of Hubbub.", examples=["0.1.0"])
    nats: bool = Field(description="Whether the gateway reaches the NATS server now.")


class Asked(BaseModel):
    """An open question, and the task that asks it."""

    task: Task
    question: Question


class QuestionPage(BaseModel):
    """Some open questions, the oldest first."""

    questions: list[Asked]
    before: str | None = Field(description="Where the next page begins; null if there is none.")


class StoredFileView(FileRef):
    """A file that is stored."""

    url: str = Field(examples=["/api/files/5f0c1f6e2b8d4a7f9c3e6b1a0d2c4e8f"])


class LoggedEvent(BaseModel):
    """An event of a task's log."""

    sequence: int = Field(description="Its place, as in the events of the task.")
    kind: str = Field(examples=["claimed"])
    at: str
    data: dict[str, Any]


class LogPage(BaseModel):
    """A stretch of a task's log, oldest first."""

    events: list[LoggedEvent]
    next: int | None = Field(description="`after` of the next page; null if there is none yet.")


class ServerHealth(BaseModel):
    """The NATS server that the gateway is connected to."""

    name: str
    version: str
    url: str
    cluster: str | None = Field(description="The cluster that it belongs to, if it does.")
    jetstream: dict[str, int] = Field(
        description="Bytes of `memory` and `storage` in use, numbers of `streams` and `consumers`."
    )


class StreamHealth(BaseModel):
    """A stream of the mesh."""

    name: str = Field(examples=["INBOX"])
    messages: int
    bytes: int
    first_at: str | None
    last_at: str | None
    replicas: int
    consumers: int
    lag: dict[str, int] = Field(
        description="Messages that a consumer has not worked off; the worst 50, if any."
    )


class Worker(BaseModel):
    """A process that serves an agent."""

    agent: str
    instance: str
    host: str
    version: str = Field(description="The version of the agent.")
    hubbub: str = Field(description="The version of Hubbub that it runs.")
    status: AgentStatus
    running: int
    queued: int
    last_seen: str | None


class Finding(BaseModel):
    """Something that was looked at."""

    level: Literal["ok", "info", "warning", "error"]
    title: str
    detail: str = Field(description="What was found.")
    remedy: str = Field(
        "", description="What to do about it; commands stand in backquotes. Empty if nothing is."
    )


class GatewayHealth(BaseModel):
    """This gateway."""

    version: str
    pages: int = Field(description="Live pages that it feeds.")
    uptime_s: float


class MeshHealth(BaseModel):
    """How the mesh is; without a connection, only that is known."""

    connected: bool
    server: ServerHealth | None = None
    streams: list[StreamHealth] = Field(default_factory=list[StreamHealth])
    workers: list[Worker] = Field(default_factory=list[Worker])
    findings: list[Finding]
    gateway: GatewayHealth
