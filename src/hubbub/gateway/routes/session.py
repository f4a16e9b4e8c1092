"""Signing in and out, for pages."""

from __future__ import annotations

from typing import Literal, cast

from fastapi import APIRouter, Request, Response

from hubbub.errors import ConnectionLost
from hubbub.gateway.console.records import RoleName, SessionView, SignIn
from hubbub.gateway.edge.bodies import StrictRoute
from hubbub.gateway.identity.cookies import check_own_page, cookie_of, no_cookie, set_cookie
from hubbub.gateway.identity.principals import Principal
from hubbub.gateway.problems import Refusal, may_fail_with
from hubbub.gateway.state import Gateway, OnGateway, signed_in
from hubbub.version import __version__

__all__ = ["router"]

router = APIRouter(prefix="/api/session", tags=["session"], route_class=StrictRoute)


@router.get("", operation_id="get_session", responses=may_fail_with())
async def get_session(gateway: OnGateway, request: Request) -> SessionView:
    """Tell who is signed in, and how one signs in here; needs no credentials."""
    who: Principal | None = None
    try:
        who = await signed_in(request)
    except Refusal as refusal:
        if refusal.status_code != 401:
            raise
    except ConnectionLost:
        pass  # `nats` says so
    return _view(gateway, who)


@router.post("", operation_id="sign_in", status_code=201, responses=may_fail_with(403, 409))
async def sign_in(
    gateway: OnGateway, request: Request, response: Response, given: SignIn
) -> SessionView:
    """Begin a session with an API key or a token; its cookie counts on `/api` alone."""
    gateway.rate.take(f"?{request.client.host if request.client else ''}")
    if not gateway.settings.has_authentication:
        raise Refusal(409, "no-sign-in", "Everybody is let in here: there is nothing to sign in to")
    grant = await gateway.authenticator.grant(given.credential.get_secret_value().strip())
    if grant is None:
        raise Refusal(
            401,
            "not-signed-in",
            "This key or token is not known here, or has expired",
            headers={"WWW-Authenticate": "Bearer"},
        )
    response.headers.update(set_cookie(await gateway.sessions.begin(grant)))
    return _view(gateway, grant.who)


@router.delete(
    "",
    operation_id="sign_out",
    status_code=204,
    response_class=Response,
    responses=may_fail_with(403),
)
async def sign_out(gateway: OnGateway, request: Request) -> Response:
    """End the session, if there is one, with all of its sockets."""
    cookie = cookie_of(request)
    if cookie is not None:
        check_own_page(request)
        await gateway.sessions.end(cookie)
    return Response(status_code=204, headers=no_cookie())


def _view(gateway: Gateway, who: Principal | None) -> SessionView:
    settings = gateway.settings
    ways: list[Literal["api-key", "token"]] = []
    if settings.api_keys_file is not None:
        ways.append("api-key")
    if settings.takes_tokens:
        ways.append("token")
    return SessionView(
        user=who.user if who else None,
        role=cast("RoleName", who.role.name.lower()) if who else None,
        sign_in=ways,
        version=__version__,
        nats=gateway.is_connected,
    )
