"""What could not be worked off, and what is counted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import hubbub
from hubbub import NATSConfig

from .kit import check_problem, echo_agent, ended, gateway

Named = Callable[[str], str]


async def test_dead_letters_are_listed_retried_and_discarded(
    config: NATSConfig, name: Named, tmp_path: Path
) -> None:
    agent = echo_agent(name("Echo"))
    async with (
        hubbub.connect(config=config) as mesh,
        mesh.serve(agent),
        gateway(config, tmp_path) as door,
        door.client("ada") as ada,
        door.client("bob") as bob,
        door.client("vic") as vic,
    ):
        ids: list[str] = []
        for _ in range(3):
            body = {"agent": agent.name, "content": "fail"}
            ids.append((await ada.post("/api/tasks", json=body)).json()["id"])
            assert (await ended(ada, ids[-1]))["state"] == "failed"
        mine = {"agent": agent.name, "limit": 2}
        page = (await ada.get("/api/dead-letters", params=mine)).json()
        assert [letter["task_id"] for letter in page["dead_letters"]] == [ids[2], ids[1]]
        older = {**mine, "before": page["before"]}
        page = (await ada.get("/api/dead-letters", params=older)).json()
        assert [letter["task_id"] for letter in page["dead_letters"]] == [ids[0]]
        assert page["before"] is None
        letter = page["dead_letters"][0]
        assert "it was asked to" in letter["reason"] + str(letter["errors"])

        assert (await bob.get("/api/dead-letters", params=mine)).json()["dead_letters"] == []
        path = f"/api/dead-letters/{letter['id']}"
        for way in (letter["id"], letter["task_id"]):
            assert (await ada.get(f"/api/dead-letters/{way}")).json() == letter
        assert (await vic.get(path)).json() == letter
        check_problem(await bob.get(path), 404, "dead-letter-not-found")
        check_problem(await bob.post(f"{path}/retry"), 404, "dead-letter-not-found")
        check_problem(await bob.delete(path), 404, "dead-letter-not-found")
        check_problem(await vic.delete(path), 403, "role-needed")

        retried = await ada.post(f"{path}/retry", json={"content": "well"})
        assert retried.status_code == 201
        task = await ended(ada, retried.json()["task_id"])
        assert (task["result"], task["owner"], task["retry_of"]) == ("did well", "ada", ids[0])
        check_problem(await ada.post(f"{path}/retry"), 404)
        check_problem(await ada.get(path), 404, "dead-letter-not-found")
        assert (await ada.delete(f"/api/dead-letters/{ids[1]}")).status_code == 204
        check_problem(await ada.delete(f"/api/dead-letters/{ids[1]}"), 404)
        check_problem(await ada.get("/api/dead-letters", params={"before": "x"}), 422)


async def test_what_happens_is_counted(open_config: NATSConfig, name: Named) -> None:
    agent = echo_agent(name("Echo"))
    async with (
        hubbub.connect(config=open_config) as mesh,
        mesh.serve(agent),
        gateway(open_config) as door,
        door.client() as client,
    ):
        started = await client.post("/api/tasks", json={"agent": agent.name, "content": "x"})
        await client.get(f"/api/tasks/{started.json()['id']}")
        await client.get("/api/nowhere/else")
        lines = (await client.get("/metrics")).text.splitlines()
        counted = dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
        by_route = 'hubbub_http_requests_total{method="%s",route="%s",status="%d"}'
        assert counted[by_route % ("POST", "/api/tasks", 201)] == "1.0"
        assert counted[by_route % ("GET", "/api/tasks/{task_id}", 200)] == "1.0"
        assert counted[by_route % ("GET", "(none)", 404)] == "1.0"
        assert counted["hubbub_tasks_started_total"] == "1.0"
        assert counted["hubbub_nats_connected"] == "1.0"
        assert float(counted["hubbub_agents_online"]) >= 1
        seconds = 'hubbub_http_request_seconds_count{method="POST",route="/api/tasks"}'
        assert counted[seconds] == "1.0"
