"""The server is stopped in good order: for a moment it is there, and takes nothing any more."""

from __future__ import annotations

import asyncio

from hubbub import Mesh
from hubbub.testing import ServerProcess

from .conftest import Start
from .kit import settled


async def test_no_attempt_is_lost_to_a_server_that_is_restarted(
    worker: Start, mesh: Mesh, server: ServerProcess
):
    ant = await worker("Ant", 8)
    tasks = [(await mesh.send_direct_message("Ant", "write")).task_id for _ in range(8)]
    await ant.told("started", times=8)
    for _ in range(3):
        await asyncio.to_thread(server.stop)
        await asyncio.to_thread(server.start)
        # Writing goes on: what comes back is stored.
        await mesh.connection.store("tasks.boss.mark.log", b"{}")
    await ant.say("go")
    (await settled(mesh, "ant", tasks, sender="boss")).assert_exact()
    assert len(ant.all_told("started")) == 8
