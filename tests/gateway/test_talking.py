"""Agents, messages, requests, and the API of OpenAI."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

import hubbub
from hubbub import Agent, AgentMessage, NATSConfig

from .kit import PATIENCE, check_problem, echo_agent, events, gateway

Named = Callable[[str], str]


async def test_agents_are_listed_and_shown(config: NATSConfig, name: Named) -> None:
    agent = echo_agent(name("Echo"))
    async with gateway(config) as door, door.client() as client:
        check_problem(await client.get(f"/api/agents/{agent.name}"), 404, "agent-not-found")
        check_problem(await client.get("/api/agents/no.dots"), 422, "invalid-agent-name")
        async with hubbub.connect(config=config) as mesh, mesh.serve(agent):
            shown = (await client.get(f"/api/agents/{agent.name}")).json()
            assert (shown["name"], shown["online"]) == (agent.name, True)
            listed = (await client.get("/api/agents", params={"capability": "ECHO"})).json()
            assert agent.name in [one["name"] for one in listed["agents"]]
        gone = (await client.get(f"/api/agents/{agent.name}")).json()
        assert (gone["status"], gone["online"]) == ("offline", False)


async def test_messages_are_sent_and_read_back(config: NATSConfig, name: Named) -> None:
    agent = name("Reader")
    async with gateway(config) as door, door.client() as client:
        said = {"agent": agent, "content": {"n": 1}}
        first = await client.post("/api/messages", json=said)
        assert first.status_code == 201
        handed = {"agent": agent, "content": "two", "kind": "handoff"}
        await client.post("/api/messages", json=handed)
        page = (await client.get("/api/messages", params={"agent": agent, "limit": 1})).json()
        assert [(one["kind"], one["content"]) for one in page["messages"]] == [("handoff", "two")]
        older = {"agent": agent, "before": page["before"]}
        page = (await client.get("/api/messages", params=older)).json()
        assert [one["content"] for one in page["messages"]] == [{"n": 1}]
        assert page["messages"][0]["message_id"] == first.json()["message_id"]
        told = await client.post("/api/messages", json={"kind": "broadcast", "content": "all"})
        assert told.json()["task_id"] is None
        for wrong in ({"kind": "direct", "content": "x"}, {"kind": "whisper", "content": "x"}):
            check_problem(await client.post("/api/messages", json=wrong), 422)
        check_problem(await client.get("/api/messages", params={"before": "?"}), 422)


async def test_a_request_is_answered_or_told_why_not(config: NATSConfig, name: Named) -> None:
    agent = echo_agent(name("Echo"))
    async with (
        hubbub.connect(config=config) as mesh,
        mesh.serve(agent),
        gateway(config) as door,
        door.client() as client,
    ):
        body = {"agent": agent.name, "content": "hello"}
        answer = await client.post("/api/requests", json=body)
        assert answer.json()["content"] == "echo hello"
        failed = await client.post("/api/requests", json={**body, "content": "fail"})
        assert "it was asked to" in check_problem(failed, 502, "remote-error")["detail"]
        nobody = await client.post("/api/requests", json={**body, "agent": name("Nobody")})
        check_problem(nobody, 503, "agent-unavailable")
        check_problem(await client.post("/api/requests", json={**body, "timeout": -1}), 422)


async def test_what_a_person_asks_is_kept_with_its_answer_if_they_want(
    config: NATSConfig, name: Named, tmp_path: Path
) -> None:
    agent = counting_agent(name("Counter"))
    echo = echo_agent(name("Echo"))
    kinds = {"kind": ["request", "reply"]}

    async def kept(client: httpx.AsyncClient, one: Agent) -> list[dict[str, Any]]:
        page = await client.get("/api/messages", params={"agent": one.name, **kinds})
        return page.json()["messages"]

    def told(messages: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
        return [(one["kind"], one["user"], one["content"], one["failed"]) for one in messages]

    async with (
        hubbub.connect(config=config) as mesh,
        mesh.serve(agent, echo),
        gateway(config, tmp_path) as door,
        door.client("ada") as client,
        door.client("bob") as bob,
        door.client("vic") as vic,
    ):
        body = {"agent": agent.name, "keep": True}
        streamed = {"accept": "text/event-stream"}
        await client.post("/api/requests", json={**body, "content": "go"}, headers=streamed)
        asked, answer = await kept(client, agent)
        assert told([asked, answer]) == [
            ("request", "ada", "go", False),
            ("reply", "", "one two three", False),
        ]
        assert answer["in_reply_to"] == asked["message_id"]
        assert (answer["from_agent"], answer["context_id"]) == (agent.name, asked["context_id"])
        assert answer["latency_ms"] > 0
        await client.post("/api/requests", json={**body, "content": "fail"}, headers=streamed)
        failed = (await kept(client, agent))[-1]
        assert failed["failed"]
        assert failed["content"].startswith("one two three\n\n")
        assert "it was asked to" in failed["content"]

        # Whoever may see everything sees it, others do not, and nobody what was not to be kept.
        assert await kept(vic, agent) == await kept(client, agent)
        everything = await vic.get("/api/messages", params={"agent": agent.name})
        assert told(everything.json()["messages"])[-2:] == told(await kept(vic, agent))[-2:]
        assert await kept(bob, agent) == []
        check_problem(await bob.get("/api/messages", params={"kind": ["request", "direct"]}), 403)
        await bob.post("/api/requests", json={"agent": echo.name, "content": "for now"})
        assert await kept(vic, echo) == []

        whole = {"agent": echo.name, "content": "hello", "keep": True}
        reply = (await bob.post("/api/requests", json=whole)).json()
        gone = {**whole, "agent": name("Nobody")}
        check_problem(await bob.post("/api/requests", json=gone), 503, "agent-unavailable")
        assert told(await kept(bob, echo)) == [
            ("request", "bob", "hello", False),
            ("reply", "", "echo hello", False),
        ]
        assert reply["in_reply_to"] == (await kept(bob, echo))[0]["message_id"]
        mine = await bob.get("/api/messages", params=kinds)
        assert told(mine.json()["messages"])[-1][3]

        # Who hears them live is not told of the copies, too; who reads the past is.
        live = mesh.follow_history(echo.name, since=600, requests=True)
        past = mesh.follow_history(echo.name, since=600, live=False)
        async with contextlib.aclosing(live), contextlib.aclosing(past):
            assert [one.kind async for one in past if one.kind in ("request", "reply")] == [
                "request",
                "reply",
            ]
            await mesh.send_direct_message(echo.name, "the end")
            kinds_heard = list[str]()
            async for one in live:
                kinds_heard.append(one.kind)
                if one.kind == "direct":
                    break
            assert not {"request", "reply"}.intersection(kinds_heard)


async def test_a_request_times_out(open_config: NATSConfig, name: Named) -> None:
    agent = Agent(name("Sleeper"))

    @agent.run
    async def answer(message: AgentMessage) -> str:
        await asyncio.Event().wait()
        return ""

    async with (
        hubbub.connect(config=open_config) as mesh,
        mesh.serve(agent),
        gateway(open_config) as door,
        door.client() as client,
    ):
        body = {"agent": agent.name, "content": "x", "timeout": 0.2}
        check_problem(await client.post("/api/requests", json=body), 504, "request-timeout")


def counting_agent(name: str) -> Agent:
    agent = Agent(name)

    @agent.run
    async def count(message: str) -> AsyncIterator[str]:
        for piece in ("one ", "two ", "three"):
            yield piece
        if message == "fail":
            raise ValueError("it was asked to")

    return agent


async def test_an_answer_comes_piece_by_piece(config: NATSConfig, name: Named) -> None:
    agent = counting_agent(name("Counter"))
    async with (
        hubbub.connect(config=config) as mesh,
        mesh.serve(agent),
        gateway(config) as door,
        door.client() as client,
    ):
        accept = {"Accept": "text/event-stream"}
        body = {"agent": agent.name, "content": "x"}
        async with client.stream("POST", "/api/requests", json=body, headers=accept) as response:
            heard = [event async for event in events(response)]
        text = "".join(event.data["text"] for event in heard if event.kind == "delta")
        assert (text, heard[-1].kind) == ("one two three", "end")
        body["content"] = "fail"
        async with client.stream("POST", "/api/requests", json=body, headers=accept) as response:
            heard = [event async for event in events(response)]
        assert (heard[-1].kind, heard[-1].data["code"]) == ("error", "remote-error")
        body["agent"] = name("Nobody")
        check_problem(await client.post("/api/requests", json=body, headers=accept), 503)


async def test_every_agent_is_a_model(config: NATSConfig, name: Named, tmp_path: Path) -> None:
    agent, counter = echo_agent(name("Echo")), counting_agent(name("Counter"))
    workflow = Agent(name("Flow"))

    @workflow.agentic_run
    async def work(text: str) -> str:
        return f"worked on {text}"

    async with (
        hubbub.connect(config=config) as mesh,
        mesh.serve(agent, counter, workflow),
        gateway(config, tmp_path) as door,
        openai.AsyncOpenAI(
            base_url=f"{door.url}/v1", api_key=door.keys["ada"], max_retries=0, timeout=PATIENCE
        ) as client,
    ):
        models = [model.id async for model in client.models.list()]
        assert {agent.name, counter.name, workflow.name} <= set(models)
        for spelt in (agent.name, agent.name.upper(), agent.name.replace("-", " ")):
            model = await client.models.retrieve(spelt)
            assert (model.id, model.object, model.owned_by) == (agent.name, "model", "hubbub")
        for nobody in (name("Nobody"), "openai/gpt-5", "a.b.>", "é"):
            with pytest.raises(openai.NotFoundError, match="No such model"):
                await client.models.retrieve(nobody)
        done = await client.chat.completions.create(
            model=agent.name,
            messages=[
                {"role": "system", "content": "Be kind"},
                {"role": "user", "content": [{"type": "text", "text": "hi"}]},
            ],
        )
        assert done.choices[0].message.content == "echo hi"
        done = await client.chat.completions.create(
            model=workflow.name, messages=[{"role": "user", "content": "it"}]
        )
        assert done.choices[0].message.content == "worked on it"
        stream = await client.chat.completions.create(
            model=counter.name, messages=[{"role": "user", "content": "go"}], stream=True
        )
        chunks = [chunk async for chunk in stream]
        text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
        assert (text, chunks[-1].choices[0].finish_reason) == ("one two three", "stop")
        with pytest.raises(openai.NotFoundError, match="No such model"):
            await client.chat.completions.create(
                model=name("Nobody"), messages=[{"role": "user", "content": "x"}]
            )
        stream = await client.chat.completions.create(
            model=counter.name, messages=[{"role": "user", "content": "fail"}], stream=True
        )
        with pytest.raises(openai.APIError, match="it was asked to"):
            async for _ in stream:
                pass
        wrong = openai.AsyncOpenAI(base_url=f"{door.url}/v1", api_key="no", max_retries=0)
        async with wrong:
            with pytest.raises(openai.AuthenticationError):
                await wrong.models.list()
            with pytest.raises(openai.AuthenticationError):
                await wrong.models.retrieve(agent.name)
