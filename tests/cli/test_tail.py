"""`hubbub tail`: the past and the present of the conversation, on a terminal and in a pipe."""

from __future__ import annotations

import asyncio
import json
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import typer

import hubbub
from hubbub import Mesh, NATSConfig
from hubbub.cli.tail import read_since
from hubbub.mesh.transport.streams import ensure_streams
from hubbub.testing import ServerProcess

from .conftest import Run, Start


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


async def copied(mesh: Mesh, number: int) -> None:
    """Wait until the history has so many entries."""
    async with asyncio.timeout(10):
        while len((await mesh.history(limit=number)).entries) < number:  # noqa: ASYNC110
            await asyncio.sleep(0.02)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30s", 30),
        ("15m", 900),
        ("1h", 3_600),
        ("2d", 172_800),
        ("1w", 604_800),
        (" 1.5 h ", 5_400),
    ],
)
def test_a_time_ago_is_read(text: str, seconds: float) -> None:
    assert read_since(text) == seconds


@pytest.mark.parametrize("text", ["2026-01-31", "2026-01-31T09:00", "2026-01-31T09:00:00Z"])
def test_a_date_is_read(text: str) -> None:
    assert read_since(text) == datetime.fromisoformat(text)


@pytest.mark.parametrize(
    "text", ["", "1", "h", "1y", "-1h", "yesterday", "1h2m", "0001-01-01", "9" * 12 + "d", "٣h"]
)
def test_what_is_neither_is_refused(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="must be a time ago"):
        read_since(text)


async def test_the_past_is_printed_and_that_is_all(run: Run, own_server: ServerProcess) -> None:
    assert (await run("tail", "--no-follow")).out == ""
    async with hubbub.connect(own_server.url, name="Ann") as mesh:
        await mesh.send_direct_message("Bob", "one", context_id="talk")
        await mesh.handoff_to_agent("Cid", "two", context_id="talk")
        await mesh.broadcast_message("three")
        await copied(mesh, 3)
    everything = await run("tail", "--no-follow")
    assert (everything.code, everything.err) == (0, "")
    assert [line.split("  ", 1)[1] for line in everything.out.splitlines()] == [
        "direct    Ann → Bob  one",
        "handoff   Ann → Cid  two",
        "broadcast Ann  three",
    ]

    async def told(*options: str) -> list[str]:
        outcome = await run("tail", "--no-follow", "--json", *options)
        assert outcome.code == 0
        return [line["content"] for line in lines(outcome.out)]

    assert await told("--since", "1h") == ["one", "two", "three"]
    assert await told("--since", "1h", "--agent", "cid") == ["two"]
    assert await told("--since", "1d", "--context", "talk") == ["one", "two"]
    assert await told("--kind", "handoff", "--kind", "broadcast") == ["two", "three"]
    assert await told("--since", "2100-01-01") == []
    assert await told("--since", "9999-12-31") == []


async def test_the_past_comes_first_and_then_what_is_said(
    run: Run, start: Start, own_server: ServerProcess, agent_file: Path
) -> None:
    async with hubbub.connect(own_server.url, name="Ann") as mesh:
        await mesh.send_direct_message("Echo-Bot", "long ago")
        await copied(mesh, 1)
    watching = await start("tail", "--since", "1h", "--json")
    await watching.until("long ago")
    serving = await start("run", f"{agent_file}:echo")
    await serving.until("as Echo-Bot")
    await watching.until('"kind":"completion"')
    await run("request", "Echo-Bot", "are you there", "--as", "Zoe")
    await watching.until('"kind":"reply"')
    heard = lines(watching.seen.partition("\n")[2])
    kinds = [line["kind"] for line in heard]
    assert kinds[0] == "direct"
    assert sorted(kinds[1:]) == ["completion", "join", "reply", "request"]
    seconds = {line["kind"]: line["seconds"] for line in heard if "seconds" in line}
    assert seconds.keys() == {"completion", "reply"}
    assert all(0 < one < 60 for one in seconds.values())
    assert await serving.end() == 0
    # What was live is gone, what was stored is told again in the same words.
    again = await run("tail", "--no-follow", "--json", "--agent", "Echo-Bot")
    stored = [line for line in lines(again.out) if line["kind"] != "leave"]
    assert [line["message_id"] for line in stored] == [
        line["message_id"] for line in heard if line["kind"] not in ("request", "reply")
    ]


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--since", "yesterday"], "--since 'yesterday' must be a time ago, such as 30s"),
        (["--kind", "shout"], "--kind 'shout' must be one of join, leave"),
        (["--agent", "a.b"], "'a.b' is not an agent name"),
    ],
)
async def test_wrong_usage_is_a_sentence_and_exit_code_two(
    run: Run, options: list[str], complaint: str
) -> None:
    outcome = await run("tail", *options)
    assert (outcome.code, outcome.out) == (2, "")
    assert complaint in outcome.err
    assert len(outcome.err.splitlines()) == 1


@pytest.mark.parametrize("options", [[], ["--json"]])
async def test_a_reader_that_goes_away_ends_it_quietly(
    environment: dict[str, str], own_server: ServerProcess, options: list[str]
) -> None:
    async with hubbub.connect(config=NATSConfig(nats_url=own_server.url)) as mesh:
        await ensure_streams(mesh.connection)
        for number in range(5_000):
            await mesh.connection.publish("agents.all", f"line {number}".encode())
        await mesh.connection.store("agents.all", b"the last one")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "hubbub.cli", "tail", "--no-follow", *options),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=environment,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    async with asyncio.timeout(60):
        assert b"line 0" in await process.stdout.readline()
        transport: Any = process.stdout._transport  # pyright: ignore
        transport.close()
        complaints = await process.stderr.read()
        code = await process.wait()
    assert (code, complaints) == (0, b"")
