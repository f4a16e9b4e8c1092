"""The live socket of a page."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator, Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

import hubbub
from hubbub import NATSConfig
from hubbub.gateway.identity.principals import LOCAL
from hubbub.gateway.live.happenings import of_delta
from hubbub.gateway.live.page import Page
from hubbub.wire.names import agent_token

from .kit import PATIENCE, Door, echo_agent, gateway

Named = Callable[[str], str]


class Socket:
    """A page: asks, is answered, and hears frames."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.seq = ""
        self.heard: list[dict[str, Any]] = []
        self._number = 0

    async def ask(self, op: str, **fields: Any) -> dict[str, Any]:
        self._number += 1
        await self.socket.send(json.dumps({"op": op, "id": str(self._number), **fields}))
        while True:
            frame = await self.next()
            if frame.get("re") == str(self._number):
                return frame

    async def next(self) -> dict[str, Any]:
        async with asyncio.timeout(PATIENCE):
            frame: dict[str, Any] = json.loads(await self.socket.recv())
        if "ev" in frame:
            self.seq = frame["seq"] or self.seq
            self.heard += frame["ev"]
        return frame

    async def until(self, told: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Hear until something has been told."""
        while True:
            for event in self.heard:
                if told(event):
                    return event
            await self.next()

    async def ends(self, task_id: str) -> None:
        await self.until(
            lambda event: event.get("task_id") == task_id and event.get("kind") == "completed"
        )


@contextlib.asynccontextmanager
async def page(
    door: Door, user: str | None = None, headers: Mapping[str, str] | None = None
) -> AsyncGenerator[Socket]:
    url = door.url.replace("http", "ws", 1) + "/api/live"
    extra = {**door.headers(user), **(headers or {})}
    async with connect(url, additional_headers=extra) as socket:
        yield Socket(socket)


async def test_a_page_sees_a_task_from_beginning_to_end(config: NATSConfig, name: Named) -> None:
    agent = echo_agent(name("Echo"))
    async with (
        hubbub.connect(config=config) as mesh,
        mesh.serve(agent),
        gateway(config) as door,
        page(door) as first,
        page(door) as second,
    ):
        for one in (first, second):
            assert (await one.ask("sub", slices=[f"agent:{agent_token(agent.name)}"]))["ok"]
        sent = await first.ask("send", agent=agent.name, content="hello")
        for one in (first, second):
            await one.ends(sent["task_id"])
            kinds = [event["kind"] for event in one.heard if event["k"] in ("task", "end")]
            assert kinds == ["claimed", "said", "completed"]
            assert any(event["k"] == "msg" for event in one.heard)


async def test_a_page_goes_on_where_it_was_on_any_gateway(config: NATSConfig, name: Named) -> None:
    agent = echo_agent(name("Echo"))
    slices = [f"agent:{agent_token(agent.name)}"]
    async with hubbub.connect(config=config) as mesh, mesh.serve(agent):
        async with gateway(config) as door, page(door) as socket:
            seq = (await socket.ask("sub", slices=slices))["seq"]
        # Nobody looks while this happens.
        handle = await mesh.send_direct_message(agent.name, "x")
        await handle.result(PATIENCE)
        async with gateway(config) as door, page(door) as socket:
            assert (await socket.ask("sub", slices=slices, after_seq=seq))["ok"]
            await socket.ends(handle.task_id)
            logged = [event["kind"] for event in socket.heard if event["k"] in ("task", "end")]
            assert logged == ["claimed", "said", "completed"]
            assert next(event["kind"] for event in socket.heard if event["k"] == "msg") == "direct"
            refused = await socket.ask("sub", slices=slices, after_seq="x")
            assert refused["problem"]["code"] == "invalid-cursor"


async def test_a_user_sees_nothing_of_others(
    config: NATSConfig, name: Named, tmp_path: Path
) -> None:
    agent = echo_agent(name("Echo"))
    async with (
        hubbub.connect(config=config) as mesh,
        mesh.serve(agent),
        gateway(config, tmp_path) as door,
        page(door, "ada") as ada,
        page(door, "bob") as bob,
        page(door, "vic") as vic,
    ):
        start = (await bob.ask("sub", slices=["all"]))["seq"]
        for socket in (ada, vic):
            await socket.ask("sub", slices=["all"])
        of_ada = (await ada.ask("send", agent=agent.name, content="for ada"))["task_id"]
        await ada.ends(of_ada)
        of_bob = (await bob.ask("send", agent=agent.name, content="for bob"))["task_id"]
        await bob.ends(of_bob)
        await vic.ends(of_bob)
        await bob.ask("sub", slices=["all"], after_seq=start)
        assert of_ada not in json.dumps(bob.heard)
        assert "for ada" not in json.dumps(bob.heard)
        assert of_bob not in json.dumps(ada.heard)
        assert {of_ada, of_bob} <= {event.get("task_id") for event in vic.heard}
        answered = await bob.ask("answer", task_id=of_ada, answer="x")
        assert answered["problem"]["code"] == "task-not-found"


async def test_strangers_are_refused_before_they_are_in(
    open_config: NATSConfig, tmp_path: Path
) -> None:
    async with gateway(open_config, tmp_path) as door:
        for user, headers, status in (
            (None, {}, 401),
            ("ada", {"Origin": "https://evil.example"}, 403),
            (None, {"Authorization": "Bearer hub_nobody_nothing"}, 401),
        ):
            with pytest.raises(InvalidStatus) as refused:
                async with page(door, user, headers):
                    pass
            assert refused.value.response.status_code == status
            assert b"request_id" in refused.value.response.body
        async with page(door, "ada", {"Origin": door.url}) as socket:
            assert (await socket.ask("sub", slices=["all"]))["ok"]


async def test_what_cannot_be_obeyed_is_told(open_config: NATSConfig) -> None:
    async with gateway(open_config) as door, page(door) as socket:
        for op, fields in (
            ("dance", {}),
            ("sub", {}),
            ("sub", {"slices": ["everything"]}),
            ("sub", {"slices": [f"task:{number}" for number in range(101)]}),
            ("answer", {"answer": "x"}),
            ("send", {"content": "x"}),
            ("send", {"agent": "no.dots", "content": "x"}),
            ("send", {"agent": "A", "content": "x", "owner": "bob"}),
        ):
            answer = await socket.ask(op, **fields)
            assert answer["problem"]["status"] == 422, answer
        for raw in ("", "[]", '{"op":"sub"', '{"op":"sub","op":"unsub"}'):
            await socket.socket.send(raw)
            assert (await socket.next())["problem"]["status"] == 400
        await socket.socket.send(b"x" * (2 << 20))
        with pytest.raises(ConnectionClosed):
            await socket.next()


async def test_a_slow_page_loses_the_oldest_and_is_told() -> None:
    slow = Page(LOCAL)
    for number in range(100):
        slow.put(b'{"seq":"%d"}' % number)
    first = json.loads(await slow.next() or b"")
    assert first == {"gap": True, "seq": "36"}
    assert json.loads(await slow.next() or b"") == {"seq": "37"}
    slow.put_first(b"{}")
    assert await slow.next() == b"{}"


async def test_streams_and_sockets_end_with_the_gateway(open_config: NATSConfig) -> None:
    loop = asyncio.get_running_loop()
    async with contextlib.AsyncExitStack() as clients:
        async with gateway(open_config, shutdown_seconds=PATIENCE) as door:
            client = await clients.enter_async_context(door.client())
            socket = await clients.enter_async_context(page(door))
            started = await client.post("/api/tasks", json={"agent": "Nobody-Ends", "content": ""})
            path = f"/api/tasks/{started.json()['id']}/events"
            response = await clients.enter_async_context(client.stream("GET", path))
            lines = response.aiter_lines()
            assert (await anext(lines)).startswith(":")
            assert (await socket.ask("sub", slices=["all"]))["ok"]
            stopped_at = loop.time()
        assert loop.time() - stopped_at < PATIENCE / 3
        assert "".join([line async for line in lines]) == ""
        with pytest.raises(ConnectionClosed) as closed:
            await socket.until(lambda _: False)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code in (1001, 1012)


async def test_who_does_not_read_answers_may_not_ask() -> None:
    deaf = Page(LOCAL)
    for _ in range(32):
        await deaf.room()
        deaf.put_first(b"{}")
    waiting = asyncio.create_task(deaf.room())
    await asyncio.sleep(0)
    assert not waiting.done()
    await deaf.next()
    async with asyncio.timeout(PATIENCE):
        await waiting


def test_a_piece_of_text_says_nothing_of_another_task() -> None:
    told = of_delta("bot", "t1", b'{"text":"x","task_id":"t2","agent":"other","k":"ask"}')
    assert told is not None
    body = json.loads(told.body)
    assert (body["k"], body["task_id"], body["agent"]) == ("delta", "t1", "bot")
