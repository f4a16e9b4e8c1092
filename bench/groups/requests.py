"""Requests: how long one takes, and how many one serving process answers.

Both responders run in processes of their own. The bare one sends back the bytes it got, without
reading them; ours decodes the request, calls a handler and encodes a response.
"""

from __future__ import annotations

import hubbub
from bench.places import SENDER, bare_client
from bench.processes import peer
from bench.rounds import in_flight, one_by_one, taking_turns
from bench.rows import Row, at_least, at_most, row
from bench.sizes import Sizes
from hubbub import AgentMessage
from hubbub.testing import nats_server

__all__ = ["rows"]

_CONTENT = "x" * 128
_WIDTH = 128
_AGAINST = "bare request, raw bytes echoed"


async def rows(sizes: Sizes) -> list[Row]:
    """Measure requests."""
    sent = AgentMessage(
        message_type="request", from_agent=SENDER, to_agent="Echo", content=_CONTENT
    ).to_bytes()
    with nats_server() as server:
        async with (
            peer("echo_bare", server.url),
            peer("echo", server.url),
            bare_client(server.url) as client,
            hubbub.connect(server.url, name=SENDER) as mesh,
        ):

            async def ours(_: int) -> None:
                await mesh.request_from_agent("Echo", _CONTENT, timeout=30)

            async def theirs(_: int) -> None:
                await client.request("bare.echo", sent, timeout=30)

            latency = await taking_turns(
                sizes.rounds,
                lambda: one_by_one(sizes.one_by_one, ours),
                lambda: one_by_one(sizes.one_by_one, theirs),
            )
            rate = await taking_turns(
                sizes.rounds,
                lambda: in_flight(_WIDTH, sizes.in_bulk, ours),
                lambda: in_flight(_WIDTH, sizes.in_bulk, theirs),
            )
    return [
        row(
            "request_from_agent, 1 in flight, p50",
            "ms",
            *latency,
            against=_AGAINST,
            goal=at_most(1.4, of="ratio"),
        ),
        row(
            f"requests, {_WIDTH} in flight",
            "/s",
            *rate,
            against=_AGAINST,
            goal=at_least(0.6, of="ratio"),
        ),
    ]
