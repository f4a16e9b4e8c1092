"""The cookie of a session, and which pages it counts for."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.requests import HTTPConnection

from hubbub.gateway.problems import Refusal

__all__ = ["COOKIE", "check_own_page", "cookie_of", "is_same_origin", "no_cookie", "set_cookie"]

COOKIE = "__Host-hubbub"
"""Browsers take it from our own host alone, over TLS or from this machine (RFC 6265bis, 4.1.3)."""

_KEPT = "Secure; HttpOnly; SameSite=Strict; Path=/"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_PREFIX = "/api/"
_LONGEST = 200


def cookie_of(connection: HTTPConnection) -> str | None:
    """Return the session's cookie of a request, if it has one and goes to where that counts."""
    cookie = connection.cookies.get(COOKIE)
    if not cookie or len(cookie) > _LONGEST or not connection.scope["path"].startswith(_PREFIX):
        return None
    return cookie


def set_cookie(cookie: str) -> dict[str, str]:
    """Return the header that gives a page its cookie."""
    return {"set-cookie": f"{COOKIE}={cookie}; {_KEPT}"}


def no_cookie() -> dict[str, str]:
    """Return the header that takes it away."""
    return {"set-cookie": f"{COOKIE}=; {_KEPT}; Max-Age=0"}


def is_same_origin(origin: str, host: str) -> bool:
    """Tell whether an origin is that of a host, whose name has been checked.

    Args:
        origin: the header `Origin`.
        host: the header `Host`.
    """
    parts = urlsplit(origin)
    return (
        parts.scheme in ("http", "https") and origin.partition("//")[2] == parts.netloc
    ) and parts.netloc == host.lower()


def check_own_page(connection: HTTPConnection) -> None:
    """Refuse what a page of another origin does with our cookie.

    A browser tells where a page comes from that changes something, or opens a socket.

    Raises:
        Refusal: 403.
    """
    is_socket = connection.scope["type"] == "websocket"
    if not is_socket and connection.scope["method"] in _SAFE:
        return
    headers = connection.headers
    origin = headers.get("origin")
    if origin is not None:
        ours = is_same_origin(origin, headers.get("host", ""))
    else:
        ours = not is_socket and headers.get("sec-fetch-site") == "same-origin"
    if not ours:
        raise Refusal(
            403,
            "foreign-origin",
            "A session counts for the pages of this gateway alone: send its `Origin`, or use an "
            "API key or a token",
        )
