"""Who is there, when processes block, freeze, die and come back, and the server with them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import signal
import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import nats
import pytest
from nats.aio.msg import Msg

import hubbub
from hubbub import AgentCard, AgentStatus, Mesh
from hubbub.mesh.presence.cards import Instance, list_instances
from hubbub.mesh.presence.departures import watch_departures
from hubbub.testing import ServerProcess, nats_server

from .conftest import Start
from .kit import Program, until

MERCY_SECONDS = 0.75

TTL_SECONDS = 3.0  # two beats and one more, at one a second

# What docs/nats-server.md shows for a server of one's own, and a user who may cut connections.
WITH_EXPORT = """
accounts {
  MESH {
    jetstream: enabled
    users: [ { user: "agents", password: "s3cret" } ]
    imports: [ { stream: { account: SYS, subject: "$SYS.ACCOUNT.MESH.DISCONNECT" } } ]
  }
  SYS {
    users: [ { user: "admin", password: "s3cret" } ]
    exports: [ { stream: "$SYS.ACCOUNT.MESH.DISCONNECT", accounts: [MESH] } ]
  }
}
system_account: SYS
"""


@pytest.fixture(params=["embedded", "own"])
def telling(
    request: pytest.FixtureRequest, server: ServerProcess, monkeypatch: pytest.MonkeyPatch
) -> Iterator[ServerProcess]:
    """A server that tells of deaths, and beats so slow that nothing else can tell of them.

    It takes the place of the one that programs are otherwise started with.
    """
    server.stop()
    monkeypatch.setenv("HUBBUB_HEARTBEAT_SECONDS", "30")
    embedded = request.param == "embedded"
    with nats_server(
        token=secrets.token_hex(8) if embedded else None,
        tells_departures=embedded,
        config="" if embedded else WITH_EXPORT,
    ) as other:
        url = other.url if embedded else f"nats://agents:s3cret@127.0.0.1:{other.port}"
        monkeypatch.setenv("NATS_URL", url)
        yield other


async def card_of(mesh: Mesh, name: str) -> AgentCard | None:
    return next((card for card in await mesh.list_agents() if card.name == name), None)


async def instances_of(mesh: Mesh, name: str) -> list[Instance]:
    return [one for one in await list_instances(mesh.connection) if one.name == name]


async def shown_with(mesh: Mesh, name: str, instances: int, *, within: float = 30.0) -> None:
    """Wait until an agent is listed with so many instances; 0 for not at all."""

    async def look() -> bool | None:
        card = await card_of(mesh, name)
        return (card.instances if card is not None else 0) == instances or None

    await until(look, within=within)


@asynccontextmanager
async def leaves(mesh: Mesh) -> AsyncGenerator[asyncio.Queue[dict[str, Any]]]:
    """Hear who is said to have left."""
    heard = asyncio.Queue[dict[str, Any]]()

    async def hear(raw: Msg) -> None:
        fields = json.loads(raw.data)
        if fields["metadata"].get("event") == "leave":
            heard.put_nowait(fields)

    async with mesh.connection.subscription("agents.all", hear):
        await mesh.connection.flush()
        yield heard


async def test_a_handler_that_blocks_the_loop_for_longer_than_presence_lasts_is_busy_not_gone(
    mesh: Mesh, worker: Start
) -> None:
    program: Program = await worker("Blocked")
    await mesh.send_direct_message("Blocked", f"block {TTL_SECONDS + 2}")
    await program.told("started")
    finished = asyncio.create_task(program.told("finished"))
    seen: list[AgentStatus | None] = []
    while not finished.done():
        card = await card_of(mesh, "Blocked")
        seen.append(card.status if card is not None else None)
        await asyncio.wait({finished}, timeout=0.05)
    await finished
    assert None not in seen
    assert AgentStatus.BUSY in seen


async def test_a_blocked_agent_is_listed_again_by_a_server_that_has_lost_its_store(
    server: ServerProcess, mesh: Mesh, worker: Start
) -> None:
    program: Program = await worker("Blocked")
    watching: Program = await worker("Other")
    assert watching.is_running  # its sweep sets the streams up again
    await mesh.send_direct_message("Blocked", "block 6")
    await program.told("started")
    server.kill()
    for stored in (server.directory / "jetstream").rglob("*"):
        if stored.is_file():
            stored.unlink()
    server.start()
    await mesh.connection.available()

    async def look() -> AgentCard | None:
        with contextlib.suppress(hubbub.HubbubError):  # its streams may not be there yet
            return await card_of(mesh, "Blocked")
        return None

    card = await until(look)
    assert not program.all_told("finished")
    assert card.instances == 1


async def test_a_frozen_process_is_gone_in_time_and_there_again_when_it_thaws(
    mesh: Mesh, worker: Start
) -> None:
    program: Program = await worker("Frozen")
    await shown_with(mesh, "Frozen", 1)
    program.signal(signal.SIGSTOP)
    await shown_with(mesh, "Frozen", 0, within=TTL_SECONDS + 4)
    program.signal(signal.SIGCONT)
    await shown_with(mesh, "Frozen", 1)


async def test_instances_come_and_go_in_every_way_without_hiding_one_another(
    mesh: Mesh, worker: Start
) -> None:
    stays: Program = await worker("Many")
    for _ in range(2):
        graceful: Program = await worker("Many")
        killed: Program = await worker("Many")
        await shown_with(mesh, "Many", 3)
        graceful.signal(signal.SIGTERM)
        assert await graceful.ended() == 0
        await shown_with(mesh, "Many", 2, within=1)
        await killed.kill()
        gone = asyncio.create_task(shown_with(mesh, "Many", 1, within=TTL_SECONDS + 4))
        while not gone.done():
            assert await card_of(mesh, "Many") is not None
            await asyncio.wait({gone}, timeout=0.05)
        await gone
        again = await mesh.request_from_agent("Many", "x", timeout=10)
        assert again.text == "answer to x"
    assert stays.is_running
    stays.signal(signal.SIGTERM)
    await stays.ended()
    await shown_with(mesh, "Many", 0, within=1)


async def test_where_the_server_tells_a_killed_process_is_gone_at_once_and_said_to_have_left_once(
    telling: ServerProcess, worker: Start
) -> None:
    async with hubbub.connect(name="Boss") as mesh, leaves(mesh) as heard:
        first, second, third = [await worker("Doomed") for _ in range(3)]
        await shown_with(mesh, "Doomed", 3)
        killed_at = time.monotonic()
        await first.kill()
        await shown_with(mesh, "Doomed", 2, within=5)
        assert time.monotonic() - killed_at < 3
        # Before the next is killed, for it may be the one that tells.
        said = [await asyncio.wait_for(heard.get(), 5)]
        await second.kill()
        await shown_with(mesh, "Doomed", 1, within=5)
        said.append(await asyncio.wait_for(heard.get(), 5))
        third.signal(signal.SIGTERM)
        await third.ended()
        await shown_with(mesh, "Doomed", 0, within=5)
        said.append(await asyncio.wait_for(heard.get(), 5))
        assert len({fields["metadata"]["instance"] for fields in said}) == 3
        await asyncio.sleep(1)  # whoever else heard of it has seen by now that it was done
        assert heard.empty()


async def test_the_last_process_of_all_is_seen_to_be_gone_by_whoever_watches(
    telling: ServerProcess, worker: Start
) -> None:
    program = await worker("Doomed")
    async with (
        hubbub.connect(name="Boss") as mesh,
        watch_departures(mesh.connection),
        hubbub.connect() as other,
        watch_departures(other.connection),
        leaves(mesh) as heard,
    ):
        await other.connection.flush()
        await shown_with(mesh, "Doomed", 1)
        await program.kill()
        await shown_with(mesh, "Doomed", 0, within=5)
        said = await asyncio.wait_for(heard.get(), 5)
        assert said["metadata"]["status"] == "offline"
        await asyncio.sleep(1)
        assert heard.empty()


@pytest.mark.parametrize("telling", ["own"], indirect=True)
async def test_a_process_that_only_lost_its_connection_stays_in_the_list(
    telling: ServerProcess, worker: Start
) -> None:
    await worker("Cut-Off")
    admin = await nats.connect(f"nats://admin:s3cret@127.0.0.1:{telling.port}")
    try:
        async with (
            hubbub.connect(name="Boss") as mesh,
            watch_departures(mesh.connection),
            leaves(mesh) as heard,
        ):
            was_late = False
            for _ in range(3):
                (before,) = await instances_of(mesh, "Cut-Off")
                server_id, _, client_id = before.process.link.partition("/")
                kick = json.dumps({"cid": int(client_id)}).encode()
                kicked = time.monotonic()
                await admin.request(f"$SYS.REQ.SERVER.{server_id}.KICK", kick, timeout=5)

                async def is_back(
                    old: str = before.process.link, since: float = kicked
                ) -> bool | None:
                    nonlocal was_late
                    now = await instances_of(mesh, "Cut-Off")
                    if not now:
                        # On a busy machine it may take longer to come back than is waited for it.
                        assert time.monotonic() - since > MERCY_SECONDS, "taken out, and alive"
                        was_late = True
                    return (bool(now) and now[0].process.link != old) or None

                await until(is_back)
            await asyncio.sleep(1)  # longer than it takes to strike off
            assert await card_of(mesh, "Cut-Off") is not None
            assert was_late or heard.empty()
    finally:
        await admin.close()
