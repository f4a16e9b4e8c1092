"""Headers, hosts, origins, bodies, limits, and errors of every kind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from websockets.asyncio.client import connect as websocket
from websockets.exceptions import InvalidStatus

from hubbub import NATSConfig
from hubbub.errors import HubbubError, SettingsError
from hubbub.gateway.app import create_app
from hubbub.gateway.serve import serve
from hubbub.gateway.settings import GatewaySettings, is_loopback
from hubbub.testing import ServerProcess

from .kit import PATIENCE, check_problem, events, gateway


async def test_every_response_has_an_id_and_protecting_headers(open_config: NATSConfig) -> None:
    async with gateway(open_config) as door, door.client() as client:
        fine = await client.get("/healthz")
        assert fine.json()["status"] == "ok"
        assert (await client.get("/readyz")).status_code == 200
        for response in (fine, await client.get("/nowhere"), await client.put("/healthz")):
            assert len(response.headers["x-request-id"]) == 16
            assert response.headers["x-content-type-options"] == "nosniff"
            assert "default-src 'none'" in response.headers["content-security-policy"]
            assert response.headers["x-frame-options"] == "DENY"
            assert "server" not in response.headers
        check_problem(await client.get("/nowhere"), 404)
        check_problem(await client.put("/healthz"), 405)


async def test_a_bug_is_a_problem_that_tells_nothing_of_itself(open_config: NATSConfig) -> None:
    app = create_app(open_config, settings=GatewaySettings())

    @app.get("/bug")
    async def bug() -> None:
        raise ZeroDivisionError("the inner workings")

    @app.get("/ours")
    async def ours() -> None:
        raise HubbubError("the inner workings")

    async with running(app) as client:
        for path in ("/bug", "/ours"):
            response = await client.get(path)
            check_problem(response, 500, "internal-error")
            assert "inner workings" not in response.text


async def test_foreign_hosts_and_origins_are_refused(open_config: NATSConfig) -> None:
    body = {"kind": "broadcast", "content": "x"}
    async with gateway(open_config) as door, door.client() as client:
        for host in (
            "evil.example",
            "localhost.evil.example",
            "localhost.",
            "localhost:80@evil.example",
            "localhost:evil.example",
            "localhost:80/api/",
            "localhost/api/",
            "[::1]evil.example",
            "[::1",
            "",
        ):
            check_problem(await client.get("/healthz", headers={"Host": host}), 421)
        for host in ("LOCALHOST", "localhost:80", "[::1]", "[::1]:8400"):
            assert (await client.get("/healthz", headers={"Host": host})).status_code == 200
        for origin in ("https://evil.example", "null", door.url + "0"):
            refused = await client.post("/api/messages", json=body, headers={"Origin": origin})
            check_problem(refused, 403, "foreign-origin")
        own = await client.post("/api/messages", json=body, headers={"Origin": door.url})
        assert own.status_code == 201
        assert "access-control-allow-origin" not in own.headers


async def test_an_origin_can_be_let_in(open_config: NATSConfig) -> None:
    friend = "https://app.example.com"
    async with gateway(open_config, allowed_origins=[friend]) as door, door.client() as client:
        asked = {"Origin": friend, "Access-Control-Request-Method": "POST"}
        preflight = await client.options("/api/messages", headers=asked)
        assert preflight.headers["access-control-allow-origin"] == friend
        body = {"kind": "broadcast", "content": "x"}
        sent = await client.post("/api/messages", json=body, headers={"Origin": friend})
        assert sent.status_code == 201
        assert sent.headers["access-control-allow-origin"] == friend


async def test_a_body_has_a_largest_size_chunked_or_not(open_config: NATSConfig) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(40):
            yield b"x" * 100_000

    async with gateway(open_config) as door, door.client() as client:
        whole = await client.post("/api/messages", content=b"x" * (2 << 20))
        check_problem(whole, 413, "body-too-large")
        headers = {"content-type": "application/json"}
        chunked = await client.post("/api/messages", content=chunks(), headers=headers)
        check_problem(chunked, 413, "body-too-large")


async def test_nobody_gets_in_without_the_right_key(
    open_config: NATSConfig, tmp_path: Path
) -> None:
    async with gateway(open_config, tmp_path) as door, door.client(None) as client:
        key = door.keys["ada"]
        wrong = key[:-1] + ("0" if key[-1] != "0" else "1")
        for headers in (
            {},
            {"Authorization": f"Bearer {wrong}"},
            {"Authorization": f"Basic {key}"},
            {"Authorization": "Bearer"},
            {"Authorization": "Bearer e30.e30.e30"},
            {"X-API-Key": wrong},
            {"X-API-Key": key, "Authorization": "Bearer nonsense"},
        ):
            for path in ("/api/agents", "/api/tasks", "/api/tasks/x/events", "/v1/models"):
                refused = await client.get(path, headers=headers)
                check_problem(refused, 401, "not-signed-in")
                assert refused.headers["www-authenticate"] == "Bearer"
        in_url = await client.get("/api/agents", params={"api_key": key, "access_token": key})
        check_problem(in_url, 401)
        assert (await client.get("/api/agents", headers={"X-API-Key": key})).status_code == 200
        assert (await client.get("/healthz")).status_code == 200
        check_problem(await client.get("/metrics"), 401)
        check_problem(await client.get("/metrics", headers=door.headers("ada")), 403)
        assert (await client.get("/metrics", headers=door.headers("vic"))).status_code == 200


async def test_a_user_who_asks_too_often_waits(open_config: NATSConfig, tmp_path: Path) -> None:
    async with (
        gateway(open_config, tmp_path, requests_per_second=0.01, request_burst=3) as door,
        door.client("ada") as ada,
        door.client("bob") as bob,
    ):
        for _ in range(3):
            assert (await ada.get("/api/agents")).status_code == 200
        refused = await ada.get("/api/agents")
        check_problem(refused, 429, "too-many-requests")
        assert int(refused.headers["retry-after"]) > 1
        assert (await bob.get("/api/agents")).status_code == 200


async def test_a_user_has_so_many_streams_open(open_config: NATSConfig) -> None:
    async with gateway(open_config, open_streams=1) as door, door.client() as client:
        started = await client.post("/api/tasks", json={"agent": "Nobody-Streams", "content": "x"})
        path = f"/api/tasks/{started.json()['id']}/events"
        async with client.stream("GET", path) as first:
            assert first.status_code == 200
            check_problem(await client.get(path), 429, "too-many-streams")
            await client.post(f"/api/tasks/{started.json()['id']}/cancel")
            assert [event.kind async for event in events(first)] == ["canceled"]


async def test_without_nats_it_says_so_at_once(own_server: ServerProcess) -> None:
    config = NATSConfig(nats_url=own_server.url)
    async with gateway(config) as door, door.client() as client:
        own_server.kill()
        # The client notices when its socket closes.
        while (await client.get("/readyz")).status_code == 200:
            pass
        for method, path, body in (
            ("GET", "/readyz", None),
            ("GET", "/api/agents", None),
            ("GET", "/api/tasks", None),
            ("GET", "/api/tasks/x/events", None),
            ("GET", "/api/messages", None),
            ("GET", "/api/dead-letters", None),
            ("GET", "/v1/models", None),
            ("POST", "/api/tasks", {"agent": "A", "content": "x"}),
            ("POST", "/api/messages", {"kind": "broadcast", "content": "x"}),
            ("POST", "/api/requests", {"agent": "A", "content": "x"}),
            ("POST", "/api/tasks/x/cancel", None),
            ("POST", "/api/tasks/x/steer", {"text": "left"}),
            ("POST", "/v1/chat/completions", {"model": "A", "messages": [{"role": "user"}]}),
        ):
            response = await client.request(method, path, json=body)
            problem = check_problem(response, 503, "mesh-unavailable")
            assert "hubbub doctor" in problem["detail"]
        assert (await client.get("/healthz")).status_code == 200
        assert "hubbub_nats_connected 0.0" in (await client.get("/metrics")).text


async def test_it_is_up_before_nats_is_and_serves_as_soon_as_that_is_there(
    own_server: ServerProcess,
) -> None:
    own_server.kill()
    async with gateway(NATSConfig(nats_url=own_server.url)) as door, door.client() as client:
        assert (await client.get("/healthz")).status_code == 200
        for path in ("/readyz", "/api/agents", "/v1/models"):
            refused = await client.get(path)
            assert "hubbub doctor" in check_problem(refused, 503, "mesh-unavailable")["detail"]
            assert int(refused.headers["retry-after"]) >= 1
        with pytest.raises(InvalidStatus) as socket:
            async with websocket(door.url.replace("http", "ws", 1) + "/api/live"):
                pass
        assert socket.value.response.status_code == 503
        own_server.start()
        async with asyncio.timeout(PATIENCE):
            while (await client.get("/readyz")).status_code == 503:
                pass
        started = await client.post("/api/tasks", json={"agent": "Nobody", "content": "x"})
        assert started.status_code == 201
        async with websocket(door.url.replace("http", "ws", 1) + "/api/live"):
            pass


async def test_only_the_headers_can_be_asked_for(open_config: NATSConfig) -> None:
    async with asyncio.timeout(2 * PATIENCE), gateway(open_config) as door, door.client() as client:
        body = {"agent": "Nobody-Heads", "content": "x"}
        task = (await client.post("/api/tasks", json=body)).json()["id"]
        for path, status in (
            ("/healthz", 200),
            (f"/api/tasks/{task}", 200),
            (f"/api/tasks/{task}/events", 200),
            ("/nowhere", 404),
            ("/api/requests", 405),
        ):
            for _ in range(2):  # the connection is good for more
                head = await client.head(path)
                assert (head.status_code, head.content) == (status, b""), path
        lines = (await client.get("/metrics")).text
        assert 'method="HEAD",route="/healthz",status="200"} 2.0' in lines
        assert "hubbub_open_streams 0.0" in lines


async def test_a_wrong_path_or_method_is_told_what_is_right(open_config: NATSConfig) -> None:
    async with gateway(open_config) as door, door.client() as client:
        slash = await client.post("/api/tasks/", json={"agent": "A", "content": "x"})
        assert "without the slash" in check_problem(slash, 404)["detail"]
        wrong = await client.delete("/api/agents")
        assert "Allow" in check_problem(wrong, 405)["detail"]
        assert "GET" in wrong.headers["allow"]
        check_problem(await client.options("/api/agents"), 405)


async def test_a_setting_that_no_server_can_mend_is_told_at_the_start(
    own_server: ServerProcess, tmp_path: Path
) -> None:
    config = NATSConfig(nats_url=own_server.url, nats_creds=tmp_path / "none.creds")
    with pytest.raises(SettingsError, match=r"none\.creds"):
        async with gateway(config):
            pass


async def test_strangers_are_not_let_in_by_mistake(
    open_config: NATSConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SettingsError, match=r"0\.0\.0\.0 can be reached"):
        create_app(open_config, settings=GatewaySettings(host="0.0.0.0"))
    with pytest.raises(SettingsError, match="can be reached"):
        async with serve(open_config, settings=GatewaySettings(), host="::", port=0):
            pass
    monkeypatch.setenv("HUBBUB_GATEWAY_HOST", "192.0.2.1")
    with pytest.raises(SettingsError, match="HUBBUB_GATEWAY_HOST"):
        create_app(open_config)


@pytest.mark.parametrize(
    ("host", "is_ours"),
    [("127.0.0.1", True), ("localhost", True), ("::1", True), ("0.0.0.0", False), ("x", False)],
)
def test_loopback(host: str, is_ours: bool) -> None:
    assert is_loopback(host) is is_ours


@pytest.mark.parametrize(
    ("settings", "what"),
    [
        ({"port": 70_000}, "HUBBUB_GATEWAY_PORT"),
        ({"jwt_secret": "x" * 40}, "JWT_ISSUER"),
        ({"jwt_secret": "short", "jwt_issuer": "i", "jwt_audience": "a"}, "JWT_ALGORITHMS"),
        (
            {
                "jwt_jwks_url": "https://i/keys",
                "jwt_issuer": "i",
                "jwt_audience": "a",
                "jwt_algorithms": ["none"],
            },
            "JWT_ALGORITHMS holds none",
        ),
        (
            {
                "jwt_jwks_url": "https://i/keys",
                "jwt_issuer": "i",
                "jwt_audience": "a",
                "jwt_algorithms": ["HS256"],
            },
            "JWT_ALGORITHMS holds HS256",
        ),
        (
            {"jwt_jwks_url": "http://i/keys", "jwt_issuer": "i", "jwt_audience": "a"},
            "https",
        ),
    ],
)
def test_a_wrong_setting_is_named(settings: dict[str, object], what: str) -> None:
    with pytest.raises(SettingsError, match=what):
        GatewaySettings(**settings)


def running(app: FastAPI) -> httpx.AsyncClient:
    """A client of an app that has no socket, and no mesh either."""
    transport = httpx.ASGITransport(app)
    return httpx.AsyncClient(transport=transport, base_url="http://localhost")
