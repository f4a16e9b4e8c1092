"""A sender dies right after `send` returned: what it sent is done."""

from __future__ import annotations

import pytest

from hubbub import Mesh

from .conftest import Start
from .kit import settled


@pytest.mark.parametrize("speaks_as", ["agent", "mesh"])
async def test_what_it_sent_is_done(start: Start, worker: Start, mesh: Mesh, speaks_as: str):
    sender = await start("send_and_die.py", speaks_as, "Ant")
    sent = await sender.told("sent")
    assert await sender.ended() == -9
    await worker("Ant")
    (await settled(mesh, "ant", [sent["task"]], sender="brief")).assert_exact()
