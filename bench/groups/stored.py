"""Direct messages: one write into the receiver's inbox each, stored before `send` returns.

The bare side publishes as many bytes with a message id into a stream of the same configuration,
whose messages are republished into a second stream, as those of the inbox are into the history.
"""

from __future__ import annotations

import hubbub
from bench.places import SENDER, bare_client, declare_twin, purge
from bench.rounds import in_flight, one_by_one, taking_turns
from bench.rows import Row, at_least, row
from bench.sizes import Sizes
from hubbub import AgentMessage
from hubbub.mesh.transport.streams import ensure_streams
from hubbub.testing import nats_server
from hubbub.wire.ids import new_id

__all__ = ["rows"]

_CONTENT = "x" * 128
_WIDTH = 64
_AGAINST = "bare JetStream publish, equal stream"


async def rows(sizes: Sizes) -> list[Row]:
    """Measure messages that are stored."""
    message = AgentMessage(
        message_type="request", from_agent=SENDER, to_agent="Away", content=_CONTENT
    )
    sent = message.replace(context_id=message.message_id).to_bytes()
    with nats_server() as server:
        async with (
            bare_client(server.url) as client,
            hubbub.connect(server.url, name=SENDER) as mesh,
        ):
            await ensure_streams(mesh.connection)
            await declare_twin(mesh, "BARE_INBOX", "bare.inbox", of="INBOX")
            stream = client.jetstream(timeout=30)

            async def ours(_: int) -> None:
                await mesh.send_direct_message("Away", _CONTENT)

            async def theirs(_: int) -> None:
                headers = {"Nats-Msg-Id": new_id()}
                await stream.publish("bare.inbox.away", sent, headers=headers)

            async def rate_of_ours() -> float:
                await purge(mesh, "INBOX", "HISTORY")
                return await in_flight(_WIDTH, sizes.in_bulk, ours)

            async def rate_of_theirs() -> float:
                await purge(mesh, "BARE_INBOX", "BARE_INBOX_COPIES")
                return await in_flight(_WIDTH, sizes.in_bulk, theirs)

            rate = await taking_turns(sizes.rounds, rate_of_ours, rate_of_theirs)
            latency = await taking_turns(
                sizes.rounds,
                lambda: one_by_one(sizes.one_by_one, ours),
                lambda: one_by_one(sizes.one_by_one, theirs),
            )
    return [
        row(
            f"direct messages stored, {_WIDTH} in flight",
            "/s",
            *rate,
            against=_AGAINST,
            goal=at_least(0.7, of="ratio"),
        ),
        row("send_direct_message, 1 in flight, p50", "ms", *latency, against=_AGAINST),
    ]
