"""What people do, on every page of every gateway: look, answer, cancel, say; and NATS that goes."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hubbub
from hubbub import Agent, NATSConfig, Task
from hubbub.gateway.live.happenings import QuestionsSeen
from hubbub.gateway.live.people import of_people
from hubbub.testing import ServerProcess
from hubbub.wire.events import TaskEvent
from hubbub.wire.names import agent_token

from .kit import PATIENCE, Door, check_problem, echo_agent, ended, gateway
from .test_live import Socket, page
from .test_questions import question

Named = Callable[[str], str]


def asking_agent(name: str) -> Agent:
    agent = Agent(name)

    @agent.agentic_run
    async def work(task: Task) -> str:
        return await task.ask_text("Which word?")

    return agent


def kind(name: str, **facts: Any) -> Callable[[dict[str, Any]], bool]:
    """Tell whether an event is of a kind, with some facts."""
    return lambda event: event["k"] == name and facts.items() <= event.items()


async def subscribed(socket: Socket, *slices: str) -> None:
    assert (await socket.ask("sub", slices=list(slices)))["ok"]


async def test_people_see_one_another_at_a_question(
    config: NATSConfig, name: Named, tmp_path: Path
) -> None:
    agent = asking_agent(name("Asker"))
    async with (
        hubbub.connect(config=config) as mesh,
        mesh.serve(agent),
        gateway(config, tmp_path) as door,
        gateway(config, api_keys_file=tmp_path / "keys.json") as second,
        door.client("ada") as ada,
    ):
        other = Door(second.url, door.keys)
        started = await ada.post("/api/tasks", json={"agent": agent.name, "content": "x"})
        task_id = started.json()["id"]
        asked = await question(ada, task_id, "text")
        look = {"task_id": task_id, "question_id": asked["id"]}
        async with page(door, "olga") as olga, page(other, "vic") as vic, page(door, "bob") as bob:
            await subscribed(olga, "all")
            await subscribed(vic, f"task:{task_id}")
            await subscribed(bob, "all")
            async with page(other, "ada") as first:
                await subscribed(first, "tasks")
                assert (await first.ask("look", **look, state="looking"))["ok"]
                for socket in (olga, vic, first):
                    seen = await socket.until(kind("look", state="looking"))
                    assert seen == {
                        "k": "look",
                        "task_id": task_id,
                        "agent": agent_token(agent.name),
                        "question_id": asked["id"],
                        "user": "ada",
                        "page": seen["page"],
                        "state": "looking",
                        "at": seen["at"],
                    }
                assert (await first.ask("look", **look, state="typing"))["ok"]
                await vic.until(kind("look", state="typing", page=seen["page"]))
            # Its page has been closed.
            await vic.until(kind("look", state="left", page=seen["page"]))
            refused = await bob.ask("look", **look, state="looking")
            assert refused["problem"]["code"] == "task-not-found"
            for wrong in ({"state": "staring"}, {"state": None}, {"question_id": "x" * 201}):
                refused = await olga.ask("look", **{**look, "state": "looking", **wrong})
                assert refused["problem"]["status"] == 422
            # What others may not see has not come; this message would have come behind it.
            sent = (await bob.ask("send", kind="broadcast", content="for all"))["message_id"]
            await bob.until(kind("msg", message_id=sent))
            assert not any(event["k"] == "look" for event in bob.heard)


async def test_an_answer_counts_before_anybody_takes_it_in(
    config: NATSConfig, name: Named, tmp_path: Path
) -> None:
    agent = asking_agent(name("Asker"))
    async with (
        hubbub.connect(config=config) as mesh,
        gateway(config, tmp_path) as door,
        door.client("ada") as ada,
        page(door, "vic") as vic,
        page(door, "bob") as bob,
    ):
        async with mesh.serve(agent):
            started = await ada.post("/api/tasks", json={"agent": agent.name, "content": "x"})
            task_id = started.json()["id"]
            asked = await question(ada, task_id, "text")
        await subscribed(vic, "tasks")
        await subscribed(bob, "all")
        body = {"question_id": asked["id"], "answer": "a secret word"}
        assert (await ada.post(f"/api/tasks/{task_id}/answers", json=body)).status_code == 201
        pending = await vic.until(kind("answer", pending=True))
        assert pending["data"] == {"id": asked["id"], "by": "ada", "at": pending["at"]}
        assert (pending["task_id"], pending["kind"]) == (task_id, "answered")
        assert pending["context_id"] == started.json()["context_id"]
        late = await ada.post(f"/api/tasks/{task_id}/answers", json=body)
        check_problem(late, 409, "already-answered")
        async with mesh.serve(agent):
            taken = await vic.until(lambda event: event["k"] == "answer" and "seq" in event)
            assert taken["data"]["id"] == asked["id"]
            await vic.ends(task_id)
        assert sum(event["k"] == "answer" and "pending" in event for event in vic.heard) == 1
        assert task_id not in json.dumps(bob.heard)


def test_what_is_heard_late_or_is_no_sense_is_passed_over() -> None:
    seen = QuestionsSeen()
    given = {"k": "answered", "id": "q", "by": "ada", "at": "t", "context_id": "c"}
    assert of_people("a", "t", json.dumps(given).encode(), seen) is not None
    seen.shown(TaskEvent(kind="answered", data={"id": "q", "answer": "x"}))
    assert of_people("a", "t", json.dumps(given).encode(), seen) is None
    for wrong in (b"", b"[]", b"{}", json.dumps({**given, "by": "x" * 201}).encode()):
        assert of_people("a", "t", wrong, QuestionsSeen()) is None


def test_an_answer_tells_itself_whether_it_is_a_secret() -> None:
    seen = QuestionsSeen()
    for told, shown in ((False, "x"), (True, None), (None, None)):
        facts = {"id": f"q{told}", "answer": "x"} | ({} if told is None else {"secret": told})
        data = seen.shown(TaskEvent(kind="answered", data=facts))
        assert data["answer"] == shown
        assert ("hidden" in data) == (shown is None)


async def test_a_task_is_canceled_by_a_page(
    config: NATSConfig, name: Named, tmp_path: Path
) -> None:
    async with (
        gateway(config, tmp_path) as door,
        door.client("ada") as ada,
        page(door, "ada") as socket,
        page(door, "bob") as bob,
        page(door, "vic") as vic,
    ):
        started = await ada.post("/api/tasks", json={"agent": name("Nobody"), "content": "x"})
        task_id = started.json()["id"]
        for other, status in ((bob, 404), (vic, 403)):
            assert (await other.ask("cancel", task_id=task_id))["problem"]["status"] == status
        assert (await socket.ask("cancel"))["problem"]["status"] == 422
        canceled = await socket.ask("cancel", task_id=task_id)
        assert canceled["ok"], canceled
        assert (await ended(ada, task_id))["state"] == "canceled"


async def test_the_same_message_twice_is_stored_once(
    config: NATSConfig, name: Named, tmp_path: Path
) -> None:
    agent = echo_agent(name("Echo"))
    async with (
        hubbub.connect(config=config) as mesh,
        mesh.serve(agent),
        gateway(config, tmp_path) as door,
        door.client("vic") as vic,
    ):
        ids: set[str] = set()
        content = name("said")
        for fields in ({"agent": agent.name}, {"kind": "broadcast"}):
            said = {**fields, "content": content, "message_id": "page-1"}
            for _ in range(2):
                # Each time another socket: the answer to the first has got lost.
                async with page(door, "ada") as socket:
                    answer = await socket.ask("send", **said)
                    assert answer["ok"], answer
                    ids.add(answer["message_id"])
        async with page(door, "bob") as socket:
            bobs = await socket.ask("send", agent=agent.name, content=content, message_id="page-1")
            assert bobs["message_id"] not in ids
            refused = await socket.ask("send", agent="A", content="x", message_id="a.b")
            assert refused["problem"]["status"] == 422
        kinds = {"kind": ["direct", "broadcast"], "limit": 500}
        messages = (await vic.get("/api/messages", params=kinds)).json()["messages"]
        mine = [one for one in messages if one["content"] == content]
        assert sorted(one["kind"] for one in mine) == ["broadcast", "direct", "direct"]


async def test_messages_tell_who_said_them_and_how_long_the_answer_took(
    config: NATSConfig, name: Named, tmp_path: Path
) -> None:
    helper, first = Agent(name("Helper")), Agent(name("First"))

    @helper.run
    async def pieces(_: str) -> Any:
        async def made() -> Any:
            yield "one"
            yield "two"

        return made()

    @helper.agentic_run
    async def help_out(_: Task) -> str:
        return "helped"

    @first.agentic_run
    async def pass_on(task: Task) -> str:
        handle = await task.handoff_to_agent(helper.name, "help")
        return str(await handle.result(PATIENCE))

    file = {"id": "f" * 32, "name": "a.txt", "media_type": "text/plain", "size": 3}
    async with (
        hubbub.connect(config=config) as mesh,
        mesh.serve(helper, first),
        gateway(config, tmp_path) as door,
        page(door, "vic") as vic,
        page(door, "ada") as ada,
        door.client("vic") as reader,
    ):
        await subscribed(vic, "messages")
        sent = await ada.ask(
            "send",
            agent=first.name,
            content="go",
            priority=2,
            metadata={"files": [file]},
            message_id="m-1",
        )
        task_id = sent["task_id"]
        done = await vic.until(kind("msg", kind="completion", task_id=task_id))
        assert done["latency_ms"] > 0
        assert done["user"] == ""
        said = await vic.until(kind("msg", kind="direct", task_id=task_id))
        assert (said["user"], said["priority"], said["latency_ms"]) == ("ada", 2, None)
        assert said["files"] == [file]
        assert said["chunk"] is False
        passed_on = await vic.until(kind("msg", kind="handoff", to_agent=helper.name))
        assert passed_on["user"] == ""  # an agent did that, for her
        assert passed_on["files"] == []
        await ada.ask("send", kind="broadcast", content=name("all"))
        told = await vic.until(kind("msg", kind="broadcast", content=name("all")))
        assert told["user"] == "ada"
        async for _ in mesh.stream_from_agent(helper.name, "x"):
            pass
        end = await vic.until(kind("msg", kind="reply", chunk=False))
        assert end["latency_ms"] > 0
        assert end["content"] == ""
        replies = [one for one in vic.heard if one["k"] == "msg" and one["kind"] == "reply"]
        assert [one["content"] for one in replies if one["chunk"]] == ["one", "two"]
        # The same, read back.
        listed = await reader.get("/api/messages", params={"context": said["context_id"]})
        by_kind = {(one["kind"], one["task_id"]): one for one in listed.json()["messages"]}
        assert by_kind["direct", task_id]["user"] == "ada"
        assert by_kind["direct", task_id]["files"] == [file]
        assert by_kind["completion", task_id]["latency_ms"] > 0
        only = await reader.get(
            "/api/messages", params={"context": said["context_id"], "kind": ["handoff"]}
        )
        assert {one["kind"] for one in only.json()["messages"]} == {"handoff"}
        check_problem(await reader.get("/api/messages", params={"kind": "whisper"}), 422)


async def test_a_page_is_told_whether_nats_is_there_and_goes_on_when_it_is(
    own_server: ServerProcess,
) -> None:
    config = NATSConfig(nats_url=own_server.url)
    agent = echo_agent("Echo")
    async with hubbub.connect(config=config) as mesh, gateway(config) as door, page(door) as socket:
        at_first = await socket.next()
        assert at_first["seq"] is None
        assert [(one["k"], one["connected"]) for one in at_first["ev"]] == [("mesh", True)]
        await subscribed(socket, "all")
        before = await socket.ask("send", kind="broadcast", content="before")
        await socket.until(kind("msg", message_id=before["message_id"]))
        own_server.kill()
        place = socket.seq
        await socket.until(kind("mesh", connected=False))
        assert socket.seq == place
        for op, fields in (
            ("send", {"agent": "Echo", "content": "x"}),
            ("look", {"task_id": "t", "question_id": "q", "state": "left"}),
            ("cancel", {"task_id": "t"}),
        ):
            assert (await socket.ask(op, **fields))["problem"]["code"] == "mesh-unavailable"
        async with page(door) as late:
            assert [event["connected"] for event in (await late.next())["ev"]] == [False]
            seq = socket.seq
            own_server.start()
            for one in (socket, late):
                one.heard.clear()
                await one.until(kind("mesh", connected=True))
            assert (await late.ask("sub", slices=["all"], after_seq=seq))["ok"]
            async with asyncio.timeout(PATIENCE), mesh.serve(agent):
                sent = await socket.ask("send", agent="Echo", content="after")
                for one in (socket, late):
                    await one.ends(sent["task_id"])


async def test_a_page_that_comes_while_nats_is_away_waits_for_it(
    own_server: ServerProcess,
) -> None:
    config = NATSConfig(nats_url=own_server.url)
    async with gateway(config) as door:
        async with page(door) as socket:
            own_server.kill()
            await socket.until(kind("mesh", connected=False))
        async with page(door) as late:
            refused = await late.ask("sub", slices=["all"], after_seq="1.0.1.0")
            assert refused["problem"]["code"] == "mesh-unavailable"
            own_server.start()
            await late.until(kind("mesh", connected=True))
            await subscribed(late, "all")


async def test_a_page_is_told_when_the_server_has_lost_all(own_server: ServerProcess) -> None:
    config = NATSConfig(nats_url=own_server.url)
    async with gateway(config) as door, page(door) as socket:
        await subscribed(socket, "all")
        for number in range(3):
            sent = await socket.ask("send", kind="broadcast", content=number)
            await socket.until(kind("msg", message_id=sent["message_id"]))
        own_server.kill()
        await socket.until(kind("mesh", connected=False))
        for folder in own_server.directory.rglob("streams"):
            shutil.rmtree(folder)
        own_server.start()
        await socket.until(kind("mesh", connected=True))
        async with asyncio.timeout(PATIENCE):
            gap = False
            while not gap:
                await socket.ask("send", kind="broadcast", content="again")
                gap = "gap" in await socket.next()
