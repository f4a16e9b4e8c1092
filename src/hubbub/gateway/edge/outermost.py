"""The outermost layer: a request id, headers that protect, and no error without a document."""

from __future__ import annotations

import logging
import secrets

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hubbub.gateway.problems import Refusal, problem_response

__all__ = ["SECURITY_HEADERS", "Edge"]

log = logging.getLogger("hubbub.gateway")

SECURITY_HEADERS = {
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "cache-control": "no-store",
}


class Edge:
    """Wraps the whole app; a response that has begun cannot be replaced any more."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        request_id = scope["request_id"] = secrets.token_hex(8)
        begun = False

        async def send_on(message: Message) -> None:
            nonlocal begun
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                begun = True
                headers = MutableHeaders(scope=message)
                for name, value in SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
                headers["x-request-id"] = request_id
            await send(message)

        try:
            await self._app(scope, receive, send_on)
        except Exception as error:
            # The client has gone, or gets half an answer either way.
            if begun or scope["type"] != "http":
                raise
            log.error("Request %s failed", request_id, exc_info=error)
            detail = f"Something failed here; the log has more under {request_id}"
            response = problem_response(
                Refusal(500, "internal-error", detail), request_id, path=scope["path"]
            )
            await response(scope, receive, send_on)
