"""Says much: `python -m browser.flood URL RATE SECONDS [notices]`, as plain NATS clients do.

Without `notices` it asks and answers, which is not stored; notices to everybody are.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from datetime import UTC, datetime
from typing import Any

import nats

_NAMES = [f"Node-{number}" for number in range(1, 13)]
_BATCH_SECONDS = 0.01


def _token(name: str) -> str:
    return name.lower().replace("-", "_")


def _said(count: int) -> tuple[str, bytes]:
    """Return the subject and the message of a request, or of the answer to the one before it."""
    number = count // 2
    asking, asked = _NAMES[number % 12], _NAMES[(number * 5 + 1) % 12]
    is_reply = count % 2 == 1
    sender, receiver = (asked, asking) if is_reply else (asking, asked)
    message: dict[str, Any] = {
        "message_type": "response" if is_reply else "request",
        "from_agent": sender,
        "to_agent": receiver,
        "content": f"Number {number}: {'the answer' if is_reply else 'a question'} of some length",
        "metadata": {},
        "timestamp": datetime.now(UTC).isoformat(),
        "message_id": f"m{count}",
        "in_reply_to": f"m{count - 1}" if is_reply else None,
        "priority": 3,
        "context_id": f"c{number // 10}",
        "hops": 0,
    }
    one, other = _token(sender), _token(receiver)
    subject = (
        f"agents.reply.{other}.from.{one}.flood.{count}"
        if is_reply
        else f"agents.request.{other}.from.{one}"
    )
    return subject, json.dumps(message).encode()


def _notice(count: int) -> tuple[str, bytes]:
    message: dict[str, Any] = {
        "message_type": "announcement",
        "from_agent": _NAMES[count % 12],
        "to_agent": None,
        "content": f"Notice {count}",
        "metadata": {},
        "timestamp": datetime.now(UTC).isoformat(),
        "message_id": f"n{count}",
    }
    return "agents.all", json.dumps(message).encode()


async def main() -> None:
    url, rate, seconds = sys.argv[1], float(sys.argv[2]), float(sys.argv[3])
    say = _notice if sys.argv[4:] == ["notices"] else _said
    client = await nats.connect(url)
    began, count = time.monotonic(), 0
    while (passed := time.monotonic() - began) < seconds:
        while count < passed * rate:
            await client.publish(*say(count))
            count += 1
        await asyncio.sleep(_BATCH_SECONDS)
    await client.drain()
    print(json.dumps({"sent": count, "seconds": time.monotonic() - began}))


if __name__ == "__main__":
    asyncio.run(main())
