from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

import hubbub
from hubbub import NATSConfig
from hubbub.testing import ServerProcess

from .kit import PATIENCE, check_problem, echo_agent, ended, events, gateway

Named = Callable[[str], str]


async def test_a_task_is_started_followed_and_shown(config: NATSConfig, name: Named) -> None:
    agent = echo_agent(name("Echo"))
    async with (
        hubbub.connect(config=config, name="Workers") as mesh,
        mesh.serve(agent),
        gateway(config) as door,
        door.client() as client,
    ):
        started = await client.post("/api/tasks", json={"agent": agent.name, "content": "hello"})
        assert started.status_code == 201
        assert started.json()["owner"] == "local"
        task_id = started.json()["id"]
        assert started.headers["location"] == f"/api/tasks/{task_id}"
        task = await ended(client, task_id)
        assert (task["state"], task["result"], task["owner"]) == (
            "completed",
            "did hello",
            "local",
        )
        listed = (await client.get("/api/tasks", params={"agent": agent.name})).json()
        assert [one["id"] for one in listed["tasks"]] == [task_id]


async def test_events_resume_behind_the_last_one_that_was_seen(
    config: NATSConfig, name: Named
) -> None:
    agent = echo_agent(name("Echo"))
    async with hubbub.connect(config=config) as mesh, mesh.serve(agent):
        handle = await mesh.send_direct_message(agent.name, "x", owner="local")
        await handle.result(10)
    # Nobody works any more; the log is enough, on any gateway.
    async with gateway(config) as door, door.client() as client:
        path = f"/api/tasks/{handle.task_id}/events"
        async with client.stream("GET", path) as response:
            assert response.headers["content-type"].startswith("text/event-stream")
            whole = [event async for event in events(response)]
        assert [event.kind for event in whole] == ["claimed", "said", "completed"]
        resume = {"Last-Event-ID": str(whole[0].id)}
        async with client.stream("GET", path, headers=resume) as response:
            rest = [event async for event in events(response)]
        assert [event.id for event in rest] == [event.id for event in whole[1:]]
        resume = {"Last-Event-ID": str(whole[-1].id)}
        async with client.stream("GET", path, headers=resume) as response:
            assert [event async for event in events(response)] == []


async def test_the_same_key_starts_the_same_task_on_any_gateway(
    config: NATSConfig, name: Named
) -> None:
    agent = name("Nobody")
    body = {"agent": agent, "content": "x", "idempotency_key": "order-1" + agent}
    async with (
        gateway(config) as one,
        gateway(config) as two,
        one.client() as client,
        two.client() as other,
    ):
        first = await client.post("/api/tasks", json=body)
        again = await other.post("/api/tasks", json=body)
        assert (first.status_code, again.status_code) == (201, 200)
        assert first.json()["id"] == again.json()["id"]
        key = body.pop("idempotency_key")
        same = await client.post("/api/tasks", json=body, headers={"Idempotency-Key": key})
        assert same.json()["id"] == first.json()["id"]
        assert same.json()["metadata"] == {}
        other_body = {**body, "content": "y", "idempotency_key": key}
        check_problem(
            await client.post("/api/tasks", json=other_body), 409, "idempotency-key-reused"
        )


async def test_other_peoples_tasks_are_not_there(
    config: NATSConfig, name: Named, tmp_path: Path
) -> None:
    agent = name("Nobody")
    async with gateway(config, tmp_path) as door, door.client("ada") as ada:
        started = await ada.post(
            "/api/tasks",
            json={"agent": agent, "content": "x", "metadata": {"owner": "bob"}},
        )
        task_id = started.json()["id"]
        assert started.json()["owner"] == "ada"
        assert (await ada.get(f"/api/tasks/{task_id}")).status_code == 200
        async with door.client("bob") as bob:
            check_problem(await bob.get(f"/api/tasks/{task_id}"), 404, "task-not-found")
            check_problem(await bob.get(f"/api/tasks/{task_id}/events"), 404, "task-not-found")
            for action in ("cancel", "replay"):
                check_problem(await bob.post(f"/api/tasks/{task_id}/{action}"), 404)
            answered = await bob.post(f"/api/tasks/{task_id}/answers", json={"answer": "x"})
            check_problem(answered, 404, "task-not-found")
            steered = await bob.post(f"/api/tasks/{task_id}/steer", json={"text": "x"})
            check_problem(steered, 404, "task-not-found")
            assert (await bob.get("/api/tasks", params={"agent": agent})).json()["tasks"] == []
            context = started.json()["context_id"]
            check_problem(await bob.get("/api/messages", params={"context": context}), 404)
            said = {"agent": agent, "content": "me too", "context_id": context}
            check_problem(await bob.post("/api/messages", json=said), 404)
            check_problem(await bob.get("/api/messages"), 403, "role-needed")
        async with door.client("vic") as vic:
            assert (await vic.get(f"/api/tasks/{task_id}")).status_code == 200
            check_problem(await vic.post(f"/api/tasks/{task_id}/cancel"), 403, "role-needed")
            steered = await vic.post(f"/api/tasks/{task_id}/steer", json={"text": "x"})
            check_problem(steered, 403, "role-needed")
        async with door.client("olga") as olga:
            canceled = await olga.post(f"/api/tasks/{task_id}/cancel")
            assert canceled.status_code == 202
            assert canceled.json()["state"] == "canceled"


