"""The demo, on an embedded server of its own and the scripted model, as a newcomer starts it."""

from __future__ import annotations

import re
from pathlib import Path

from .conftest import Run, Start


async def test_the_demo_tells_its_story_and_ends(
    run: Run, environment: dict[str, str], tmp_path: Path
) -> None:
    del environment["NATS_URL"]
    outcome = await run("demo", "--once", HUBBUB_DATA_DIR=str(tmp_path / "demo"))
    assert outcome.err == ""
    assert outcome.code == 0
    story = outcome.out
    assert "a scripted model" in story
    for name in ("Weather-Bot", "Task-Coordinator", "General-Assistant"):
        assert re.search(rf"join +{name}", story)
        assert re.search(rf"broadcast +{name} +Hello You!", story)
    assert re.search(r"direct +You → Weather-Bot", story)
    assert re.search(r"done +Weather-Bot → You .*Lisbon", story)
    assert re.search(r"reply +Weather-Bot → You .*Oslo", story)
    assert re.search(r"handoff +Task-Coordinator → General-Assistant", story)
    assert re.search(r"request +General-Assistant → Weather-Bot", story)
    assert re.search(r"done +General-Assistant → Task-Coordinator", story)
    assert re.search(r"done +General-Assistant → You", story)
    assert "No agent named 'Nobody-Home' is online" in story
    assert "kill -9" in story
    assert "again (attempt 2)" in story
    assert re.search(r"done +Weather-Bot → You .*Reykjavik", story)
    assert "\x1b[" not in story  # no colours in a pipe


async def test_the_agents_of_the_demo_stay_to_be_talked_to(start: Start, run: Run) -> None:
    demo = await start("demo")
    await demo.until("Ctrl-C ends the demo.")
    asked = await run("request", "Weather-Bot", "What is the weather in Madrid?")
    assert asked.code == 0
    assert "In Madrid it is" in asked.out
    await demo.until("In Madrid")
    assert await demo.end() == 0
