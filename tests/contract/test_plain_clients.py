"""Plain NATS clients are first-class: subjects and JSON are all they need to know."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import nats
import pytest
from nats.aio.client import Client

import hubbub
from hubbub import Agent, NATSConfig, Task
from hubbub.testing import ServerProcess
from hubbub.wire import agent_token

from .kit import dead_letters, inbox_of, take, until

Name = Callable[[str], str]


@pytest.fixture
def config(shared_server: ServerProcess) -> NATSConfig:
    """Only the open layout lets them in without more."""
    return NATSConfig(nats_url=shared_server.url, max_attempts=2, retry_seconds=0.05)


@asynccontextmanager
async def plain_client(config: NATSConfig) -> AsyncGenerator[Client]:
    client = await nats.connect(str(config.nats_url))
    try:
        yield client
    finally:
        await client.close()


async def _hear(client: Client, subject: str) -> asyncio.Queue[dict[str, Any]]:
    heard = asyncio.Queue[dict[str, Any]]()

    async def hear(message: Any) -> None:
        heard.put_nowait({"subject": message.subject, **json.loads(message.data)})

    await client.subscribe(subject, cb=hear)
    await client.flush()
    return heard


FULL = {
    "message_type": "request",
    "from_agent": "Outsider",
    "to_agent": "Worker",
    "content": "full",
    "metadata": {"k": "v"},
    "timestamp": "2026-11-22T10:00:00Z",
    "message_id": "",
    "in_reply_to": None,
    "priority": 3,
}


@pytest.mark.parametrize("lane", ["", ".1", ".2", ".3", ".4", ".5"])
async def test_a_publish_sets_an_agent_to_work(config: NATSConfig, name: Name, lane: str) -> None:
    worker, worked = Agent(name("Worker")), asyncio.Queue[Task]()
    worker.agentic_run(worked.put)
    subject = f"agents.direct.{agent_token(worker.name)}{lane}"
    full = json.dumps({**FULL, "message_id": name("m")}).encode()
    async with (
        hubbub.connect(config=config) as mesh,
        mesh.serve(worker),
        plain_client(config) as client,
    ):
        for payload in (b"just text \xe2\x98\x83", b'{"content":"minimal"}', full):
            await client.publish(subject, payload)
        tasks = await take(worked, 3)

        async def is_empty() -> bool:
            return not await inbox_of(mesh, worker.name)

        await until(is_empty)
        assert not await dead_letters(mesh, worker.name)
    text, minimal, complete = tasks
    assert text.content == "just text ☃"
    assert text.message.from_agent == "anonymous"
    assert text.message.message_type == "request"
    assert text.id.startswith("s")
    assert minimal.content == "minimal"
    assert complete.message.from_agent == "Outsider"
    assert complete.metadata == {"k": "v"}
    # Without a `Nats-Msg-Id` the id in the message proves nothing.
    assert complete.id.startswith("s")


async def test_bare_messages_take_their_place_among_the_others(
    config: NATSConfig, name: Name
) -> None:
    worker, worked = Agent(name("Worker")), asyncio.Queue[Task]()
    worker.agentic_run(worked.put)
    token = agent_token(worker.name)
    async with hubbub.connect(config=config) as mesh, plain_client(config) as client:
        await mesh.send_direct_message(worker.name, "3a")
        for lane, text in (("", "3b"), (".5", "5"), (".1", "1"), (".3", "3c")):
            await client.jetstream().publish(f"agents.direct.{token}{lane}", text.encode())
        await mesh.send_direct_message(worker.name, "3d")
        async with mesh.serve(worker):
            texts = [task.content for task in await take(worked, 6)]
    assert texts == ["1", "3a", "3b", "3c", "3d", "5"]


async def test_a_plain_sender_hears_the_completion_on_its_own_subject(
    config: NATSConfig, name: Name
) -> None:
    worker = Agent(name("Worker"))

    @worker.agentic_run
    async def work(task: Task) -> str:
        return task.content.upper()

    me = name("outsider")
    async with (
        hubbub.connect(config=config) as mesh,
        mesh.serve(worker),
        plain_client(config) as client,
    ):
        heard = await _hear(client, f"agents.direct.{agent_token(me)}.>")
        message = {"from_agent": me, "content": "do it", "message_id": name("m")}
        await client.publish(
            f"agents.direct.{agent_token(worker.name)}", json.dumps(message).encode()
        )
        (completion,) = await take(heard, 1)
    assert completion["subject"] == f"agents.direct.{agent_token(me)}.done"
    assert completion["message_type"] == "response"
    assert completion["content"] == "DO IT"
    assert completion["in_reply_to"] == name("m")
    assert completion["from_agent"] == worker.name
    assert completion["metadata"]["state"] == "completed"


async def test_a_plain_client_sees_what_agents_send_to_it(config: NATSConfig, name: Name) -> None:
    me = name("outsider")
    async with hubbub.connect(config=config, name="Boss") as mesh, plain_client(config) as client:
        heard = await _hear(client, f"agents.direct.{agent_token(me)}.>")
        await mesh.send_direct_message(me, "hello")
        await mesh.handoff_to_agent(me, "yours")
        direct, handoff = await take(heard, 2)
    assert direct["subject"] == f"agents.direct.{agent_token(me)}.3.from.boss"
    assert (direct["content"], handoff["content"]) == ("hello", "yours")
    assert handoff["message_type"] == "handoff"


@pytest.mark.parametrize(
    ("payload", "content"),
    [
        (b"what time is it?", "what time is it?"),
        (b'{"content":"hello"}', "hello"),
        (json.dumps({**FULL, "message_id": "abc"}).encode(), "full"),
        (b"", ""),
        (b"[1,2]", "[1,2]"),
    ],
)
async def test_a_plain_request_is_answered(
    config: NATSConfig, name: Name, payload: bytes, content: str
) -> None:
    worker = Agent(name("Worker"))

    @worker.run
    async def answer(text: str) -> str:
        return f"<{text}>"

    async with (
        hubbub.connect(config=config) as mesh,
        mesh.serve(worker),
        plain_client(config) as client,
    ):
        subject = f"agents.request.{agent_token(worker.name)}"
        reply = await client.request(subject, payload, timeout=10)
    fields = json.loads(reply.data)
    assert fields["message_type"] == "response"
    assert fields["content"] == f"<{content}>"
    assert fields["from_agent"] == worker.name
    assert not reply.headers
    if b"abc" in payload:
        assert fields["in_reply_to"] == "abc"
        assert fields["to_agent"] == "Outsider"


@pytest.mark.parametrize(
    ("payload", "code", "what"),
    [
        (b"fail", "500", "ValueError: ???: no"),
        (b"\xff", "400", "InvalidMessage: the payload is neither JSON nor UTF-8 text"),
        (b'{"content":', "400", "InvalidMessage: not valid JSON"),
        (b'{"content":"x","hops":-1}', "400", "InvalidMessage: hops -1"),
    ],
)
async def test_a_failure_is_one_reply_that_says_so_in_headers_and_body(
    config: NATSConfig, name: Name, payload: bytes, code: str, what: str
) -> None:
    worker = Agent(name("Worker"))

    @worker.run
    async def answer(text: str) -> str:
        raise ValueError("üöä: no")

    async with (
        hubbub.connect(config=config) as mesh,
        mesh.serve(worker),
        plain_client(config) as client,
    ):
        subject = f"agents.request.{agent_token(worker.name)}"
        reply = await client.request(subject, payload, timeout=10)
    assert reply.headers is not None
    assert reply.headers["Nats-Service-Error"].startswith(what)
    assert reply.headers["Nats-Service-Error-Code"] == code
    fields = json.loads(reply.data)
    assert fields["message_type"] == "response"
    assert fields["metadata"]["error"]["type"] == what.partition(":")[0]
    if code == "500":
        assert fields["content"] == "üöä: no"
        assert fields["metadata"]["error"]["message"] == "üöä: no"


async def test_a_request_without_a_reply_subject_is_passed_over(
    config: NATSConfig, name: Name
) -> None:
    worker, asked = Agent(name("Worker")), list[str]()

    @worker.run
    async def answer(text: str) -> str:
        asked.append(text)
        return text

    async with (
        hubbub.connect(config=config) as mesh,
        mesh.serve(worker),
        plain_client(config) as client,
    ):
        subject = f"agents.request.{agent_token(worker.name)}"
        await client.publish(subject, b"to nobody")
        assert (await client.request(subject, b"to me", timeout=10)).data
    assert asked == ["to me"]


async def test_a_plain_stream_request_gets_numbered_pieces_and_a_last_one(
    config: NATSConfig, name: Name
) -> None:
    worker, heard = Agent(name("Worker")), asyncio.Queue[Any]()

    @worker.run
    async def answer(text: str) -> AsyncIterator[str]:
        for letter in text:
            yield letter

    async with (
        hubbub.connect(config=config) as mesh,
        mesh.serve(worker),
        plain_client(config) as client,
    ):
        await client.subscribe(name("inbox"), cb=heard.put)
        await client.publish(
            f"agents.request.{agent_token(worker.name)}",
            b"abc",
            reply=name("inbox"),
            headers={"Hubbub-Stream": "1"},
        )
        pieces = await take(heard, 4)
    assert [piece.headers["Hubbub-Seq"] for piece in pieces] == ["1", "2", "3", "4"]
    assert ["Hubbub-Final" in piece.headers for piece in pieces] == [False, False, False, True]
    assert [json.loads(piece.data)["content"] for piece in pieces] == ["a", "b", "c", ""]


async def test_a_plain_broadcast_reaches_listeners_and_garbage_disturbs_nobody(
    config: NATSConfig, name: Name
) -> None:
    agent, heard = Agent(name("Agent")), asyncio.Queue[str]()
    agent.run(_nothing)

    @agent.on_broadcast
    async def hear(text: str) -> None:
        if text == name("hello"):
            heard.put_nowait(text)

    message = {
        "message_type": "announcement",
        "from_agent": "Outsider",
        "content": name("hello"),
        "metadata": {"status": "online"},
    }
    async with (
        hubbub.connect(config=config) as mesh,
        mesh.serve(agent),
        plain_client(config) as client,
    ):
        for garbage in (b"", b"\xff", b"{}", b"[]", b'{"content":1}', b"[" * 100_000):
            await client.publish("agents.all", garbage)
        await client.publish("agents.all", json.dumps(message).encode())
        assert await take(heard, 1) == [name("hello")]


async def test_garbage_on_the_internal_subjects_disturbs_nobody(
    config: NATSConfig, name: Name
) -> None:
    worker = Agent(name("Worker"))

    @worker.run
    async def answer(text: str) -> str:
        return text

    token = agent_token(worker.name)
    async with (
        hubbub.connect(config=config) as mesh,
        mesh.serve(worker),
        plain_client(config) as client,
    ):
        for subject in (
            f"agents.hint.{token}",
            f"tasks.{token}.x.in.cancel",
            f"tasks.{token}.x.in.nonsense",
            f"agents.direct.{token}.done",
            f"agents.direct.{token}.9",
            f"agents.reply.{token}.from.x.y.1",
            f"$KV.presence.{token}.forged",
            f"$KV.registry.{token}",
        ):
            for garbage in (b"", b"\xff", b"{}", b"9" * 1_000):
                await client.publish(subject, garbage)
        await client.flush()
        assert (await mesh.request_from_agent(worker.name, "fine", timeout=10)).content == "fine"
        handle = await mesh.send_direct_message(worker.name, "as well")
        assert await handle.result(timeout=10) == "as well"
        assert worker.name in [card.name for card in await mesh.list_agents()]


async def _nothing(text: str) -> None: ...
