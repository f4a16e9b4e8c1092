"""What the tests of the gateway share: people, a gateway on a socket, and events read from it."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import httpx
import msgspec

from hubbub import Agent, Mesh, NATSConfig, Task
from hubbub.gateway.api_keys import new_api_key
from hubbub.gateway.serve import serve
from hubbub.gateway.settings import GatewaySettings

PATIENCE = 15.0
ROLES = {"ada": "user", "bob": "user", "vic": "viewer", "olga": "operator", "root": "admin"}


def write_keys(folder: Path) -> tuple[Path, dict[str, str]]:
    """Write a file of API keys for everybody in `ROLES`."""
    made = {user: new_api_key(user, role) for user, role in ROLES.items()}
    file = folder / "keys.json"
    file.write_bytes(msgspec.json.encode([kept for _, kept in made.values()]))
    return file, {user: key for user, (key, _) in made.items()}


@dataclass
class Door:
    """A gateway that listens.

    Attributes:
        url: where.
        keys: an API key for each person; empty if it asks for none.
    """

    url: str
    keys: dict[str, str] = field(default_factory=dict[str, str])

    def headers(self, user: str | None) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.keys[user]}"} if user and self.keys else {}

    @contextlib.asynccontextmanager
    async def client(self, user: str | None = "ada") -> AsyncGenerator[httpx.AsyncClient]:
        async with httpx.AsyncClient(
            base_url=self.url, headers=self.headers(user), timeout=PATIENCE
        ) as client:
            yield client


@contextlib.asynccontextmanager
async def gateway(
    config: NATSConfig, folder: Path | None = None, mesh: Mesh | None = None, **settings: Any
) -> AsyncGenerator[Door]:
    """Run a gateway; with a folder, it wants API keys."""
    keys: dict[str, str] = {}
    if folder is not None:
        file, keys = write_keys(folder)
        settings["api_keys_file"] = file
    async with serve(config, mesh, settings=GatewaySettings(**settings), port=0) as url:
        yield Door(url, keys)


@dataclass
class Event:
    """A server-sent event."""

    kind: str
    data: Any
    id: int | None


async def events(response: httpx.Response) -> AsyncIterator[Event]:
    """Read server-sent events."""
    kind, data, mark = "message", "", None
    async for line in response.aiter_lines():
        if not line:
            if data:
                shown = json.loads(data) if data != "[DONE]" else data
                yield Event(kind, shown, mark)
            kind, data, mark = "message", "", None
        elif not line.startswith(":"):
            name, _, value = line.partition(": ")
            if name == "event":
                kind = value
            elif name == "data":
                data = value
            elif name == "id":
                mark = int(value)


def check_problem(response: httpx.Response, status: int, code: str = "") -> dict[str, Any]:
    """See that a response is a problem document."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json", response.text
    assert response.headers["x-content-type-options"] == "nosniff"
    body = cast("dict[str, Any]", response.json())
    assert body["status"] == status
    assert body["request_id"] == response.headers["x-request-id"]
    assert body["detail"]
    if code:
        assert body["code"] == code, body
    return body


def echo_agent(name: str) -> Agent:
    """An agent that gives back what it gets."""
    agent = Agent(name, description="Gives back what it gets", capabilities=["echo"])

    @agent.run
    async def answer(message: str) -> str:
        if message == "fail":
            raise ValueError("it was asked to")
        return f"echo {message}"

    @agent.agentic_run
    async def work(task: Task) -> str:
        await task.say("working")
        if task.content == "fail":
            raise ValueError("it was asked to")
        return f"did {task.content}"

    return agent


async def ended(client: httpx.AsyncClient, task_id: str) -> dict[str, Any]:
    """Wait for the end of a task, and return it."""
    async with (
        asyncio.timeout(PATIENCE),
        client.stream("GET", f"/api/tasks/{task_id}/events") as response,
    ):
        async for _ in events(response):
            pass
    return (await client.get(f"/api/tasks/{task_id}")).json()
