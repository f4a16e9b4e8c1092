"""HEAD for every route that takes GET: the same headers, and nothing behind them."""

from __future__ import annotations

import asyncio

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["Heads"]


class Heads:
    """Serves HEAD as GET, whose body nobody gets; a stream ends as soon as it has begun."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return
        inner: Scope = {**scope, "method": "GET"}
        sent, asked = asyncio.Event(), False

        async def send_head(message: Message) -> None:
            if message["type"] == "http.response.start":
                scope["route"] = inner.get("route")  # it is counted by that
                await send(message)
                await send({"type": "http.response.body", "body": b""})
                sent.set()
            elif message.get("more_body"):
                raise OSError("nobody wants more than the headers")

        async def receive_nothing() -> Message:
            nonlocal asked
            if not asked:
                asked = True
                return {"type": "http.request", "body": b"", "more_body": False}
            await sent.wait()
            return {"type": "http.disconnect"}

        try:
            await self._app(inner, receive_nothing, send_head)
        except (ClientDisconnect, OSError):
            if not sent.is_set():
                raise
