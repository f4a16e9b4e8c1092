"""What happens to a task, in the order in which it happened."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator

import pytest
from nats.aio.msg import Msg

import hubbub
from hubbub import Agent, Mesh, NATSConfig, Task
from hubbub.cli.happenings import Entry, Piece, happenings
from hubbub.testing import ServerProcess

PATIENCE = 30.0


@pytest.fixture
async def mesh(own_server: ServerProcess) -> AsyncGenerator[Mesh]:
    async with hubbub.connect(config=NATSConfig(nats_url=own_server.url)) as mesh:
        yield mesh


async def test_text_that_is_written_stands_behind_what_happened_before_it(mesh: Mesh) -> None:
    agent, go_on = Agent("Writer"), asyncio.Event()

    @agent.agentic_run
    async def work(task: Task) -> str:  # pyright: ignore[reportUnusedFunction]
        await go_on.wait()
        await task.progress("half way")
        return "done"

    async with mesh.serve(agent), asyncio.timeout(PATIENCE):
        handle = await mesh.send_direct_message("Writer", "go")
        async with happenings(mesh, handle, pieces=True, family=False) as heard:
            claimed = await heard.get()
            assert isinstance(claimed, Entry)
            # Nobody else writes a log here, so the place of the next event is known.
            subject = mesh.connection.layout.live("writer", handle.task_id)
            for at, text in enumerate(("early ", "too")):
                facts = {"text": text, "key": "k", "offset": 6 * at, "after": claimed.sequence + 1}
                await mesh.connection.publish(subject, json.dumps(facts).encode())
            await mesh.connection.flush()
            go_on.set()
            rest = [await heard.get() for _ in range(5)]
    kinds = [one.event.kind for one in rest if isinstance(one, Entry)]
    texts = [one.text for one in rest if isinstance(one, Piece)]
    assert (kinds, texts, rest[-1]) == (["progress", "completed"], ["early ", "too"], None)
    assert isinstance(rest[0], Entry)
    assert isinstance(rest[1], Piece)


async def test_a_piece_tells_what_came_before_it(mesh: Mesh) -> None:
    agent, pieces = Agent("Shower"), asyncio.Queue[Piece]()

    @agent.agentic_run
    async def work(task: Task) -> None:  # pyright: ignore[reportUnusedFunction]
        await task.progress("half way")
        await task.show("text")

    async def on_piece(message: Msg) -> None:
        pieces.put_nowait(Piece(**json.loads(message.data)))

    live = mesh.connection.layout.live("shower", "*")
    async with mesh.serve(agent), mesh.connection.subscription(live, on_piece):
        await mesh.connection.flush()
        handle = await mesh.send_direct_message("Shower", "go")
        await handle.result(timeout=PATIENCE)
        (place,) = [at for at, event in await handle.stored_log() if event.kind == "progress"]
        assert (await asyncio.wait_for(pieces.get(), PATIENCE)).after == place
