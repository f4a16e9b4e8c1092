"""The learning chat of the examples, played by agents of a framework."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

import hubbub
from hubbub import NATSConfig
from hubbub.runtimes.scripted import ScriptedModel
from hubbub.testing import ServerProcess

from .kit import INSTALLED, why_not

CHAT = Path(__file__).parents[2] / "examples/learning_chat"
VARIANTS = {"autogen": "with_autogen.py", "ag2": "with_ag2.py"}
PATIENCE = 60.0


@pytest.mark.parametrize("framework", list(VARIANTS))
async def test_a_person_learns_and_interrupts(
    framework: str, server: ScriptedModel, own_server: ServerProcess
) -> None:
    if not INSTALLED[framework]:
        pytest.skip(why_not(framework))
    environment = {
        **os.environ,
        "NATS_URL": own_server.url,
        "OPENAI_BASE_URL": server.base_url,
    }
    worker = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "hubbub.cli", "run", str(CHAT / VARIANTS[framework])),
        env=environment,
        stdin=asyncio.subprocess.DEVNULL,
    )
    config = NATSConfig(nats_url=own_server.url)
    answers = iter(["fractions", "school", "What about fractions at sea?", ""])
    said: list[tuple[str, str]] = []
    try:
        async with hubbub.connect(config=config, name="ada") as mesh, asyncio.timeout(PATIENCE):
            handle = await mesh.send_direct_message(
                "simple_learning", "", metadata={"params": {"turns": 3}}
            )
            async for event in handle.events():
                if event.kind == "asked":
                    await handle.answer(next(answers), event.data["question"]["id"], by="ada")
                elif event.kind == "said":
                    said.append((event.data["agent"], event.data["text"]))
            result = await handle.result()
    finally:
        worker.terminate()
        await worker.wait()
    assert str(result).startswith("A lesson on fractions (school)")
    assert next(answers, None) is None
    assert [name for name, _ in said].count("Teacher") == 3
    assert all("fractions" in text for _, text in said)
    if framework == "autogen":
        # The person spoke in the student's place.
        assert ("Student", "What about fractions at sea?") in said
    else:
        assert "What about fractions at sea?" in str(server.requests[-1])
    assert len({str(request["messages"]) for request in server.requests}) == len(server.requests)
