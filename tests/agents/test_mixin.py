"""The mixin on classes that exist already, and agents on connections of their own."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable

import pytest

import hubbub
from hubbub import Agent, AgentMessage, ConnectionLost, NATSAgentMixin, NATSConfig

Name = Callable[[str], str]


class Thinker:
    """A class of somebody else's, with a signature of its own."""

    def __init__(self, depth: int, *, mood: str = "calm") -> None:
        self.depth = depth
        self.mood = mood

    def think(self, text: str) -> str:
        return f"{text}{'.' * self.depth}"


class MixinFirst(NATSAgentMixin, Thinker):
    def __init__(self, name: str, config: NATSConfig) -> None:
        super().__init__(3, mood="eager", nats_config=config)
        self.name = name

    def run(self, message: str) -> str:
        return self.think(message)


class MixinLast(Thinker, NATSAgentMixin):
    def __init__(self, name: str, config: NATSConfig) -> None:
        super().__init__(2)
        self.name = name
        self.nats_config = config

    async def agentic_run(self, message: str) -> str:
        await asyncio.sleep(0)
        return self.think(message)


class NoSuper(NATSAgentMixin):
    def __init__(self, name: str, config: NATSConfig) -> None:  # pyright: ignore[reportMissingSuperCall]
        self.name = name
        self.nats_config = config

    def run(self, message: AgentMessage) -> str:
        return f"{message.text}!"

    async def agentic_run(self, message: str) -> str:
        return f"{message}?"


async def _both(agent: NATSAgentMixin, text: str) -> list[object]:
    reply = await agent.request_from_agent(agent.name, text, timeout=10)
    return [reply.content, await (await agent.send_direct_message(agent.name, text)).result(10)]


async def test_the_mixin_fits_into_any_class(config: NATSConfig, name: Name) -> None:
    for kind, results in (
        (MixinFirst, ["hm...", "hm..."]),
        (MixinLast, ["hm..", "hm.."]),
        (NoSuper, ["hm!", "hm?"]),
    ):
        agent = kind(name(kind.__name__), config)
        await agent.connect_nats(["thinking"], "It thinks")
        try:
            assert await _both(agent, "hm") == results
            (card,) = [c for c in await agent.list_agents("thinking") if c.name == agent.name]
            assert card.description == "It thinks"
        finally:
            await agent.disconnect_nats()
    assert MixinFirst(name("X"), config).mood == "eager"


async def test_methods_of_the_class_hear_messages_and_broadcasts(
    config: NATSConfig, name: Name
) -> None:
    heard = asyncio.Queue[str]()
    loop = asyncio.get_running_loop()

    class Listening(NoSuper):
        async def on_message(self, message: AgentMessage) -> None:
            heard.put_nowait(f"message {message.text}")

        def on_broadcast(self, message: AgentMessage) -> None:
            if message.text == name("hello"):
                loop.call_soon_threadsafe(heard.put_nowait, "broadcast")

    one, two = Listening(name("One"), config), NoSuper(name("Two"), config)
    await one.connect_nats()
    await two.connect_nats()
    try:
        await two.broadcast_message(name("hello"))
        async with asyncio.timeout(10):
            assert await heard.get() == "broadcast"
            await one.send_direct_message(two.name, "x")
            assert await heard.get() == "message x?"
    finally:
        await one.disconnect_nats()
        await two.disconnect_nats()


async def test_a_method_may_speak_while_its_object_is_still_joining(
    config: NATSConfig, name: Name
) -> None:
    class Eager(NoSuper):
        async def agentic_run(self, message: str) -> str:
            handle = await self.send_direct_message(name("Other"), message)
            return handle.task_id

    for number in range(5):
        agent = Eager(name(f"Eager-{number}"), config)
        async with hubbub.connect(config=config) as mesh:
            handle = await mesh.send_direct_message(agent.name, "waiting for you")
            await agent.connect_nats()
            try:
                assert await handle.result(10)
                assert [e.kind async for e in handle.events()] == ["claimed", "sent", "completed"]
            finally:
                await agent.disconnect_nats()


async def test_before_it_is_connected_every_verb_says_what_to_do(
    config: NATSConfig, name: Name
) -> None:
    mixin, agent = NoSuper(name("Mixin"), config), Agent(name("Agent"))
    agent.run(lambda: None)
    for speaker in (mixin, agent):
        for call in (
            lambda s=speaker: s.send_direct_message("Other", "x"),
            lambda s=speaker: s.handoff_to_agent("Other", "x"),
            lambda s=speaker: s.request_from_agent("Other", "x"),
            lambda s=speaker: anext(s.stream_from_agent("Other", "x")),
            lambda s=speaker: s.broadcast_message("x"),
            lambda s=speaker: s.list_agents(),
            lambda s=speaker: s.announce_presence(),
        ):
            with pytest.raises(ConnectionLost, match=r"not on the mesh yet.*connect_nats\(\)"):
                await call()
        await speaker.disconnect_nats()  # which is no mistake


