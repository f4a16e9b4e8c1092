"""Requests when the server or the agent that answers dies in the middle."""

from __future__ import annotations

import asyncio
import signal
import time

import pytest

from hubbub import Mesh, RemoteError
from hubbub.testing import ServerProcess

from .conftest import Start
from .kit import Program


@pytest.mark.parametrize("seconds", [0.0, 1.0])
@pytest.mark.parametrize("instances", [1, 2])
async def test_a_restart_of_the_server_in_the_middle_costs_no_request_and_no_second_run(
    start: Start, mesh: Mesh, server: ServerProcess, instances: int, seconds: float
):
    ants = [await start("answerer.py", "Ant", "0", "20") for _ in range(instances)]
    for ant in ants:
        await ant.told("ready")
    asking = [
        asyncio.create_task(mesh.request_from_agent("Ant", "hold", timeout=30)) for _ in range(8)
    ]
    async with asyncio.timeout(20):
        while sum(len(ant.all_told("answering")) for ant in ants) < 8:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    server.kill()
    await asyncio.sleep(seconds)
    await asyncio.to_thread(server.start)
    for ant in ants:
        await ant.say("go")
    answers = await asyncio.wait_for(asyncio.gather(*asking), 30)
    assert all(answer.text.startswith("hold by ") for answer in answers)
    runs = [told["id"] for ant in ants for told in ant.all_told("answering")]
    assert len(runs) == len(set(runs)) == 8


async def test_an_answer_given_while_the_server_is_away_arrives(
    start: Start, mesh: Mesh, server: ServerProcess
):
    ant = await start("answerer.py", "Ant", "0", "20")
    await ant.told("ready")
    asking = asyncio.create_task(mesh.request_from_agent("Ant", "hold", timeout=30))
    await ant.told("answering")
    server.kill()
    await ant.say("go")
    # One that is asked meanwhile waits for the server, and for the agent to be back.
    later = asyncio.create_task(mesh.request_from_agent("Ant", "later", timeout=30))
    await asyncio.wait({asking, later}, timeout=0.5)
    await asyncio.to_thread(server.start)
    assert (await asyncio.wait_for(asking, 30)).text.startswith("hold by ")
    assert (await asyncio.wait_for(later, 30)).text.startswith("later by ")
    assert len(ant.all_told("answering")) == 2


async def _broken_off(mesh: Mesh, ant: Program) -> tuple[float, str]:
    """Kill an agent in the middle of its answer; return how soon that is told, and how."""
    stream = mesh.stream_from_agent("Ant", "pieces", timeout=10)
    assert await anext(stream) == "first"
    await ant.kill()
    killed = time.monotonic()
    with pytest.raises(RemoteError) as raised:
        await anext(stream)
    return time.monotonic() - killed, str(raised.value)


async def test_a_stream_notices_that_its_agent_was_killed(start: Start, mesh: Mesh):
    ant = await start("answerer.py", "Ant", "0", "1")
    await ant.told("ready")
    seconds, reason = await _broken_off(mesh, ant)
    assert seconds < 16
    # With short heartbeats the list of who is there knows it earlier.
    assert "has gone" in reason
    assert seconds < 12


async def test_a_frozen_agent_is_silent_for_fifteen_seconds_at_the_most(start: Start, mesh: Mesh):
    settings = {"HUBBUB_HEARTBEAT_SECONDS": "30"}
    ant = await start("answerer.py", "Ant", "0", "1", **settings)
    await ant.told("ready")
    stream = mesh.stream_from_agent("Ant", "pieces", timeout=10)
    assert await anext(stream) == "first"
    ant.signal(signal.SIGSTOP)
    frozen = time.monotonic()
    with pytest.raises(RemoteError):
        await anext(stream)
    assert time.monotonic() - frozen < 16
