"""The customers of the demo's shop: they order, and now and then want their money back."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncGenerator

from hubbub.errors import HubbubError
from hubbub.mesh.mesh import Mesh, connect
from hubbub.settings import NATSConfig

__all__ = ["CUSTOMERS", "customers"]

CUSTOMERS = "Customers"

_REASONS = ("arrived broken", "is the wrong colour", "came too late", "does not fit")
# Lively while somebody is likely to look on, and a murmur afterwards.
_SOON, _LATER, _LIVELY_SECONDS = (0.6, 1.8), (4.0, 9.0), 900.0
_CALM_SECONDS = 12.0


@contextlib.asynccontextmanager
async def customers(config: NATSConfig) -> AsyncGenerator[None]:
    """Let customers come while the context lasts."""
    async with connect(config=config, name=CUSTOMERS) as mesh:
        coming = [asyncio.create_task(work(mesh)) for work in (_order, _complain)]
        try:
            yield
        finally:
            for task in coming:
                task.cancel()
            await asyncio.wait(coming)


async def _order(mesh: Mesh) -> None:
    began = time.monotonic()
    while True:
        number = random.randrange(4_000, 5_000)  # noqa: S311 - it is only for the eye
        with contextlib.suppress(HubbubError):  # the demo shows its own server away, too
            await mesh.send_direct_message("Front-Desk", f"Where is order {number}?")
        pauses = _SOON if time.monotonic() - began < _LIVELY_SECONDS else _LATER
        await asyncio.sleep(random.uniform(*pauses))  # noqa: S311 - it is only for the eye


async def _complain(mesh: Mesh) -> None:
    """Want money back, again and again, when the last refund has been decided."""
    count = 0
    while True:
        reason = _REASONS[count % len(_REASONS)]
        facts = {"order": 4_713 + 29 * count, "amount": 249.0 - 37 * (count % 4), "reason": reason}
        count += 1
        with contextlib.suppress(HubbubError):
            run = await mesh.send_direct_message(
                "refund", "", metadata={"params": facts}, owner="local"
            )
            await run.result(timeout=None)
        await asyncio.sleep(_CALM_SECONDS)
