"""What the console reads besides: open questions, a log in pages, and how the mesh is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

import hubbub
from hubbub import Agent, NATSConfig, Task
from hubbub.testing import ServerProcess

from .kit import check_problem, echo_agent, ended, gateway
from .test_questions import question

Named = Callable[[str], str]


def asking_agent(name: str) -> Agent:
    agent = Agent(name)

    @agent.agentic_run
    async def work(task: Task) -> str:
        code = await task.ask_text("The code?", secret=task.content == "secret")
        return f"{len(code)}"

    return agent


async def started(client: httpx.AsyncClient, agent: Agent, content: str) -> str:
    response = await client.post("/api/tasks", json={"agent": agent.name, "content": content})
    return str(response.json()["id"])


async def all_questions(
    client: httpx.AsyncClient, tasks: set[str], limit: int = 200
) -> list[dict[str, Any]]:
    """Read all pages, and return the questions of some tasks."""
    found: list[dict[str, Any]] = []
    before: str | None = None
    while True:
        params = {"limit": limit, **({"before": before} if before else {})}
        answer = await client.get("/api/questions", params=params)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        assert len(page["questions"]) <= limit
        found += [one for one in page["questions"] if one["task"]["id"] in tasks]
        before = page["before"]
        if before is None:
            return found


async def test_open_questions_come_oldest_first(
    config: NATSConfig, name: Named, tmp_path: Path
) -> None:
    agent = asking_agent(name("Asker"))
    async with (
        hubbub.connect(config=config) as mesh,
        mesh.serve(agent),
        gateway(config, tmp_path) as door,
        door.client("ada") as ada,
        door.client("bob") as bob,
        door.client("vic") as vic,
    ):
        ids: list[str] = []
        for client in (ada, bob, ada):
            ids.append(await started(client, agent, "x"))
            await question(client, ids[-1], "text")
        mine = {*ids}
        seen = await all_questions(vic, mine)
        assert [one["task"]["id"] for one in seen] == ids
        assert seen[0]["question"]["prompt"] == "The code?"
        assert seen[0]["task"]["owner"] == "ada"
        assert await all_questions(vic, mine, limit=1) == seen
        assert [one["task"]["id"] for one in await all_questions(ada, mine)] == [ids[0], ids[2]]
        assert [one["task"]["id"] for one in await all_questions(bob, mine)] == [ids[1]]
        await bob.post(f"/api/tasks/{ids[1]}/answers", json={"answer": "x"})
        await ended(bob, ids[1])
        assert await all_questions(bob, mine) == []
        for wrong in ("x", "a~", "~" * 50, "2026~<script>"):
            refused = await ada.get("/api/questions", params={"before": wrong})
            check_problem(refused, 422, "invalid-cursor")


async def test_a_log_is_read_in_pages(config: NATSConfig, name: Named, tmp_path: Path) -> None:
    agent = asking_agent(name("Asker"))
    async with (
        hubbub.connect(config=config) as mesh,
        mesh.serve(agent),
        gateway(config, tmp_path) as door,
        door.client("ada") as ada,
        door.client("bob") as bob,
        door.client("vic") as vic,
    ):
        for content, shown in (("open", "1234"), ("secret", None)):
            task_id = await started(ada, agent, content)
            path = f"/api/tasks/{task_id}"
            await question(ada, task_id, "text")
            await ada.post(f"{path}/answers", json={"answer": "1234"})
            await ended(ada, task_id)
            whole = (await vic.get(f"{path}/log")).json()
            kinds = [event["kind"] for event in whole["events"]]
            assert kinds[:2] == ["claimed", "asked"]
            assert kinds[-1] == "completed"
            assert whole["next"] is None
            answered = next(one for one in whole["events"] if one["kind"] == "answered")
            assert answered["data"]["answer"] == shown
            pieces: list[dict[str, Any]] = []
            after: int | None = 0
            while after is not None:
                page = (await ada.get(f"{path}/log", params={"after": after, "limit": 2})).json()
                assert 0 < len(page["events"]) <= 2
                pieces += page["events"]
                after = page["next"]
            assert pieces == whole["events"]
            check_problem(await bob.get(f"{path}/log"), 404, "task-not-found")
        waiting = await ada.post("/api/tasks", json={"agent": name("Nobody"), "content": "x"})
        empty = (await ada.get(f"/api/tasks/{waiting.json()['id']}/log")).json()
        assert empty == {"events": [], "next": None}
        check_problem(await ada.get("/api/tasks/none/log"), 404, "task-not-found")
        check_problem(await ada.get(f"{path}/log", params={"after": -1}), 422)
        check_problem(await ada.get(f"{path}/log", params={"limit": 0}), 422)


async def test_health_tells_how_the_mesh_is(
    config: NATSConfig, name: Named, tmp_path: Path
) -> None:
    agent = echo_agent(name("Echo"))
    async with (
        hubbub.connect(config=config) as mesh,
        mesh.serve(agent),
        gateway(config, tmp_path) as door,
        door.client("vic") as vic,
        door.client("ada") as ada,
    ):
        check_problem(await ada.get("/api/health"), 403)
        await mesh.send_direct_message(name("Nobody"), "x")
        health = (await vic.get("/api/health")).json()
        assert health["connected"] is True
        assert health["server"]["version"].startswith("2.")
        assert health["server"]["url"] == mesh.connection.url
        assert health["server"]["name"].startswith("hubbub-")
        assert health["server"]["cluster"] is None
        assert health["server"]["jetstream"]["storage"] > 0
        streams = {one["name"]: one for one in health["streams"]}
        assert {"INBOX", "TASKS", "HISTORY", "KV_sessions"} <= streams.keys()
        assert streams["INBOX"]["messages"] >= 1
        assert streams["INBOX"]["last_at"]
        (worker,) = [one for one in health["workers"] if one["agent"] == agent.name]
        assert (worker["status"], worker["running"]) == ("online", 0)
        assert worker["hubbub"] == hubbub.__version__
        levels = {one["title"]: one["level"] for one in health["findings"]}
        assert levels["NATS server"] == "ok"
        assert levels["Agents"] == "ok"
        unserved = [one for one in health["findings"] if "nobody serves it" in one["detail"]]
        assert {one["level"] for one in unserved} == {"warning"}
        assert {one["remedy"] for one in unserved} == {"start it with `hubbub run`"}
        assert health["gateway"]["version"] == hubbub.__version__
        assert health["gateway"]["pages"] == 0
        assert health["gateway"]["uptime_s"] > 0


async def test_health_is_told_without_nats(own_server: ServerProcess) -> None:
    config = NATSConfig(nats_url=own_server.url)
    async with gateway(config) as door, door.client() as client:
        own_server.kill()
        while (await client.get("/readyz")).status_code == 200:
            pass
        health = (await client.get("/api/health")).json()
        assert (health["connected"], health["server"]) == (False, None)
        assert [one["level"] for one in health["findings"]] == ["error"]
        for path in ("/api/questions", "/api/tasks/x/log"):
            check_problem(await client.get(path), 503, "mesh-unavailable")
