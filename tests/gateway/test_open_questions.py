"""Open questions: known to every gateway at once, and cheap to ask for again."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

import hubbub
from hubbub import Agent, Mesh, NATSConfig, Task
from hubbub.errors import ConnectionLost
from hubbub.gateway.live.open_questions import OpenQuestions
from hubbub.mesh.transport.headers import OWNER
from hubbub.mesh.transport.streams import TASKS, ensure_streams
from hubbub.testing import ServerProcess
from hubbub.wire.events import TaskEvent

from .kit import PATIENCE, gateway
from .test_console_lists import all_questions, asking_agent

TASKS_ASKING = 60


async def prompts(known: OpenQuestions) -> list[str]:
    return sorted(one.question.prompt for one in await known.all())


async def write(mesh: Mesh, task_id: str, *events: tuple[str, dict[str, object]]) -> None:
    """Write a log, as a worker does."""
    for kind, data in events:
        await mesh.connection.store(
            mesh.connection.layout.log("asker", task_id),
            TaskEvent(kind=kind, data=data).to_bytes(),
            headers={OWNER: "ada"},
        )


def a_question(prompt: str) -> dict[str, object]:
    return {"id": prompt, "kind": "text", "prompt": prompt, "asked_at": "2026-01-01T00:00:00Z"}


def asked(prompt: str) -> tuple[str, dict[str, object]]:
    return "asked", {"question": a_question(prompt)}


async def test_every_gateway_knows_them_whenever_it_began(
    own_server: ServerProcess, tmp_path: Path
) -> None:
    config, agent = NATSConfig(nats_url=own_server.url), asking_agent("Asker")
    agent.concurrency = 8
    folders = [tmp_path / "one", tmp_path / "other"]
    for folder in folders:
        folder.mkdir()
    async with (
        hubbub.connect(config=config) as mesh,
        mesh.serve(agent),
        gateway(config, folders[0]) as one,
        one.client("vic") as first,
    ):
        assert await all_questions(first, set()) == []
        handles = [
            await mesh.send_direct_message(agent.name, "x", owner="ada")
            for _ in range(TASKS_ASKING)
        ]
        async with asyncio.timeout(PATIENCE):
            for handle in handles:
                async for event in handle.events():
                    if event.kind == "parked":
                        break
        mine = {handle.task_id for handle in handles}
        seen = await all_questions(first, mine, limit=7)
        assert {one["task"]["id"] for one in seen} == mine
        assert seen == sorted(seen, key=lambda one: one["question"]["asked_at"])
        async with gateway(config, folders[1]) as other, other.client("vic") as second:
            assert await all_questions(second, mine) == seen
            gone = seen[0]["task"]["id"]
            handle = mesh.task(agent.name, gone)
            await handle.answer("x", by="ada")
            await handle.result(timeout=PATIENCE)
            for client in (first, second):
                left = await all_questions(client, mine)
                assert left == seen[1:]


async def test_an_answer_that_is_not_taken_in_yet_is_told(
    own_server: ServerProcess, tmp_path: Path
) -> None:
    config, agent = NATSConfig(nats_url=own_server.url), asking_agent("Asker")
    async with hubbub.connect(config=config) as mesh, gateway(config) as door, door.client() as ada:
        async with mesh.serve(agent):
            handle = await mesh.send_direct_message(agent.name, "x")
            async for event in handle.events():
                if event.kind == "parked":
                    break
        await handle.answer("x", by="bob")
        (seen,) = await all_questions(ada, {handle.task_id})
        assert seen["question"]["answered_by"] == "bob"
        assert seen["task"]["held_up"] == "nobody serves Asker"


async def test_a_task_asks_while_it_works(own_server: ServerProcess) -> None:
    agent, go = Agent("Asker"), asyncio.Event()

    @agent.agentic_run
    async def work(task: Task) -> str:
        async def beside() -> None:
            with task.branch("beside"):
                await task.ask_text("Why?")

        asking = asyncio.create_task(beside())
        await go.wait()
        await task.say("still at it")
        await asking
        return "done"

    config = NATSConfig(nats_url=own_server.url)
    async with hubbub.connect(config=config) as mesh, mesh.serve(agent):
        old = OpenQuestions(mesh.connection)
        assert await prompts(old) == []
        handle = await mesh.send_direct_message(agent.name, "x")
        async with asyncio.timeout(PATIENCE):
            async for event in handle.events():
                if event.kind == "asked":
                    go.set()
                if event.kind == "said":
                    break
        for known in (old, OpenQuestions(mesh.connection)):
            assert await prompts(known) == ["Why?"]
        async with gateway(config) as door, door.client() as client:
            (seen,) = await all_questions(client, {handle.task_id})
            assert seen["question"]["prompt"] == "Why?"


async def test_what_is_known_is_not_read_again(
    own_server: ServerProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with hubbub.connect(config=NATSConfig(nats_url=own_server.url)) as mesh:
        await ensure_streams(mesh.connection)
        for number in range(20):
            await write(mesh, f"t{number}", ("claimed", {}), asked(str(number)), ("usage", {}))
        known, stats = OpenQuestions(mesh.connection), mesh.connection.client.stats
        found = await prompts(known)
        assert len(found) == 20
        before = stats["out_msgs"]
        assert await prompts(known) == found
        assert stats["out_msgs"] - before == 1
        await write(mesh, "t0", ("answered", {"id": "0", "answer": "x"}))
        await write(mesh, "t1", ("timed_out", {"id": "1"}))
        await write(mesh, "t2", ("completed", {}))
        await write(mesh, "t3", ("parked", {"questions": [a_question("new")]}))
        await write(mesh, "t4", ("released", {}))
        before = stats["out_msgs"]
        many = await asyncio.gather(*(prompts(known) for _ in range(50)))
        assert stats["out_msgs"] - before <= 4, "all share one reading"
        expected = sorted([*map(str, range(4, 20)), "new"])
        assert many == [expected] * 50
        # One that was away for long looks at the ends anew, and so does one that has just come.
        monkeypatch.setattr("hubbub.gateway.live.open_questions._MOST_BEHIND", 3)
        await write(mesh, "t9", ("completed", {}))
        await write(mesh, "t10", ("claimed", {}), ("usage", {}), ("usage", {}), ("usage", {}))
        expected.remove("9")
        assert await prompts(known) == await prompts(OpenQuestions(mesh.connection)) == expected


async def test_a_log_that_breaks_its_rules_harms_no_other(
    own_server: ServerProcess, caplog: pytest.LogCaptureFixture
) -> None:
    config = NATSConfig(nats_url=own_server.url)
    async with hubbub.connect(config=config) as mesh, gateway(config) as door, door.client() as ada:
        await ensure_streams(mesh.connection)
        old = OpenQuestions(mesh.connection)
        assert await prompts(old) == []
        log = mesh.connection.layout.log("asker", "odd")
        for data in (b"no event", b'{"kind":"asked","data":{"question":{"id":7}}}', b"{}"):
            await mesh.connection.store(log, data)
        await write(mesh, "odd-too", asked("never claimed"))
        await write(mesh, "good", ("claimed", {}), asked("good"))
        for known in (old, OpenQuestions(mesh.connection)):
            assert "good" in await prompts(known)
        assert [one["task"]["id"] for one in await all_questions(ada, {"good", "odd-too"})] == [
            "good"
        ]
        listed = await ada.get("/api/tasks")
        assert [task["id"] for task in listed.json()["tasks"]] == ["good"]
        assert "cannot be told" in caplog.text


async def test_a_server_that_lost_its_store_is_read_anew(own_server: ServerProcess) -> None:
    async with hubbub.connect(config=NATSConfig(nats_url=own_server.url)) as mesh:
        await ensure_streams(mesh.connection)
        await write(mesh, "old", ("claimed", {}), asked("old"))
        known = OpenQuestions(mesh.connection)
        assert await prompts(known) == ["old"]
        await mesh.connection.api(f"STREAM.DELETE.{TASKS}")
        await ensure_streams(mesh.connection)
        await write(mesh, "new", ("claimed", {}), asked("new"), ("usage", {}))
        assert await prompts(known) == ["new"]


async def test_a_server_that_is_away_is_told_of(own_server: ServerProcess) -> None:
    config = NATSConfig(nats_url=own_server.url)
    async with hubbub.connect(config=config) as mesh:
        await ensure_streams(mesh.connection)
        await write(mesh, "one", ("claimed", {}), asked("one"))
        known = OpenQuestions(mesh.connection)
        assert await prompts(known) == ["one"]
        own_server.stop()
        with pytest.raises(ConnectionLost):  # rather than an empty list
            await known.all()
