"""What is wrong with a mesh is found, and each finding says what to do."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager

import msgspec
import pytest

import hubbub
from hubbub import Agent, AgentMessage, Mesh, NATSConfig, Task, TaskHandle, Workflows
from hubbub.mesh.diagnosis import Finding, diagnose
from hubbub.mesh.diagnosis.agents import examine_agents
from hubbub.mesh.diagnosis.clocks import examine_clocks
from hubbub.mesh.diagnosis.streams import examine_streams, stream_states
from hubbub.mesh.presence.cards import PROTOCOL, Instance, Process, list_instances
from hubbub.mesh.transport.streams import ensure_streams
from hubbub.mesh.versions import is_too_old
from hubbub.testing import ServerProcess
from hubbub.wire import clock


@pytest.fixture
def mine(own_server: ServerProcess) -> NATSConfig:
    """Settings for a server on which nothing else is going on."""
    return NATSConfig(nats_url=own_server.url, grace_seconds=2)


@pytest.fixture
def clock_restored() -> Iterator[None]:
    yield
    clock.restore()


async def findings(mesh: Mesh, subject: str = "") -> list[Finding]:
    found = [finding async for finding in diagnose(mesh.connection)]
    return [finding for finding in found if subject in finding.subject]


@asynccontextmanager
async def served(config: NATSConfig, *agents: Agent) -> AsyncGenerator[Mesh]:
    """Serve each agent on a connection of its own."""
    for agent in agents:
        agent.run(_nothing)
    async with (
        hubbub.connect(config=config) as mesh,
        hubbub.connect(config=config) as other,
        mesh.serve(*agents[:1]),
        other.serve(*agents[1:]),
    ):
        yield mesh


async def test_an_empty_server_is_noted_and_left_as_it_is(mine: NATSConfig) -> None:
    async with hubbub.connect(config=mine) as mesh:
        for _ in range(2):
            found = await findings(mesh)
            assert [(one.verdict, one.subject) for one in found] == [
                ("good", "NATS server"),
                ("note", "Streams"),
                ("note", "Agents"),
            ]
            assert "not there yet" in found[1].text


async def test_a_mesh_in_order_is_good_throughout(mine: NATSConfig) -> None:
    async with served(mine, Agent("Fine")) as mesh:
        found = await findings(mesh)
        assert {one.verdict for one in found} == {"good"}, found
        (inbox,) = [one for one in found if one.subject == "Stream INBOX"]
        assert inbox.facts.keys() >= {"messages", "bytes", "consumers", "replicas"}
        assert msgspec.json.encode(found)


async def test_a_stream_that_is_not_as_declared_is_named_with_the_field(mine: NATSConfig) -> None:
    async with hubbub.connect(config=mine) as mesh:
        await ensure_streams(mesh.connection)
        assert all(one.verdict == "good" for one in await findings(mesh, "Stream"))
        for stream, change in (
            ("WAKE", {"duplicate_window": 10_000_000_000}),
            ("INBOX", {"max_msgs_per_subject": 7}),
        ):
            there = await mesh.connection.api(f"STREAM.INFO.{stream}")
            await mesh.connection.api(f"STREAM.UPDATE.{stream}", {**there["config"], **change})
        (wake,) = await findings(mesh, "WAKE")
        assert wake.verdict == "bad"
        assert wake.facts["differs"] == ["duplicate_window"]
        assert "duplicate_window is 10000000000, declared 120000000000" in wake.text
        (inbox,) = await findings(mesh, "INBOX")
        assert inbox.verdict == "note"
        assert "HUBBUB_INBOX_LIMIT" in inbox.text


async def test_programs_of_another_layout_are_told_so(mine: NATSConfig) -> None:
    secured = mine.model_copy(update={"layout": "secured"})
    async with hubbub.connect(config=mine) as mesh, hubbub.connect(config=secured) as other:
        await ensure_streams(mesh.connection)
        (inbox,) = await findings(other, "Stream INBOX")
        assert inbox.verdict == "bad"
        assert "HUBBUB_LAYOUT" in inbox.remedy


async def test_copies_that_lag_or_are_gone_are_bad(mine: NATSConfig) -> None:
    async with hubbub.connect(config=mine) as mesh:
        await ensure_streams(mesh.connection)
        states = await stream_states(mesh.connection)
        replicas = [
            {"name": "n2", "current": False, "lag": 5_000},
            {"name": "n3", "current": True, "offline": True},
        ]
        states["TASKS"]["cluster"] = {"name": "c", "leader": "n1", "replicas": replicas}
        states["DEAD"]["cluster"] = {"name": "c", "replicas": replicas[:1]}
        found = {one.subject: one for one in examine_streams(mesh.connection, states)}
        assert found["Stream TASKS"].verdict == found["Stream DEAD"].verdict == "bad"
        assert "its copy on n2 lags by 5,000" in found["Stream TASKS"].text
        assert "its copy on n3 is offline" in found["Stream TASKS"].text
        assert "has no leader" in found["Stream DEAD"].text


@pytest.mark.usefixtures("clock_restored")
async def test_what_waits_for_nobody_is_named_with_its_age(mine: NATSConfig) -> None:
    async with hubbub.connect(config=mine) as mesh:
        for _ in range(3):
            await mesh.send_direct_message("Nobody", "x")
        (found,) = await findings(mesh, "Inboxes")
        assert found.verdict == "note"
        assert found.facts["agent"] == "nobody"
        assert (found.facts["messages"], found.facts["online"]) == (3, False)
        assert 0 <= found.facts["oldest_seconds"] < 60
        assert "hubbub run" in found.remedy
        # The age is by the server's clock, whatever ours says.
        clock.move(10_000)
        (found,) = await findings(mesh, "Inboxes")
        assert 0 <= found.facts["oldest_seconds"] < 60


async def test_runs_that_nobody_goes_on_with_are_told_with_their_version(mine: NATSConfig) -> None:
    async def ask(task: Task) -> str:
        return await task.ask_text("Who?")

    def registered(*versions: str) -> Workflows:
        workflows = Workflows()
        for version in versions:
            workflows.register(name="Order", version=version)(ask)
        return workflows

    async with hubbub.connect(config=mine) as mesh:
        async with mesh.serve(*registered("1")):
            runs = [await mesh.send_direct_message("Order", "") for _ in range(3)]
            for run in runs:
                await parked(run)
            assert not await findings(mesh, "Runs")
        await runs[0].answer("Ada")
        (told,) = await findings(mesh, "Answers")
        assert told.verdict == "note"
        assert (told.facts["agent"], told.facts["inputs"]) == ("order", 1)
        assert 0 <= told.facts["oldest_seconds"] < 60
        assert "1 answer" in told.text
        assert told.told.endswith("nobody serves it: start it with `hubbub run`")
        (run,) = await findings(mesh, "Runs")
        facts = {"agent": "order", "version": "1", "runs": 3}
        assert run.facts == {**facts, "online": False}
        async with mesh.serve(*registered("2")):
            (run,) = await findings(mesh, "Runs")
            assert run.facts == {**facts, "online": True}
            assert "3 runs not ended that began with version '1'" in run.text
            assert "start `hubbub run` with the code that still has it" in run.remedy
        async with mesh.serve(*registered("1", "2")):
            assert await runs[0].result(timeout=10) == "Ada"
            assert not await findings(mesh, "Runs")
            assert not await findings(mesh, "Answers")


async def parked(run: TaskHandle) -> None:
    async for event in run.events():
        if event.kind == "parked":
            return


async def test_dead_letters_are_counted_for_each_agent_with_the_last_reason(
    mine: NATSConfig,
) -> None:
    agent = Agent("Refuses")

    @agent.agentic_run
    async def work(message: AgentMessage) -> None:
        raise ValueError(f"not {message.text}")

    quick = mine.model_copy(update={"max_attempts": 1})
    async with hubbub.connect(config=quick) as mesh, mesh.serve(agent):
        for text in ("this", "that"):
            handle = await mesh.send_direct_message("Refuses", text)
            with pytest.raises(hubbub.TaskFailed):
                await handle.result(timeout=10)
        (found,) = await findings(mesh, "Dead letters")
        assert found.facts == {"agent": "refuses", "letters": 2}
        assert "not that" in found.text


@pytest.mark.usefixtures("clock_restored")
@pytest.mark.parametrize(
    ("seconds", "verdict"), [(0, "good"), (3, "note"), (-3, "note"), (60, "bad"), (-60, "bad")]
)
async def test_a_clock_that_is_off_is_noted_and_one_that_is_far_off_is_bad(
    mine: NATSConfig, seconds: float, verdict: str
) -> None:
    async with hubbub.connect(config=mine) as mesh:
        await ensure_streams(mesh.connection)
        clock.move(seconds)
        (found,) = await findings(mesh, "Clocks")
        assert found.verdict == verdict
        assert found.facts["ahead_seconds"] == pytest.approx(seconds, abs=1)
        assert ("ahead of" if seconds > 0 else "behind" if seconds else "agree") in found.text


@pytest.mark.usefixtures("clock_restored")
async def test_the_clock_of_an_agents_machine_is_compared_by_its_heartbeats(
    mine: NATSConfig,
) -> None:
    clock.move(30)
    async with served(mine, Agent("Early")) as mesh:
        instances = await list_instances(mesh.connection)
        _, found = examine_clocks(0.0, 0.0, instances)
        assert found.verdict == "bad"
        assert found.facts["ahead_seconds"] == pytest.approx(30, abs=2)


async def test_two_agents_under_one_name_are_found(mine: NATSConfig) -> None:
    one = Agent("Weather-Bot", description="Knows it", version="1")
    two = Agent("weather bot", description="Guesses it", version="1")
    async with served(mine, one, two) as mesh:
        spelling, cards = await findings(mesh, "Names")
        assert spelling.verdict == "note"
        assert "Weather-Bot and weather bot" in spelling.text
        assert cards.verdict == "bad"
        assert "another name" in cards.remedy


async def test_a_rollout_is_noted(mine: NATSConfig) -> None:
    one = Agent("Weather-Bot", description="Knows it", version="1")
    two = Agent("Weather-Bot", description="Knows it well", version="2")
    async with served(mine, one, two) as mesh:
        (found,) = await findings(mesh, "Names")
        assert found.verdict == "note"
        assert "(1, 2)" in found.text


def test_other_versions_of_hubbub_are_noted_and_other_protocols_are_bad() -> None:
    def instance(number: int, release: str, protocol: int) -> Instance:
        process = Process(host=f"host{number}", pid=number, hubbub=release, protocol=protocol)
        return Instance(name=f"Agent-{number}", id=str(number), process=process)

    same = instance(1, hubbub.__version__, PROTOCOL)
    newer = instance(2, "99.0", PROTOCOL)
    strange = instance(3, hubbub.__version__, PROTOCOL + 1)
    foreign = Instance(name="Plain", id="x")
    assert [one.subject for one in examine_agents([same, foreign])] == ["Agents"]
    _, note = examine_agents([same, newer])
    assert (note.verdict, note.subject) == ("note", "Versions")
    assert "99.0: Agent-2 in process 2 on host2" in note.text
    _, bad = examine_agents([same, strange])
    assert (bad.verdict, bad.subject) == ("bad", "Versions")
    assert "Agent-3 in process 3 on host3" in bad.text


@pytest.mark.parametrize(
    ("version", "old"),
    [
        ("2.10.22", True),
        ("2.9.0", True),
        ("1.4.1", True),
        ("2.11.0", False),
        ("2.15.1", False),
        ("3.0.0-beta.1", False),
        ("v2.10.0", True),
        ("unknown", False),
    ],
)
def test_servers_that_lack_what_we_need_are_known(version: str, old: bool) -> None:
    assert is_too_old(version) is old


async def _nothing(message: AgentMessage) -> None: ...
