"""Who is there, as the commands show it when processes come and go."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from hubbub.testing import nats_server

from .conftest import Program, Run, Start


def _instances(line: str) -> int:
    """Return how many instances a line of `agents --watch --json` tells of, -1 for another."""
    return sum(card["instances"] for card in json.loads(line)) if line.startswith("[") else -1


async def _until(watching: Program, condition: Callable[[str], bool]) -> None:
    seen: list[str] = []
    async with asyncio.timeout(20):
        while not seen or not condition(seen[-1]):
            seen.append(await watching.line())
            assert seen[-1], f"it ended: {seen}"


@pytest.mark.parametrize("telling", [True, False])
async def test_instances_that_come_and_die_are_seen_by_those_who_watch(
    start: Start, agent_file: Path, environment: dict[str, str], telling: bool
) -> None:
    with nats_server(token="abc", tells_departures=telling) as server:
        environment["NATS_URL"] = server.url
        # Where the server tells, nothing else may.
        environment["HUBBUB_HEARTBEAT_SECONDS"] = "30" if telling else "0.3"
        first = await start("run", f"{agent_file}:echo")
        await first.until("as Echo-Bot")
        watching = await start("agents", "--watch", "--json")
        talking = await start("tail", "--json", "--agent", "Echo-Bot")
        await talking.until("Watching")
        await _until(watching, lambda line: _instances(line) == 1)
        second = await start("run", f"{agent_file}:echo")
        await _until(watching, lambda line: _instances(line) == 2)
        await second.end(signal.SIGKILL)
        await _until(watching, lambda line: _instances(line) == 1)
        await first.end(signal.SIGKILL)
        await _until(watching, lambda line: _instances(line) == 0)
        if telling:
            for _ in range(2):
                await _until(talking, lambda line: "has left" in line)


async def test_doctor_says_what_waits_and_for_whom_and_its_findings_are_json(
    start: Start, run: Run, agent_file: Path
) -> None:
    serving = await start("run", f"{agent_file}:echo")
    await serving.until("as Echo-Bot")
    await run("send", "Nobody", "hello")
    shown = await run("doctor")
    assert shown.code == 0
    assert "nobody: 1 message, the oldest for" in " ".join(shown.out.split())
    told = await run("doctor", "--json")
    found = [json.loads(line) for line in told.out.splitlines()]
    assert {one["verdict"] for one in found} <= {"good", "note"}
    subjects = {one["subject"] for one in found}
    assert subjects >= {"NATS server", "Stream INBOX", "Stream KV_presence", "Agents", "Clocks"}
    (inbox,) = [one for one in found if one["subject"] == "Inboxes"]
    assert inbox["facts"]["messages"] == 1
