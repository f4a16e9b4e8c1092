"""The page of the console, its files, and the policy that it lives under."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from hubbub import NATSConfig
from hubbub.gateway.app import create_app
from hubbub.gateway.console.build import STATIC, Build
from hubbub.gateway.routes.console import console_routes
from hubbub.gateway.settings import GatewaySettings

from .kit import check_problem, gateway

PAGE = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


def served(folder: Path) -> httpx.AsyncClient:
    """A client of an app whose console lies in a folder."""
    app: FastAPI = create_app(settings=GatewaySettings())
    kept = [route for route in app.router.routes if "console" not in type(route).__module__]
    app.router.routes[:] = [*kept, *console_routes(Build(folder))]
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost")


@pytest.fixture
def built(tmp_path: Path) -> Path:
    folder = tmp_path / "static"
    (folder / "assets" / "fonts").mkdir(parents=True)
    (folder / "index.html").write_text('<meta nonce="__CSP_NONCE__"><style nonce="__CSP_NONCE__">')
    (folder / "favicon.svg").write_text("<svg/>")
    (folder / "assets" / "app.js").write_text("let one = 1")
    (folder / "assets" / "fonts" / "text.woff2").write_bytes(b"font")
    (folder / "secret.txt").write_text("not for the web")
    (tmp_path / "outside.js").write_text("not for the web")
    (folder / "assets" / "link.js").symlink_to(tmp_path / "outside.js")
    return folder


async def test_every_path_of_the_console_is_its_page(built: Path) -> None:
    async with served(built) as client:
        for path in ("/", "/tasks", "/tasks/0d3c/steps", "/channel/weather_bot", "/apiary", "/v10"):
            page = await client.get(path, headers=PAGE)
            assert page.status_code == 200, path
            assert page.headers["content-type"] == "text/html; charset=utf-8"
            assert page.headers["cache-control"] == "no-store"
            assert page.headers["x-content-type-options"] == "nosniff"
            assert page.headers["x-frame-options"] == "DENY"
        assert (await client.get("/")).status_code == 200  # any client, at the root
        head = await client.head("/tasks", headers=PAGE)
        assert (head.status_code, head.content) == (200, b"")


async def test_each_page_has_a_nonce_of_its_own(built: Path) -> None:
    nonces: set[str] = set()
    async with served(built) as client:
        for _ in range(2):
            page = await client.get("/", headers=PAGE)
            policy = page.headers["content-security-policy"]
            (nonce,) = set(re.findall(r'nonce="([^"]*)"', page.text))
            assert policy == (
                "default-src 'none'; script-src 'self'; "
                f"style-src 'self' 'nonce-{nonce}'; img-src 'self' data: blob:; "
                "connect-src 'self'; font-src 'self'; manifest-src 'self'; base-uri 'none'; "
                "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
            )
            assert len(nonce) >= 20
            nonces.add(nonce)
    assert len(nonces) == 2


async def test_what_is_no_page_is_what_it_was(open_config: NATSConfig) -> None:
    async with gateway(open_config) as door, door.client() as client:
        for path in ("/api", "/api/nowhere", "/v1/nowhere", "/api/tasks/x/nowhere"):
            check_problem(await client.get(path, headers=PAGE), 404)
        check_problem(await client.get("/nowhere"), 404)
        check_problem(await client.post("/nowhere", headers=PAGE), 404)
        check_problem(await client.get("/api/requests", headers=PAGE), 405)
        assert (await client.get("/healthz", headers=PAGE)).json()["status"] == "ok"
        assert "openapi" in (await client.get("/openapi.json", headers=PAGE)).json()
        refused = await client.get("/", headers={**PAGE, "Host": "evil.example"})
        check_problem(refused, 421)


async def test_files_have_their_type_and_are_asked_for_once(built: Path) -> None:
    async with served(built) as client:
        for path, kind in (
            ("/assets/app.js", "text/javascript; charset=utf-8"),
            ("/assets/fonts/text.woff2", "font/woff2"),
            ("/favicon.svg", "image/svg+xml"),
        ):
            found = await client.get(path)
            assert found.status_code == 200
            assert found.headers["content-type"] == kind
            assert found.headers["cache-control"] == "no-cache"
            again = await client.get(path, headers={"if-none-match": found.headers["etag"]})
            assert (again.status_code, again.content) == (304, b"")
            assert again.headers["etag"] == found.headers["etag"]
        before = await client.get("/assets/app.js")
        (built / "assets" / "app.js").write_text("let two = 2")
        stale = {"if-none-match": before.headers["etag"]}
        after = await client.get("/assets/app.js", headers=stale)
        assert (after.status_code, after.text) == (200, "let two = 2")


async def test_files_are_compressed_for_whoever_can_read_that(built: Path) -> None:
    code = "let one = 1\n" * 1_000
    (built / "assets" / "big.js").write_text(code)
    (built / "assets" / "fonts" / "text.woff2").write_bytes(b"font" * 1_000)
    async with served(built) as client:
        etags: dict[bool, str] = {}
        for accepted, is_compressed in (
            ("gzip", True),
            ("br, GZIP;q=0.5", True),
            ("gzip;q=1.000, identity;q=0", True),
            ("identity", False),
            ("", False),
            ("br", False),
            ("*", False),
            ("gzip;q=0", False),
            ("br, gzip; q=0.000", False),
        ):
            headers = {"accept-encoding": accepted}
            found = await client.get("/assets/big.js", headers=headers)
            assert found.status_code == 200
            assert found.text == code
            assert found.headers["vary"] == "Accept-Encoding"
            assert (found.headers.get("content-encoding") == "gzip") is is_compressed, accepted
            assert (int(found.headers["content-length"]) < len(code) / 10) is is_compressed
            etag = found.headers["etag"]
            assert etags.setdefault(is_compressed, etag) == etag
            head = await client.head("/assets/big.js", headers=headers)
            for name in ("etag", "content-length", "content-encoding", "vary"):
                assert head.headers.get(name) == found.headers.get(name)
            again = await client.get("/assets/big.js", headers={**headers, "if-none-match": etag})
            assert (again.status_code, again.content) == (304, b"")
            assert again.headers["etag"] == etag
            assert again.headers["vary"] == "Accept-Encoding"
        assert etags[True] != etags[False], "other bytes have another name"
        # Somebody else's form is not what is asked for.
        other = {"accept-encoding": "identity", "if-none-match": etags[True]}
        assert (await client.get("/assets/big.js", headers=other)).status_code == 200
        for path in ("/assets/fonts/text.woff2", "/assets/app.js", "/openapi.json"):
            plain = await client.get(path, headers={"accept-encoding": "gzip"})
            assert "content-encoding" not in plain.headers
            assert "vary" not in plain.headers
        page = await client.get("/", headers={**PAGE, "accept-encoding": "gzip"})
        assert "content-encoding" not in page.headers


async def test_the_built_page_is_a_third_of_its_size_on_the_way() -> None:
    async with served(STATIC) as client:
        whole = sent = 0
        for file in (STATIC / "assets").iterdir():
            if file.suffix in (".js", ".css"):
                found = await client.get(f"/assets/{file.name}")
                assert found.content == file.read_bytes()
                whole += len(found.content)
                sent += int(found.headers["content-length"])
        assert 0 < sent < whole / 2.5


async def test_nothing_else_is_served(built: Path) -> None:
    async with served(built) as client:
        for path in (
            "/assets/",
            "/assets/fonts",
            "/assets/nothing.js",
            "/assets/../secret.txt",
            "/assets/%2e%2e/secret.txt",
            "/assets/..%2fsecret.txt",
            "/assets/%2e%2e%5csecret.txt",
            "/assets//app.js",
            "/assets/link.js",
            "/assets/app.js%00",
            "/secret.txt",
        ):
            check_problem(await client.get(path), 404)


async def test_a_missing_build_is_told(tmp_path: Path) -> None:
    async with served(tmp_path) as client:
        check_problem(await client.get("/", headers=PAGE), 404, "console-not-built")
        check_problem(await client.get("/favicon.svg"), 404)


def test_the_package_holds_the_page() -> None:
    assert b"__CSP_NONCE__" in (STATIC / "index.html").read_bytes()
