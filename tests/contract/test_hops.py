"""Loops end: whatever a handler sends counts one hop more, however it sends it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable

import pytest

import hubbub
from hubbub import Agent, AgentMessage, NATSConfig, Task, TooManyHops

from .kit import inbox_of, listener, soon, take

Name = Callable[[str], str]
Pass = Callable[[Task, Agent, hubbub.Mesh, str], Awaitable[object]]


async def _by_task(task: Task, agent: Agent, mesh: hubbub.Mesh, to: str) -> object:
    return await task.send_direct_message(to, "your turn")


async def _by_handoff(task: Task, agent: Agent, mesh: hubbub.Mesh, to: str) -> object:
    return await task.handoff_to_agent(to, "your turn")


async def _by_agent(task: Task, agent: Agent, mesh: hubbub.Mesh, to: str) -> object:
    return await agent.send_direct_message(to, "your turn")


async def _by_mesh(task: Task, agent: Agent, mesh: hubbub.Mesh, to: str) -> object:
    return await mesh.send_direct_message(to, "your turn")


async def _by_another_task(task: Task, agent: Agent, mesh: hubbub.Mesh, to: str) -> object:
    return await asyncio.create_task(agent.send_direct_message(to, "your turn"))


async def _by_thread(task: Task, agent: Agent, mesh: hubbub.Mesh, to: str) -> object:
    return await asyncio.to_thread(task.blocking.send_direct_message, to, "your turn")


async def _by_bare_thread(task: Task, agent: Agent, mesh: hubbub.Mesh, to: str) -> object:
    caught = list[BaseException]()

    def send() -> None:
        try:
            task.blocking.send_direct_message(to, "your turn")
        except BaseException as error:  # noqa: BLE001 - handed on below
            caught.append(error)

    thread = threading.Thread(target=send)
    thread.start()
    await asyncio.to_thread(thread.join)
    if caught:
        raise caught[0]
    return None


@pytest.mark.parametrize(
    "pass_on",
    [_by_task, _by_handoff, _by_agent, _by_mesh, _by_another_task, _by_thread, _by_bare_thread],
)
async def test_two_agents_that_pass_work_to_one_another_are_stopped(
    config: NATSConfig, name: Name, pass_on: Pass
) -> None:
    short = config.model_copy(update={"max_hops": 4})
    pair = [Agent(name("Ping")), Agent(name("Pong"))]
    hops, stopped = list[int](), asyncio.Queue[TooManyHops]()

    async with hubbub.connect(config=short) as mesh:

        def play(agent: Agent, other: str) -> None:
            @agent.agentic_run
            async def work(task: Task) -> None:
                hops.append(task.message.hops)
                try:
                    await pass_on(task, agent, mesh, other)
                except TooManyHops as error:
                    stopped.put_nowait(error)

        play(pair[0], pair[1].name)
        play(pair[1], pair[0].name)
        async with mesh.serve(*pair):
            await mesh.send_direct_message(pair[0].name, "begin")
            (error,) = await take(stopped, 1)
        assert hops == [0, 1, 2, 3, 4]
        assert (error.hops, error.limit) == (5, 4)


async def test_a_ping_pong_of_requests_is_stopped_and_every_asker_is_told(
    config: NATSConfig, name: Name
) -> None:
    short = config.model_copy(update={"max_hops": 4})
    pair, hops = [Agent(name("Ping")), Agent(name("Pong"))], list[int]()

    def play(agent: Agent, other: str) -> None:
        @agent.run
        async def answer(message: AgentMessage) -> object:
            hops.append(message.hops)
            return (await agent.request_from_agent(other, "back", timeout=10)).content

    play(pair[0], pair[1].name)
    play(pair[1], pair[0].name)
    async with hubbub.connect(config=short) as mesh, mesh.serve(*pair):
        with pytest.raises(hubbub.RemoteError, match="hop 5"):
            await mesh.request_from_agent(pair[0].name, "begin", timeout=10)
    assert hops == [0, 1, 2, 3, 4]


async def test_the_usual_limit_is_sixteen(config: NATSConfig, name: Name) -> None:
    agent, hops = Agent(name("Alone"), request_concurrency=20), list[int]()

    @agent.run
    async def answer(message: AgentMessage) -> object:
        hops.append(message.hops)
        return [p async for p in agent.stream_from_agent(agent.name, "again", timeout=10)]

    async with hubbub.connect(config=config) as mesh, mesh.serve(agent):
        with pytest.raises(hubbub.RemoteError, match="hop 17 of its conversation, the limit is 16"):
            await mesh.request_from_agent(agent.name, "begin", timeout=10)
    assert max(hops) == 16


async def test_a_listener_that_answers_every_completion_with_new_work_is_stopped(
    config: NATSConfig, name: Name
) -> None:
    short = config.model_copy(update={"max_hops": 3})
    boss, worker = Agent(name("Boss")), Agent(name("Worker"))
    hops, stopped = list[int](), asyncio.Event()
    boss.run(_nothing)

    @worker.agentic_run
    async def work(task: Task) -> None:
        hops.append(task.message.hops)

    @boss.on_message
    async def hear(message: AgentMessage) -> None:
        try:
            await boss.send_direct_message(worker.name, "once more")
        except TooManyHops:
            stopped.set()

    async with hubbub.connect(config=short) as mesh, mesh.serve(boss, worker):
        await boss.send_direct_message(worker.name, "begin")
        await soon(stopped.wait())
    assert hops == [0, 1, 2, 3]


async def test_two_listeners_that_answer_every_broadcast_with_another_are_stopped(
    config: NATSConfig, name: Name
) -> None:
    short = config.model_copy(update={"max_hops": 3})
    pair, stopped = [Agent(name("Echo")), Agent(name("Ohce"))], asyncio.Event()

    def play(agent: Agent) -> None:
        agent.run(_nothing)

        @agent.on_broadcast
        async def hear(message: AgentMessage) -> None:
            if not message.text.startswith(name("echo")):
                return  # that of another test
            try:
                await agent.broadcast_message(name("echo"))
            except TooManyHops:
                stopped.set()

    for agent in pair:
        play(agent)
    async with hubbub.connect(config=short) as mesh, mesh.serve(*pair):
        await mesh.broadcast_message(name("echo"))
        await soon(stopped.wait())


async def test_what_a_handler_sends_is_recorded_and_sent_once_however_often_it_runs(
    config: NATSConfig, name: Name
) -> None:
    worker, (other, _) = Agent(name("Worker")), listener(name("Other"))

    @worker.agentic_run
    async def work(task: Task) -> str:
        first = await task.send_direct_message(other.name, "one")
        second = await worker.send_direct_message(other.name, "two")
        third = await asyncio.to_thread(task.blocking.handoff_to_agent, other.name, "three")
        if task.attempt == 1:
            raise ValueError("once more")
        return f"{first.task_id} {second.task_id} {third.task_id}"

    async with hubbub.connect(config=config) as mesh, mesh.serve(worker):
        handle = await mesh.send_direct_message(worker.name, "go")
        ids = str(await handle.result(timeout=10)).split()
        waiting = [AgentMessage.from_bytes(m.data) for m in await inbox_of(mesh, other.name)]
        sent = [e.data async for e in handle.events() if e.kind == "sent"]
    assert len(set(ids)) == 3
    assert [message.message_id for message in waiting] == ids
    assert [message.content for message in waiting] == ["one", "two", "three"]
    assert {message.context_id for message in waiting} == {handle.task_id}
    assert [facts["message_id"] for facts in sent] == ids
    assert [facts["message_type"] for facts in sent[:3]] == ["request", "request", "handoff"]


async def test_outside_of_handlers_nothing_is_counted(config: NATSConfig, name: Name) -> None:
    async with hubbub.connect(config=config) as mesh:
        for number in range(20):
            await mesh.send_direct_message(name("Worker"), str(number))
        waiting = [AgentMessage.from_bytes(m.data) for m in await inbox_of(mesh, name("Worker"))]
    assert {message.hops for message in waiting} == {0}
    assert len({message.context_id for message in waiting}) == 20
    assert hubbub.current_task() is None


async def _nothing(message: AgentMessage) -> None: ...
