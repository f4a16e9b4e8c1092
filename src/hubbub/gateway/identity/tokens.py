"""Bearer tokens: JWTs that somebody else has signed, checked by that one's public keys."""

from __future__ import annotations

import asyncio
import json
import logging
import time
import urllib.request
from pathlib import Path
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, OctKey, import_key

from hubbub.errors import SettingsError
from hubbub.gateway.identity.principals import Principal, Role, is_user_name, role_of
from hubbub.gateway.settings import GatewaySettings

__all__ = ["Tokens"]

log = logging.getLogger("hubbub.gateway")

_FRESH_SECONDS = 300.0
_REFETCH_SECONDS = 30.0
_FETCH_SECONDS = 5.0
_LARGEST_KEYS = 1 << 20
_LEEWAY_SECONDS = 30
_LONGEST_TOKEN = 16_384


class Tokens:
    """Checks bearer tokens: algorithm, signature, issuer, audience and times, all of them.

    Args:
        settings: which keys and claims count.

    Raises:
        SettingsError: the key cannot be read.
    """

    def __init__(self, settings: GatewaySettings) -> None:
        self._settings = settings
        self._claims = jwt.JWTClaimsRegistry(
            leeway=_LEEWAY_SECONDS,
            iss={"essential": True, "value": settings.jwt_issuer or ""},
            aud={"essential": True, "value": settings.jwt_audience or ""},
            exp={"essential": True},
        )
        self._keys: Any = None
        self._fetched_at = -_FRESH_SECONDS
        self._fetching = asyncio.Lock()
        if settings.jwt_secret is not None:
            self._keys = OctKey.import_key(settings.jwt_secret.get_secret_value())
        elif settings.jwt_key_file is not None:
            self._keys = _read_key(settings.jwt_key_file)

    async def principal(self, token: str) -> Principal | None:
        """Return whose token it is; None if it is not to be trusted."""
        found = await self.expiring(token)
        return None if found is None else found[0]

    async def expiring(self, token: str) -> tuple[Principal, float] | None:
        """Return whose token it is, and until when, in seconds since 1970; None as above."""
        if len(token) > _LONGEST_TOKEN:
            return None
        keys = await self._current_keys(older_than=_FRESH_SECONDS)
        claims = self._read(token, keys)
        if claims is None and self._settings.jwt_jwks_url is not None:
            # It may be signed by a key that is newer than what we have.
            newer = await self._current_keys(older_than=_REFETCH_SECONDS)
            claims = self._read(token, newer) if newer is not keys else None
        who = None if claims is None else self._principal_of(claims)
        return None if claims is None or who is None else (who, float(claims["exp"]))

    def _read(self, token: str, keys: Any) -> dict[str, Any] | None:
        if keys is None:
            return None
        try:
            read = jwt.decode(token, keys, algorithms=self._settings.jwt_algorithms)
            self._claims.validate(read.claims)
        except (JoseError, ValueError, TypeError, KeyError) as error:
            log.info("A bearer token was refused: %s", type(error).__name__)
            return None
        return dict(read.claims)

    def _principal_of(self, claims: dict[str, Any]) -> Principal | None:
        user = claims.get(self._settings.jwt_user_claim)
        if not is_user_name(user):
            return None
        role = role_of(claims.get(self._settings.jwt_role_claim))
        return Principal(str(user), Role.USER if role is None else role)

    async def _current_keys(self, *, older_than: float) -> Any:
        url = self._settings.jwt_jwks_url
        if url is None:
            return self._keys
        async with self._fetching:
            if time.monotonic() - self._fetched_at >= older_than:
                self._fetched_at = time.monotonic()
                try:
                    self._keys = await asyncio.to_thread(_fetch, url)
                except (OSError, ValueError, JoseError) as error:
                    # Those that we have may still do.
                    log.warning("The keys of bearer tokens cannot be read: %s", error)
        return self._keys


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        """Follow nobody to another address."""


def _fetch(url: str) -> Any:
    opener = urllib.request.build_opener(_NoRedirects())
    with opener.open(url, timeout=_FETCH_SECONDS) as response:
        data = response.read(_LARGEST_KEYS + 1)
    if len(data) > _LARGEST_KEYS:
        raise ValueError("they are too large")
    found = json.loads(data)
    public = [key for key in found.get("keys", []) if key.get("kty") in ("RSA", "EC", "OKP")]
    return KeySet.import_key_set({"keys": public})


def _read_key(file: Path) -> Any:
    try:
        text = file.read_bytes()
        kind = "EC" if b"EC " in text else "RSA"
        for kty in (kind, "RSA", "EC", "OKP"):
            try:
                return import_key(text, kty)
            except (ValueError, TypeError, JoseError):
                continue
    except OSError as error:
        raise SettingsError(f"HUBBUB_GATEWAY_JWT_KEY_FILE: {error}") from None
    raise SettingsError(f"HUBBUB_GATEWAY_JWT_KEY_FILE: {file} holds no public key in PEM form")
