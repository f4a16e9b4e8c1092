"""Joining and leaving: many agents, errors that come out as themselves, nothing left behind."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncGenerator, Callable

import pytest

import hubbub
from hubbub import Agent, AgentMessage, ConnectionLost, NATSConfig, Task
from hubbub.testing import ServerProcess

Name = Callable[[str], str]


class Trouble(Exception):
    pass


def agent_named(name: str, **options: int) -> Agent:
    agent = Agent(name, **options)  # pyright: ignore[reportArgumentType]

    @agent.run
    async def answer(message: AgentMessage) -> str:
        return f"{message.text} to {name}"

    return agent


def own_threads() -> set[threading.Thread]:
    """The threads there are, but for those that asyncio keeps for a loop's `to_thread`."""
    return {t for t in threading.enumerate() if not t.name.startswith("asyncio_")}


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - nobody tells us
            await asyncio.sleep(0.01)


def subscriptions(mesh: hubbub.Mesh) -> int:
    return len(mesh.connection.client._subs)  # pyright: ignore[reportPrivateUsage]


async def test_several_agents_share_one_connection(config: NATSConfig, name: Name) -> None:
    agents = [agent_named(name(f"Agent-{number}")) for number in range(5)]
    async with hubbub.connect(config=config) as mesh, mesh.serve(*agents):
        for agent in agents:
            reply = await agents[0].request_from_agent(agent.name, "x", timeout=10)
            assert reply.content == f"x to {agent.name}"
            handle = await agent.send_direct_message(agents[-1].name, "y")
            assert await handle.result(10) == f"y to {agents[-1].name}"


async def test_agents_come_and_go_while_others_work(config: NATSConfig, name: Name) -> None:
    stays = agent_named(name("Stays"))

    async def come_and_go(mesh: hubbub.Mesh, number: int) -> None:
        agent = agent_named(name(f"Comes-{number}"))
        for _ in range(3):
            async with mesh.serve(agent):
                reply = await agent.request_from_agent(stays.name, "x", timeout=10)
                assert reply.content == f"x to {stays.name}"
                reply = await stays.request_from_agent(agent.name, "y", timeout=10)
                assert reply.content == f"y to {agent.name}"

    async def come_first(mesh: hubbub.Mesh) -> None:
        async with mesh.serve(agent_named(name("First"))):
            pass

    async with hubbub.connect(config=config) as mesh:
        # The task that serves first is gone before the others begin.
        await asyncio.create_task(come_first(mesh))
        async with mesh.serve(stays), asyncio.TaskGroup() as group:
            for number in range(5):
                group.create_task(come_and_go(mesh, number))


async def test_a_hundred_agents_on_one_mesh(config: NATSConfig, name: Name) -> None:
    agents = [agent_named(name(f"Agent-{number}"), request_concurrency=1) for number in range(100)]
    async with hubbub.connect(config=config) as mesh, mesh.serve(*agents):
        names = {card.name for card in await mesh.list_agents()}
        assert {agent.name for agent in agents} <= names
        handles = await asyncio.gather(
            *(mesh.send_direct_message(agent.name, "x") for agent in agents)
        )
        results = await asyncio.gather(*(handle.result(20) for handle in handles))
        assert results == [f"x to {agent.name}" for agent in agents]
    async with hubbub.connect(config=config) as mesh:
        names = {card.name for card in await mesh.list_agents()}
        assert not {agent.name for agent in agents} & names


