"""Parameters of workflows: described, checked before anything is stored, handed on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import hubbub
from hubbub import NATSConfig, Task, Workflows
from hubbub.gateway.records.views import agent_view
from hubbub.wire.card import AgentCard

from .kit import check_problem, ended, gateway

Named = Callable[[str], str]


def learning(name: str) -> Workflows:
    workflows = Workflows()

    @workflows.register(name=name, description="Learns")
    async def learn(task: Task, topic: str, depth: int = 1, tags: list[str] | None = None) -> str:
        return f"{topic} {depth}"

    return workflows


async def test_a_workflow_has_a_form_and_takes_its_parameters(
    config: NATSConfig, name: Named
) -> None:
    called = name("learning")
    async with (
        hubbub.connect(config=config) as mesh,
        mesh.serve(*learning(called)),
        gateway(config) as door,
        door.client() as client,
    ):
        form = (await client.get(f"/api/agents/{called}")).json()
        assert set(form["input_schema"]["properties"]) == {"topic", "depth", "tags"}
        for start in (
            {"params": {"topic": "fractals", "depth": 3}},
            {"content": {"topic": "fractals", "depth": 3}},
            {"metadata": {"params": {"topic": "fractals", "depth": 3}}},
        ):
            started = await client.post("/api/tasks", json={"agent": called, **start})
            task = await ended(client, started.json()["id"])
            assert (task["state"], task["result"]) == ("completed", "fractals 3")
        text = await client.post("/api/tasks", json={"agent": called, "content": "fractals"})
        assert (await ended(client, text.json()["id"]))["result"] == "fractals 1"


async def test_wrong_parameters_are_refused_before_anything_is_stored(
    config: NATSConfig, name: Named
) -> None:
    called = name("learning")
    async with gateway(config) as door, door.client() as client:
        async with hubbub.connect(config=config) as mesh, mesh.serve(*learning(called)):
            pass
        # Nobody serves it any more: what it takes is known all the same.
        wrong: list[tuple[dict[str, Any], str]] = [
            ({"params": {"topic": 7}}, "body.params.topic"),
            ({"params": {}}, "body.params.topic"),
            ({}, "body.params.topic"),
            ({"params": {"topic": "x", "depth": "3"}}, "body.params.depth"),
            ({"params": {"topic": "x", "tags": ["a", 1]}}, "body.params.tags.1"),
            ({"params": {"topic": "x", "speed": 1}}, "body.params.speed"),
            ({"content": {"topic": None}}, "body.content.topic"),
            ({"metadata": {"params": "x"}}, "body.metadata.params"),
        ]
        for start, field in wrong:
            refused = await client.post("/api/tasks", json={"agent": called, **start})
            problem = check_problem(refused, 422, "invalid-params")
            assert [one["field"] for one in problem["errors"]] == [field], problem
            assert field in problem["detail"]
        said = {"agent": called, "content": "", "metadata": {"params": {"topic": 7}}}
        check_problem(await client.post("/api/messages", json=said), 422, "invalid-params")
        check_problem(await client.post("/api/requests", json=said), 422, "invalid-params")
        listed = await client.get("/api/tasks", params={"agent": called})
        assert listed.json()["tasks"] == []


async def test_a_key_still_gives_its_task_when_the_form_has_changed(
    open_config: NATSConfig, name: Named
) -> None:
    called = name("learning")
    body = {"agent": called, "params": {"topic": 7}, "idempotency_key": called}
    async with gateway(open_config) as door, door.client() as client:
        first = await client.post("/api/tasks", json=body)
        assert first.status_code == 201
        async with hubbub.connect(config=open_config) as mesh, mesh.serve(*learning(called)):
            again = await client.post("/api/tasks", json=body)
            assert (again.status_code, again.json()["id"]) == (200, first.json()["id"])
            body["idempotency_key"] = f"{called}-2"
            check_problem(await client.post("/api/tasks", json=body), 422, "invalid-params")


def test_a_card_without_a_usable_schema_is_shown_all_the_same() -> None:
    schemas: list[Any] = ["x", ["x"], 7, None, {}]
    for schema in schemas:
        card = AgentCard(name="Strange", metadata={"input_schema": schema, "a": 1})
        shown = agent_view(card)
        assert (shown.input_schema, shown.metadata) == (None, {"a": 1})
