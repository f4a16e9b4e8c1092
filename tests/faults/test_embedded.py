"""Programs that share the embedded server: whichever process dies, the others go on."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

import hubbub
from hubbub import Mesh
from hubbub.server import ServerAddress, running_server

from .conftest import Start
from .kit import settled, until


@pytest.fixture
async def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[Path]:
    """Settings that name no server, and the folder of the one that is then started."""
    monkeypatch.setenv("NATS_URL", "")
    folder = tmp_path / "data"
    yield folder
    # It goes by itself when nobody uses it any more.

    async def gone() -> bool | None:
        return running_server(folder) is None or None

    await until(gone)


@pytest.fixture
async def shared(data_dir: Path) -> AsyncGenerator[Mesh]:
    async with hubbub.connect(name="Boss") as mesh:
        yield mesh


def running(data_dir: Path) -> ServerAddress:
    address = running_server(data_dir)
    assert address is not None
    return address


async def test_two_programs_share_a_server_and_either_may_die(
    shared: Mesh, data_dir: Path, worker: Start
):
    ant, bee = await asyncio.gather(worker("Ant", NATS_URL=""), worker("Bee", NATS_URL=""))
    assert {card.name for card in await shared.list_agents()} == {"Ant", "Bee"}
    before = running(data_dir)
    await ant.kill()
    waiting = (await shared.send_direct_message("Ant", "quick")).task_id
    task = (await shared.send_direct_message("Bee", "quick")).task_id
    (await settled(shared, "bee", [task], sender="boss")).assert_exact()
    await bee.kill()
    assert running(data_dir) == before
    await worker("Ant", NATS_URL="")
    (await settled(shared, "ant", [waiting], sender="boss")).assert_exact()


@pytest.mark.parametrize("victim", ["nats-server", "supervisor"])
async def test_the_server_of_all_may_die(shared: Mesh, data_dir: Path, worker: Start, victim: str):
    ant = await worker("Ant", NATS_URL="")
    tasks = [(await shared.send_direct_message("Ant", do)).task_id for do in ("wait", "quick")]
    await ant.told("started")
    waiting = (await shared.send_direct_message("Bee", "quick")).task_id
    before = running(data_dir)
    os.kill(before.pid if victim == "nats-server" else before.supervisor_pid, signal.SIGKILL)

    async def back() -> bool | None:
        now = running_server(data_dir)
        return (now is not None and now.pid != before.pid) or None

    await until(back)
    await ant.say("go")
    (await settled(shared, "ant", tasks, sender="boss")).assert_exact()
    assert len(ant.all_told("started")) == 2
    await worker("Bee", NATS_URL="")
    (await settled(shared, "bee", [waiting], sender="boss")).assert_exact()


async def test_everybody_follows_the_server_to_another_port(
    shared: Mesh, data_dir: Path, worker: Start
):
    ant = await worker("Ant", NATS_URL="")
    tasks = [(await shared.send_direct_message("Ant", "wait")).task_id]
    await ant.told("started")
    before = running(data_dir)
    port = int(before.url.rpartition(":")[2])
    os.kill(before.supervisor_pid, signal.SIGSTOP)  # it would start the server again at once
    os.kill(before.pid, signal.SIGKILL)
    with socket.socket() as squatter:
        squatter.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)

        async def taken() -> bool | None:
            try:
                squatter.bind(("127.0.0.1", port))
            except OSError:
                return None
            squatter.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)  # it shares with nobody
            return True

        await until(taken)
        os.kill(before.supervisor_pid, signal.SIGKILL)

        async def moved() -> bool | None:
            now = running_server(data_dir)
            return (now is not None and now.url != before.url) or None

        await until(moved)
        await ant.say("go")
        tasks.append((await shared.send_direct_message("Ant", "quick")).task_id)
        (await settled(shared, "ant", tasks, sender="boss")).assert_exact()
        assert len(ant.all_told("started")) == 2
