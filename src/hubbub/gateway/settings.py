"""The settings of the gateway: arguments beat the environment variables `HUBBUB_GATEWAY_*`."""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from hubbub.errors import SettingsError

__all__ = ["GatewaySettings", "is_loopback"]

_ASYMMETRIC = frozenset(
    {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "Ed25519"}
)
_SYMMETRIC = frozenset({"HS256", "HS384", "HS512"})
# What `jwt_secret` is signed with must not be guessable from a token (RFC 7518, 3.2).
_SHORTEST_SECRET = 32
_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://[^\s/?#@\\*]+")


class GatewaySettings(BaseSettings):
    """How the gateway listens, whom it lets in, and how much it takes.

    Lists are written as JSON in a variable: `["https://app.example.com"]`.

    Raises:
        SettingsError: a value cannot be used; the message names the variable.
    """

    model_config = SettingsConfigDict(
        env_prefix="HUBBUB_GATEWAY_",
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
        allow_inf_nan=False,
        env_ignore_empty=True,
    )

    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8400, ge=0, le=65_535, description="Port to listen on; 0 takes a free one.")

    api_keys_file: Path | None = Field(
        None, description="JSON file of API keys: id, sha256, user, role."
    )
    jwt_jwks_url: str | None = Field(None, description="Where the keys of bearer tokens are.")
    jwt_key_file: Path | None = Field(
        None, description="Public key of bearer tokens (PEM), instead of `jwt_jwks_url`."
    )
    jwt_secret: SecretStr | None = Field(
        None, description="Shared secret of bearer tokens, for the HS algorithms alone."
    )
    jwt_algorithms: list[str] = Field(
        default_factory=lambda: ["RS256", "ES256"],
        description="Signature algorithms of bearer tokens that are taken.",
    )
    jwt_issuer: str | None = Field(None, description="Whose bearer tokens are taken (`iss`).")
    jwt_audience: str | None = Field(
        None, description="For whom bearer tokens must be meant (`aud`)."
    )
    jwt_user_claim: str = Field("sub", description="Claim that names the user.")
    jwt_role_claim: str = Field("role", description="Claim that holds the role, or a list of some.")

    session_hours: float = Field(
        12.0, gt=0, le=8_760, description="Hours that a page stays signed in."
    )

    allowed_hosts: list[str] = Field(
        default_factory=lambda: ["localhost", "127.0.0.1", "[::1]"],
        description="Host names that requests may be for, without a port.",
    )
    allowed_origins: list[str] = Field(
        default_factory=list[str],
        description="Other web origins whose pages may call the gateway, exactly as written.",
    )
    max_body_bytes: int = Field(
        1 << 20, ge=1_000, description="Largest body of a request, in bytes."
    )
    max_file_bytes: int = Field(20 << 20, ge=1_000, description="Largest file, in bytes.")
    prices_file: Path | None = Field(
        None, description="JSON file of USD per million tokens: model, then input and output."
    )
    requests_per_second: float = Field(
        50.0, gt=0, description="Requests a user may make a second, in each process."
    )
    request_burst: int = Field(
        200, ge=1, description="Requests a user may make at once, in each process."
    )
    open_streams: int = Field(
        32, ge=1, description="Event streams and sockets a user may have open, in each process."
    )
    open_requests: int = Field(
        200, ge=1, description="Answers of agents a user may wait for at once, in each process."
    )
    keep_alive_seconds: float = Field(
        15.0, gt=0, description="Seconds of silence after which an event stream shows it is alive."
    )
    shutdown_seconds: float = Field(
        5.0, ge=0, description="Seconds that requests may take to finish at shutdown."
    )

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise SettingsError(_explain(error)) from None
        except ValueError as error:  # a list that is no JSON
            raise SettingsError(f"HUBBUB_GATEWAY_*: {error}") from None

    @property
    def has_authentication(self) -> bool:
        """Whether requests must say whose they are."""
        return self.api_keys_file is not None or self.takes_tokens

    @property
    def takes_tokens(self) -> bool:
        """Whether bearer tokens are taken."""
        return any((self.jwt_jwks_url, self.jwt_key_file, self.jwt_secret))

    @model_validator(mode="after")
    def _pages_are_known(self) -> Self:
        for origin in self.allowed_origins:
            if not _ORIGIN.fullmatch(origin):
                raise ValueError(
                    f"ALLOWED_ORIGINS holds {origin!r}; name each origin as browsers write it, "
                    "such as https://app.example.com"
                )
        if "*" in self.allowed_hosts and not self.has_authentication:
            # Any page can have a name of its own point to this machine.
            raise ValueError("ALLOWED_HOSTS must name each host while requests need no credentials")
        return self

    @model_validator(mode="after")
    def _tokens_are_checked(self) -> Self:
        if not self.takes_tokens:
            return self
        if sum(map(bool, (self.jwt_jwks_url, self.jwt_key_file, self.jwt_secret))) > 1:
            raise ValueError("JWT_JWKS_URL, JWT_KEY_FILE and JWT_SECRET exclude one another")
        if not (self.jwt_issuer and self.jwt_audience):
            raise ValueError("JWT_ISSUER and JWT_AUDIENCE must be set for tokens to be checked")
        allowed = _SYMMETRIC if self.jwt_secret else _ASYMMETRIC
        wrong = sorted(set(self.jwt_algorithms) - allowed)
        if wrong or not self.jwt_algorithms:
            named = wrong[0] if wrong else "nothing"
            raise ValueError(f"JWT_ALGORITHMS holds {named}; use {', '.join(sorted(allowed))}")
        if self.jwt_secret and len(self.jwt_secret.get_secret_value()) < _SHORTEST_SECRET:
            raise ValueError(f"JWT_SECRET must have at least {_SHORTEST_SECRET} characters")
        if self.jwt_jwks_url and not _is_safe_source(self.jwt_jwks_url):
            raise ValueError(
                "JWT_JWKS_URL must be https://host/path, without a user name; http:// is for this "
                "machine alone: localhost, 127.0.0.1 or [::1]"
            )
        return self

    def check_address(self, host: str) -> None:
        """Refuse to listen where strangers are, without asking who they are.

        Raises:
            SettingsError: the address is no loopback address, and nothing authenticates.
        """
        if not self.has_authentication and not is_loopback(host):
            raise SettingsError(
                f"HUBBUB_GATEWAY_HOST: {host} can be reached from other machines, and requests "
                "need no credentials: set HUBBUB_GATEWAY_API_KEYS_FILE or "
                "HUBBUB_GATEWAY_JWT_JWKS_URL, or listen on 127.0.0.1"
            )


def is_loopback(host: str) -> bool:
    """Tell whether only this machine can reach an address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _is_safe_source(url: str) -> bool:
    """Tell whether nobody on the way can change what is read from an address.

    Programs read what is odd in an address in different ways, so that it is not taken at all.
    """
    if not (url.isascii() and url.isprintable()) or not {" ", "\\"}.isdisjoint(url):
        return False
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:  # no such port, or half a bracket
        return False
    if not host or "%" in host or "@" in parts.netloc or port == 0:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host))


def _explain(error: ValidationError) -> str:
    problems: list[str] = []
    for item in error.errors(include_url=False, include_input=False):
        name = f"HUBBUB_GATEWAY_{str(item['loc'][0]).upper()}" if item["loc"] else "HUBBUB_GATEWAY"
        what = item["msg"].removeprefix("Value error, ")
        named = what.startswith(("JWT", "ALLOWED"))
        problems.append(f"{name}: {what if named else what[:1].lower() + what[1:]}")
    return "; ".join(problems)
