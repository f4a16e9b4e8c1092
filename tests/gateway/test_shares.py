"""One inbox, many users: none of them can fill it for the others."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

import hubbub
from hubbub import NATSConfig
from hubbub.testing import ServerProcess

from .kit import PATIENCE, Door, check_problem, echo_agent, gateway

Named = Callable[[str], str]
LIMIT = 20


@pytest.fixture
def small(own_server: ServerProcess) -> NATSConfig:
    return NATSConfig(nats_url=own_server.url, inbox_limit=LIMIT, grace_seconds=2)


async def fill(client: httpx.AsyncClient, agent: str, path: str = "/api/tasks") -> int:
    """Send at once more than an inbox takes; return how many were taken."""
    body = {"agent": agent, "content": "x"}
    answers = await asyncio.gather(*(client.post(path, json=body) for _ in range(2 * LIMIT)))
    for answer in answers:
        if answer.status_code != 201:
            check_problem(answer, 429, "inbox-full")
            assert int(answer.headers["retry-after"]) >= 1
    return [answer.status_code for answer in answers].count(201)


async def test_one_user_cannot_lock_the_others_out(small: NATSConfig, tmp_path: Path) -> None:
    agent = echo_agent("Echo")
    async with (
        gateway(small, tmp_path) as door,
        door.client("ada") as ada,
        door.client("bob") as bob,
    ):
        # A moment of doubt, when what is being stored is counted twice, makes it less.
        assert LIMIT // 4 <= await fill(ada, "Echo") <= LIMIT // 2
        await fill(ada, "Echo")
        assert await fill(ada, "Echo", "/api/messages") == 0
        assert 1 <= await fill(bob, "Echo") <= LIMIT // 4
        # What waits there is known to every gateway, also to one that has just begun.
        (other := tmp_path / "other").mkdir()
        async with gateway(small, other) as later:
            again = Door(later.url, later.keys)
            async with again.client("ada") as ada_there, again.client("vic") as vic:
                assert await fill(ada_there, "Echo") == 0
                assert await fill(vic, "Echo") > 0
        # Other inboxes and other lanes are not touched by that.
        assert await fill(ada, "Other") >= LIMIT // 4
        urgent = {"agent": "Echo", "content": "x", "priority": 1}
        assert (await ada.post("/api/tasks", json=urgent)).status_code == 201
        async with (
            asyncio.timeout(2 * PATIENCE),
            hubbub.connect(config=small) as mesh,
            mesh.serve(agent),
        ):
            body = {"agent": "Echo", "content": "x"}
            while (await ada.post("/api/tasks", json=body)).status_code == 429:
                pass


async def test_where_all_are_one_user_the_inbox_is_theirs(small: NATSConfig) -> None:
    async with gateway(small) as door, door.client() as client:
        assert await fill(client, "Echo") == LIMIT
