"""`hubbub up`: everything in one command."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from pathlib import Path

import httpx
import pytest

from .conftest import PATIENCE_SECONDS, Run, Start

WORKFLOWS = """
from hubbub import Task, Workflows

workflows = Workflows()


@workflows.register(name="Greeting")
async def greeting(task: Task, greeting: str = "Hello"):
    name = await task.ask_text("Who are you?")
    return f"{greeting} {name}"
"""


async def _happens(client: httpx.AsyncClient, task_id: str, kind: str) -> None:
    """Wait until something is in the log of a task."""
    async with client.stream("GET", f"/api/tasks/{task_id}/events") as events:
        async for line in events.aiter_lines():
            if line == f"event: {kind}":
                return
    raise AssertionError(f"no {kind} event came")


@pytest.mark.parametrize("embedded", [False, True])
async def test_a_workflow_is_started_and_answered_over_http(
    embedded: bool, start: Start, tmp_path: Path
) -> None:
    file = tmp_path / "greetings.py"
    file.write_text(WORKFLOWS)
    # An empty variable is none, and another port than NATS's own keeps other servers out.
    more = {"NATS_URL": ""} if embedded else {}
    everything = await start("up", f"{file}:workflows", "--processes", "2", "--port", "0", **more)
    seen = await everything.until("Ctrl-C ends it.")
    assert "Serves   Greeting in 2 processes" in seen
    found = re.search(r"Console  (http://127\.0\.0\.1:\d+)", seen)
    assert found
    async with httpx.AsyncClient(base_url=found[1], timeout=PATIENCE_SECONDS) as client:
        assert (await client.get("/readyz")).status_code == 200
        begun = await client.post(
            "/api/tasks", json={"agent": "Greeting", "params": {"greeting": "Hi"}}
        )
        task_id = begun.json()["id"]
        await _happens(client, task_id, "asked")
        answered = await client.post(f"/api/tasks/{task_id}/answers", json={"answer": "Ada"})
        assert answered.status_code == 201
        await _happens(client, task_id, "completed")
        task = (await client.get(f"/api/tasks/{task_id}")).json()
        assert (task["state"], task["result"]) == ("completed", "Hi Ada")
    assert await everything.end() == 0
    assert "Traceback" not in await everything.rest()


async def test_it_tells_where_it_is_as_json(start: Start, environment: dict[str, str]) -> None:
    up = await start("up", "--port", "0", "--json")
    facts = json.loads((await up.until("gateway")).splitlines()[-1])
    assert facts["nats"] == environment["NATS_URL"]
    assert facts["serves"] == []
    assert await up.end() == 0


async def test_strangers_need_credentials(run: Run) -> None:
    refused = await run("up", "--host", "0.0.0.0", "--port", "0")
    assert refused.code == 2
    assert "HUBBUB_GATEWAY_API_KEYS_FILE" in refused.err


async def test_what_cannot_be_served_is_told_before_anything_starts(run: Run) -> None:
    refused = await run("up", "no_such_module", "--port", "0")
    assert (refused.code, refused.out) == (2, "")


async def test_without_its_packages_it_says_what_to_install(environment: dict[str, str]) -> None:
    program = (
        "import sys; sys.modules['fastapi'] = None; sys.argv = ['hubbub', 'up'];"
        "from hubbub.cli import main; main()"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, env=environment, stderr=asyncio.subprocess.PIPE
    )
    _, err = await process.communicate()
    assert process.returncode == 1
    assert err.decode().endswith("pip install 'hubbub[gateway]'\n")
