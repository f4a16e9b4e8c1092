"""Who makes a request: an API key or a bearer token, in a header and nowhere else."""

from __future__ import annotations

import math
from dataclasses import dataclass

from fastapi import Security
from fastapi.security import APIKeyCookie, APIKeyHeader, HTTPBearer
from starlette.requests import HTTPConnection

from hubbub.gateway.api_keys import ApiKeys
from hubbub.gateway.identity.cookies import COOKIE
from hubbub.gateway.identity.principals import LOCAL, Principal
from hubbub.gateway.identity.tokens import Tokens
from hubbub.gateway.problems import Refusal
from hubbub.gateway.settings import GatewaySettings

__all__ = ["DESCRIBED", "DESCRIBED_FOR_PAGES", "Authenticator", "Grant"]

_KEY_HEADER = "x-api-key"
_PREFIX = "hub_"

# They say in the description of the API what `Authenticator` looks for.
DESCRIBED = [
    Security(HTTPBearer(auto_error=False, description="An API key or a JWT.")),
    Security(APIKeyHeader(name="X-API-Key", auto_error=False, description="An API key.")),
]
DESCRIBED_FOR_PAGES = [
    *DESCRIBED,
    Security(APIKeyCookie(name=COOKIE, auto_error=False, description="A session of a page.")),
]


@dataclass(frozen=True, slots=True)
class Grant:
    """What a credential is good for.

    Attributes:
        who: whose it is.
        key_id: the API key that it is; empty for a token.
        key_sha256: hash of that key.
        expires_at: until when it counts, in seconds since 1970.
    """

    who: Principal
    key_id: str = ""
    key_sha256: str = ""
    expires_at: float = math.inf


class Authenticator:
    """Finds out who makes a request.

    Args:
        settings: which credentials count.

    Raises:
        SettingsError: a file of keys cannot be read.
    """

    def __init__(self, settings: GatewaySettings) -> None:
        self._is_on = settings.has_authentication
        self._keys = ApiKeys(settings.api_keys_file)
        self._tokens = Tokens(settings) if settings.takes_tokens else None

    def expects_none(self, connection: HTTPConnection) -> bool:
        """Tell whether a session is not asked for: everybody is let in, or a header says who."""
        headers = connection.headers
        return not self._is_on or "authorization" in headers or _KEY_HEADER in headers

    async def principal(self, connection: HTTPConnection) -> Principal:
        """Return who it is.

        Raises:
            Refusal: 401: no credentials, or wrong ones; there is no second try with others.
        """
        if not self._is_on:
            return LOCAL
        authorization = connection.headers.getlist("authorization")
        keys = connection.headers.getlist(_KEY_HEADER)
        if len(authorization) + len(keys) > 1:
            raise _refused("Send one credential, not several")
        if keys:
            found = self._keys.principal(keys[0])
        elif authorization:
            scheme, _, credential = authorization[0].partition(" ")
            found = await self._bearer(credential.strip()) if scheme.lower() == "bearer" else None
        else:
            raise _refused("Send an API key or a token: `Authorization: Bearer ...`")
        if found is None:
            raise _refused("These credentials are not known here, or have expired")
        return found

    async def grant(self, credential: str) -> Grant | None:
        """Return what an API key or a token is good for; None if it is not taken."""
        if credential.startswith(_PREFIX):
            known = self._keys.known(credential)
            who = self._keys.holder(known.id, known.sha256) if known else None
            return Grant(who, known.id, known.sha256) if known and who else None
        found = await self._tokens.expiring(credential) if self._tokens else None
        return None if found is None else Grant(found[0], expires_at=found[1])

    def holder(self, key_id: str, sha256: str) -> Principal | None:
        """Return whose API key it is; None if it is not taken any more."""
        return self._keys.holder(key_id, sha256)

    async def close(self) -> None:
        """Let go of what it does in the background."""
        if self._tokens is not None:
            await self._tokens.close()

    async def _bearer(self, credential: str) -> Principal | None:
        if credential.startswith(_PREFIX):
            return self._keys.principal(credential)
        return await self._tokens.principal(credential) if self._tokens else None


def _refused(detail: str) -> Refusal:
    return Refusal(401, "not-signed-in", detail, headers={"WWW-Authenticate": "Bearer"})
