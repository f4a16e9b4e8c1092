"""The learning chat in three terminals, as the documentation lays them out."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
import yaml

from hubbub.gateway.api_keys import new_api_key
from hubbub.runtimes.scripted import ScriptedModel

from .kit import DEPLOY, PASSWORD, ROOT, address_of, nats_from, python

TOPICS = {
    "ada": "fractions",
    "bob": "rivers",
    "cleo": "stars",
    "dora": "poems",
    "emil": "bees",
}
CHAT = ROOT / "examples/learning_chat"
TURNS = 3


async def test_five_people_learn_at_once_and_nothing_mixes(tmp_path: Path) -> None:
    made = {user: new_api_key(user) for user in TOPICS}
    keys = tmp_path / "api-keys.json"
    keys.write_bytes(msgspec.json.encode([kept for _, kept in made.values()]))
    server_has = {"NATS_PASSWORD": PASSWORD}
    async with (
        nats_from(DEPLOY / "nats/nats-server.conf", tmp_path / "nats", server_has) as nats,
        ScriptedModel() as model,
    ):
        mesh = {"NATS_URL": nats.url, "NATS_USER": "hubbub", "NATS_PASSWORD": PASSWORD}
        thinking = {**mesh, "OPENAI_BASE_URL": model.base_url}
        workers = ("-m", "uvicorn", "app:app", "--workers", "2", "--port", "0")
        command = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
        words = command["services"]["gateway"]["command"]
        gateway = ["-m", words[0], *words[1:3], "--port=0", *words[5:]]
        opened = {**mesh, "HUBBUB_GATEWAY_API_KEYS_FILE": str(keys)}
        async with (
            python(*workers, cwd=CHAT, environment=thinking) as app,
            python(*gateway, cwd=tmp_path, environment=opened) as door,
        ):
            url = await address_of(door)
            await app.until("Application startup complete")
            people = [
                _Person(user, TOPICS[user], httpx.AsyncClient(base_url=url, headers=_of(key)))
                for user, (key, _) in made.items()
            ]
            try:
                async with asyncio.timeout(90):
                    await people[0].sees_the_workflow()
                    await asyncio.gather(*(person.learns() for person in people))
                for person in people:
                    await person.cannot_see(people)
            finally:
                for person in people:
                    await person.client.aclose()
    # Each answer was paid for once: a lesson has 3 of the teacher and 2 of the student.
    assert len(model.requests) == len(TOPICS) * (2 * TURNS - 1)


def _of(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


class _Person:
    """Learns about one topic over HTTP, and says something in the middle."""

    def __init__(self, user: str, topic: str, client: httpx.AsyncClient) -> None:
        self.user = user
        self.topic = topic
        self.client = client
        self.client.timeout = httpx.Timeout(60)
        self.task_id = ""

    async def sees_the_workflow(self) -> None:
        while True:
            found = await self.client.get("/api/agents/simple_learning")
            if found.status_code == 200 and found.json()["instances"] == 2:
                break
            await asyncio.sleep(0.1)  # nobody tells, and a person may ask 50 times a second
        assert set(found.json()["input_schema"]["properties"]) == {"topic", "turns"}

    async def learns(self) -> None:
        body = {"agent": "simple_learning", "params": {"turns": TURNS}}
        begun = await self.client.post("/api/tasks", json=body)
        assert begun.status_code == 201, begun.text
        self.task_id = begun.json()["id"]
        answers = iter([self.topic, "school", f"And what of {self.topic} at sea?", ""])
        said: list[str] = []
        async for event in self._events():
            if event["kind"] == "asked":
                await self._answers(event["data"]["question"]["id"], next(answers))
            elif event["kind"] == "said":
                said.append(event["data"]["text"])
        assert next(answers, None) is None
        assert len(said) == 2 * TURNS - 1
        assert all(self.topic in line for line in said)
        others = {*TOPICS.values()} - {self.topic}
        assert not any(other in line for other in others for line in said)
        task = (await self.client.get(f"/api/tasks/{self.task_id}")).json()
        assert task["state"] == "completed"
        assert task["owner"] == self.user
        assert task["result"] == f"A lesson on {self.topic} (school): the teacher spoke 3 times"

    async def cannot_see(self, others: list[_Person]) -> None:
        listed = (await self.client.get("/api/tasks")).json()["tasks"]
        assert [task["id"] for task in listed] == [self.task_id]
        for other in others:
            if other is not self:
                found = await self.client.get(f"/api/tasks/{other.task_id}")
                assert found.status_code == 404

    async def _answers(self, question_id: str, text: str) -> None:
        body = {"question_id": question_id, "answer": text}
        given = await self.client.post(f"/api/tasks/{self.task_id}/answers", json=body)
        assert given.status_code == 201, given.text

    async def _events(self) -> AsyncGenerator[dict[str, Any]]:
        async with self.client.stream("GET", f"/api/tasks/{self.task_id}/events") as stream:
            name = ""
            async for line in stream.aiter_lines():
                if line.startswith("event: "):
                    name = line.removeprefix("event: ")
                elif line.startswith("data: ") and name != "delta":
                    yield json.loads(line.removeprefix("data: "))


@pytest.mark.parametrize("variant", ["with_autogen.py", "with_ag2.py"])
def test_the_variants_with_frameworks_are_run_by_make_adapters(variant: str) -> None:
    text = (ROOT / "tests/adapters/test_learning_chat.py").read_text()
    assert variant.removesuffix(".py") in text
    assert (CHAT / variant).is_file()
