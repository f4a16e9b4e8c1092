"""The gateway as an ASGI app (DESIGN section 9)."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.cors import CORSMiddleware
from starlette.exceptions import HTTPException

from hubbub.errors import HubbubError
from hubbub.gateway.connecting import connected
from hubbub.gateway.console.build import Build
from hubbub.gateway.edge.guard import Guard
from hubbub.gateway.edge.heads import Heads
from hubbub.gateway.edge.outermost import Edge
from hubbub.gateway.identity.access import DESCRIBED, DESCRIBED_FOR_PAGES
from hubbub.gateway.metrics import MetricsMiddleware
from hubbub.gateway.problems import on_http_error, on_hubbub_error, on_invalid_request
from hubbub.gateway.routes import (
    agents,
    console,
    dead_letters,
    diagnosis,
    events,
    files,
    health,
    live,
    log,
    messages,
    openai,
    prices,
    questions,
    requests,
    session,
    tasks,
)
from hubbub.gateway.settings import GatewaySettings
from hubbub.gateway.shutdown import on_stop_signals
from hubbub.gateway.state import Gateway
from hubbub.gateway.waiting import ClientLeft, on_client_left
from hubbub.mesh.mesh import Mesh
from hubbub.settings import NATSConfig
from hubbub.version import __version__

__all__ = ["create_app"]

_ABOUT = (
    "Agents, tasks and people over HTTP. Errors are problem documents (RFC 9457) with the id of "
    "the request. Live pages use the WebSocket `/api/live`."
)


def create_app(
    config: NATSConfig | None = None,
    mesh: Mesh | None = None,
    *,
    settings: GatewaySettings | None = None,
) -> FastAPI:
    """Return the gateway, to be run by any ASGI server.

    Args:
        config: how to reach the mesh; by default what the environment says.
        mesh: a mesh that is connected already; otherwise the app looks for one while it runs, and
            answers 503 until it has found it.
        settings: how the gateway behaves; by default what the environment says.

    Raises:
        SettingsError: a setting cannot be used, or the address may not be listened on without
            authentication.
    """
    settings = settings or GatewaySettings()
    settings.check_address(settings.host)
    gateway = Gateway(settings)

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncGenerator[None]:
        gateway.begin()
        async with contextlib.AsyncExitStack() as stack:
            stack.push_async_callback(gateway.authenticator.close)
            if mesh is None:
                try:
                    await stack.enter_async_context(connected(gateway, config))
                except HubbubError as error:
                    gateway.failure = error  # servers only log it
                    raise
            else:
                gateway.open(mesh)
                stack.push_async_callback(gateway.close)
            stack.enter_context(on_stop_signals(gateway.closing.set))
            yield

    app = FastAPI(
        title="Hubbub",
        version=__version__,
        description=_ABOUT,
        lifespan=lifespan,
        docs_url=None,  # its page would load scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,  # a redirect names the host of the proxy's inside, and loses bodies
    )
    app.state.gateway = gateway
    for error, handler in (
        (HubbubError, on_hubbub_error),
        (HTTPException, on_http_error),
        (RequestValidationError, on_invalid_request),
        (ClientLeft, on_client_left),
    ):
        app.add_exception_handler(error, handler)
    open_to_all = (health.router, session.router)
    for router in (
        agents,
        messages,
        requests,
        tasks,
        events,
        log,
        questions,
        dead_letters,
        diagnosis,
        files,
        prices,
    ):
        app.include_router(router.router, dependencies=DESCRIBED_FOR_PAGES)
    app.include_router(openai.router, dependencies=DESCRIBED)
    for router in open_to_all:
        app.include_router(router)
    app.include_router(live.router)
    app.router.routes += console.console_routes(Build())
    _wrap(app, gateway)
    return app


def _wrap(app: FastAPI, gateway: Gateway) -> None:
    """Put the layers around the routes; the last one is the outermost."""
    settings = gateway.settings
    app.add_middleware(Heads)
    if settings.allowed_origins:
        shared: dict[str, Any] = {
            "allow_methods": ["GET", "POST", "DELETE"],
            "allow_headers": [
                "Authorization",
                "Content-Type",
                "Idempotency-Key",
                "Last-Event-ID",
                "X-API-Key",
            ],
            "expose_headers": ["Location", "Retry-After", "X-Request-ID"],
        }
        app.add_middleware(CORSMiddleware, allow_origins=settings.allowed_origins, **shared)
    app.add_middleware(Guard, settings=settings)
    app.add_middleware(MetricsMiddleware, metrics=gateway.metrics)
    app.add_middleware(Edge)
