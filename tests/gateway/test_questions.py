"""Questions to people, answered over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

import hubbub
from hubbub import Agent, NATSConfig, Task
from hubbub.wire.replays import REPLAY
from hubbub.wire.reruns import RERUN

from .kit import PATIENCE, Event, check_problem, ended, events, gateway

Named = Callable[[str], str]


def asking_agent(name: str) -> Agent:
    agent = Agent(name)

    @agent.agentic_run
    async def work(task: Task) -> str:
        word = await task.ask_text("Which word?", suggestions=["yes"])
        code = await task.ask_text("The code?", secret=True)
        depth = await task.ask_choice("How deep?", ["a", "b"])
        some = await task.ask_choices("Which?", ["x", "y", "z"])
        approval = await task.approve("send_email", {"to": "ada"}, reason="she waits")
        return f"{word} {len(code)} {depth} {some} {approval.approved} {approval.comment}"

    return agent


async def question(
    client: httpx.AsyncClient, task_id: str, kind: str, *, behind: str = ""
) -> dict[str, Any]:
    """Wait until a task rests and asks something of a kind, other than the question `behind`."""
    path = f"/api/tasks/{task_id}"
    async with asyncio.timeout(PATIENCE), client.stream("GET", f"{path}/events") as response:
        async for event in events(response):
            assert event.kind not in ("failed", "completed"), event
            if event.kind == "parked":
                task = (await client.get(path)).json()
                asked = [one for one in task["questions"] if one["id"] != behind]
                if task["state"] == "input-required" and [one["kind"] for one in asked] == [kind]:
                    return asked[0]
    raise AssertionError("it has ended")


async def test_every_kind_of_question_is_answered(
    config: NATSConfig, name: Named, tmp_path: Path
) -> None:
    agent = asking_agent(name("Asker"))
    async with (
        hubbub.connect(config=config) as mesh,
        mesh.serve(agent),
        gateway(config, tmp_path) as door,
        door.client("ada") as ada,
        door.client("bob") as bob,
        door.client("olga") as olga,
    ):
        started = await ada.post("/api/tasks", json={"agent": agent.name, "content": "x"})
        task_id = started.json()["id"]
        answers = f"/api/tasks/{task_id}/answers"
        asked = await question(ada, task_id, "text")
        assert (asked["prompt"], asked["suggestions"]) == ("Which word?", ["yes"])
        check_problem(await ada.post(answers, json={"answer": ["x"]}), 422, "invalid-answer")
        check_problem(await bob.post(answers, json={"answer": "x"}), 404, "task-not-found")
        unknown = {"question_id": "nope", "answer": "x"}
        check_problem(await ada.post(answers, json=unknown), 409, "question-not-found")
        given = await ada.post(answers, json={"question_id": asked["id"], "answer": "yes"})
        assert given.status_code == 201
        assert given.json() == {"task_id": task_id, "question_id": asked["id"], "by": "ada"}
        late = await olga.post(answers, json={"question_id": asked["id"], "answer": "no"})
        problem = check_problem(late, 409, "already-answered")
        assert (problem["by"], problem["question_id"]) == ("ada", asked["id"])
        assert problem["at"]

        asked = await question(ada, task_id, "text", behind=asked["id"])
        assert asked["secret"]
        await olga.post(answers, json={"question_id": asked["id"], "answer": "hush-hush"})
        await question(ada, task_id, "choice")
        check_problem(await ada.post(answers, json={"answer": "c"}), 422, "invalid-answer")
        await ada.post(answers, json={"answer": "b"})
        await question(ada, task_id, "choices")
        await ada.post(answers, json={"answer": ["z", "x"]})
        asked = await question(ada, task_id, "approval")
        assert (asked["tool"], asked["arguments"]) == ("send_email", {"to": "ada"})
        check_problem(await ada.post(answers, json={"answer": {"decision": "perhaps"}}), 422)
        decision = {"decision": "reject", "comment": "not now"}
        assert (await ada.post(answers, json={"answer": decision})).status_code == 201
        task = await ended(ada, task_id)
        assert task["result"] == "yes 9 b ['x', 'z'] False not now"
        assert task["questions"] == []
        async with ada.stream("GET", f"/api/tasks/{task_id}/events") as response:
            assert "hush-hush" not in (await response.aread()).decode()


async def test_an_answer_that_nobody_has_taken_in_is_shown(
    open_config: NATSConfig, name: Named, tmp_path: Path
) -> None:
    agent = asking_agent(name("Asker"))
    async with gateway(open_config, tmp_path) as door, door.client("ada") as ada:
        async with hubbub.connect(config=open_config) as mesh, mesh.serve(agent):
            started = await ada.post("/api/tasks", json={"agent": agent.name, "content": "x"})
            path = f"/api/tasks/{started.json()['id']}"
            asked = await question(ada, started.json()["id"], "text")
            assert (asked["answered_by"], asked["answered_at"]) == ("", "")
        await ada.post(f"{path}/answers", json={"answer": "yes"})
        listed = (await ada.get("/api/tasks", params={"agent": agent.name})).json()["tasks"]
        for task in ((await ada.get(path)).json(), *listed):
            (asked,) = task["questions"]
            assert asked["answered_by"] == "ada"
            assert asked["answered_at"] > asked["asked_at"]
            assert task["held_up"] == f"nobody serves {agent.name}"


async def test_text_is_shown_while_it_is_written(open_config: NATSConfig, name: Named) -> None:
    agent, go = Agent(name("Writer")), asyncio.Event()

    @agent.agentic_run
    async def work(task: Task) -> str:
        async with task.say_stream() as out:
            await out.write("Hel")
            await go.wait()
            await out.write("lo")
        return "done"

    async with (
        hubbub.connect(config=open_config) as mesh,
        mesh.serve(agent),
        gateway(open_config) as door,
        door.client() as client,
    ):
        started = await client.post("/api/tasks", json={"agent": agent.name, "content": "x"})
        path = f"/api/tasks/{started.json()['id']}/events"
        heard: list[Event] = []
        async with asyncio.timeout(PATIENCE), client.stream("GET", path) as response:
            async for event in events(response):
                heard.append(event)
                go.set()
        deltas = [event for event in heard if event.kind == "delta"]
        assert all(event.id is None for event in deltas)
        assert "".join(event.data["text"] for event in deltas).endswith("lo")
        assert [event.data["data"]["text"] for event in heard if event.kind == "said"] == ["Hello"]


async def test_a_task_is_run_again_with_what_is_on_record(
    open_config: NATSConfig, name: Named, tmp_path: Path
) -> None:
    agent = Agent(name("Worker"))

    @agent.agentic_run
    async def work(task: Task) -> str:
        first = await task.ask_text("First?")
        return f"{first} {await task.ask_text('Second?')}"

    async with (
        hubbub.connect(config=open_config) as mesh,
        mesh.serve(agent),
        gateway(open_config, tmp_path) as door,
        door.client("ada") as ada,
        door.client("bob") as bob,
        door.client("vic") as vic,
        door.client("olga") as olga,
    ):
        started = await ada.post("/api/tasks", json={"agent": agent.name, "content": "x"})
        task_id = started.json()["id"]
        path = f"/api/tasks/{task_id}"
        asked = await question(ada, task_id, "text")
        await ada.post(f"{path}/answers", json={"answer": "one"})
        await question(ada, task_id, "text", behind=asked["id"])

        again = await ada.post(f"{path}/rerun")
        assert again.status_code == 201, again.text
        other = again.json()
        assert again.headers["location"] == f"/api/tasks/{other['id']}"
        assert (other["owner"], other["state"]) == ("ada", "submitted")
        assert (other["agent"], other["content"]) == (agent.name, "x")
        assert other["context_id"] == started.json()["context_id"]
        second = await question(ada, other["id"], "text")
        assert second["prompt"] == "Second?"
        await ada.post(f"/api/tasks/{other['id']}/answers", json={"answer": "two"})
        assert (await ended(ada, other["id"]))["result"] == "one two"

        # For whoever does it, it stays the task of whose it was.
        whole = await olga.post(f"{path}/rerun", json={"after": 0})
        assert whole.json()["owner"] == "ada"
        assert (await question(olga, whole.json()["id"], "text"))["prompt"] == "First?"
        assert (await bob.get(f"/api/tasks/{whole.json()['id']}")).status_code == 404

        check_problem(await bob.post(f"{path}/rerun"), 404, "task-not-found")
        check_problem(await vic.post(f"{path}/rerun"), 403, "role-needed")
        problem = check_problem(await ada.post(f"{path}/rerun", json={"after": 1}), 409)
        assert "has no event 1" in problem["detail"]
        for body in ({"after": -1}, {"after": "now"}, {"before": 3}):
            check_problem(await ada.post(f"{path}/rerun", json=body), 422)
        check_problem(await ada.post("/api/tasks/nope/rerun"), 404, "task-not-found")
        # The way in which the mesh is asked for it is no way around that.
        metadata = {RERUN: {"task_id": task_id, "after": 3}}
        stolen = {"agent": agent.name, "content": "x", "metadata": metadata}
        taken = (await bob.post("/api/tasks", json=stolen)).json()
        assert RERUN not in taken["metadata"]
        assert (await question(bob, taken["id"], "text"))["prompt"] == "First?"
    async with gateway(open_config) as door, door.client() as client:
        waiting = await client.post("/api/tasks", json={"agent": name("Nobody"), "content": "x"})
        refused = await client.post(f"/api/tasks/{waiting.json()['id']}/rerun")
        check_problem(refused, 409, "rerun-refused")


async def test_a_replay_tells_whether_the_code_fits(
    open_config: NATSConfig, name: Named, tmp_path: Path
) -> None:
    agent = Agent(name("Worker"))

    @agent.agentic_run
    async def work(task: Task) -> str:
        await task.say("private words")
        return "done"

    async with (
        hubbub.connect(config=open_config) as mesh,
        mesh.serve(agent),
        gateway(open_config, tmp_path) as door,
        door.client("ada") as ada,
        door.client("bob") as bob,
        door.client("vic") as vic,
    ):
        started = await ada.post("/api/tasks", json={"agent": agent.name, "content": "x"})
        task_id = started.json()["id"]
        assert (await ended(ada, task_id))["state"] == "completed"
        report = await ada.post(f"/api/tasks/{task_id}/replay")
        assert report.status_code == 200, report.text
        assert (report.json()["fits"], report.json()["task_id"]) == (True, task_id)
        check_problem(await bob.post(f"/api/tasks/{task_id}/replay"), 404)
        check_problem(await vic.post(f"/api/tasks/{task_id}/replay"), 403)
        # The way in which the mesh asks for one is no way around that.
        asked = {"agent": agent.name, "content": "x", "metadata": {REPLAY: task_id}}
        answer = await bob.post("/api/requests", json=asked)
        assert "fits" not in answer.text
    async with gateway(open_config) as door, door.client() as client:
        gone = await client.post(f"/api/tasks/{task_id}/replay")
        check_problem(gone, 503, "agent-unavailable")


async def test_a_task_is_steered_while_it_runs(
    config: NATSConfig, name: Named, tmp_path: Path
) -> None:
    agent, began, go = Agent(name("Worker")), asyncio.Event(), asyncio.Event()

    @agent.agentic_run
    async def work(task: Task) -> list[str]:
        began.set()
        await go.wait()
        return await task.steering()

    async with (
        hubbub.connect(config=config) as mesh,
        mesh.serve(agent),
        gateway(config, tmp_path) as door,
        door.client("ada") as ada,
        door.client("olga") as olga,
    ):
        started = await ada.post("/api/tasks", json={"agent": agent.name, "content": "x"})
        task_id = started.json()["id"]
        path = f"/api/tasks/{task_id}/steer"
        async with asyncio.timeout(PATIENCE):
            await began.wait()
        sent = await ada.post(path, json={"text": "left", "id": "n1"})
        assert sent.status_code == 202, sent.text
        assert sent.json() == {"task_id": task_id, "id": "n1"}
        await ada.post(path, json={"text": "left", "id": "n1"})
        assert (await olga.post(path, json={"text": "right"})).json()["id"]
        for body in ({"text": ""}, {"text": " "}, {"text": "x" * 16_001}, {"id": "n2"}, {}):
            check_problem(await ada.post(path, json=body), 422)
        check_problem(await ada.post(path, json={"text": "x", "id": "a.b"}), 422)
        told: list[tuple[str, str]] = []
        async with (
            asyncio.timeout(PATIENCE),
            ada.stream("GET", f"/api/tasks/{task_id}/events") as response,
        ):
            async for event in events(response):
                if event.kind == "steered":
                    facts = event.data["data"]
                    told.append((facts["text"], facts["by"]))
                    if len(told) == 2:
                        go.set()
        assert told == [("left", "ada"), ("right", "olga")]
        assert (await ended(ada, task_id))["result"] == ["left", "right"]
        late = check_problem(await ada.post(path, json={"text": "stop"}), 409, "task-finished")
        assert "is completed" in late["detail"]
        check_problem(await ada.post("/api/tasks/x/steer", json={"text": "x"}), 404)
