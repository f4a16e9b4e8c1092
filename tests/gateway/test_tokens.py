"""Bearer tokens: what is taken, and everything that is not."""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
import time
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from hubbub import NATSConfig
from hubbub.gateway.identity.principals import Principal, Role
from hubbub.gateway.identity.tokens import Tokens
from hubbub.gateway.settings import GatewaySettings

from .kit import check_problem, gateway

KEY = RSAKey.generate_key(2048)
OTHER = RSAKey.generate_key(2048)


def claims(**changes: Any) -> dict[str, Any]:
    usual = {"sub": "ada", "iss": "me", "aud": "hubbub", "exp": int(time.time()) + 60}
    changed = {**usual, **changes}
    return {name: value for name, value in changed.items() if value is not None}


def token(key: Any = KEY, algorithm: str = "RS256", kid: str = "", **changes: Any) -> str:
    head = {"alg": algorithm, **({"kid": kid} if kid else {})}
    return jwt.encode(head, claims(**changes), key, algorithms=[algorithm])


def confused() -> str:
    """A token whose shared secret is the public key, which everybody knows."""
    parts = [b'{"alg":"HS256","typ":"JWT"}', json.dumps(claims()).encode()]
    head = b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in parts)
    mark = hmac.digest(KEY.as_pem(private=False), head, "sha256")
    return (head + b"." + base64.urlsafe_b64encode(mark).rstrip(b"=")).decode()


@pytest.fixture
def settings(tmp_path: Path) -> GatewaySettings:
    file = tmp_path / "public.pem"
    file.write_bytes(KEY.as_pem(private=False))
    return GatewaySettings(jwt_key_file=file, jwt_issuer="me", jwt_audience="hubbub")


async def test_a_good_token_says_who_it_is(settings: GatewaySettings) -> None:
    tokens = Tokens(settings)
    assert await tokens.principal(token()) == Principal("ada", Role.USER)
    assert await tokens.principal(token(role="admin")) == Principal("ada", Role.ADMIN)
    roles = token(role=["billing", "viewer", "operator"])
    assert await tokens.principal(roles) == Principal("ada", Role.OPERATOR)
    assert await tokens.principal(token(aud=["x", "hubbub"])) == Principal("ada", Role.USER)


async def test_a_bad_token_is_nobodys(settings: GatewaySettings) -> None:
    tokens = Tokens(settings)
    none = "eyJhbGciOiJub25lIn0." + token().split(".")[1] + "."
    for bad in (
        token(OTHER),
        token(ECKey.generate_key("P-256"), "ES256"),
        confused(),
        none,
        token(iss="you"),
        token(iss=None),
        token(aud="other"),
        token(aud=None),
        token(exp=None),
        token(exp=int(time.time()) - 120),
        token(nbf=int(time.time()) + 120),
        token(sub=None),
        token(sub="a b\n"),
        token(sub=7),
        token()[:-3],
        "x.y.z",
        "",
        "a" * 100_000,
    ):
        assert await tokens.principal(bad) is None, bad


async def test_a_bad_token_gets_nobody_in(
    open_config: NATSConfig, settings: GatewaySettings, tmp_path: Path
) -> None:
    async with (
        gateway(
            open_config,
            tmp_path,
            jwt_key_file=settings.jwt_key_file,
            jwt_issuer="me",
            jwt_audience="hubbub",
        ) as door,
        door.client(None) as client,
    ):
        good = {"Authorization": f"Bearer {token()}"}
        assert (await client.get("/api/tasks", headers=good)).status_code == 200
        bad = {"Authorization": f"Bearer {token(OTHER)}", "X-API-Key": door.keys["root"]}
        check_problem(await client.get("/api/tasks", headers=bad), 401)


async def test_keys_come_from_an_address() -> None:
    """They are read once, and again for a key that is new."""
    published = [KEY.as_dict(private=False, kid="one")]
    asked = 0

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        asked += 1
        await reader.readuntil(b"\r\n\r\n")
        body = json.dumps({"keys": published}).encode()
        writer.write(b"HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        tokens = Tokens(
            GatewaySettings(
                jwt_jwks_url=f"http://127.0.0.1:{port}/keys", jwt_issuer="me", jwt_audience="hubbub"
            )
        )
        for _ in range(3):
            assert await tokens.principal(token(kid="one")) == Principal("ada", Role.USER)
        assert asked == 1
        assert await tokens.principal(token(OTHER, kid="one")) is None
        assert await tokens.principal(token(kid="unknown")) is None
        assert asked == 1, "a wrong token must not make us ask each time"


async def test_without_keys_nobody_gets_in() -> None:
    settings = GatewaySettings(
        jwt_jwks_url="http://127.0.0.1:9/keys", jwt_issuer="me", jwt_audience="hubbub"
    )
    assert await Tokens(settings).principal(token()) is None
