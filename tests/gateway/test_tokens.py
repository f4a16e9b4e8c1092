"""Bearer tokens: what is taken, and everything that is not."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hmac
import json
import time
from collections.abc import AsyncGenerator
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


def _written(head: bytes) -> str:
    return f"{base64.urlsafe_b64encode(head).rstrip(b'=').decode()[:16_000]}.e30.e30"


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
        _written(b"[" * 12_000),
        _written(b'{"alg":[]}'),
        _written(b'{"alg":"RS256","kid":{}}'),
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


class Publisher:
    """An identity provider: what it publishes, and how soon it answers."""

    def __init__(self, *keys: Any) -> None:
        self.body: object = {"keys": list(keys)}
        self.head = b"HTTP/1.1 200 OK\r\n"
        self.asked = 0
        self.was_asked = asyncio.Event()
        self.answers = asyncio.Event()
        self.answers.set()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.asked += 1
        self.was_asked.set()
        try:
            await reader.readuntil(b"\r\n\r\n")
            await self.answers.wait()
            body = self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()
            length = b"Content-Length: %d\r\nConnection: close\r\n\r\n" % len(body)
            writer.write(self.head + length + body)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # whoever asked has given up
        finally:
            writer.close()

    @contextlib.asynccontextmanager
    async def tokens(self) -> AsyncGenerator[Tokens]:
        async with await asyncio.start_server(self._answer, "127.0.0.1", 0) as server:
            url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/keys"
            tokens = Tokens(
                GatewaySettings(jwt_jwks_url=url, jwt_issuer="me", jwt_audience="hubbub")
            )
            try:
                yield tokens
            finally:
                await tokens.close()


def published(key: Any, kid: str) -> dict[str, Any]:
    return dict(key.as_dict(private=False, kid=kid))


ADA = Principal("ada", Role.USER)


async def test_keys_come_from_an_address() -> None:
    """They are read once, whoever waits for them, and not for every token that is wrong."""
    publisher = Publisher(published(KEY, "one"))
    async with publisher.tokens() as tokens:
        found = await asyncio.gather(*(tokens.principal(token(kid="one")) for _ in range(20)))
        assert found == [ADA] * 20
        assert publisher.asked == 1
        assert await tokens.principal(token(OTHER, kid="one")) is None
        assert await tokens.principal(token(kid="unknown")) is None
        assert publisher.asked == 1, "a wrong token must not make us ask each time"


async def test_old_keys_count_while_new_ones_are_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    publisher = Publisher(published(KEY, "one"))
    async with publisher.tokens() as tokens:
        assert await tokens.principal(token(kid="one")) == ADA
        monkeypatch.setattr("hubbub.gateway.identity.published._FRESH_SECONDS", 0.0)
        publisher.answers.clear()
        publisher.was_asked.clear()
        publisher.body = {"keys": [published(OTHER, "two")]}
        async with asyncio.timeout(1):  # nobody waits for the answer, which does not come
            for _ in range(20):
                assert await tokens.principal(token(kid="one")) == ADA
            await publisher.was_asked.wait()
            assert await tokens.principal(token(kid="one")) == ADA
        assert publisher.asked == 2, "one fetch at a time"
        # Whoever needs the new ones waits for the same fetch.
        new = asyncio.create_task(tokens.principal(token(OTHER, kid="two")))
        publisher.answers.set()
        assert await new == ADA
        monkeypatch.undo()
        assert await tokens.principal(token(kid="one")) is None
        assert publisher.asked == 2


async def test_a_new_key_is_fetched_for_its_first_token(monkeypatch: pytest.MonkeyPatch) -> None:
    publisher = Publisher(published(KEY, "one"))
    async with publisher.tokens() as tokens:
        assert await tokens.principal(token(kid="one")) == ADA
        publisher.body = {"keys": [published(KEY, "one"), published(OTHER, "two")]}
        monkeypatch.setattr("hubbub.gateway.identity.published._AGAIN_SECONDS", 0.0)
        assert await tokens.principal(token(exp=1, kid="one")) is None
        assert publisher.asked == 1, "what is wrong with this one no key can mend"
        assert await tokens.principal(token(OTHER, kid="two")) == ADA
        assert publisher.asked == 2


async def test_a_provider_that_never_answers_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("hubbub.gateway.identity.published._FETCH_SECONDS", 0.2)
    publisher = Publisher(published(KEY, "one"))
    publisher.answers.clear()
    async with publisher.tokens() as tokens:
        async with asyncio.timeout(5):
            assert await tokens.principal(token(kid="one")) is None
            assert await tokens.principal(token(kid="one")) is None
        assert publisher.asked == 1
        publisher.answers.set()
        monkeypatch.setattr("hubbub.gateway.identity.published._AGAIN_WITHOUT_KEYS_SECONDS", 0.0)
        monkeypatch.setattr("hubbub.gateway.identity.published._FETCH_SECONDS", 5.0)
        assert await tokens.principal(token(kid="one")) == ADA


async def test_an_odd_set_of_keys_harms_nobody(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("hubbub.gateway.identity.published._AGAIN_WITHOUT_KEYS_SECONDS", 0.0)
    monkeypatch.setattr("hubbub.gateway.identity.published._AGAIN_SECONDS", 0.0)
    publisher = Publisher()
    odd: list[object] = [
        [],
        {},
        {"keys": None},
        {"keys": [None, 7, [], {}, {"kty": []}, {"kty": "RSA"}, {"kty": "EC", "crv": "P-0"}]},
        {"keys": [{"kty": "oct", "k": "c2VjcmV0", "kid": "one"}]},
        b"<html>",
        b"[" * 100_000,
        b'{"keys":[]' + b" " * (2 << 20) + b"}",
        b"\xff\xfe",
    ]
    async with publisher.tokens() as tokens:
        for body in odd:
            publisher.body = body
            assert await tokens.principal(token(kid="one")) is None, body
        assert publisher.asked == len(odd)
        assert "cannot be read" in caplog.text
        publisher.body = {"keys": [published(KEY, "one")]}
        for head in (
            b"HTTP/1.1 302 Found\r\nLocation: /other\r\n",
            b"HTTP/1.1 500 No\r\n",
            b"?\r\n",
        ):
            publisher.head = head
            assert await tokens.principal(token(kid="one")) is None, head
        publisher.head = b"HTTP/1.1 200 OK\r\n"
        # One that we cannot use does not take the others along.
        publisher.body = {"keys": [{"kty": "RSA", "kid": "zero"}, published(KEY, "one")]}
        assert await tokens.principal(token(kid="one")) == ADA
        publisher.body = b"gone"
        assert await tokens.principal(token(kid="two")) is None
        assert await tokens.principal(token(kid="one")) == ADA


async def test_without_keys_nobody_gets_in() -> None:
    settings = GatewaySettings(
        jwt_jwks_url="http://127.0.0.1:9/keys", jwt_issuer="me", jwt_audience="hubbub"
    )
    assert await Tokens(settings).principal(token()) is None
