"""Signing in by a page: the cookie, where it counts, and how a session ends."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

import hubbub
from hubbub import NATSConfig
from hubbub.gateway.identity.cookies import COOKIE, is_same_origin
from hubbub.testing import ServerProcess

from .kit import Door, check_problem, gateway
from .test_live import Socket, page
from .test_tokens import KEY, token

SAME = {"Sec-Fetch-Site": "same-origin"}


async def sign_in(client: httpx.AsyncClient, credential: str) -> dict[str, str]:
    """Sign in, and return the header that a browser would send from then on."""
    response = await client.post("/api/session", json={"credential": credential})
    assert response.status_code == 201, response.text
    return {"Cookie": response.headers["set-cookie"].partition(";")[0]}


async def test_a_key_begins_a_session(config: NATSConfig, tmp_path: Path) -> None:
    async with gateway(config, tmp_path) as door, door.client(None) as client:
        before = (await client.get("/api/session")).json()
        assert before == {
            "user": None,
            "role": None,
            "sign_in": ["api-key"],
            "gateway": "Gateway",
            "version": hubbub.__version__,
            "nats": True,
        }
        response = await client.post("/api/session", json={"credential": door.keys["olga"]})
        assert response.status_code == 201
        assert response.json() == {**before, "user": "olga", "role": "operator"}
        name, _, rest = response.headers["set-cookie"].partition("=")
        cookie, *attributes = rest.split("; ")
        assert name == "__Host-hubbub"
        assert len(cookie) >= 43
        assert set(attributes) == {"Secure", "HttpOnly", "SameSite=Strict", "Path=/"}
        signed = {"Cookie": f"{name}={cookie}"}
        shown = await client.get("/api/session", headers=signed)
        assert (shown.json()["user"], shown.json()["role"]) == ("olga", "operator")
        assert (await client.get("/api/messages", headers=signed)).status_code == 200
        check_problem(await client.get("/api/messages"), 401)


async def test_a_token_begins_a_session_that_ends_with_it(
    open_config: NATSConfig, tmp_path: Path
) -> None:
    file = tmp_path / "public.pem"
    file.write_bytes(KEY.as_pem(private=False))
    settings: dict[str, Any] = {"jwt_key_file": file, "jwt_issuer": "me", "jwt_audience": "hubbub"}
    async with gateway(open_config, **settings) as door, door.client(None) as client:
        assert (await client.get("/api/session")).json()["sign_in"] == ["token"]
        signed = await sign_in(client, token(role="viewer"))
        shown = (await client.get("/api/session", headers=signed)).json()
        assert (shown["user"], shown["role"]) == ("ada", "viewer")
        short = await sign_in(client, token(exp=int(time.time()) + 2))
        assert (await client.get("/api/agents", headers=short)).status_code == 200
        async with page(door, None, {**short, "Origin": door.url}) as socket:
            assert await closed_code(socket) == 4401
        check_problem(await client.get("/api/agents", headers=short), 401, "session-ended")
        for wrong in ("nonsense", token(aud="others"), token(exp=int(time.time()) - 60)):
            refused = await client.post("/api/session", json={"credential": wrong})
            check_problem(refused, 401, "not-signed-in")


async def test_what_cannot_be_signed_in_with(open_config: NATSConfig, tmp_path: Path) -> None:
    async with gateway(open_config, tmp_path) as door, door.client(None) as client:
        for body, status in (
            ({"credential": door.keys["ada"][:-1] + "-"}, 401),
            ({"credential": "hub_none_none"}, 401),
            ({"credential": ""}, 422),
            ({"credential": "x" * 20_000}, 422),
            ({"credential": 1}, 422),
            ({"credential": door.keys["ada"], "user": "root"}, 422),
            ({}, 422),
        ):
            refused = await client.post("/api/session", json=body)
            check_problem(refused, status)
            assert "set-cookie" not in refused.headers
            assert door.keys["ada"][:-1] not in refused.text
        foreign = {"Origin": "https://evil.example"}
        body = {"credential": door.keys["ada"]}
        check_problem(await client.post("/api/session", json=body, headers=foreign), 403)


async def test_guesses_are_limited(open_config: NATSConfig, tmp_path: Path) -> None:
    limits: dict[str, Any] = {"requests_per_second": 0.01, "request_burst": 3}
    async with gateway(open_config, tmp_path, **limits) as door, door.client(None) as client:
        for status in (401, 401, 401, 429):
            body = {"credential": "hub_none_0123456789abcdef"}
            assert (await client.post("/api/session", json=body)).status_code == status


async def test_where_everybody_is_let_in_nobody_signs_in(open_config: NATSConfig) -> None:
    async with gateway(open_config) as door, door.client() as client:
        shown = (await client.get("/api/session")).json()
        assert (shown["user"], shown["role"], shown["sign_in"]) == ("local", "admin", [])
        refused = await client.post("/api/session", json={"credential": "x"})
        check_problem(refused, 409, "no-sign-in")
        ended = await client.delete("/api/session")
        assert ended.status_code == 204


async def test_any_gateway_knows_a_session_and_its_end(config: NATSConfig, tmp_path: Path) -> None:
    async with (
        hubbub.connect(config=config) as mesh,
        gateway(config, tmp_path) as one,
        gateway(config, api_keys_file=tmp_path / "keys.json") as other,
        one.client(None) as first,
        other.client(None) as second,
    ):
        signed = await sign_in(first, one.keys["ada"])
        cookie = signed["Cookie"].partition("=")[2]
        assert (await second.get("/api/agents", headers=signed)).status_code == 200
        stored = await mesh.connection.read_back("KV_sessions", "$KV.sessions.>")
        mark = hashlib.sha256(cookie.encode()).hexdigest()
        kept = next(one for one in stored if one.subject == f"$KV.sessions.{mark}")
        assert kept.headers["Nats-TTL"] == "43200s"
        assert cookie.encode() not in kept.data
        assert one.keys["ada"].encode() not in kept.data
        ended = await second.delete("/api/session", headers={**signed, **SAME})
        assert ended.status_code == 204
        assert ended.headers["set-cookie"].startswith("__Host-hubbub=; Secure;")
        assert "Max-Age=0" in ended.headers["set-cookie"]
        for client in (first, second):
            check_problem(await client.get("/api/agents", headers=signed), 401, "session-ended")
            assert (await client.get("/api/session", headers=signed)).json()["user"] is None
        again = await first.delete("/api/session", headers={**signed, **SAME})
        assert again.status_code == 204


async def test_the_cookie_counts_where_it_should(open_config: NATSConfig, tmp_path: Path) -> None:
    async with gateway(open_config, tmp_path) as door, door.client(None) as client:
        signed = await sign_in(client, door.keys["vic"])
        check_problem(await client.get("/v1/models", headers=signed), 401)
        check_problem(await client.get("/metrics", headers=signed), 401)
        # A credential in a header counts alone, right or wrong.
        for wrong in ({"Authorization": "Bearer hub_no_no"}, {"X-API-Key": "x"}):
            check_problem(await client.get("/api/agents", headers={**signed, **wrong}), 401)
            shown = await client.get("/api/session", headers={**signed, **wrong})
            assert shown.json()["user"] is None
        as_ada = await client.get("/api/session", headers={**signed, **door.headers("ada")})
        assert as_ada.json()["user"] == "ada"
        for cookie in ("", "x", "x" * 300, signed["Cookie"].partition("=")[2][:-1]):
            refused = await client.get("/api/agents", headers={"Cookie": f"{COOKIE}={cookie}"})
            check_problem(refused, 401)


async def test_only_our_own_pages_change_something(open_config: NATSConfig, tmp_path: Path) -> None:
    friend = "https://friend.example"
    settings: dict[str, Any] = {"allowed_origins": [friend]}
    body = {"kind": "broadcast", "content": "x"}
    async with gateway(open_config, tmp_path, **settings) as door, door.client(None) as client:
        signed = await sign_in(client, door.keys["ada"])
        for headers, status in (
            ({"Origin": door.url}, 201),
            (SAME, 201),
            ({}, 403),
            ({"Sec-Fetch-Site": "same-site"}, 403),
            ({"Sec-Fetch-Site": "none"}, 403),
            ({"Origin": friend}, 403),
            ({"Origin": friend, **SAME}, 403),
            ({"Origin": "null"}, 403),
            ({"Origin": door.url + "0"}, 403),
            ({"Origin": door.url.replace("http", "ftp")}, 403),
        ):
            said = await client.post("/api/messages", json=body, headers={**signed, **headers})
            assert said.status_code == status, (headers, said.text)
        check_problem(await client.delete("/api/session", headers=signed), 403, "foreign-origin")
        for headers in ({}, {"Origin": friend}, SAME):
            with pytest.raises(InvalidStatus) as refused:
                async with page(door, None, {**signed, **headers}):
                    pass
            assert refused.value.response.status_code == 403
        async with page(door, None, {**signed, "Origin": door.url}) as socket:
            assert (await socket.ask("sub", slices=["all"]))["ok"]


def test_an_origin_is_the_host_exactly() -> None:
    assert is_same_origin("https://mesh.example:8443", "Mesh.example:8443")
    for origin in (
        "https://mesh.example",
        "https://mesh.example:8443/",
        "https://x@mesh.example:8443",
        "https://mesh.example:8443@evil.example",
        "//mesh.example:8443",
        "null",
        "",
    ):
        assert not is_same_origin(origin, "mesh.example:8443")


async def closed_code(socket: Socket) -> int:
    try:
        while True:
            await socket.next()
    except ConnectionClosed as closed:
        return closed.rcvd.code if closed.rcvd is not None else 0


async def test_its_sockets_end_with_a_session(open_config: NATSConfig, tmp_path: Path) -> None:
    async with (
        gateway(open_config, tmp_path) as one,
        gateway(open_config, api_keys_file=tmp_path / "keys.json") as other,
        one.client(None) as client,
    ):
        signed = await sign_in(client, one.keys["ada"])
        kept = await sign_in(client, one.keys["ada"])

        def of(door: Door, cookie: dict[str, str]) -> Any:
            return page(door, None, {**cookie, "Origin": door.url})

        async with of(one, signed) as here, of(other, signed) as there, of(one, kept) as stays:
            for socket in (here, there, stays):
                assert (await socket.ask("sub", slices=["all"]))["ok"]
            await client.delete("/api/session", headers={**signed, **SAME})
            assert await closed_code(here) == 4401
            assert await closed_code(there) == 4401
            assert (await stays.ask("unsub", slices=["all"]))["ok"]


async def test_a_session_runs_out(open_config: NATSConfig, tmp_path: Path) -> None:
    hours: dict[str, Any] = {"session_hours": 1 / 3_600}
    async with gateway(open_config, tmp_path, **hours) as door, door.client(None) as client:
        signed = await sign_in(client, door.keys["ada"])
        async with page(door, None, {**signed, "Origin": door.url}) as socket:
            assert await closed_code(socket) == 4401
        check_problem(await client.get("/api/agents", headers=signed), 401, "session-ended")


async def test_a_key_that_is_gone_ends_its_sessions(
    open_config: NATSConfig, tmp_path: Path
) -> None:
    async with gateway(open_config, tmp_path) as door, door.client(None) as client:
        signed = await sign_in(client, door.keys["ada"])
        file = tmp_path / "keys.json"
        without = [key for key in msgspec.json.decode(file.read_bytes()) if key["user"] != "ada"]
        fewer = tmp_path / "fewer.json"
        fewer.write_bytes(msgspec.json.encode(without))
        async with gateway(open_config, api_keys_file=fewer) as other, other.client(None) as later:
            check_problem(await later.get("/api/agents", headers=signed), 401, "session-ended")


async def test_without_nats_a_page_that_was_signed_in_stays_so(
    own_server: ServerProcess, tmp_path: Path
) -> None:
    config = NATSConfig(nats_url=own_server.url)
    async with gateway(config, tmp_path) as door, door.client(None) as client:
        signed = await sign_in(client, door.keys["ada"])
        assert (await client.get("/api/session", headers=signed)).json()["user"] == "ada"
        other = await sign_in(client, door.keys["bob"])
        own_server.kill()
        while (await client.get("/api/session")).json()["nats"]:
            pass
        assert (await client.get("/api/session", headers=signed)).json()["user"] == "ada"
        unknown = (await client.get("/api/session", headers=other)).json()
        assert (unknown["user"], unknown["nats"]) == (None, False)
        check_problem(await client.get("/api/agents", headers=signed), 503, "mesh-unavailable")
        check_problem(await client.get("/api/agents", headers=other), 503, "mesh-unavailable")
        again = await client.post("/api/session", json={"credential": door.keys["ada"]})
        check_problem(again, 503, "mesh-unavailable")
        assert "set-cookie" not in again.headers
