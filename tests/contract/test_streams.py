"""Streamed replies: pieces in order, and an end that is one."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import nats
import pytest

import hubbub
from hubbub import Agent, AgentMessage, NATSConfig, RemoteError, RequestTimeout
from hubbub.mesh.requests import pieces as answering
from hubbub.mesh.requests import requester
from hubbub.wire import JSON, agent_token

from .kit import soon

Name = Callable[[str], str]


async def _pieces(message: AgentMessage) -> AsyncIterator[str]:
    for word in message.text.split():
        yield word


def _pieces_in_a_thread(message: AgentMessage) -> Iterator[str]:
    yield from message.text.split()


async def _list_of(stream: AsyncIterator[str]) -> list[str]:
    async with asyncio.timeout(20):
        return [piece async for piece in stream]


async def _all_into(pieces: list[str], stream: AsyncIterator[str]) -> None:
    async for piece in stream:
        pieces.append(piece)  # noqa: PERF401 - what came before an error must be kept


@pytest.mark.parametrize("function", [_pieces, _pieces_in_a_thread])
async def test_the_pieces_of_a_generator_arrive_one_by_one_and_in_order(
    config: NATSConfig, name: Name, function: Callable[[AgentMessage], Any]
) -> None:
    worker = Agent(name("Worker"))
    worker.run(function)
    words = [str(number) for number in range(200)]
    async with hubbub.connect(config=config) as mesh, mesh.serve(worker):
        assert await _list_of(mesh.stream_from_agent(worker.name, " ".join(words))) == words
        assert await _list_of(mesh.stream_from_agent(worker.name, "")) == []


@pytest.mark.parametrize("function", [_pieces, _pieces_in_a_thread])
async def test_asked_without_streaming_a_generator_answers_with_all_its_pieces(
    config: NATSConfig, name: Name, function: Callable[[AgentMessage], Any]
) -> None:
    worker = Agent(name("Worker"))
    worker.run(function)
    async with hubbub.connect(config=config) as mesh, mesh.serve(worker):
        reply = await mesh.request_from_agent(worker.name, "a b c", timeout=10)
    assert reply.content == "abc"


@pytest.mark.parametrize("answer", ["text", {"k": 1}, ""])
async def test_a_plain_answer_is_a_stream_of_one_piece(
    config: NATSConfig, name: Name, answer: JSON
) -> None:
    worker = Agent(name("Worker"))

    @worker.run
    async def run(message: AgentMessage) -> JSON:
        return answer

    async with hubbub.connect(config=config) as mesh, mesh.serve(worker):
        pieces = await _list_of(mesh.stream_from_agent(worker.name, "x"))
    assert pieces == {"text": ["text"], "": []}.get(str(answer), ['{"k":1}'])


async def test_pieces_come_while_the_answer_is_still_being_made(
    config: NATSConfig, name: Name
) -> None:
    worker, go_on = Agent(name("Worker")), asyncio.Event()

    @worker.run
    async def run(message: AgentMessage) -> AsyncIterator[str]:
        yield "first"
        await soon(go_on.wait())
        yield "second"

    async with hubbub.connect(config=config) as mesh, mesh.serve(worker):
        stream = mesh.stream_from_agent(worker.name, "x")
        assert await soon(anext(stream)) == "first"
        go_on.set()
        assert await _list_of(stream) == ["second"]


@pytest.mark.parametrize("before", [0, 2])
async def test_a_failure_in_the_middle_comes_after_the_pieces_before_it(
    config: NATSConfig, name: Name, before: int
) -> None:
    worker = Agent(name("Worker"))

    @worker.run
    async def run(message: AgentMessage) -> AsyncIterator[str]:
        for number in range(before):
            yield str(number)
        raise ValueError("ü: no more")

    pieces = list[str]()
    async with hubbub.connect(config=config) as mesh, mesh.serve(worker):
        with pytest.raises(RemoteError, match="ü: no more") as raised:
            await _all_into(pieces, mesh.stream_from_agent(worker.name, "x"))
    assert pieces == [str(number) for number in range(before)]
    assert raised.value.kind == "ValueError"


@pytest.mark.parametrize("piece", [{1}, "x" * 1_048_400, "\ud800"], ids=["set", "huge", "lone"])
async def test_a_piece_that_cannot_travel_is_a_remote_error_and_the_connection_stays(
    config: NATSConfig, name: Name, piece: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("CRITICAL", "hubbub")
    worker = Agent(name("Worker"))

    @worker.run
    async def run(message: AgentMessage) -> AsyncIterator[Any]:
        yield "first"
        yield piece

    async with hubbub.connect(config=config) as mesh, mesh.serve(worker):
        for _ in range(2):
            with pytest.raises(RemoteError, match="InvalidMessage"):
                await _list_of(mesh.stream_from_agent(worker.name, "x"))


@pytest.mark.parametrize("kind", ["waiting", "busy"])
async def test_a_consumer_that_stops_early_closes_the_generator(
    config: NATSConfig, name: Name, kind: str
) -> None:
    worker, closed = Agent(name("Worker")), asyncio.Event()

    @worker.run
    async def run(message: AgentMessage) -> AsyncIterator[str]:
        try:
            yield "first"
            while True:
                await (asyncio.Event().wait() if kind == "waiting" else asyncio.sleep(0))
                yield "more"
        finally:
            closed.set()

    async with hubbub.connect(config=config) as mesh, mesh.serve(worker):
        async with contextlib.aclosing(mesh.stream_from_agent(worker.name, "x")) as stream:
            assert await soon(anext(stream)) == "first"
        await soon(closed.wait())


async def test_a_consumer_that_just_breaks_off_closes_it_as_well(
    config: NATSConfig, name: Name
) -> None:
    worker, closed = Agent(name("Worker")), asyncio.Event()

    @worker.run
    async def run(message: AgentMessage) -> AsyncIterator[str]:
        try:
            while True:
                yield "more"
                await asyncio.sleep(0)
        finally:
            closed.set()

    async with hubbub.connect(config=config) as mesh, mesh.serve(worker):
        async for _ in mesh.stream_from_agent(worker.name, "x"):
            break
        await soon(closed.wait())


async def test_a_sync_generator_is_closed_in_its_thread(config: NATSConfig, name: Name) -> None:
    worker, closed = Agent(name("Worker")), threading.Event()
    main, threads = threading.current_thread(), list[threading.Thread]()

    @worker.run
    def run(message: AgentMessage) -> Iterator[str]:
        try:
            while True:
                yield "more"
        finally:
            threads.append(threading.current_thread())
            closed.set()

    async with hubbub.connect(config=config) as mesh, mesh.serve(worker):
        async with contextlib.aclosing(mesh.stream_from_agent(worker.name, "x")) as stream:
            await soon(anext(stream))
        assert await asyncio.to_thread(closed.wait, 10)
    assert main not in threads


async def test_signs_of_life_keep_a_slow_answer_alive(
    config: NATSConfig, name: Name, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(requester, "_SILENCE_SECONDS", 0.5)
    monkeypatch.setattr(answering, "_KEEP_ALIVE_SECONDS", 0.1)
    worker = Agent(name("Worker"))

    @worker.run
    async def run(message: AgentMessage) -> AsyncIterator[str]:
        yield "first"
        await asyncio.sleep(1.2)
        yield "second"

    async with hubbub.connect(config=config) as mesh, mesh.serve(worker):
        pieces = await _list_of(mesh.stream_from_agent(worker.name, "x"))
    assert pieces == ["first", "second"]


async def test_signs_of_life_come_before_the_first_piece_too(
    config: NATSConfig, name: Name, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answering, "_KEEP_ALIVE_SECONDS", 0.1)
    worker = Agent(name("Worker"))

    @worker.run
    async def run(message: AgentMessage) -> str:
        await asyncio.sleep(1)
        return "late"

    async with hubbub.connect(config=config) as mesh, mesh.serve(worker):
        pieces = await _list_of(mesh.stream_from_agent(worker.name, "x", timeout=0.5))
    assert pieces == ["late"]


async def test_an_agent_that_falls_silent_is_a_remote_error(
    config: NATSConfig, name: Name, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(requester, "_SILENCE_SECONDS", 0.3)
    worker = Agent(name("Worker"))

    @worker.run
    async def run(message: AgentMessage) -> AsyncIterator[str]:
        yield "first"
        await asyncio.Event().wait()

    async with hubbub.connect(config=config) as mesh, mesh.serve(worker):
        stream = mesh.stream_from_agent(worker.name, "x")
        assert await soon(anext(stream)) == "first"
        with pytest.raises(RemoteError, match=r"silent for 0\.3 s"):
            await soon(anext(stream))


async def test_no_sign_of_life_at_all_is_a_timeout(config: NATSConfig, name: Name) -> None:
    worker = Agent(name("Worker"))

    @worker.run
    async def run(message: AgentMessage) -> AsyncIterator[str]:
        await asyncio.Event().wait()
        yield ""

    quick = config.model_copy(update={"grace_seconds": 0.0})
    async with hubbub.connect(config=quick) as mesh, mesh.serve(worker):
        with pytest.raises(RequestTimeout) as raised:
            await _list_of(mesh.stream_from_agent(worker.name, "x", timeout=0.2))
        assert raised.value.seconds == 0.2


@pytest.mark.parametrize(
    ("numbers", "error"), [(["1", "3"], "got lost"), (["x"], "got lost"), (["1", ""], "got lost")]
)
async def test_a_gap_in_the_numbers_is_a_remote_error(
    config: NATSConfig, name: Name, numbers: list[str], error: str
) -> None:
    client = await nats.connect(str(config.nats_url))
    agent = agent_token(name("Worker"))

    async def answer(message: Any) -> None:
        for number in numbers:
            headers = {"Hubbub-Seq": number or "nonsense"}
            await client.publish(message.reply, b'{"content":"x"}', headers=headers)

    await client.subscribe(f"agents.request.{agent}.from.*", cb=answer)
    await client.flush()
    async with hubbub.connect(config=config) as mesh:
        with pytest.raises(RemoteError, match=error):
            await _list_of(mesh.stream_from_agent(name("Worker"), "x"))
    await client.close()


async def test_a_plain_client_that_answers_with_one_message_is_a_stream_of_one_piece(
    config: NATSConfig, name: Name
) -> None:
    client = await nats.connect(str(config.nats_url))
    agent = agent_token(name("Worker"))

    async def answer(message: Any) -> None:
        await client.publish(message.reply, b"just text")

    await client.subscribe(f"agents.request.{agent}.from.*", cb=answer)
    await client.flush()
    async with hubbub.connect(config=config) as mesh:
        assert await _list_of(mesh.stream_from_agent(name("Worker"), "x")) == ["just text"]
        reply = await mesh.request_from_agent(name("Worker"), "x", timeout=10)
        assert reply.content == "just text"
    await client.close()


async def test_many_streams_at_once_do_not_mix(config: NATSConfig, name: Name) -> None:
    worker = Agent(name("Worker"), request_concurrency=50)
    worker.run(_pieces)
    async with hubbub.connect(config=config) as mesh, mesh.serve(worker):
        texts = [" ".join(f"{n}-{i}" for i in range(10)) for n in range(20)]
        streams = [_list_of(mesh.stream_from_agent(worker.name, text)) for text in texts]
        assert await asyncio.gather(*streams) == [text.split() for text in texts]
