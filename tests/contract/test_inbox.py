"""The inbox: what it refuses, what becomes a dead letter, and in which order it is emptied."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

import nats
import pytest

import hubbub
from hubbub import Agent, InboxFull, InvalidAgentName, InvalidMessage, NATSConfig, Task
from hubbub.testing import ServerProcess, nats_server
from hubbub.wire import JSON, agent_token

from .conftest import Layout
from .kit import PATIENCE, dead_letters, inbox_of, until

Name = Callable[[str], str]


@pytest.fixture(scope="module")
def small_inboxes() -> Iterator[dict[str, ServerProcess]]:
    """The limit of inboxes is one for a whole server, so these tests have servers of their own."""
    with nats_server() as one, nats_server() as other:
        yield {"open": one, "secured": other}


HOSTILE = {
    "bad UTF-8": b"\xff\xfe",
    "broken JSON": b'{"content": ',
    "deep JSON": b'{"content":' + b"[" * 200_000 + b"]" * 200_000 + b"}",
    "NaN": b'{"content":NaN}',
    "twice the key": b'{"content":"a","content":"b"}',
    "no content": b'{"from_agent":"x"}',
    "bad name": b'{"content":"x","from_agent":"*"}',
    "response": b'{"content":"x","message_type":"response"}',
    "announcement": b'{"content":"x","message_type":"announcement"}',
    "heartbeat": b'{"content":"x","message_type":"heartbeat"}',
    "unknown type": b'{"content":"x","message_type":"order"}',
    "bad id": b'{"content":"x","message_id":"../x"}',
    "priority": b'{"content":"x","priority":9}',
    "hops": b'{"content":"x","hops":-1}',
    "large": b'{"content":"' + b"x" * 1_048_500 + b'"}',
    "quotes": b'"' * 900_000,
}


async def test_what_is_no_message_for_an_agent_becomes_a_dead_letter_and_never_reaches_it(
    config: NATSConfig, name: Name
) -> None:
    worker, worked = Agent(name("Worker")), list[JSON]()

    @worker.agentic_run
    async def work(task: Task) -> None:
        worked.append(task.message.content)

    async with hubbub.connect(config=config) as mesh:
        subject = mesh.connection.layout.direct(agent_token(worker.name), 3, "mallory")
        client = await nats.connect(str(config.nats_url))
        await mesh.send_direct_message(name("Other"), "the first message sets the mesh up")
        for payload in HOSTILE.values():
            await client.jetstream().publish(subject, payload)
        await client.close()
        async with mesh.serve(worker):
            good = await mesh.send_direct_message(worker.name, "good")
            await good.result(timeout=10)
            letters = await dead_letters(mesh, worker.name)
        assert not await inbox_of(mesh, worker.name)
    assert worked == ["good"]
    assert len(letters) == len(HOSTILE)
    for (letter, payload), (what, original) in zip(letters, HOSTILE.items(), strict=True):
        assert letter.reason, what
        assert letter.reason.isprintable(), what
        assert letter.subject == subject
        assert letter.task_id == f"s{letter.inbox_sequence}"
        assert payload == original or letter.truncated, what
    reasons = dict(zip(HOSTILE, (letter.reason for letter, _ in letters), strict=True))
    assert "sets no agent to work" in reasons["response"]
    assert "UTF-8" in reasons["bad UTF-8"]
    assert "deeper" in reasons["deep JSON"]


async def test_headers_that_any_client_may_write_do_no_harm(config: NATSConfig, name: Name) -> None:
    worker = Agent(name("Worker"))

    @worker.agentic_run
    async def work(task: Task) -> str:
        return task.content

    hostile = {
        "Hubbub-Origin": "*.> not-an-id!",
        "Hubbub-Dead-Letter": "{}",
        "Hubbub-Stream": "x",
        "Hubbub-Write": "x",
        "Status": "404",
        "traceparent": "\u00fc",
    }
    async with hubbub.connect(config=config) as mesh, mesh.serve(worker):
        subject = mesh.connection.layout.direct(agent_token(worker.name), 3, "mallory")
        client = await nats.connect(str(config.nats_url))
        for number, (header, value) in enumerate(hostile.items()):
            message_id = name(f"m{number}")
            data = f'{{"content":"{header}","message_id":"{message_id}"}}'.encode()
            if config.layout == "secured":
                data = data.replace(b"{", b'{"from_agent":"Mallory",', 1)
            headers = {header: value, "Nats-Msg-Id": message_id}
            await client.jetstream().publish(subject, data, headers=headers)
            assert await mesh.task(worker.name, message_id).result(timeout=10) == header
        await client.close()

        async def is_empty() -> bool:
            return not await inbox_of(mesh, worker.name)

        await until(is_empty)


async def test_a_message_of_another_name_than_its_subject_is_refused_in_the_secured_layout(
    config: NATSConfig, name: Name
) -> None:
    worker, senders = Agent(name("Worker")), list[str]()

    @worker.agentic_run
    async def work(task: Task) -> None:
        senders.append(task.message.from_agent)

    async with hubbub.connect(config=config) as mesh, mesh.serve(worker):
        subject = mesh.connection.layout.direct(agent_token(worker.name), 3, "mallory")
        client = await nats.connect(str(config.nats_url))
        await client.jetstream().publish(subject, b'{"content":"x","from_agent":"Alice"}')
        await client.close()
        last = await mesh.send_direct_message(worker.name, "last")
        await last.result(timeout=10)
        letters = await dead_letters(mesh, worker.name)
    if config.layout == "secured":
        assert senders == ["anonymous"]
        assert ["Alice" in letter.reason for letter, _ in letters] == [True]
    else:
        assert senders == ["Alice", "anonymous"]


async def test_too_large_content_is_refused_before_it_is_sent_and_the_limit_is_named(
    config: NATSConfig, name: Name
) -> None:
    async with hubbub.connect(config=config) as mesh:
        limit = f"{mesh.connection.max_content:,}"
        text = "x" * 1_048_576
        for call in (
            lambda: mesh.send_direct_message(name("Worker"), text),
            lambda: mesh.handoff_to_agent(name("Worker"), text),
            lambda: mesh.request_from_agent(name("Worker"), text),
            lambda: mesh.broadcast_message(text),
        ):
            with pytest.raises(InvalidMessage, match=limit):
                await call()
        with pytest.raises(InvalidMessage, match=limit):
            await mesh.send_direct_message("Worker", "", metadata={"k": "ü" * 600_000})
        assert not await inbox_of(mesh, name("Worker"))
        # The connection is as good as before.
        assert await mesh.list_agents("nothing of the kind") == []


async def test_the_largest_content_that_is_taken_reaches_the_agent(
    config: NATSConfig, name: Name
) -> None:
    worker = Agent(name("Worker"))

    @worker.agentic_run
    async def work(task: Task) -> str:
        return task.content

    async with hubbub.connect(config=config) as mesh, mesh.serve(worker):
        size = mesh.connection.max_content - 600
        handle = await mesh.send_direct_message(worker.name, "x" * size)
        assert len(str(await handle.result(timeout=10))) == size


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ({1}, "set"),
        (float("inf"), "inf"),
        (b"bytes", "bytes"),
        ({1: 2}, "key 1"),
        ("\ud800", "JSON"),
    ],
)
async def test_content_that_is_no_json_is_refused_before_it_is_sent(
    config: NATSConfig, content: JSON, what: str
) -> None:
    async with hubbub.connect(config=config) as mesh:
        for call in (
            lambda: mesh.send_direct_message("Worker", content),
            lambda: mesh.request_from_agent("Worker", content),
            lambda: mesh.broadcast_message("x", metadata={"k": content}),
        ):
            with pytest.raises(InvalidMessage, match=what):
                await call()


@pytest.mark.parametrize("bad", ["", "*", ">", "a.b", "ü", "x" * 64, "-x", "a\n"])
async def test_a_name_that_is_none_is_refused_by_every_verb(config: NATSConfig, bad: str) -> None:
    async with hubbub.connect(config=config) as mesh:
        for call in (
            lambda: mesh.send_direct_message(bad, "x"),
            lambda: mesh.handoff_to_agent(bad, "x"),
            lambda: mesh.request_from_agent(bad, "x"),
            lambda: anext(mesh.stream_from_agent(bad, "x")),
        ):
            with pytest.raises(InvalidAgentName):
                await call()
        with pytest.raises(InvalidAgentName):
            mesh.task(bad, "x")
    with pytest.raises(InvalidAgentName):
        async with hubbub.connect(config=config, name=bad):
            pass


@pytest.mark.parametrize("priority", [0, 6, -1, True, 2.0])
async def test_a_priority_that_is_none_is_refused(config: NATSConfig, priority: int) -> None:
    async with hubbub.connect(config=config) as mesh:
        with pytest.raises(InvalidMessage, match="priority"):
            await mesh.send_direct_message("Worker", "x", priority=priority)


async def test_a_full_inbox_refuses_the_one_sender_on_the_one_lane(
    layout: Layout, small_inboxes: dict[str, ServerProcess], name: Name
) -> None:
    config = NATSConfig(nats_url=small_inboxes[layout].url, layout=layout, inbox_limit=3)
    worker = Agent(name("Worker"))

    @worker.agentic_run
    async def work(task: Task) -> None:
        pass

    async with (
        hubbub.connect(config=config, name="Eager") as eager,
        hubbub.connect(config=config, name="Calm") as calm,
    ):
        handles = [await eager.send_direct_message(worker.name, str(i)) for i in range(3)]
        with pytest.raises(InboxFull) as full:
            await eager.send_direct_message(worker.name, "one too many")
        assert full.value.agent == worker.name
        assert full.value.priority == 3
        # Not the other lanes of this sender, not other senders, not other receivers.
        handles.append(await eager.send_direct_message(worker.name, "urgent", priority=1))
        handles.append(await eager.handoff_to_agent(worker.name, "handoff"))
        handles.append(await calm.send_direct_message(worker.name, "calm"))
        await eager.send_direct_message(name("Other"), "other")
        async with eager.serve(worker):
            for handle in handles:
                await handle.result(timeout=10)

            async def has_room() -> bool:
                return not await inbox_of(eager, worker.name)

            await until(has_room)
            await (await eager.send_direct_message(worker.name, "again")).result(timeout=10)


async def test_a_backlog_is_worked_off_by_priority_and_in_order_within_one(
    config: NATSConfig, name: Name
) -> None:
    worker, worked = Agent(name("Worker")), list[str]()

    @worker.agentic_run
    async def work(task: Task) -> None:
        worked.append(task.content)

    sent = list[tuple[int, str]]()
    async with hubbub.connect(config=config) as mesh:
        handles: list[hubbub.TaskHandle] = []
        for number in range(4):
            for priority in (3, 5, 1, 4, 2):
                text = f"{priority}/{number}"
                sent.append((priority, text))
                handles.append(await mesh.send_direct_message(worker.name, text, priority=priority))
        handoff = await mesh.handoff_to_agent(worker.name, "2/handoff")
        async with mesh.serve(worker):
            for handle in (*handles, handoff):
                await handle.result(timeout=10)
    # The first may be taken before the other lanes are known.
    expected = [text for _, text in sorted(sent, key=lambda item: item[0])]
    expected.insert(expected.index("2/3") + 1, "2/handoff")
    assert worked == expected


async def test_an_urgent_message_overtakes_what_waits_while_the_agent_works(
    config: NATSConfig, name: Name
) -> None:
    worker, worked, go_on = Agent(name("Worker")), list[str](), asyncio.Semaphore(0)
    started = asyncio.Event()

    @worker.agentic_run
    async def work(task: Task) -> None:
        started.set()
        worked.append(task.content)
        async with asyncio.timeout(PATIENCE):
            await go_on.acquire()

    async with hubbub.connect(config=config) as mesh, mesh.serve(worker):
        first = await mesh.send_direct_message(worker.name, "first")
        await started.wait()
        rest = [await mesh.send_direct_message(worker.name, str(i)) for i in range(3)]
        rest.append(await mesh.send_direct_message(worker.name, "urgent", priority=1))
        for handle in (first, *rest):
            go_on.release()
            if handle is first:
                await handle.result(timeout=10)
        for handle in rest:
            await handle.result(timeout=10)
    assert worked == ["first", "urgent", "0", "1", "2"]


async def test_one_lane_is_first_in_first_out_across_senders(
    config: NATSConfig, name: Name
) -> None:
    worker, worked = Agent(name("Worker")), list[str]()

    @worker.agentic_run
    async def work(task: Task) -> None:
        worked.append(task.content)

    async with (
        hubbub.connect(config=config, name="One") as one,
        hubbub.connect(config=config, name="Two") as two,
    ):
        for number in range(50):
            sender = one if number % 2 else two
            last = await sender.send_direct_message(worker.name, str(number))
        async with one.serve(worker):
            await last.result(timeout=20)  # pyright: ignore[reportPossiblyUnboundVariable]
    assert worked == [str(number) for number in range(50)]
