"""The fixtures that tests of users get, in each way that pytest is set up."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

LOOP = ["-o", "asyncio_default_fixture_loop_scope=function"]
CONFTEST = 'pytest_plugins = ["hubbub.testing.fixtures"]\n'
SYNC = """
import asyncio
import hubbub
from hubbub import Agent

def test_a_sync_test_has_a_server(nats_server, mesh_config, clock, no_real_models):
    agent = Agent("Greeter")

    @agent.run
    def greet(name: str) -> str:
        return f"Hello, {name}!"

    async def talk():
        async with hubbub.connect(config=mesh_config) as mesh, mesh.serve(agent):
            return (await mesh.request_from_agent("Greeter", "Ada", timeout=5)).text

    assert nats_server.url == mesh_config.nats_url
    clock.move(days=1)
    assert asyncio.run(talk()) == "Hello, Ada!"
"""
ASYNCIO = """
import pytest
from hubbub import Agent

@pytest.mark.asyncio
async def test_an_async_test_has_a_mesh(mesh, clock):
    agent = Agent("Echo")

    @agent.agentic_run
    async def work(task):
        return task.content

    async with mesh.serve(agent):
        task = await mesh.send_direct_message("Echo", "later", deliver_in=3600)
        clock.move(hours=1)
        assert await task.result(timeout=5) == "later"
"""
ANYIO = """
import hubbub
import pytest

@pytest.fixture
def anyio_backend():
    return "asyncio"

@pytest.mark.anyio
async def test_anyio_opens_its_own(mesh_config):
    async with hubbub.connect(config=mesh_config) as mesh:
        assert await mesh.list_agents() == []
"""


@pytest.mark.parametrize(
    ("test", "options"),
    [
        (SYNC, ["-p", "no:asyncio", "-p", "no:anyio"]),
        (SYNC, LOOP),
        (ASYNCIO, [*LOOP, "-o", "asyncio_mode=strict"]),
        (ASYNCIO, [*LOOP, "-o", "asyncio_mode=auto"]),
        (ANYIO, ["-p", "no:asyncio"]),
    ],
    ids=["sync, no plugin", "sync", "strict", "auto", "anyio"],
)
def test_the_fixtures_work(tmp_path: Path, test: str, options: list[str]) -> None:
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_user.py").write_text(test)
    (tmp_path / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\n")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:xdist", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, *options], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout


def test_the_kit_is_cheap_to_import() -> None:
    code = (
        "import sys, hubbub.testing\n"
        "heavy = {'nats', 'openai', 'pydantic', 'pytest', 'asyncio'} & sys.modules.keys()\n"
        "assert not heavy, heavy\n"
        "for name in hubbub.testing.__all__:\n"
        "    assert getattr(hubbub.testing, name).__name__ == name or name == 'ToolCalls', name\n"
        "assert 'pytest' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
