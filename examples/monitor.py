"""Watch who comes, goes and beats, as one line each. Ctrl-C ends it.

It needs nothing but a subscription to `agents.all`; `hubbub tail` and `hubbub agents --watch`
show more.
"""

import asyncio
import contextlib
import os

import nats
from nats.aio.msg import Msg

from hubbub import AgentMessage, InvalidMessage


async def show(raw: Msg) -> None:
    try:
        message = AgentMessage.from_bytes(raw.data)
    except InvalidMessage:
        return  # any client may publish anything here
    if message.message_type in ("announcement", "heartbeat"):
        status = message.metadata.get("status")
        print(f"{message.from_agent} ({message.message_type}): {status}", flush=True)


async def main() -> None:
    client = await nats.connect(os.environ.get("NATS_URL", "nats://localhost:4222"))
    await client.subscribe("agents.all", cb=show)
    await client.flush()  # from here on nothing is missed
    print("Watching agents.all", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main())