async def test_an_object_without_a_name_gets_that_of_its_class(config: NATSConfig) -> None:
    class Nameless(NATSAgentMixin):
        async def run(self, message: str) -> str:
            return message

    agent = Nameless(nats_config=config)
    with pytest.raises(ConnectionLost, match="Nameless is not on the mesh yet"):
        await agent.list_agents()
    await agent.connect_nats()
    try:
        assert (await agent.request_from_agent("Nameless", "x", timeout=10)).content == "x"
    finally:
        await agent.disconnect_nats()


async def test_an_object_that_can_do_nothing_is_refused(config: NATSConfig, name: Name) -> None:
    class Idle(NATSAgentMixin):
        def __init__(self) -> None:
            self.name = name("Idle")
            super().__init__(nats_config=config)

    agent = Idle()
    with pytest.raises(TypeError, match="it needs a method `run` or `agentic_run`"):
        await agent.connect_nats()


async def test_connecting_twice_is_refused_and_harmless(config: NATSConfig, name: Name) -> None:
    mixin, agent = NoSuper(name("Mixin"), config), Agent(name("Agent"), config=config)
    agent.run(lambda: "fine")
    for one in (mixin, agent):
        await one.connect_nats()
        try:
            with pytest.raises(ConnectionLost, match="connected already"):
                await one.connect_nats()
            assert await one.request_from_agent(agent.name if one is agent else mixin.name, "x")
        finally:
            await one.disconnect_nats()
    # At the same time as well; afterwards, again is no mistake.
    results = await asyncio.gather(
        agent.connect_nats(), agent.connect_nats(), return_exceptions=True
    )
    assert sorted(type(result).__name__ for result in results) == ["ConnectionLost", "NoneType"]
    await agent.disconnect_nats()
    await agent.connect_nats(description="again")
    assert agent.card.description == "again"
    await agent.disconnect_nats()
    await agent.disconnect_nats()


async def test_one_agent_cannot_be_in_two_places(config: NATSConfig, name: Name) -> None:
    agent = Agent(name("Agent"))
    agent.run(lambda: "fine")
    async with hubbub.connect(config=config) as mesh, hubbub.connect(config=config) as other:
        async with mesh.serve(agent):
            for place in (mesh, other):
                with pytest.raises(ConnectionLost, match="make a second Agent"):
                    async with place.serve(agent):
                        pass
            assert (await agent.request_from_agent(agent.name, "x", timeout=10)).content == "fine"
        async with other.serve(agent):
            assert (await agent.request_from_agent(agent.name, "x", timeout=10)).content == "fine"


async def test_connecting_can_be_given_up(config: NATSConfig, name: Name) -> None:
    gone = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()
        gone.set()

    listening = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    slow = config.model_copy(
        update={"nats_url": f"nats://127.0.0.1:{port}", "connection_timeout": 60}
    )
    agent = NoSuper(name("Agent"), slow)
    before = asyncio.all_tasks()
    async with listening:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await agent.connect_nats()
        async with asyncio.timeout(10):
            await gone.wait()  # the connection that was under way is closed
    assert not asyncio.all_tasks() - before
    agent.nats_config = config
    await agent.connect_nats()
    await agent.disconnect_nats()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_an_agent_of_its_own_runs_until_it_is_told_to_stop(
    config: NATSConfig, name: Name, number: signal.Signals
) -> None:
    for agent in (NoSuper(name("Mixin"), config), Agent.of(lambda: "fine", name=name("Agent"))):
        if isinstance(agent, Agent):
            agent.config = config
        running = asyncio.create_task(agent.run_with_nats(capabilities=[name("special")]))
        async with hubbub.connect(config=config) as mesh, asyncio.timeout(10):
            while not await mesh.list_agents(name("special")):  # noqa: ASYNC110 - nobody tells us
                await asyncio.sleep(0.01)
            await mesh.request_from_agent(agent.name, "x", timeout=10)
            os.kill(os.getpid(), number)
            await running
            assert await mesh.list_agents(name("special")) == []


async def test_a_canceled_agent_leaves_the_mesh(config: NATSConfig, name: Name) -> None:
    agent = NoSuper(name("Agent"), config)
    running = asyncio.create_task(agent.run_with_nats(capabilities=[name("special")]))
    async with hubbub.connect(config=config) as mesh, asyncio.timeout(10):
        while not await mesh.list_agents(name("special")):  # noqa: ASYNC110 - nobody tells us
            await asyncio.sleep(0.01)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert await mesh.list_agents(name("special")) == []