async def test_what_is_wrong_with_a_start_is_told(open_config: NATSConfig, name: Named) -> None:
    async with gateway(open_config) as door, door.client() as client:
        for body, status in (
            ({"agent": "no.dots", "content": "x"}, 422),
            ({"agent": name("A"), "content": "x", "priority": 9}, 422),
            ({"agent": name("A"), "content": "x", "owner": "bob"}, 422),
            ({"content": "x"}, 422),
        ):
            check_problem(await client.post("/api/tasks", json=body), status)
        for raw in (b'{"agent": NaN}', b'{"a":1,"a":2}', b"\xff", b"[" * 100_000, b"[]"):
            sent = await client.post(
                "/api/tasks", content=raw, headers={"content-type": "application/json"}
            )
            check_problem(sent, 400, "invalid-json")
        check_problem(await client.get("/api/tasks/never"), 404, "task-not-found")
        check_problem(await client.get("/api/tasks", params={"before": "x"}), 422)
        check_problem(await client.get("/api/tasks", params={"state": "asleep"}), 422)
        check_problem(
            await client.get("/api/tasks/never/events", headers={"Last-Event-ID": "x"}), 422
        )


async def test_two_starts_at_once_are_one(open_config: NATSConfig, name: Named) -> None:
    body = {"agent": name("Nobody"), "content": "x", "idempotency_key": "once"}
    async with (
        gateway(open_config) as one,
        gateway(open_config) as two,
        one.client() as client,
        two.client() as other,
    ):
        many = [who.post("/api/tasks", json=body) for who in (client, other) * 5]
        answers = await asyncio.gather(*many)
        assert {answer.status_code for answer in answers} <= {200, 201}
        assert len({answer.json()["id"] for answer in answers}) == 1
        listed = await client.get("/api/tasks", params={"agent": body["agent"]})
        assert len(listed.json()["tasks"]) == 1


async def test_a_reader_who_leaves_is_forgotten(
    open_config: NATSConfig, name: Named, caplog: pytest.LogCaptureFixture
) -> None:
    async with gateway(open_config) as door, door.client() as client:
        body = {"agent": name("Nobody"), "content": "x"}
        task_id = (await client.post("/api/tasks", json=body)).json()["id"]
        for _ in range(5):
            async with client.stream("GET", f"/api/tasks/{task_id}/events") as response:
                assert (await anext(response.aiter_lines())).startswith(":")
        async with asyncio.timeout(PATIENCE):
            while "hubbub_open_streams 0.0" not in (await client.get("/metrics")).text:
                pass
    assert "Exception" not in caplog.text


async def test_streams_outlive_a_restart_of_nats(own_server: ServerProcess) -> None:
    agent = echo_agent("Echo")
    config = NATSConfig(nats_url=own_server.url)
    async with gateway(config) as door, door.client() as client:
        body = {"agent": "Echo", "content": "x"}
        task_id = (await client.post("/api/tasks", json=body)).json()["id"]
        async with (
            asyncio.timeout(4 * PATIENCE),
            client.stream("GET", f"/api/tasks/{task_id}/events") as response,
        ):
            lines = response.aiter_lines()
            assert (await anext(lines)).startswith(":")
            own_server.kill()
            own_server.start()
            async with hubbub.connect(config=config) as mesh, mesh.serve(agent):
                text = "\n".join([line async for line in lines])
        kinds = [line[7:] for line in text.splitlines() if line.startswith("event: ")]
        assert kinds == ["claimed", "said", "completed"]
