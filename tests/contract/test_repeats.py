"""The same request again: one run, one answer."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable
from typing import Any

import nats
import pytest

import hubbub
from hubbub import Agent, AgentMessage, InvalidMessage, NATSConfig, RemoteError
from hubbub.wire import agent_token

from .kit import soon

Name = Callable[[str], str]


def _counting(name: str, runs: Counter[str], number: int = 0) -> Agent:
    worker = Agent(name)

    @worker.run
    async def answer(message: AgentMessage) -> list[Any]:
        runs[message.text] += 1
        return [message.text, runs[message.text], number]

    return worker


async def test_the_same_id_gets_the_same_answer_without_another_run(
    config: NATSConfig, name: Name
) -> None:
    runs = Counter[str]()
    worker = _counting(name("Worker"), runs)
    async with hubbub.connect(config=config, name="Ann") as mesh, mesh.serve(worker):
        replies = [
            await mesh.request_from_agent(worker.name, "x", timeout=10, message_id="m-1")
            for _ in range(3)
        ]
        assert [reply.content for reply in replies] == [["x", 1, 0]] * 3
        assert len({reply.message_id for reply in replies}) == 1
        other = await mesh.request_from_agent(worker.name, "x", timeout=10, message_id="m-2")
        assert other.content == ["x", 2, 0]
        # From another connection, as after a crash of the one who asked.
        async with hubbub.connect(config=config, name="Ann") as again:
            reply = await again.request_from_agent(worker.name, "x", timeout=10, message_id="m-1")
            assert reply.content == ["x", 1, 0]
        # Another sender's id is another request.
        async with hubbub.connect(config=config, name="Bob") as bob:
            reply = await bob.request_from_agent(worker.name, "x", timeout=10, message_id="m-1")
            assert reply.content == ["x", 3, 0]


async def test_one_that_comes_while_the_first_is_under_way_joins_it(
    config: NATSConfig, name: Name
) -> None:
    worker, go_on, runs = Agent(name("Worker")), asyncio.Event(), 0
    begun = asyncio.Event()

    @worker.run
    async def answer(message: AgentMessage) -> int:
        nonlocal runs
        runs += 1
        begun.set()
        await go_on.wait()
        return runs

    async with hubbub.connect(config=config) as mesh, mesh.serve(worker):

        def ask() -> asyncio.Task[AgentMessage]:
            return asyncio.create_task(
                mesh.request_from_agent(worker.name, "x", timeout=20, message_id="m-1")
            )

        first = ask()
        await soon(begun.wait())
        others = [ask(), ask()]
        await asyncio.wait(others, timeout=0.2)
        # Who leaves does not take the run with it.
        first.cancel()
        await asyncio.wait({first, others[0]}, timeout=0.2)
        go_on.set()
        assert [(await soon(task)).content for task in others] == [1, 1]


@pytest.mark.parametrize("instances", [2, 3])
async def test_several_instances_run_it_once_as_well(
    config: NATSConfig, name: Name, instances: int
) -> None:
    runs = Counter[str]()
    workers = [_counting(name("Worker"), runs, number) for number in range(instances)]
    async with contextlib.AsyncExitStack() as stack:
        for worker in workers:
            mesh = await stack.enter_async_context(hubbub.connect(config=config))
            await stack.enter_async_context(mesh.serve(worker))
        mesh = await stack.enter_async_context(hubbub.connect(config=config))
        for number in range(10):  # the server picks one of them at random
            replies = [
                await mesh.request_from_agent(
                    workers[0].name, str(number), timeout=10, message_id=f"m-{number}"
                )
                for _ in range(4)
            ]
            assert {str(reply.content) for reply in replies} == {str(replies[0].content)}
    assert set(runs.values()) == {1}
    assert len(runs) == 10


async def test_a_run_under_way_at_another_instance_is_joined(
    config: NATSConfig, name: Name
) -> None:
    go_on, begun, runs = asyncio.Event(), asyncio.Event(), list[int]()
    workers = [Agent(name("Worker")) for _ in range(3)]
    for number, worker in enumerate(workers):

        @worker.run
        async def answer(message: AgentMessage, number: int = number) -> int:
            runs.append(number)
            begun.set()
            await go_on.wait()
            return number

    async with contextlib.AsyncExitStack() as stack:
        for worker in workers:
            mesh = await stack.enter_async_context(hubbub.connect(config=config))
            await stack.enter_async_context(mesh.serve(worker))
        asking = list[asyncio.Task[AgentMessage]]()
        for _ in range(5):
            mesh = await stack.enter_async_context(hubbub.connect(config=config))
            call = mesh.request_from_agent(workers[0].name, "x", timeout=20, message_id="m-1")
            asking.append(asyncio.create_task(call))
            await soon(begun.wait())
            await asyncio.wait({asking[-1]}, timeout=0.2)
        go_on.set()
        replies = [await soon(task) for task in asking]
    assert len(runs) == 1
    assert [reply.content for reply in replies] == runs * 5


async def test_what_failed_runs_again(config: NATSConfig, name: Name) -> None:
    worker, runs = Agent(name("Worker")), 0

    @worker.run
    async def answer(message: AgentMessage) -> int:
        nonlocal runs
        runs += 1
        if runs == 1:
            raise ValueError("not yet")
        return runs

    async with hubbub.connect(config=config) as mesh, mesh.serve(worker):
        with pytest.raises(RemoteError, match="not yet"):
            await mesh.request_from_agent(worker.name, "x", timeout=10, message_id="m-1")
        reply = await mesh.request_from_agent(worker.name, "x", timeout=10, message_id="m-1")
        assert reply.content == 2


async def test_a_plain_client_that_repeats_itself_gets_the_same_answer(
    config: NATSConfig, name: Name
) -> None:
    runs = Counter[str]()
    worker = _counting(name("Worker"), runs)
    client = await nats.connect(str(config.nats_url))
    subject = f"agents.request.{agent_token(worker.name)}.from.script"
    data = b'{"from_agent":"script","content":"x","message_id":"m-1"}'
    async with hubbub.connect(config=config) as mesh, mesh.serve(worker):
        first, second = [await client.request(subject, data, timeout=10) for _ in range(2)]
        assert first.data == second.data
        # Without an id of its own each is a request of its own.
        for _ in range(2):
            await client.request(subject, b"y", timeout=10)
    assert runs == {"x": 1, "y": 2}
    await client.close()


@pytest.mark.parametrize("message_id", ["", "a b", "x" * 65, "a.b"])
async def test_an_id_that_is_none_is_refused(
    config: NATSConfig, name: Name, message_id: str
) -> None:
    async with hubbub.connect(config=config) as mesh:
        with pytest.raises(InvalidMessage):
            await mesh.request_from_agent(name("Worker"), "x", message_id=message_id)
