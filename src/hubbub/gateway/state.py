"""What one running gateway holds, and how the routes get at it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncGenerator
from typing import Annotated

from fastapi import Depends
from starlette.requests import HTTPConnection

from hubbub.errors import ConnectionLost, HubbubError
from hubbub.gateway.edge.limits import RequestRate, Slots
from hubbub.gateway.edge.shares import Shares
from hubbub.gateway.identity.access import Authenticator
from hubbub.gateway.identity.cookies import check_own_page, cookie_of
from hubbub.gateway.identity.principals import Principal
from hubbub.gateway.identity.sessions import Sessions
from hubbub.gateway.live.hub import Hub
from hubbub.gateway.live.open_questions import OpenQuestions
from hubbub.gateway.metrics import Metrics
from hubbub.gateway.problems import Refusal
from hubbub.gateway.records.prices import read_prices
from hubbub.gateway.settings import GatewaySettings
from hubbub.mesh.mesh import Mesh

__all__ = ["NAME", "Gateway", "OnGateway", "SignedIn", "gateway_of", "signed_in"]

NAME = "Gateway"
"""What a gateway is called on the mesh, unless it was given a mesh of another name."""

log = logging.getLogger("hubbub.gateway")

_CHECK_SECONDS = 5.0


class Gateway:
    """One gateway; it may run before it has a mesh.

    Args:
        settings: how it behaves.

    Attributes:
        settings: how it behaves.
        made_at: when it was made, by the monotonic clock.
        authenticator: who makes a request.
        rate: how many requests a user may make.
        streams: how many streams a user may have open.
        requests: how many answers of agents a user may wait for.
        metrics: what is counted.
        prices: what models cost.
        closing: set when it stops, so that whoever streams comes to an end.
        failure: why it could not begin to run; None if nothing is wrong.
    """

    def __init__(self, settings: GatewaySettings) -> None:
        self.settings = settings
        self.made_at = time.monotonic()
        self.authenticator = Authenticator(settings)
        self.rate = RequestRate(settings.requests_per_second, settings.request_burst)
        self.streams = Slots(settings.open_streams)
        self.requests = Slots(settings.open_requests, "open requests")
        self.metrics = Metrics()
        self.prices = read_prices(settings.prices_file) if settings.prices_file else {}
        self.closing = asyncio.Event()
        self._shares = Shares()
        self.failure: HubbubError | None = None
        self._mesh: Mesh | None = None
        self._sessions: Sessions | None = None
        self._hub: Hub | None = None
        self._questions: OpenQuestions | None = None

    def begin(self) -> None:
        """Begin to run, in the running loop."""
        self.closing = asyncio.Event()

    def open(self, mesh: Mesh) -> None:
        """Begin to work over a mesh."""
        self._mesh, self._hub = mesh, Hub(mesh)
        self._questions = OpenQuestions(mesh.connection)
        seconds = self.settings.session_hours * 3_600
        self._sessions = Sessions(mesh, self.authenticator, seconds=seconds)

    async def close(self) -> None:
        """End what streams, and let go of the mesh."""
        self.closing.set()
        if self._hub is not None:
            await self._hub.close()
        self._mesh = self._hub = self._sessions = self._questions = None

    @property
    def is_open(self) -> bool:
        """Whether there is a mesh, connected just now or not."""
        return self._mesh is not None

    @property
    def name(self) -> str:
        """The name under which it speaks on the mesh; that of a mesh which it was given."""
        return NAME if self._mesh is None else self._mesh.name

    @property
    def is_connected(self) -> bool:
        """Whether there is a connection to the NATS server now."""
        return self._mesh is not None and self._mesh.connection.client.is_connected

    @property
    def mesh(self) -> Mesh:
        """The mesh, if it can be reached now.

        Raises:
            ConnectionLost: it cannot; nobody is kept waiting for it.
        """
        if self._mesh is None or not self.is_connected:
            raise _away()
        return self._mesh

    async def until_over(self, who: Principal, connection: HTTPConnection) -> None:
        """Return when whoever has opened a stream or a socket may not have it any more.

        That is when the gateway stops, and soon after their credentials have expired, or have been
        taken from them.
        """
        while not self.closing.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_CHECK_SECONDS):
                    await self.closing.wait()
            try:
                if await _identified(self, connection) != who:
                    return
            except Refusal:
                return
            except HubbubError as error:
                # A session is asked for on the mesh, which is away just now.
                log.debug("Whether a session still holds cannot be told: %s", error)

    @contextlib.asynccontextmanager
    async def share(self, user: str, agent: str, priority: int) -> AsyncGenerator[None]:
        """Count a message that a user sends in the context, in their share of the inbox.

        Where requests need no credentials, all is one user's, and nothing is shared.

        Raises:
            Refusal: 429, too many messages of this user wait there.
            ConnectionLost: the mesh cannot be reached.
        """
        if not self.settings.has_authentication:
            yield
            return
        async with self._shares.taken(self.mesh, user, agent, priority):
            yield

    @property
    def hub(self) -> Hub:
        """What live pages are fed from.

        Raises:
            ConnectionLost: there is no mesh yet.
        """
        if self._hub is None:
            raise _away()
        return self._hub

    @property
    def questions(self) -> OpenQuestions:
        """Which questions are open.

        Raises:
            ConnectionLost: there is no mesh yet.
        """
        if self._questions is None:
            raise _away()
        return self._questions

    @property
    def sessions(self) -> Sessions:
        """Who is signed in by a page.

        Raises:
            ConnectionLost: there is no mesh yet.
        """
        if self._sessions is None:
            raise _away()
        return self._sessions


def _away() -> ConnectionLost:
    return ConnectionLost(
        "The gateway has no connection to the NATS server and tries to get one: "
        "try again in some seconds; `hubbub doctor` tells what is wrong"
    )


def gateway_of(connection: HTTPConnection) -> Gateway:
    """Return the gateway that a request has come to."""
    return connection.app.state.gateway


async def signed_in(connection: HTTPConnection) -> Principal:
    """Return who makes a request, and count it.

    Raises:
        Refusal: nobody we know, or more requests than are allowed.
    """
    gateway = gateway_of(connection)
    try:
        who = await _identified(gateway, connection)
    except Refusal:
        address = connection.client.host if connection.client else ""
        gateway.rate.take(f"?{address}")  # no user is called that
        raise
    gateway.rate.take(who.user)
    return who


async def _identified(gateway: Gateway, connection: HTTPConnection) -> Principal:
    """Return who it is: by the session of a page if there is no other credential, right or wrong.

    Raises:
        Refusal: 401, nobody we know; 403, another page's.
    """
    cookie = cookie_of(connection)
    if cookie is None or gateway.authenticator.expects_none(connection):
        return await gateway.authenticator.principal(connection)
    check_own_page(connection)
    who = await gateway.sessions.principal(cookie)
    if who is None:
        raise Refusal(
            401,
            "session-ended",
            "This session has ended: sign in again",
            headers={"WWW-Authenticate": "Bearer"},
        )
    return who


OnGateway = Annotated[Gateway, Depends(gateway_of)]
SignedIn = Annotated[Principal, Depends(signed_in)]
