"""Every usual way to prove who one is, against servers that ask for it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import hubbub
from hubbub import Agent, ConnectionLost, NATSConfig, SettingsError
from hubbub.testing import ServerProcess, nats_server

from .authority import Certificates, Pair, account_server, make_certificates

SECRET = "open-sesame-1234"
OTHER = "wrong-sesame-5678"


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def token_server() -> Iterator[ServerProcess]:
    with nats_server(token=SECRET) as server:
        yield server


@pytest.fixture(scope="module")
def password_server() -> Iterator[ServerProcess]:
    config = f"authorization {{ user: alice, password: {SECRET!r} }}".replace("'", '"')
    with nats_server(config=config) as server:
        yield server


@pytest.fixture(scope="module")
def tls_server(certificates: Certificates) -> Iterator[ServerProcess]:
    with nats_server(config=certificates.server_config()) as server:
        yield server


async def _serves(config: NATSConfig) -> None:
    """See that an agent can be served and asked, its leases' own connection included."""
    agent = Agent("Agent")

    @agent.agentic_run
    async def work(text: str) -> str:
        return text

    async with hubbub.connect(config=config) as mesh, mesh.serve(agent):
        assert (await mesh.request_from_agent("Agent", "x", timeout=10)).content == "x"
        assert await (await mesh.send_direct_message("Agent", "x")).result(10) == "x"


async def _refused(config: NATSConfig, *secrets: str) -> str:
    """Return the sentence of a refusal, which must name no secret and come in time."""
    with pytest.raises((ConnectionLost, SettingsError)) as refused:
        async with asyncio.timeout(config.connection_timeout + 2), hubbub.connect(config=config):
            pass
    text = str(refused.value)
    assert "\n" not in text
    for secret in secrets:
        assert secret not in text
        assert secret not in repr(config)
    return text


def _plain(server: ServerProcess, **settings: Any) -> NATSConfig:
    return NATSConfig(nats_url=server.display_url, connection_timeout=2, **settings)


async def test_a_token_is_taken_from_a_setting_or_the_url(token_server: ServerProcess) -> None:
    await _serves(_plain(token_server, nats_token=SECRET))
    await _serves(NATSConfig(nats_url=token_server.url))


async def test_a_user_and_a_password_are_taken_from_settings_or_the_url(
    password_server: ServerProcess,
) -> None:
    await _serves(_plain(password_server, nats_user="alice", nats_password=SECRET))
    url = password_server.url.replace("nats://", f"nats://alice:{SECRET}@")
    await _serves(NATSConfig(nats_url=url))


