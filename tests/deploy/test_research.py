"""The research example: three agents at once, an approved mail, and workers that are killed."""

from __future__ import annotations

import asyncio
import contextlib
import email
import json
import signal
from collections import Counter
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest

import hubbub
from cli.conftest import PATIENCE_SECONDS
from hubbub import NATSConfig
from hubbub.mesh.tasks.handle import TaskHandle
from hubbub.runtimes.scripted import ScriptedModel
from hubbub.testing import ServerProcess
from hubbub.wire.events import TaskEvent

from .kit import ROOT, python

RESEARCH = ROOT / "examples/research"
SIDES = {"historian": "Long ago.", "economist": "It pays.", "engineer": "It turns."}


class _Model:
    """Answers for the three researchers; whoever is named in `slow` waits to be let go."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.slow = {"engineer"}
        self.let_go = asyncio.Event()
        self.all_asked = asyncio.Event()

    async def reply(self, messages: list[Any], tools: list[Any]) -> str:
        system = str(messages[0]["content"])
        (side,) = [side for side in SIDES if side in system]
        self.asked[side] += 1
        if len(self.asked) == len(SIDES):
            self.all_asked.set()
        if side in self.slow:
            await self.let_go.wait()
        return SIDES[side]


async def test_it_is_killed_twice_and_nothing_is_done_twice(
    own_server: ServerProcess, tmp_path: Path
) -> None:
    answers = _Model()
    async with ScriptedModel(answers.reply) as model:
        environment = {
            "NATS_URL": own_server.url,
            "OPENAI_BASE_URL": model.base_url,
            "HUBBUB_LEASE_SECONDS": "2",
            "HUBBUB_LOG_DIR": "",
        }
        config = NATSConfig(nats_url=own_server.url)
        sink = python(str(RESEARCH / "sink.py"), "0", cwd=tmp_path, environment={})
        serve = ("-m", "hubbub.cli", "run", "researchers.py:researchers")
        async with (
            sink as mails,
            python(*serve, cwd=RESEARCH, environment=environment) as researchers,
            hubbub.connect(config=config, name="ada") as mesh,
            asyncio.timeout(3 * PATIENCE_SECONDS / 2),
        ):
            port = (await mails.until("Mails go to port")).split()[-1]
            environment["SMTP_SERVER"] = f"127.0.0.1:{port}"
            await researchers.until("as Engineer")
            handle = await mesh.send_direct_message(
                "research",
                "",
                metadata={"params": {"topic": "windmills", "to": "grace@example.com"}},
            )
            # The first worker dies when two of three have answered.
            async with _worker(environment) as worker:
                await _replies(handle, 2)
                await answers.all_asked.wait()
                worker.send_signal(signal.SIGKILL)
            answers.let_go.set()
            # The second one dies while the person is being waited for.
            async with _worker(environment) as worker:
                asked = await _event(handle, "asked")
                await _event(handle, "parked")
                worker.send_signal(signal.SIGKILL)
            question = asked.data["question"]
            changed = {**question["arguments"], "to": "ada@example.com"}
            await handle.answer(
                {"decision": "approve", "arguments": changed, "comment": ""}, question["id"]
            )
            async with _worker(environment):
                result = str(await handle.result(timeout=PATIENCE_SECONDS))
            await mails.until("Kept:")
    assert result.startswith("Sent to ada@example.com as <")
    # Two of them were asked once. The third was at it when the one who asked died.
    assert answers.asked["historian"] == answers.asked["economist"] == 1
    assert answers.asked["engineer"] in (1, 2)
    events = [event async for event in _again(config, handle)]
    kinds = Counter(event.kind for event in events)
    assert (kinds["asked"], kinds["answered"], kinds["said"]) == (1, 1, 1)
    (kept,) = (tmp_path / "mails").glob("*.eml")
    mail = email.message_from_bytes(kept.read_bytes())
    assert mail["To"] == "ada@example.com"
    assert all(text in str(mail.get_payload()) for text in SIDES.values())


async def _again(config: NATSConfig, handle: TaskHandle) -> AsyncGenerator[TaskEvent]:
    async with hubbub.connect(config=config) as mesh:
        async for event in mesh.task(handle.agent, handle.task_id).events():
            yield event


@contextlib.asynccontextmanager
async def _worker(environment: dict[str, str]) -> AsyncGenerator[asyncio.subprocess.Process]:
    """Serve the workflow in one process, which ends however the test lets it."""
    serve = ("-m", "hubbub.cli", "run", "workflows.py")
    async with python(*serve, cwd=RESEARCH, environment=environment) as program:
        await program.until("as research")
        yield program.process


async def _event(handle: TaskHandle, kind: str) -> TaskEvent:
    async for event in handle.events():
        if event.kind == kind:
            return event
    raise AssertionError(f"no {kind} event came")


async def _replies(handle: TaskHandle, number: int) -> None:
    seen = 0
    async for event in handle.events():
        seen += event.kind == "replied"
        if seen == number:
            return


async def test_a_refused_mail_is_not_sent(own_server: ServerProcess, tmp_path: Path) -> None:
    answers = _Model()
    answers.let_go.set()
    async with ScriptedModel(answers.reply) as model:
        environment = {
            "NATS_URL": own_server.url,
            "OPENAI_BASE_URL": model.base_url,
            "SMTP_SERVER": "127.0.0.1:9",
        }
        config = NATSConfig(nats_url=own_server.url)
        everything = ("-m", "hubbub.cli", "run", "researchers.py:researchers", "workflows.py")
        async with (
            python(*everything, cwd=RESEARCH, environment=environment) as serving,
            hubbub.connect(config=config, name="ada") as mesh,
            asyncio.timeout(PATIENCE_SECONDS),
        ):
            await serving.until("as research")
            start = json.dumps({"topic": "windmills", "to": "grace@example.com"})
            handle = await mesh.send_direct_message("research", start)
            asked = await _event(handle, "asked")
            await handle.answer(
                {"decision": "reject", "comment": "Too long"}, asked.data["question"]["id"]
            )
            with pytest.raises(hubbub.TaskFailed, match="Too long"):
                await handle.result(timeout=PATIENCE_SECONDS)