async def test_leaving_leaves_no_task_no_thread_and_no_subscription_behind(
    config: NATSConfig, name: Name
) -> None:
    async def use(mesh: hubbub.Mesh) -> None:
        agent, boss = agent_named(name("Agent"), concurrency=3), agent_named(name("Boss"))
        heard = asyncio.Event()

        @boss.on_message
        async def hear(message: AgentMessage) -> None:
            heard.set()

        @agent.on_broadcast
        async def hear_all(message: AgentMessage) -> None: ...

        @agent.agentic_run
        def work(task: Task) -> str:
            return task.blocking.request_from_agent(boss.name, "x", timeout=10).text

        async with mesh.serve(agent, boss):
            handle = await boss.send_direct_message(agent.name, "x")
            assert [event async for event in handle.events()]
            assert await handle.result(10)
            async for event in handle.events():
                assert event.kind == "claimed"
                break
            with contextlib.suppress(TimeoutError):
                nobody = await mesh.send_direct_message(name("Nobody"), "x")
                await nobody.result(0.05)
            async for _ in mesh.stream_from_agent(agent.name, "x"):
                break
            await mesh.broadcast_message("x")
            async with asyncio.timeout(10):
                await heard.wait()

    tasks, threads = asyncio.all_tasks(), own_threads()
    async with hubbub.connect(config=config) as mesh:
        await use(mesh)
        open_tasks, open_subscriptions = asyncio.all_tasks(), subscriptions(mesh)
        await use(mesh)
        await asyncio.sleep(0)
        assert subscriptions(mesh) == open_subscriptions
        assert len(asyncio.all_tasks()) <= len(open_tasks)
    assert mesh.connection.client.is_closed
    assert subscriptions(mesh) == 0
    assert asyncio.all_tasks() == tasks
    await until(lambda: own_threads() == threads)


async def test_an_agent_of_its_own_leaves_nothing_behind_either(
    config: NATSConfig, name: Name
) -> None:
    tasks, threads = asyncio.all_tasks(), own_threads()
    agent = agent_named(name("Agent"))
    agent.config = config
    for _ in range(2):
        await agent.connect_nats()
        assert (await agent.request_from_agent(agent.name, "x", timeout=10)).content
        await agent.disconnect_nats()
    assert asyncio.all_tasks() == tasks
    await until(lambda: own_threads() == threads)


@pytest.mark.parametrize(
    "error", [Trouble("in the body"), ExceptionGroup("many", [Trouble()]), KeyError("x")]
)
async def test_an_error_in_the_body_comes_out_as_itself(
    config: NATSConfig, name: Name, error: Exception
) -> None:
    tasks = asyncio.all_tasks()
    with pytest.raises(type(error)) as raised:
        async with hubbub.connect(config=config):
            raise error
    assert raised.value is error
    agent = agent_named(name("Agent"))
    with pytest.raises(type(error)) as raised:
        async with hubbub.connect(config=config) as mesh, mesh.serve(agent):
            raise error
    assert raised.value is error
    async with hubbub.connect(config=config) as mesh:
        with pytest.raises(type(error)):
            async with mesh.serve(agent):
                raise error
        async with mesh.serve(agent):  # neither the mesh nor the agent has suffered
            assert (await mesh.request_from_agent(agent.name, "x", timeout=10)).content
    assert asyncio.all_tasks() == tasks


async def test_a_cancellation_ends_everything_and_comes_out_as_one(
    config: NATSConfig, name: Name
) -> None:
    tasks, threads, ready = asyncio.all_tasks(), own_threads(), asyncio.Event()
    agent = agent_named(name("Agent"))

    async def serve() -> None:
        async with hubbub.connect(config=config) as mesh, mesh.serve(agent):
            ready.set()
            await asyncio.Event().wait()

    serving = asyncio.create_task(serve())
    async with asyncio.timeout(10):
        await ready.wait()
        serving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await serving
    assert serving.cancelled()
    assert asyncio.all_tasks() == tasks
    await until(lambda: own_threads() == threads)


async def test_a_time_limit_around_the_body_is_a_timeout(config: NATSConfig, name: Name) -> None:
    agent = agent_named(name("Agent"))
    with pytest.raises(TimeoutError):
        async with _limited_inside(0.05, config, agent):
            await asyncio.Event().wait()
    with pytest.raises(TimeoutError):
        async with _limited_outside(0.3, config, agent):
            await asyncio.Event().wait()


async def test_canceling_a_verb_leaves_the_mesh_as_it_was(config: NATSConfig, name: Name) -> None:
    slow, finish = Agent(name("Slow"), request_concurrency=100), asyncio.Event()

    @slow.run
    async def answer(message: AgentMessage) -> str:
        if message.content == "wait":
            await finish.wait()
        return "done"

    async with hubbub.connect(config=config) as mesh, mesh.serve(slow):
        before = subscriptions(mesh)
        await mesh.request_from_agent(slow.name, "x", timeout=10)
        for call in (
            lambda: mesh.request_from_agent(slow.name, "wait", timeout=10),
            lambda: anext(mesh.stream_from_agent(slow.name, "wait", timeout=10)),
            lambda: mesh.send_direct_message(name("Nobody"), "x"),
            lambda: mesh.list_agents(),
            lambda: mesh.broadcast_message("x"),
        ):
            for _ in range(3):
                task = asyncio.ensure_future(call())
                await asyncio.sleep(0)
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
        assert (await mesh.request_from_agent(slow.name, "x", timeout=10)).content == "done"
        finish.set()
        await until(lambda: subscriptions(mesh) == before + 1)  # that for replies


