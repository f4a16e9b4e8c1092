"""The API of OpenAI, used by its own client: errors that it must not repeat, and workflows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import openai
import pytest

import hubbub
from hubbub import Agent, NATSConfig, Task, Workflows
from hubbub.gateway.acts.chat import asked_before, question_text
from hubbub.wire.questions import Question

from .kit import PATIENCE, Door, gateway

Named = Callable[[str], str]


@asynccontextmanager
async def openai_client(
    door: Door, user: str | None = None, retries: int = 2
) -> AsyncGenerator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(
        base_url=f"{door.url}/v1",
        api_key=door.keys[user] if user else "none",
        max_retries=retries,
        timeout=PATIENCE,
    ) as client:
        yield client


class Chat:
    """A chat as a client keeps it."""

    def __init__(self, client: openai.AsyncOpenAI, model: str) -> None:
        self.client, self.model = client, model
        self.messages: list[Any] = []

    async def say(self, text: str, *, stream: bool = False) -> str:
        self.messages.append({"role": "user", "content": text})
        create: Any = self.client.chat.completions.create
        if stream:
            chunks = await create(model=self.model, messages=self.messages, stream=True)
            said = "".join([chunk.choices[0].delta.content or "" async for chunk in chunks])
        else:
            done = await create(model=self.model, messages=self.messages)
            said = done.choices[0].message.content
        self.messages.append({"role": "assistant", "content": said})
        return said


async def test_what_failed_is_not_done_again(config: NATSConfig, name: Named) -> None:
    agent, asked = Agent(name("Failing")), list[str]()

    @agent.run
    async def answer(message: str) -> str:
        asked.append(message)
        if message == "sleep":
            await asyncio.Event().wait()
        raise ValueError("it was asked to")

    async with (
        hubbub.connect(config=config) as mesh,
        mesh.serve(agent),
        gateway(config) as door,
        openai_client(door) as client,
    ):
        for stream in (False, True):
            with pytest.raises(openai.APIStatusError, match="it was asked to") as failed:
                await client.chat.completions.create(
                    model=agent.name, messages=[{"role": "user", "content": "x"}], stream=stream
                )
            assert (failed.value.status_code, failed.value.code) == (424, "remote-error")
        with pytest.raises(openai.APIStatusError, match="did not answer") as failed:
            await client.chat.completions.create(
                model=agent.name,
                messages=[{"role": "user", "content": "sleep"}],
                extra_body={"timeout": 0.2},
            )
        assert (failed.value.status_code, failed.value.code) == (424, "request-timeout")
        assert asked == ["x", "x", "sleep"]


async def test_who_is_away_may_be_asked_again(config: NATSConfig, name: Named) -> None:
    workflows, agent = Workflows(), Agent(name("Away"))
    workflow = name("Away-Flow")

    @agent.run
    async def answer(message: str) -> str:
        return message

    @workflows.register(name=workflow)
    async def work(task: Task) -> str:
        return "done"

    async with gateway(config) as door, openai_client(door, retries=0) as client:
        async with hubbub.connect(config=config) as mesh, mesh.serve(agent, *workflows):
            pass
        for model in (agent.name, workflow):
            with pytest.raises(openai.InternalServerError) as failed:
                await client.chat.completions.create(
                    model=model, messages=[{"role": "user", "content": "x"}]
                )
            assert (failed.value.status_code, failed.value.code) == (503, "agent-unavailable")
            assert int(failed.value.response.headers["retry-after"]) >= 1
        assert (await mesh_tasks(config, workflow)) == 0


async def mesh_tasks(config: NATSConfig, agent: str) -> int:
    async with hubbub.connect(config=config) as mesh:
        return len((await mesh.tasks(agent)).tasks)


async def test_a_workflow_is_chatted_with(config: NATSConfig, name: Named, tmp_path: Path) -> None:
    workflows, called = Workflows(), name("Lesson")

    @workflows.register(name=called)
    async def lesson(task: Task, topic: str) -> str:
        await task.say(f"So you want {topic}")
        who = await task.ask_text("Who are you?", suggestions=["Ada"])
        level = await task.ask_choice("How deep?", ["school", "university"])
        days = await task.ask_choices("When?", ["Monday", "Tuesday", "Friday"])
        mail = await task.approve("send_email", {"to": who}, reason="To remember it")
        await task.say("Nearly done")
        return f"{who} {level} {days} {mail.approved} {mail.comment}"

    async with (
        hubbub.connect(config=config) as mesh,
        mesh.serve(*workflows),
        gateway(config, tmp_path) as door,
        openai_client(door, "ada") as client,
        openai_client(door, "bob") as other,
        door.client("ada") as rest,
    ):
        for stream in (False, True):
            chat = Chat(client, called)
            asked = await chat.say("fractals", stream=stream)
            assert asked.startswith("So you want fractals\n\nWho are you?\nFor example: Ada")
            stranger = Chat(other, called)
            stranger.messages = chat.messages[:]
            with pytest.raises(openai.NotFoundError):
                await stranger.say("Mallory")
            asked = await chat.say("Grace", stream=stream)
            assert asked.startswith("How deep?\n1. school\n2. university\n")
            wrong = await chat.say("3", stream=stream)
            assert wrong.startswith("This does not answer the question: it must be one of")
            assert "How deep?" in wrong
            assert (await chat.say("2", stream=stream)).startswith("When?")
            assert "send_email" in await chat.say("3, monday", stream=stream)
            assert (await chat.say("hm", stream=stream)).startswith("I did not understand that.")
            end = await chat.say("No: ask Bob first", stream=stream)
            assert end.strip() == (
                "Nearly done\n\nGrace university ['Monday', 'Friday'] False ask Bob first"
            )
            assert (await chat.say("chaos", stream=stream)).startswith("So you want chaos")
        listed = (await rest.get("/api/tasks", params={"agent": called})).json()["tasks"]
        assert [task["state"] for task in listed].count("completed") == 2
        assert {task["owner"] for task in listed} == {"ada"}


async def test_a_question_may_be_answered_elsewhere(open_config: NATSConfig, name: Named) -> None:
    workflows, called = Workflows(), name("Secretive")

    @workflows.register(name=called)
    async def secretive(task: Task) -> str:
        code = await task.ask_text("The code?", secret=True)
        return f"It has {len(code)} characters"

    async with (
        hubbub.connect(config=open_config) as mesh,
        mesh.serve(*workflows),
        gateway(open_config) as door,
        openai_client(door) as client,
        door.client() as rest,
    ):
        chat = Chat(client, called)
        asked = await chat.say("begin")
        assert "does not belong in a chat" in asked
        assert (await chat.say("hunter2")).startswith("It has not been answered yet.")
        (task,) = (await rest.get("/api/tasks", params={"agent": called})).json()["tasks"]
        await rest.post(f"/api/tasks/{task['id']}/answers", json={"answer": "hush"})
        assert await chat.say("done") == "It has 4 characters"


async def test_a_run_that_fails_says_why_once(open_config: NATSConfig, name: Named) -> None:
    workflows, called = Workflows(), name("Failing-Flow")

    @workflows.register(name=called)
    async def failing(task: Task) -> None:
        raise ValueError("it was asked to")

    async with (
        hubbub.connect(config=open_config) as mesh,
        mesh.serve(*workflows),
        gateway(open_config) as door,
        openai_client(door) as client,
    ):
        with pytest.raises(openai.APIStatusError, match="it was asked to") as failed:
            await Chat(client, called).say("x")
        assert failed.value.status_code == 424
        assert await mesh_tasks(open_config, called) == 1


def test_only_the_message_right_behind_a_question_answers_it() -> None:
    text = question_text("t1", Question(id="q1", kind="text", prompt="Who?"))
    found = asked_before([text, "Ada"])
    assert found is not None
    assert (found.task_id, found.question_id) == ("t1", "q1")
    for texts in ([], [text], ["Task t1, question q1. And more", "x"], [text, "Ada", "Grace"]):
        assert asked_before(texts) is None
