"""Who is there: announcements, heartbeats, broadcasts and the list of agents."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import nats
import pytest

import hubbub
from hubbub import Agent, AgentMessage, AgentStatus, NATSConfig
from hubbub.testing import ServerProcess, nats_server
from hubbub.wire import agent_token

from .conftest import Layout
from .kit import soon, take, until

Name = Callable[[str], str]

REFERENCE_FIELDS = {
    "message_type",
    "from_agent",
    "to_agent",
    "content",
    "metadata",
    "timestamp",
    "message_id",
    "in_reply_to",
    "priority",
}


@pytest.fixture(scope="module")
def quick_beats() -> Iterator[dict[str, ServerProcess]]:
    """The time after which presence runs out is one for a whole server."""
    with nats_server() as one, nats_server() as other:
        yield {"open": one, "secured": other}


@pytest.fixture
def beating(layout: Layout, quick_beats: dict[str, ServerProcess]) -> NATSConfig:
    """Settings for a server of agents whose hearts beat quickly."""
    url = quick_beats[layout].url
    return NATSConfig(nats_url=url, layout=layout, heartbeat_seconds=0.2, grace_seconds=2)


@asynccontextmanager
async def monitor(config: NATSConfig, agent: str) -> AsyncGenerator[asyncio.Queue[dict[str, Any]]]:
    """Watch what an agent tells everybody, with a plain client."""
    heard = asyncio.Queue[dict[str, Any]]()

    async def hear(message: Any) -> None:
        fields = json.loads(message.data)
        if fields["from_agent"] == agent:
            heard.put_nowait(fields)

    client = await nats.connect(str(config.nats_url))
    layout = "agents.all" if config.layout == "open" else f"agents.all.from.{agent_token(agent)}"
    await client.subscribe(layout, cb=hear)
    await client.flush()
    try:
        yield heard
    finally:
        await client.close()


async def test_a_monitor_sees_an_agent_come_beat_and_leave_in_the_reference_format(
    beating: NATSConfig, name: Name
) -> None:
    worker = Agent(name("Weather-Bot"), description="Knows it", capabilities=["weather"])
    worker.run(_nothing)
    async with monitor(beating, worker.name) as heard:
        async with hubbub.connect(config=beating) as mesh, mesh.serve(worker):
            join, first, second = await take(heard, 3)
            await worker.broadcast_message("good morning")
            await worker.broadcast_message("noon", metadata={"type": "announcement"})
            await worker.announce_presence("busy")
            said = [join, first, second]
            while said[-1]["metadata"].get("event") != "status":
                said += await take(heard, 1)
        while said[-1]["metadata"].get("event") != "leave":
            said += await take(heard, 1)
    for fields in said:
        assert fields.keys() >= REFERENCE_FIELDS
        assert fields["metadata"]["status"]  # what monitors read in every one of them
        assert fields["message_type"] in ("announcement", "heartbeat")
        assert AgentMessage.from_bytes(json.dumps(fields).encode()).from_agent == worker.name
    assert join["message_type"] == "announcement"
    assert join["metadata"]["status"] == "online"
    assert join["metadata"]["event"] == "join"
    assert join["metadata"]["capabilities"] == ["weather"]
    assert join["metadata"]["description"] == "Knows it"
    assert join["to_agent"] is None
    beats = [fields for fields in said if fields["message_type"] == "heartbeat"]
    assert len(beats) >= 2
    assert {"status", "running", "queued", "instance"} <= beats[0]["metadata"].keys()
    broadcasts = [f for f in said if f["message_type"] == "announcement"]
    broadcasts = [f for f in broadcasts if "event" not in f["metadata"]]
    assert [f["content"] for f in broadcasts] == ["good morning", "noon"]
    assert broadcasts[1]["metadata"] == {"status": "online", "type": "announcement"}
    (status,) = [f for f in said if f["metadata"].get("event") == "status"]
    assert status["metadata"]["status"] == "busy"
    assert said[-1]["metadata"]["status"] == "offline"


async def test_an_agent_that_works_is_busy(beating: NATSConfig, name: Name) -> None:
    worker, finish = Agent(name("Worker")), asyncio.Event()

    @worker.agentic_run
    async def work(message: AgentMessage) -> None:
        await finish.wait()

    async with monitor(beating, worker.name) as heard:
        async with hubbub.connect(config=beating) as mesh, mesh.serve(worker):
            await mesh.send_direct_message(worker.name, "x")

            async def is_busy() -> bool:
                return any(
                    card.status == AgentStatus.BUSY and card.running == 1
                    for card in await mesh.list_agents()
                    if card.name == worker.name
                )

            await until(is_busy)
            finish.set()
        said = [heard.get_nowait() for _ in range(heard.qsize())]
    assert "busy" in [fields["metadata"]["status"] for fields in said]


async def test_what_waits_in_an_inbox_is_counted_once_however_many_share_it(
    beating: NATSConfig, name: Name
) -> None:
    finish = asyncio.Event()
    workers = [Agent(name("Worker")) for _ in range(2)]

    async def work(message: AgentMessage) -> None:
        await finish.wait()

    for worker in workers:
        worker.agentic_run(work)

    async with (
        hubbub.connect(config=beating) as mesh,
        hubbub.connect(config=beating) as other,
        mesh.serve(workers[0]),
        other.serve(workers[1]),
    ):
        for _ in range(5):
            await mesh.send_direct_message(name("Worker"), "x")

        async def load_is(running: int, queued: int) -> bool:
            (card,) = [c for c in await mesh.list_agents() if c.name == name("Worker")]
            return (card.running, card.queued, card.instances) == (running, queued, 2)

        await until(lambda: load_is(2, 3))
        async with monitor(beating, name("Worker")) as heard:
            beat = await soon(heard.get())
            assert beat["metadata"]["queued"] == 4  # all but its own, for it knows no other
        finish.set()
        await until(lambda: load_is(0, 0))


async def test_requests_that_wait_for_a_slot_are_queued(beating: NATSConfig, name: Name) -> None:
    finish = asyncio.Event()
    workers = [Agent(name("Worker"), request_concurrency=1) for _ in range(2)]

    async def answer(message: AgentMessage) -> str:
        await finish.wait()
        return "done"

    for worker in workers:
        worker.run(answer)

    async with (
        hubbub.connect(config=beating) as mesh,
        hubbub.connect(config=beating) as other,
        mesh.serve(workers[0]),
        other.serve(workers[1]),
    ):
        asked = [
            asyncio.create_task(mesh.request_from_agent(name("Worker"), "x", timeout=20))
            for _ in range(12)
        ]

        async def load() -> tuple[int, int]:
            (card,) = [c for c in await mesh.list_agents() if c.name == name("Worker")]
            return card.running, card.queued

        async def all_are_known() -> bool:
            running, queued = await load()
            return running in (1, 2) and running + queued == 12

        async def nothing_is_left() -> bool:
            return await load() == (0, 0)

        await until(all_are_known)
        finish.set()
        assert {(await reply).text for reply in asked} == {"done"}
        await until(nothing_is_left)


async def test_the_newest_instance_describes_an_agent_whoever_beat_last(
    beating: NATSConfig, name: Name
) -> None:
    old = Agent(name("Worker"), description="old", version="1")
    new = Agent(name("Worker"), description="new", version="2")
    for agent in (old, new):
        agent.run(_nothing)
    async with (
        hubbub.connect(config=beating) as mesh,
        hubbub.connect(config=beating) as other,
        mesh.serve(old),
        monitor(beating, old.name) as heard,
    ):
        async with other.serve(new):
            while len({beat["metadata"].get("instance") for beat in await take(heard, 6)}) < 2:
                continue
            for _ in range(6):
                await soon(heard.get())
                (card,) = [c for c in await mesh.list_agents() if c.name == old.name]
                assert (card.description, card.version, card.instances) == ("new", "2", 2)
        (card,) = [c for c in await mesh.list_agents() if c.name == old.name]
        assert (card.description, card.instances) == ("old", 1)


async def test_broadcasts_reach_every_listener_but_the_sender(
    config: NATSConfig, name: Name
) -> None:
    heard = {base: asyncio.Queue[AgentMessage]() for base in ("One", "Two", "Three")}
    agents = [Agent(name(base)) for base in heard]
    for agent, queue in zip(agents, heard.values(), strict=True):
        agent.run(_nothing)

        @agent.on_broadcast
        async def hear(message: AgentMessage, queue: asyncio.Queue[AgentMessage] = queue) -> None:
            if message.from_agent == agents[0].name or message.from_agent == name("Boss"):
                queue.put_nowait(message)

    async with (
        hubbub.connect(config=config, name=name("Boss")) as mesh,
        hubbub.connect(config=config) as other,
        mesh.serve(*agents[:2]),
        other.serve(agents[2]),
    ):
        await agents[0].broadcast_message({"k": 1}, metadata={"a": "b"})
        await mesh.broadcast_message("last")
        assert [m.content for m in await take(heard["One"], 1)] == ["last"]
        for base in ("Two", "Three"):
            first, last = await take(heard[base], 2)
            assert {str(first.content), str(last.content)} == {"{'k': 1}", "last"}
            message = first if first.content != "last" else last
            assert message.message_type == "announcement"
            assert message.metadata == {"status": "online", "a": "b"}
            assert message.to_agent is None


async def test_a_broadcast_under_another_name_than_its_subject_is_not_heard_where_that_counts(
    config: NATSConfig, name: Name
) -> None:
    agent, heard = Agent(name("Agent")), asyncio.Queue[str]()
    agent.run(_nothing)

    @agent.on_broadcast
    async def hear(message: AgentMessage) -> None:
        if message.text.endswith(name("")):
            heard.put_nowait(f"{message.from_agent}: {message.text}")

    async with hubbub.connect(config=config, name="Mallory") as mesh, mesh.serve(agent):
        forged = AgentMessage(
            message_type="announcement", from_agent="Alice", content=f"forged{name('')}"
        )
        subject = mesh.connection.layout.everybody("mallory")
        await mesh.connection.publish(subject, forged.to_bytes())
        await mesh.broadcast_message(f"honest{name('')}")
        first = await take(heard, 1)
        if config.layout == "open":
            assert first == [f"Alice: forged{name('')}"]
            first = await take(heard, 1)
        assert first == [f"Mallory: honest{name('')}"]


async def test_a_listener_for_broadcasts_hears_no_joins_beats_or_leaves(
    beating: NATSConfig, name: Name
) -> None:
    listening, other = Agent(name("Listening")), Agent(name("Other"))
    heard = asyncio.Queue[AgentMessage]()
    other.run(_nothing)
    listening.run(_nothing)

    @listening.on_broadcast
    async def hear(message: AgentMessage) -> None:
        if message.from_agent == other.name:
            heard.put_nowait(message)

    async with (
        monitor(beating, other.name) as seen,
        hubbub.connect(config=beating) as mesh,
        mesh.serve(listening),
    ):
        async with mesh.serve(other):
            await take(seen, 4)
        async with mesh.serve(other):
            await other.broadcast_message("the only one")
            assert [m.content for m in await take(heard, 1)] == ["the only one"]
    assert heard.empty()


async def test_a_listener_that_fails_or_hangs_keeps_nobody_from_hearing_and_nobody_from_leaving(
    config: NATSConfig, name: Name, caplog: pytest.LogCaptureFixture
) -> None:
    failing, hanging, fine = (Agent(name(base)) for base in ("Failing", "Hanging", "Fine"))
    heard, canceled = asyncio.Queue[str](), asyncio.Event()
    for agent in (failing, hanging, fine):
        agent.run(_nothing)

    @failing.on_broadcast
    async def fail(message: AgentMessage) -> None:
        raise ValueError("no ear for this")

    @hanging.on_broadcast
    async def hang(message: AgentMessage) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            canceled.set()

    @fine.on_broadcast
    def hear(text: str) -> None:
        if text.endswith(name("")):
            loop.call_soon_threadsafe(heard.put_nowait, text)

    loop = asyncio.get_running_loop()
    async with hubbub.connect(config=config) as mesh:
        async with mesh.serve(failing, hanging, fine):
            for number in range(2):
                await mesh.broadcast_message(f"{number}{name('')}")
            assert set(await take(heard, 2)) == {f"0{name('')}", f"1{name('')}"}
        await soon(canceled.wait())
    assert "no ear for this" in caplog.text


async def test_agents_are_listed_with_their_cards(config: NATSConfig, name: Name) -> None:
    worker = Agent(
        name("Weather-Bot"),
        description="Knows it",
        capabilities=["weather_lookup", name("Special")],
        tools=["look_up"],
        model="m",
        version="1.2",
    )
    other = Agent(name("Other"), capabilities=["weather_lookup"])
    for agent in (worker, other):
        agent.run(_nothing)
    async with hubbub.connect(config=config) as mesh, mesh.serve(worker, other):
        (card,) = await mesh.list_agents(capability=name("sPECIAL"))
        assert card.name == worker.name
        assert card.description == "Knows it"
        assert card.capabilities == ["weather_lookup", name("Special")]
        assert card.tools == ["look_up"]
        assert (card.model, card.version) == ("m", "1.2")
        assert card.status == AgentStatus.ONLINE
        assert card.instances == 1
        assert card.last_seen
        names = [c.name for c in await mesh.list_agents("WEATHER_LOOKUP")]
        assert {worker.name, other.name} <= set(names)
        assert names == sorted(names, key=str.casefold)
        assert await mesh.list_agents(name("nothing")) == []
        assert await worker.list_agents(name("special")) == [card]


async def test_an_agent_that_has_left_is_listed_only_when_asked_for(
    config: NATSConfig, name: Name
) -> None:
    worker = Agent(name("Worker"), capabilities=[name("special")])
    worker.run(_nothing)
    async with hubbub.connect(config=config) as mesh:
        async with mesh.serve(worker):
            assert len(await mesh.list_agents(name("special"))) == 1
        assert await mesh.list_agents(name("special")) == []
        (card,) = await mesh.list_agents(name("special"), include_offline=True)
        assert card.status == AgentStatus.OFFLINE
        assert card.instances == 0
        async with mesh.serve(worker):
            (card,) = await mesh.list_agents(name("special"), include_offline=True)
            assert (card.status, card.instances) == (AgentStatus.ONLINE, 1)


async def test_instances_are_one_agent_until_the_last_of_them_has_left(
    config: NATSConfig, name: Name
) -> None:
    # Two spellings of one name are one agent, too.
    special, base = name("special"), name("Weather-Bot")
    one = Agent(base, capabilities=[special])
    two = Agent(base.lower().replace("-", "_"), capabilities=[special])
    for agent in (one, two):
        agent.run(_nothing)
    async with hubbub.connect(config=config) as mesh, hubbub.connect(config=config) as other:
        async with other.serve(two):
            async with mesh.serve(one):
                (card,) = await mesh.list_agents(special)
                assert card.instances == 2
            (card,) = await mesh.list_agents(special)
            assert (card.name, card.instances) == (two.name, 1)
            reply = await mesh.request_from_agent(one.name, "x", timeout=10)
            assert reply.from_agent == two.name
        assert await mesh.list_agents(special) == []


async def test_an_agent_that_vanishes_without_a_word_is_offline_in_time(
    beating: NATSConfig, name: Name
) -> None:
    worker = Agent(name("Worker"), capabilities=[name("special")])
    worker.run(_nothing)
    gone = asyncio.Event()

    async def vanish() -> None:
        async with hubbub.connect(config=beating) as doomed, doomed.serve(worker):
            assert len(await doomed.list_agents(name("special"))) == 1
            await doomed.connection.client.close()  # no goodbye gets out any more
            gone.set()
            await asyncio.Event().wait()

    async with hubbub.connect(config=beating) as mesh:
        vanishing = asyncio.create_task(vanish())
        await soon(gone.wait())

        async def is_offline() -> bool:
            return await mesh.list_agents(name("special")) == []

        async with asyncio.timeout(3):
            await until(is_offline)
        (card,) = await mesh.list_agents(name("special"), include_offline=True)
        assert card.status == AgentStatus.OFFLINE
        with pytest.raises(hubbub.AgentUnavailable):
            await mesh.request_from_agent(worker.name, "x", timeout=10)
        vanishing.cancel()
        with contextlib.suppress(asyncio.CancelledError, hubbub.ConnectionLost):
            await soon(vanishing)


async def test_an_agent_that_lets_its_work_end_says_that_it_takes_no_more(
    config: NATSConfig, name: Name
) -> None:
    worker, going, finish = Agent(name("Worker")), asyncio.Event(), asyncio.Event()

    @worker.agentic_run
    async def work(text: str) -> str:
        going.set()
        await finish.wait()
        return "done"

    async with hubbub.connect(config=config) as mesh, hubbub.connect(config=config) as other:

        async def serve() -> None:
            async with other.serve(worker):
                handles.append(await mesh.send_direct_message(worker.name, "x"))
                await going.wait()

        handles = list[hubbub.TaskHandle]()
        serving = asyncio.create_task(serve())
        await soon(going.wait())

        async def is_draining() -> bool:
            return any(
                card.status == AgentStatus.DRAINING
                for card in await mesh.list_agents()
                if card.name == worker.name
            )

        await until(is_draining)
        finish.set()
        await soon(serving)
        assert await handles[0].result(timeout=10) == "done"


@pytest.mark.parametrize("how", ["error", "cancellation"])
async def test_however_the_serving_ends_the_mesh_is_told_and_work_is_handed_back(
    config: NATSConfig, name: Name, how: str
) -> None:
    worker, going = Agent(name("Worker"), capabilities=[name("special")]), asyncio.Event()

    @worker.agentic_run
    async def work(message: AgentMessage) -> None:
        going.set()
        await asyncio.Event().wait()

    quick = config.model_copy(update={"grace_seconds": 0.1})
    async with hubbub.connect(config=quick) as mesh:
        handle = await mesh.send_direct_message(worker.name, "x")

        async def serve() -> None:
            async with hubbub.connect(config=quick) as other, other.serve(worker):
                await going.wait()
                if how == "error":
                    raise LookupError("on the way")
                await asyncio.Event().wait()

        async with monitor(quick, worker.name) as heard:
            serving = asyncio.create_task(serve())
            await soon(going.wait())
            if how == "cancellation":
                serving.cancel()
            with pytest.raises(LookupError if how == "error" else asyncio.CancelledError):
                await soon(serving)
            said = [heard.get_nowait() for _ in range(heard.qsize())]
        assert said[-1]["metadata"]["event"] == "leave"
        assert await mesh.list_agents(name("special")) == []
        assert await handle.state() == hubbub.TaskState.SUBMITTED
        assert "released" in [e.kind for e in await _events(handle, 2)]


async def _events(handle: hubbub.TaskHandle, number: int) -> list[hubbub.TaskEvent]:
    found = list[hubbub.TaskEvent]()
    async for event in handle.events():
        found.append(event)
        if len(found) == number:
            break
    return found


async def _nothing(message: AgentMessage) -> None: ...
