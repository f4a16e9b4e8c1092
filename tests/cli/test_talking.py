"""`send`, `request`, `handoff`, `broadcast`, `agents` and `tail`, as people type them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .conftest import Run, Start


async def test_an_agent_is_served_listed_asked_and_set_to_work(
    start: Start, run: Run, agent_file: Path
) -> None:
    serving = await start("run", f"{agent_file}:echo", f"{agent_file}:plain")
    await serving.until("as Plain One")

    listed = await run("agents")
    assert listed.code == 0
    assert "Echo-Bot" in listed.out
    assert "Says it again" in listed.out

    cards = json.loads((await run("agents", "--json", "--capability", "ECHO")).out)
    assert [card["name"] for card in cards] == ["Echo-Bot"]

    assert (await run("request", "Echo-Bot", "hello you")).out == "hello you \n"
    assert (await run("request", "Echo-Bot", "hello you", "--follow")).out == "hello you \n"
    assert (await run("request", "plain one", "-", stdin="loud")).out == "LOUD\n"
    answer = json.loads((await run("request", "echo bot", "hi", "--json", "--as", "Ann")).out)
    assert (answer["to_agent"], answer["content"]) == ("Ann", "hi ")

    followed = await run("send", "Echo-Bot", "work", "-m", "a=1", "-m", "b=x", "--follow")
    assert followed.code == 0
    assert "half way" in followed.out
    assert '{"said":"work","metadata":{"a":1,"b":"x"}}' in followed.out

    handed = json.loads((await run("handoff", "Echo-Bot", "take over", "--json")).out)
    assert handed["agent"] == "Echo-Bot"
    assert (await run("broadcast", "hello all")).out == "Told 2 agents\n"
    assert await serving.end() == 0
    assert "Nobody is here" in (await run("agents")).out
    gone = json.loads((await run("agents", "--all", "--json")).out)
    assert {card["status"] for card in gone} == {"offline"}


async def test_a_request_waits_for_an_agent_that_is_to_come(
    start: Start, run: Run, agent_file: Path
) -> None:
    nobody = await run("request", "Echo-Bot", "hello", "--wait", "0.1")
    assert nobody.code == 3
    assert "No agent named 'Echo-Bot' is online" in nobody.err
    asking = await start("request", "Echo-Bot", "hello", "--wait", "60")
    following = await start("request", "Echo-Bot", "hello", "--wait", "60", "--follow")
    serving = await start("run", f"{agent_file}:echo")
    await asking.until("hello")
    await following.until("hello")
    assert await asking.process.wait() == 0
    assert await following.process.wait() == 0
    assert await serving.end() == 0


async def test_a_failed_task_is_told_by_text_and_exit_code(
    start: Start, run: Run, agent_file: Path
) -> None:
    quick = {"HUBBUB_MAX_ATTEMPTS": "2", "HUBBUB_RETRY_SECONDS": "0.01"}
    serving = await start("run", f"{agent_file}:echo", **quick)
    await serving.until("as Echo-Bot")
    outcome = await run("send", "Echo-Bot", "fail", "--follow")
    assert outcome.code == 1
    assert "no way; again in" in outcome.out
    assert outcome.err.startswith("hubbub: Task ")
    assert "Traceback" not in outcome.err
    shown = await serving.until("ValueError: no way")
    assert "hubbub/agents" not in shown  # the trace begins in the user's own code


async def test_the_conversation_can_be_watched(start: Start, run: Run, agent_file: Path) -> None:
    serving = await start("run", f"{agent_file}:echo")
    await serving.until("as Echo-Bot")
    watching = await start("tail", "--json")
    plain = await start("tail", "--agent", "echo bot")
    await watching.until("Watching")
    await plain.until("Watching")
    await run("request", "Echo-Bot", "hi", "--as", "Ann")
    await watching.until('"kind":"reply"')
    shown = await plain.until("Echo-Bot → Ann")
    assert "Ann → Echo-Bot  hi" in shown
    heard = [json.loads(line) for line in watching.seen.splitlines()[1:]]
    reply = next(line for line in heard if line["kind"] == "reply")
    assert reply["from_agent"] == "Echo-Bot"
    assert 0 < reply["seconds"] < 60


async def test_a_message_waits_for_an_agent_that_is_away(
    start: Start, run: Run, agent_file: Path
) -> None:
    sent = await run("send", "Echo-Bot", "later", "--json")
    assert sent.code == 0
    following = await start("send", "Echo-Bot", "after that", "--follow")
    facts = await start("send", "Echo-Bot", "and that", "--follow", "--json")
    await following.until("Stored for Echo-Bot")
    nobody = "nobody serves Echo-Bot just now: it goes on as soon as somebody does\n"
    await following.until(f"  {nobody}")
    await facts.until(f"hubbub: {nobody}")
    serving = await start("run", f"{agent_file}:echo")
    await following.until('"said":"after that"')
    await facts.until('"said":"and that"')
    assert await following.process.wait() == 0
    assert await serving.end() == 0


@pytest.mark.parametrize("seconds", ["nan", "inf", "-1"])
async def test_what_is_no_length_of_time_is_refused(run: Run, seconds: str) -> None:
    for option in ("--timeout", "--deliver-in", "--expires-in"):
        assert (await run("send", "Echo-Bot", "hello", option, seconds)).code == 2
    for option in ("--timeout", "--wait"):
        refused = await run("request", "Echo-Bot", "hello", option, seconds)
        assert refused.code == 2
        assert option in refused.err
