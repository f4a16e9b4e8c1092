"""The web console: its page at every path that is no route, and the files it is made of."""

from __future__ import annotations

import asyncio
import re

from fastapi import Request, Response
from starlette.datastructures import Headers
from starlette.routing import BaseRoute, Match, Route
from starlette.types import Scope

from hubbub.gateway.console.build import Build
from hubbub.gateway.console.page import (
    accepts_page,
    content_security_policy,
    is_page,
    new_nonce,
    written_page,
)
from hubbub.gateway.problems import Refusal

__all__ = ["console_routes"]

_NOT_AT_ALL = re.compile(r"[qQ]=0(\.0*)?")  # RFC 9110, 12.4.2
_METHODS = ("GET", "HEAD")
_NO_CACHE = "no-cache"  # asked for again each time, and most often told that nothing has changed


def console_routes(build: Build) -> list[BaseRoute]:
    """Return the routes of the console; they are no part of the API and ask for no credentials."""

    async def file(request: Request) -> Response:
        found = await asyncio.to_thread(build.file, request.url.path.removeprefix("/"))
        if found is None:
            raise Refusal(404, "not-found", f"The console has no file {request.url.path!r}")
        data, headers = found.data, {"cache-control": _NO_CACHE, "etag": found.etag}
        if found.gzipped is not None:
            headers["vary"] = "Accept-Encoding"
            if _takes_gzip(request.headers):
                data = found.gzipped
                headers |= {"etag": found.gzipped_etag, "content-encoding": "gzip"}
        if headers["etag"] in request.headers.get("if-none-match", ""):
            headers.pop("content-encoding", None)
            return Response(status_code=304, headers=headers)
        return Response(data, headers=headers, media_type=found.media_type)

    async def page(_: Request) -> Response:
        found = await asyncio.to_thread(build.file, "index.html")
        if found is None:
            raise Refusal(
                404,
                "console-not-built",
                "This installation has no web console: install the package anew, or build `web` "
                "in a checkout; the API is described at /openapi.json",
            )
        nonce = new_nonce()
        return Response(
            written_page(found.data, nonce),
            headers={"content-security-policy": content_security_policy(nonce)},
            media_type=found.media_type,
        )

    return [
        _Route("/assets/{name:path}", file, methods=list(_METHODS)),
        _Route("/favicon.svg", file, methods=list(_METHODS)),
        _PageRoute("/{page:path}", page, methods=list(_METHODS)),
    ]


def _takes_gzip(headers: Headers) -> bool:
    """Tell whether a client names gzip among what it can read, and does not rule it out."""
    for one in ",".join(headers.getlist("accept-encoding")).split(","):
        name, _, weight = one.partition(";")
        if name.strip().lower() in ("gzip", "x-gzip"):
            return not _NOT_AT_ALL.fullmatch(weight.strip())
    return False


class _Route(Route):
    """Tells its name, as FastAPI's routes do, to whoever counts requests."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Tell whether a request is for this route."""
        match, found = super().matches(scope)
        return match, {**found, "route": self}


class _PageRoute(_Route):
    """Takes what is asked for as a page and is nobody else's."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Tell whether a request is for the page; never for a part of what it asks."""
        if scope["type"] != "http" or scope["method"] not in _METHODS:
            return Match.NONE, {}
        path = scope["path"]
        if not (is_page(path) and accepts_page(path, Headers(scope=scope))):
            return Match.NONE, {}
        return super().matches(scope)
