"""The calls and class shapes of the reference document, apart from its import lines."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import nats
import pytest

import hubbub
from hubbub import AgentMessage, NATSAgentMixin, NATSConfig
from hubbub.testing import ServerProcess

from .kit import take

Name = Callable[[str], str]


class MyAgent(NATSAgentMixin):
    def __init__(self, name: str) -> None:
        self.name = name
        self.worked = asyncio.Queue[str]()
        self.loop = asyncio.get_running_loop()
        super().__init__()  # Initialize NATS mixin

    def run(self, message):  # pyright: ignore
        return f"{self.name} heard {message}"

    def agentic_run(self, message):  # pyright: ignore
        self.loop.call_soon_threadsafe(self.worked.put_nowait, message)  # pyright: ignore
        return f"{self.name} did {message}"


@pytest.fixture(autouse=True)
def environment(shared_server: ServerProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NATS_URL", shared_server.url)


async def test_a_class_with_the_mixin_talks_as_the_document_shows(name: Name) -> None:
    agent, target = MyAgent(name("My-Agent")), MyAgent(name("Target-Agent"))
    await agent.connect_nats(capabilities=["capability1", "capability2"], description="Does it")
    await target.connect_nats(capabilities=[name("special")], description="What this agent does")
    try:
        # Send direct message (async, kicks off agent)
        await agent.send_direct_message(
            to_agent=target.name,
            content="Please do this task...",
            metadata={"priority": "high"},
        )
        assert await take(target.worked, 1) == ["Please do this task..."]

        # Make request (sync, wait for response)
        response = await agent.request_from_agent(
            to_agent=target.name, content="What's the status?", timeout=10
        )
        assert response.content == f"{target.name} heard What's the status?"

        # Hand off task
        await agent.handoff_to_agent(
            to_agent=target.name,
            content="Continuing this task...",
            metadata={"context": "..."},
        )
        assert await take(target.worked, 1) == ["Continuing this task..."]

        # Broadcast to all
        await agent.broadcast_message(
            content="System announcement", metadata={"type": "announcement"}
        )
        await agent.announce_presence()
        (card,) = await agent.list_agents(capability=name("special"))
        assert card.description == "What this agent does"
    finally:
        await agent.disconnect_nats()
        await target.disconnect_nats()


async def test_the_monitor_of_the_document_sees_every_status(
    name: Name, shared_server: ServerProcess
) -> None:
    printed = asyncio.Queue[str]()

    async def monitor_agents() -> Any:
        nc = await nats.connect(shared_server.url)

        async def message_handler(msg: Any) -> None:
            message = AgentMessage.from_bytes(msg.data)
            if message.message_type in ["announcement", "heartbeat"]:
                line = f"{message.from_agent}: {message.metadata['status']}"
                if message.from_agent == name("My-Agent"):
                    printed.put_nowait(line)

        await nc.subscribe("agents.all", cb=message_handler)
        await nc.flush()
        return nc

    nc = await monitor_agents()
    agent = MyAgent(name("My-Agent"))
    await agent.connect_nats(capabilities=[], description="")
    await agent.broadcast_message(content="hello")
    await agent.disconnect_nats()
    lines = await take(printed, 4)
    await nc.close()
    assert sorted(lines) == sorted(
        [f"{agent.name}: online"] * 3 + [f"{agent.name}: offline"]  # join, beat, broadcast, leave
    )


async def test_a_configuration_of_ones_own_beats_the_environment(
    name: Name, shared_server: ServerProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NATS_URL", "nats://127.0.0.1:1")
    custom_config = NATSConfig(
        nats_url=shared_server.url, connection_timeout=10, message_timeout=60
    )

    class Configured(NATSAgentMixin):
        def __init__(self, name: str, nats_config: NATSConfig) -> None:
            self.name = name
            super().__init__(nats_config=nats_config)

        async def run(self, message: str) -> str:
            return message

    agent = Configured(name("My-Agent"), custom_config)
    await agent.connect_nats()
    try:
        answer = await agent.request_from_agent(to_agent=agent.name, content="me")
        assert answer.content == "me"
    finally:
        await agent.disconnect_nats()
    with pytest.raises(hubbub.ConnectionLost, match=r"127\.0\.0\.1:1"):
        await MyAgent(name("Other")).connect_nats()