async def test_credentials_come_from_the_environment_too(
    password_server: ServerProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NATS_URL", password_server.url)
    monkeypatch.setenv("NATS_USER", "alice")
    monkeypatch.setenv("NATS_PASSWORD", SECRET)
    await _serves(NATSConfig())


async def test_an_nkey_seed_is_taken_itself_or_from_a_file(tmp_path: Path) -> None:
    pair = Pair.make()
    file = tmp_path / "seed.nk"
    file.write_text(f"{pair.seed}\n")
    with nats_server(config=f"authorization {{ users: [ {{ nkey: {pair.public} }} ] }}") as server:
        for seed in (pair.seed, str(file)):
            await _serves(_plain(server, nats_nkey_seed=seed))
        stranger = Pair.make()
        refusal = await _refused(_plain(server, nats_nkey_seed=stranger.seed), stranger.seed)
        assert "refused these credentials" in refusal


async def test_a_credentials_file_is_taken(tmp_path: Path) -> None:
    config, creds = account_server(tmp_path)
    with nats_server(config=config) as server:
        await _serves(_plain(server, nats_creds=creds))
        (tmp_path / "stranger").mkdir()
        _, stranger = account_server(tmp_path / "stranger")
        refusal = await _refused(_plain(server, nats_creds=stranger))
        assert "refused these credentials" in refusal


@pytest.mark.parametrize(
    ("settings", "url"),
    [
        ({}, ""),
        ({"nats_token": OTHER}, ""),
        ({}, OTHER),
        ({"nats_user": "alice", "nats_password": OTHER}, ""),
        ({}, f"alice:{OTHER}"),
    ],
    ids=["nothing", "token", "token-in-url", "password", "password-in-url"],
)
async def test_wrong_credentials_are_refused_in_one_sentence_without_them(
    token_server: ServerProcess,
    password_server: ServerProcess,
    settings: dict[str, str],
    url: str,
) -> None:
    for server in (token_server, password_server):
        address = server.display_url.replace("nats://", f"nats://{url}@" if url else "nats://")
        config = NATSConfig(nats_url=address, connection_timeout=2, **settings)  # pyright: ignore[reportArgumentType]
        refusal = await _refused(config, OTHER, SECRET)
        assert refusal == (
            f"The NATS server at {server.display_url} refused these credentials: check NATS_USER "
            "and NATS_PASSWORD, NATS_TOKEN, NATS_CREDS or NATS_NKEY_SEED"
        )


@pytest.mark.parametrize("scheme", ["nats", "tls"])
async def test_a_server_with_a_certificate_of_ones_own_authority_is_trusted(
    tls_server: ServerProcess, certificates: Certificates, scheme: str
) -> None:
    url = tls_server.url.replace("nats://", f"{scheme}://")
    await _serves(NATSConfig(nats_url=url, nats_tls_ca=certificates.ca))


async def test_a_client_certificate_is_shown_to_a_server_that_wants_one(
    certificates: Certificates,
) -> None:
    with nats_server(config=certificates.server_config("verify: true")) as server:
        url = server.url.replace("nats://", "tls://")
        config = NATSConfig(nats_url=url, nats_tls_ca=certificates.ca, connection_timeout=2)
        with_certificate = config.model_copy(
            update={"nats_tls_cert": certificates.client, "nats_tls_key": certificates.client_key}
        )
        await _serves(with_certificate)
        assert "NATS_TLS_CERT" in await _refused(config)


@pytest.mark.parametrize("scheme", ["nats", "tls"])
async def test_a_server_whose_certificate_nobody_vouches_for_is_not_trusted(
    tls_server: ServerProcess, scheme: str
) -> None:
    url = tls_server.url.replace("nats://", f"{scheme}://")
    refusal = await _refused(NATSConfig(nats_url=url, connection_timeout=2))
    assert "certificate verify failed" in refusal
    assert "NATS_TLS_CA" in refusal


@pytest.mark.parametrize("how", ["scheme", "authority", "both"])
async def test_where_tls_is_asked_for_nothing_is_told_in_plain_text(
    certificates: Certificates, how: str
) -> None:
    """A server without TLS, such as one that somebody put in between, must see no secret."""
    said = bytearray()

    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b'INFO {"server_id":"X","version":"2.15.1","headers":true,')
        writer.write(b'"max_payload":1048576,"auth_required":true,"tls_available":true}\r\n')
        while data := await reader.read(1000):
            said.extend(data)
            writer.write(b"PONG\r\n" * data.count(b"PING"))
        writer.close()

    listening = await asyncio.start_server(greet, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    scheme = "nats" if how == "authority" else "tls"
    config = NATSConfig(
        nats_url=f"{scheme}://127.0.0.1:{port}",
        nats_tls_ca=None if how == "scheme" else certificates.ca,
        nats_user="alice",
        nats_password=SECRET,  # pyright: ignore[reportArgumentType]
        connection_timeout=2,
    )
    async with listening:
        assert "offers no TLS" in await _refused(config, SECRET)
    assert SECRET.encode() not in said


@pytest.mark.parametrize(
    ("settings", "what"),
    [
        ({"nats_creds": "missing.creds"}, "NATS_CREDS: there is no file"),
        ({"nats_tls_ca": "missing.pem"}, "NATS_TLS_CA: there is no file"),
        ({"nats_tls_cert": "missing.pem"}, "NATS_TLS_CERT: there is no file"),
        ({"nats_tls_ca": "garbage"}, "NATS_TLS_CA: not a usable certificate"),
        ({"nats_tls_cert": "garbage"}, "NATS_TLS_CERT: not a usable certificate"),
        ({"nats_creds": "garbage"}, "NATS_CREDS: "),
        ({"nats_nkey_seed": "garbage"}, "NATS_NKEY_SEED: it must be a user seed"),
        ({"nats_nkey_seed": "missing"}, "NATS_NKEY_SEED: there is no file"),
        ({"nats_nkey_seed": "SUnonsense"}, "NATS_NKEY_SEED: it must be a user seed"),
        ({"nats_user": "alice"}, "NATS_PASSWORD: it is missing"),
        ({"nats_url": "http://127.0.0.1:4222"}, "NATS_URL: "),
        ({"nats_url": "nats://127.0.0.1:99999"}, "NATS_URL: "),
        ({"nats_url": f"bad://alice:{OTHER}@host"}, "NATS_URL: "),
        ({"nats_url": "nats://"}, "NATS_URL: "),
        ({"nats_url": ","}, "NATS_URL: it is empty"),
    ],
)
async def test_a_setting_that_cannot_be_used_is_named(
    shared_server: ServerProcess, tmp_path: Path, settings: dict[str, Any], what: str
) -> None:
    (tmp_path / "garbage").write_text(f"-----BEGIN {OTHER}-----\nno {OTHER}\n")
    values = {"nats_url": shared_server.url, "connection_timeout": 2, **settings}
    refusal = await _refused(NATSConfig(**values), OTHER)
    assert refusal.startswith(what)
