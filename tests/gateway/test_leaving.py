"""Clients that leave before they are answered, and those that wait for too much at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest

import hubbub
from hubbub import Agent, NATSConfig, Task, Workflows

from .kit import PATIENCE, Door, check_problem, events, gateway

Named = Callable[[str], str]


class Sleeper:
    """An agent that answers nothing until it is told to stop."""

    def __init__(self, name: str) -> None:
        self.agent = Agent(name)
        self.asked = asyncio.Event()
        self.stopped = asyncio.Event()
        self.agent.run(self._answer)

    async def _answer(self, message: str) -> str:
        self.asked.set()
        try:
            return await asyncio.Future[str]()
        finally:
            self.stopped.set()


def ask(name: str, **more: Any) -> dict[str, Any]:
    return {"agent": name, "content": "x", **more}


def chat(name: str, **more: Any) -> dict[str, Any]:
    return {"model": name, "messages": [{"role": "user", "content": "x"}], **more}


@pytest.mark.parametrize(
    ("path", "body", "accept"),
    [
        ("/api/requests", ask, "*/*"),
        ("/api/requests", ask, "text/event-stream"),
        ("/v1/chat/completions", chat, "*/*"),
    ],
)
async def test_an_agent_is_stopped_when_its_client_leaves(
    config: NATSConfig, name: Named, path: str, body: Callable[[str], Any], accept: str
) -> None:
    sleeper = Sleeper(name("Sleeper"))
    async with (
        asyncio.timeout(2 * PATIENCE),
        hubbub.connect(config=config) as mesh,
        mesh.serve(sleeper.agent),
        gateway(config) as door,
    ):
        await leave(door, path, body(sleeper.agent.name), accept, sleeper.asked)
        await sleeper.stopped.wait()


async def leave(door: Door, path: str, body: Any, accept: str, moment: asyncio.Event) -> None:
    """Ask, and close the connection at some moment, before there is an answer."""
    async with door.client() as client:
        asking = asyncio.create_task(client.post(path, json=body, headers={"Accept": accept}))
        await moment.wait()
        asking.cancel()
        await asyncio.wait({asking})


async def test_a_stream_shows_that_it_is_alive_before_its_first_piece(
    open_config: NATSConfig, name: Named
) -> None:
    sleeper = Sleeper(name("Sleeper"))
    async with (
        asyncio.timeout(2 * PATIENCE),
        hubbub.connect(config=open_config) as mesh,
        mesh.serve(sleeper.agent),
        gateway(open_config, keep_alive_seconds=0.1) as door,
        door.client() as client,
    ):
        body, accept = ask(sleeper.agent.name), {"Accept": "text/event-stream"}
        async with client.stream("POST", "/api/requests", json=body, headers=accept) as response:
            assert response.headers["x-accel-buffering"] == "no"
            assert response.headers["cache-control"] == "no-store, no-transform"
            lines = response.aiter_lines()
            while await anext(lines) != ": keep-alive":
                pass
        await sleeper.stopped.wait()
        body = chat(sleeper.agent.name, stream=True)
        async with client.stream("POST", "/v1/chat/completions", json=body) as response:
            assert (await anext(response.aiter_lines())).startswith((": ", "data: "))


async def test_a_run_is_canceled_when_its_chat_is_left(
    open_config: NATSConfig, name: Named
) -> None:
    begun, workflows, called = asyncio.Event(), Workflows(), name("Slow")

    @workflows.register(name=called)
    async def slow(task: Task) -> None:
        begun.set()
        await asyncio.Event().wait()

    async with (
        asyncio.timeout(2 * PATIENCE),
        hubbub.connect(config=open_config) as mesh,
        mesh.serve(*workflows),
        gateway(open_config) as door,
        door.client() as client,
    ):
        await leave(door, "/v1/chat/completions", chat(called), "*/*", begun)
        (task,) = (await client.get("/api/tasks", params={"agent": called})).json()["tasks"]
        async with client.stream("GET", f"/api/tasks/{task['id']}/events") as response:
            assert [event.kind async for event in events(response)][-1] == "canceled"


async def test_a_user_waits_for_so_many_answers_at_once(
    open_config: NATSConfig, name: Named
) -> None:
    sleeper = Sleeper(name("Sleeper"))
    async with (
        asyncio.timeout(2 * PATIENCE),
        hubbub.connect(config=open_config) as mesh,
        mesh.serve(sleeper.agent),
        gateway(open_config, open_requests=1) as door,
        door.client() as client,
    ):
        asking = asyncio.create_task(client.post("/api/requests", json=ask(sleeper.agent.name)))
        await sleeper.asked.wait()
        for path, body in (("/api/requests", ask), ("/v1/chat/completions", chat)):
            refused = await client.post(path, json=body(sleeper.agent.name))
            check_problem(refused, 429, "too-many-open-requests")
            assert int(refused.headers["retry-after"]) >= 1
        asking.cancel()
        await sleeper.stopped.wait()


async def test_streams_that_begin_at_once_are_counted(open_config: NATSConfig, name: Named) -> None:
    sleeper = Sleeper(name("Sleeper"))
    body, accept = ask(sleeper.agent.name, timeout=0.5), {"Accept": "text/event-stream"}
    async with (
        hubbub.connect(config=open_config) as mesh,
        mesh.serve(sleeper.agent),
        gateway(open_config, open_streams=2) as door,
        door.client() as client,
    ):

        async def one() -> httpx.Response:
            return await client.post("/api/requests", json=body, headers=accept)

        answers = await asyncio.gather(*(one() for _ in range(5)))
        assert sorted(answer.status_code for answer in answers) == [429, 429, 429, 504, 504]
        assert "hubbub_open_streams 0.0" in (await client.get("/metrics")).text
