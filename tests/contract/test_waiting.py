"""Requests that wait for an agent to come up, and requests that nobody waits for any more."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable

import nats
import pytest

import hubbub
from hubbub import Agent, AgentMessage, AgentUnavailable, Mesh, NATSConfig, RequestTimeout
from hubbub.mesh.requests import requester
from hubbub.wire import agent_token

from .kit import soon

Name = Callable[[str], str]


@contextlib.asynccontextmanager
async def overheard(config: NATSConfig) -> AsyncGenerator[None]:
    """Somebody watches the mesh, so that the server never says that nobody listens."""
    client = await nats.connect(str(config.nats_url))
    await client.subscribe("agents.>", cb=_ignore)
    await client.flush()
    yield
    await client.close()


async def _ignore(_: object) -> None:
    pass


def _echo(name: str) -> Agent:
    worker = Agent(name)

    @worker.run
    async def answer(message: AgentMessage) -> AsyncIterator[str]:
        yield message.text

    return worker


async def _asked(mesh: Mesh, name: str, *, streamed: bool, wait: float, timeout: float) -> str:
    if not streamed:
        reply = await mesh.request_from_agent(name, "x", timeout=timeout, wait_for_agent=wait)
        return reply.text
    pieces = mesh.stream_from_agent(name, "x", timeout=timeout, wait_for_agent=wait)
    return "".join([piece async for piece in pieces])


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "pieces"])
@pytest.mark.parametrize("watched", [False, True], ids=["alone", "watched"])
async def test_a_request_waits_for_its_agent_and_is_answered_as_soon_as_it_comes(
    config: NATSConfig,
    name: Name,
    streamed: bool,
    watched: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Only the agent's own sign of life can be in time.
    monkeypatch.setattr(requester, "_POLL_SECONDS", 60.0)
    worker = _echo(name("Worker"))
    async with contextlib.AsyncExitStack() as stack:
        if watched:
            await stack.enter_async_context(overheard(config))
        mesh = await stack.enter_async_context(hubbub.connect(config=config))
        other = await stack.enter_async_context(hubbub.connect(config=config))
        asking = asyncio.create_task(
            _asked(mesh, worker.name, streamed=streamed, wait=60, timeout=5)
        )
        # It has been sent, and nobody was there.
        await asyncio.wait({asking}, timeout=0.6)
        assert not asking.done()
        await stack.enter_async_context(other.serve(worker))
        assert await soon(asking) == "x"


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "pieces"])
async def test_when_nobody_comes_it_is_unavailable_after_that_time(
    config: NATSConfig, name: Name, streamed: bool
) -> None:
    async with hubbub.connect(config=config) as mesh:
        start = time.monotonic()
        with pytest.raises(AgentUnavailable):
            await _asked(mesh, name("Nobody"), streamed=streamed, wait=0.4, timeout=2)
        assert 0.4 <= time.monotonic() - start < 5


async def test_the_timeout_counts_from_the_moment_somebody_is_there(
    config: NATSConfig, name: Name
) -> None:
    worker = Agent(name("Worker"))

    @worker.run
    async def answer(message: AgentMessage) -> None:
        await asyncio.Event().wait()

    quick = config.model_copy(update={"grace_seconds": 0.0})
    async with hubbub.connect(config=quick) as mesh, hubbub.connect(config=quick) as other:
        asking = asyncio.create_task(
            mesh.request_from_agent(worker.name, "x", timeout=0.3, wait_for_agent=30)
        )
        await asyncio.wait({asking}, timeout=0.6)
        assert not asking.done()
        async with other.serve(worker):
            with pytest.raises(RequestTimeout) as raised:
                await soon(asking)
        assert raised.value.seconds == 0.3


async def test_one_that_is_there_is_not_waited_for(config: NATSConfig, name: Name) -> None:
    worker = _echo(name("Worker"))
    async with hubbub.connect(config=config) as mesh, mesh.serve(worker):
        reply = await mesh.request_from_agent(worker.name, "x", timeout=10, wait_for_agent=10)
        assert reply.content == "x"


# Nobody waits any more


def _waiting_worker(name: str) -> tuple[Agent, asyncio.Event, asyncio.Event]:
    worker = Agent(name, request_concurrency=1)
    begun, stopped = asyncio.Event(), asyncio.Event()

    @worker.run
    async def answer(message: AgentMessage) -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    return worker, begun, stopped


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "pieces"])
async def test_a_caller_that_is_cancelled_stops_the_handler(
    config: NATSConfig, name: Name, streamed: bool
) -> None:
    worker, begun, stopped = _waiting_worker(name("Worker"))
    async with hubbub.connect(config=config) as mesh, mesh.serve(worker):
        asking = asyncio.create_task(
            _asked(mesh, worker.name, streamed=streamed, wait=0, timeout=60)
        )
        await soon(begun.wait())
        asking.cancel()
        await asyncio.wait({asking})
        assert asking.cancelled()
        await soon(stopped.wait())


async def test_a_stream_without_a_sign_of_life_in_time_is_stopped(
    config: NATSConfig, name: Name
) -> None:
    worker, begun, stopped = _waiting_worker(name("Worker"))
    async with hubbub.connect(config=config) as mesh, mesh.serve(worker):
        with pytest.raises(RequestTimeout):
            await _asked(mesh, worker.name, streamed=True, wait=0, timeout=0.2)
        assert begun.is_set()
        await soon(stopped.wait())


async def test_only_the_instance_and_the_request_that_is_meant_are_stopped(
    config: NATSConfig, name: Name
) -> None:
    running, stopped = set[str](), asyncio.Queue[str]()
    workers = [Agent(name("Worker")) for _ in range(2)]
    all_running = asyncio.Event()
    for worker in workers:

        @worker.run
        async def answer(message: AgentMessage) -> None:
            running.add(message.text)
            if len(running) == 6:
                all_running.set()
            try:
                await asyncio.Event().wait()
            finally:
                stopped.put_nowait(message.text)

    quick = config.model_copy(update={"grace_seconds": 0.0})
    async with (
        hubbub.connect(config=quick, name=name("Boss")) as mesh,
        hubbub.connect(config=quick) as other,
        mesh.serve(workers[0]),
        other.serve(workers[1]),
    ):
        asking = {
            str(n): asyncio.create_task(
                mesh.request_from_agent(workers[0].name, str(n), timeout=60)
            )
            for n in range(6)
        }
        await soon(all_running.wait())
        for number in ("3", "0"):
            asking[number].cancel()
            assert await soon(stopped.get()) == number
        assert stopped.empty()
        for task in asking.values():
            task.cancel()
        await asyncio.wait(asking.values())


async def test_one_that_waits_for_a_free_slot_is_never_begun(
    config: NATSConfig, name: Name
) -> None:
    worker, go_on, asked = (
        Agent(name("Worker"), request_concurrency=1),
        asyncio.Event(),
        list[str](),
    )
    begun = asyncio.Event()

    @worker.run
    async def answer(message: AgentMessage) -> str:
        asked.append(message.text)
        begun.set()
        await go_on.wait()
        return message.text

    client = await nats.connect(str(config.nats_url))
    canceled = await client.subscribe(f"agents.cancel.{agent_token(worker.name)}.from.*")
    await client.flush()
    async with hubbub.connect(config=config) as mesh, mesh.serve(worker):
        first = asyncio.create_task(mesh.request_from_agent(worker.name, "first", timeout=60))
        await soon(begun.wait())
        second = asyncio.create_task(mesh.request_from_agent(worker.name, "second", timeout=60))
        third = asyncio.create_task(mesh.request_from_agent(worker.name, "third", timeout=60))
        await asyncio.wait({second}, timeout=0.1)
        second.cancel()
        message = await canceled.next_msg(timeout=10)
        assert message.subject.endswith(".from.anonymous")
        await mesh.connection.flush()
        go_on.set()
        assert (await soon(first)).content == "first"
        assert (await soon(third)).content == "third"
    assert asked == ["first", "third"]
    await client.close()


async def test_nobody_stops_what_another_sender_asked_for(config: NATSConfig, name: Name) -> None:
    worker, go_on, begun = Agent(name("Worker")), asyncio.Event(), asyncio.Event()

    @worker.run
    async def answer(message: AgentMessage) -> str:
        begun.set()
        await go_on.wait()
        return message.message_id

    async with hubbub.connect(config=config, name=name("Boss")) as mesh, mesh.serve(worker):
        asking = asyncio.create_task(
            mesh.request_from_agent(worker.name, "x", timeout=60, message_id="m-1")
        )
        await soon(begun.wait())
        token = agent_token(worker.name)
        for payload in (b"m-1", b"", b"\xff", b"x" * 1000):
            await mesh.connection.publish(f"agents.cancel.{token}.from.somebody", payload)
        await mesh.connection.flush()
        go_on.set()
        assert (await soon(asking)).content == "m-1"


async def test_a_plain_client_cancels_by_the_message_id(config: NATSConfig, name: Name) -> None:
    worker, begun, stopped = _waiting_worker(name("Worker"))
    token = agent_token(worker.name)
    client = await nats.connect(str(config.nats_url))
    async with hubbub.connect(config=config) as mesh, mesh.serve(worker):
        data = b'{"from_agent":"script","content":"x","message_id":"m-1"}'
        await client.publish(f"agents.request.{token}.from.script", data, reply="_INBOX.nobody")
        await soon(begun.wait())
        await client.publish(f"agents.cancel.{token}.from.script", b"m-1")
        await soon(stopped.wait())
    await client.close()
