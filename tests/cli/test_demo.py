"""The demo, on an embedded server of its own and the scripted model, as a newcomer starts it."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import httpx

from .conftest import PATIENCE_SECONDS, Run, Start


async def test_the_demo_tells_its_story_and_ends(
    run: Run, environment: dict[str, str], tmp_path: Path
) -> None:
    del environment["NATS_URL"]
    outcome = await run(
        "demo", "--once", HUBBUB_DATA_DIR=str(tmp_path / "demo"), HUBBUB_GATEWAY_PORT="0"
    )
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
    demo = await start("demo", HUBBUB_GATEWAY_PORT="0")
    await demo.until("Ctrl-C ends the demo.")
    asked = await run("request", "Weather-Bot", "What is the weather in Madrid?")
    assert asked.code == 0
    assert "In Madrid it is" in asked.out
    await demo.until("In Madrid")
    assert await demo.end() == 0


async def test_the_shop_of_the_demo_asks_a_person_and_goes_on_with_the_answer(start: Start) -> None:
    demo = await start("demo", HUBBUB_GATEWAY_PORT="0")
    seen = await demo.until("Model:")
    found = re.search(r"Console: (http://127\.0\.0\.1:\d+)", seen)
    assert found
    async with (
        httpx.AsyncClient(base_url=found[1], timeout=PATIENCE_SECONDS) as client,
        asyncio.timeout(PATIENCE_SECONDS),
    ):
        task_id, question_id = await _asking(client)
        answer = {"question_id": question_id, "answer": {"decision": "approve"}}
        answered = await client.post(f"/api/tasks/{task_id}/answers", json=answer)
        assert answered.status_code == 201
        async with client.stream("GET", f"/api/tasks/{task_id}/events") as events:
            kinds = [line async for line in events.aiter_lines() if line.startswith("event:")]
        assert kinds[-1] == "event: completed"
        task = (await client.get(f"/api/tasks/{task_id}")).json()
        assert task["owner"] == "local"
        assert task["result"].startswith("Paid: 249")
    assert await demo.end() == 0


async def _asking(client: httpx.AsyncClient) -> tuple[str, str]:
    """Wait until a task of the shop waits for a person; return it and its question."""
    while True:
        found = await client.get("/api/tasks", params={"state": "input-required"})
        for task in found.json()["tasks"]:
            return task["id"], task["questions"][0]["id"]
        await asyncio.sleep(0.1)