async def test_running_work_is_finished_before_an_agent_leaves(
    config: NATSConfig, name: Name
) -> None:
    worker, going = Agent(name("Worker")), asyncio.Event()

    @worker.agentic_run
    async def work(task: Task) -> str:
        going.set()
        await asyncio.sleep(0.2)
        return "done"

    async with hubbub.connect(config=config) as mesh:
        async with mesh.serve(worker):
            handle = await mesh.send_direct_message(worker.name, "x")
            request = asyncio.create_task(mesh.request_from_agent(worker.name, "x", timeout=10))
            async with asyncio.timeout(10):
                await going.wait()
        assert await handle.state() == "completed"
        assert (await request).content == "done"


async def test_work_that_outlasts_the_grace_period_is_handed_back(
    config: NATSConfig, name: Name
) -> None:
    impatient = config.model_copy(update={"grace_seconds": 0.1})
    going = asyncio.Event()

    async def work(task: Task) -> str:
        if task.metadata.get("again") or (await handle.snapshot()).attempts == 0:
            raise AssertionError
        going.set()
        if len(attempts) == 0:
            attempts.append(task.attempt)
            await asyncio.Event().wait()
        attempts.append(task.attempt)
        return "done"

    attempts = list[int]()
    async with hubbub.connect(config=impatient) as mesh:
        handle = await mesh.send_direct_message(name("Worker"), "x")
        for _ in range(2):
            worker = Agent(name("Worker"))
            worker.agentic_run(work)
            going.clear()
            async with mesh.serve(worker), asyncio.timeout(10):
                await going.wait()
        assert await handle.result(10) == "done"
        kinds = [event.kind async for event in handle.events()]
    assert kinds == ["claimed", "released", "claimed", "completed"]
    assert attempts == [1, 1]  # what was handed back was no attempt


async def test_serving_on_a_closed_mesh_is_a_lost_connection(
    config: NATSConfig, name: Name
) -> None:
    async with hubbub.connect(config=config) as mesh:
        pass
    agent = agent_named(name("Agent"))
    with pytest.raises(ConnectionLost):
        async with asyncio.timeout(10), mesh.serve(agent):
            pass


async def test_two_loops_one_after_the_other_can_use_the_same_agent(
    config: NATSConfig, name: Name
) -> None:
    agent = agent_named(name("Agent"))
    agent.config = config

    async def use() -> str:
        await agent.connect_nats()
        try:
            return (await agent.request_from_agent(agent.name, "x", timeout=10)).text
        finally:
            await agent.disconnect_nats()

    for _ in range(2):
        assert await asyncio.to_thread(asyncio.run, use()) == f"x to {agent.name}"


@contextlib.asynccontextmanager
async def _limited_inside(
    seconds: float, config: NATSConfig, agent: Agent
) -> AsyncGenerator[hubbub.Mesh]:
    async with hubbub.connect(config=config) as mesh, mesh.serve(agent), asyncio.timeout(seconds):
        yield mesh


@contextlib.asynccontextmanager
async def _limited_outside(
    seconds: float, config: NATSConfig, agent: Agent
) -> AsyncGenerator[hubbub.Mesh]:
    async with (
        asyncio.timeout(seconds),
        hubbub.connect(config=config) as mesh,
        mesh.serve(agent),
    ):
        yield mesh


async def test_a_watcher_on_a_fresh_server_does_not_stand_in_for_its_streams(
    own_server: ServerProcess,
) -> None:
    config = NATSConfig(nats_url=own_server.url)
    async with hubbub.connect(config=config) as watcher, hubbub.connect(config=config) as mesh:

        async def watch(_: object) -> None:
            return

        async with watcher.connection.subscription("agents.>", watch):
            await watcher.connection.flush()
            async with asyncio.timeout(5):
                handle = await mesh.send_direct_message("Nobody-Yet", "hello")
        assert await handle.state() == "submitted"
