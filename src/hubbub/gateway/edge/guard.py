"""What is refused before anybody looks at it: foreign hosts, foreign pages, huge bodies."""

from __future__ import annotations

import ipaddress
import re

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hubbub.gateway.identity.cookies import is_same_origin
from hubbub.gateway.problems import Refusal, problem_response
from hubbub.gateway.settings import GatewaySettings

__all__ = ["Guard", "host_name"]

_FILES = "/api/files"
_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[^\s:/?#@\[\]\\]+)(?::[0-9]{1,5})?")
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


def host_name(host: str) -> str:
    """Return the name in a Host header, without the port, in lower case; empty if it is none.

    What stands behind the name must be a port: others read the whole header.
    """
    match = _HOST.fullmatch(host.lower())
    return match[1] if match else ""


def _is_local(scope: Scope) -> bool:
    """Tell whether a connection comes from this machine; a Unix socket has no address."""
    client = scope.get("client")
    if not client:
        return True
    try:
        return ipaddress.ip_address(client[0].partition("%")[0]).is_loopback
    except ValueError:
        return False  # a proxy may write anything there


class Guard:
    """Checks host, origin and size; a page of another origin may only look, if that is allowed.

    Raises nothing: what it refuses gets a problem document, a WebSocket before it is accepted.
    """

    def __init__(self, app: ASGIApp, settings: GatewaySettings) -> None:
        self._app = app
        self._hosts = frozenset(host.lower() for host in settings.allowed_hosts)
        self._origins = frozenset(settings.allowed_origins)
        self._largest = settings.max_body_bytes
        self._largest_file = settings.max_file_bytes
        self._is_open = not settings.has_authentication

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(scope)
        if refusal is not None:
            await _refuse(refusal, scope, receive, send)
        elif scope["type"] == "websocket":
            await self._app(scope, receive, send)
        else:
            await self._capped(scope, receive, send)

    def _refusal(self, scope: Scope) -> Refusal | None:
        if self._is_open and not _is_local(scope):
            # The server that runs us may listen anywhere; who is not from here gets nothing.
            return Refusal(
                403,
                "authentication-off",
                "Without authentication this gateway serves its own machine only: set "
                "HUBBUB_GATEWAY_API_KEYS_FILE (`hubbub keys add` makes one) or a JWT issuer",
            )
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        name = host_name(host)
        if not name or not {"*", name} & self._hosts:
            return Refusal(
                421,
                "unknown-host",
                "This host name is not served here: add it to HUBBUB_GATEWAY_ALLOWED_HOSTS",
            )
        origin = headers.get("origin")
        reads = scope["type"] == "http" and scope["method"] in _SAFE
        if origin is not None and not reads and not self._is_ours(origin, host):
            return Refusal(
                403,
                "foreign-origin",
                "Pages of this origin may not do that: add it to HUBBUB_GATEWAY_ALLOWED_ORIGINS",
            )
        length = headers.get("content-length", "0")
        if not (length.isascii() and length.isdecimal()):
            return Refusal(400, "invalid-length", "Content-Length must be a whole number")
        largest = self._largest_of(scope)
        return _too_large(largest) if int(length[:20]) > largest else None

    def _is_ours(self, origin: str, host: str) -> bool:
        # The host has been checked: a page of it is ours.
        return origin in self._origins or is_same_origin(origin, host)

    def _largest_of(self, scope: Scope) -> int:
        stores = scope["type"] == "http" and scope["method"] == "POST" and scope["path"] == _FILES
        return self._largest_file if stores else self._largest

    async def _capped(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count what comes in: a chunked body does not say how long it is."""
        received, largest = 0, self._largest_of(scope)

        async def receive_counted() -> Message:
            nonlocal received
            message = await receive()
            if message["type"] == "http.request":
                received += len(message.get("body", b""))
                if received > largest:
                    raise _too_large(largest)
            return message

        await self._app(scope, receive_counted, send)


def _too_large(largest: int) -> Refusal:
    return Refusal(
        413,
        "body-too-large",
        f"This body may have {largest:,} bytes: send less, or put the data elsewhere and send a "
        "reference",
    )


async def _refuse(refusal: Refusal, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket" and "websocket.http.response" not in scope["extensions"]:
        await send({"type": "websocket.close", "code": 1008, "reason": refusal.code})
        return
    response = problem_response(refusal, scope["request_id"], path=scope["path"])
    await response(scope, receive, send)
