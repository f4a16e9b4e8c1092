"""Bearer tokens: JWTs that somebody else has signed, checked by that one's public keys."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from joserfc import jwt
from joserfc.errors import BadSignatureError, InvalidKeyIdError, JoseError
from joserfc.jwk import OctKey, import_key

from hubbub.errors import SettingsError
from hubbub.gateway.identity.principals import Principal, Role, is_user_name, role_of
from hubbub.gateway.identity.published import PublishedKeys
from hubbub.gateway.settings import GatewaySettings

__all__ = ["Tokens"]

log = logging.getLogger("hubbub.gateway")

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
        self._key: Any = None
        self._published: PublishedKeys | None = None
        if settings.jwt_secret is not None:
            self._key = OctKey.import_key(settings.jwt_secret.get_secret_value())
        elif settings.jwt_key_file is not None:
            self._key = _read_key(settings.jwt_key_file)
        elif settings.jwt_jwks_url is not None:
            self._published = PublishedKeys(settings.jwt_jwks_url)

    async def close(self) -> None:
        """Let go of what it does in the background."""
        if self._published is not None:
            await self._published.close()

    async def principal(self, token: str) -> Principal | None:
        """Return whose token it is; None if it is not to be trusted."""
        found = await self.expiring(token)
        return None if found is None else found[0]

    async def expiring(self, token: str) -> tuple[Principal, float] | None:
        """Return whose token it is, and until when, in seconds since 1970; None as above."""
        if len(token) > _LONGEST_TOKEN:
            return None
        claims = await self._claims_of(token)
        who = None if claims is None else self._principal_of(claims)
        return None if claims is None or who is None else (who, float(claims["exp"]))

    async def _claims_of(self, token: str) -> dict[str, Any] | None:
        try:
            if self._published is None:
                return self._read(token, self._key)
            keys = await self._published.current()
            try:
                return None if keys is None else self._read(token, keys)
            except (InvalidKeyIdError, BadSignatureError):
                # It may be signed by a key that is newer than what we have.
                newer = await self._published.newer()
                if newer is None or newer is keys:
                    raise
                return self._read(token, newer)
        except (JoseError, ValueError, TypeError, KeyError) as error:
            log.info("A bearer token was refused: %s", type(error).__name__)
            return None

    def _read(self, token: str, keys: Any) -> dict[str, Any]:
        read = jwt.decode(token, keys, algorithms=self._settings.jwt_algorithms)
        self._claims.validate(read.claims)
        return dict(read.claims)

    def _principal_of(self, claims: dict[str, Any]) -> Principal | None:
        user = claims.get(self._settings.jwt_user_claim)
        if not is_user_name(user):
            return None
        role = role_of(claims.get(self._settings.jwt_role_claim))
        return Principal(str(user), Role.USER if role is None else role)


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
