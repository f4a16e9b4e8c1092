"""Connecting to what is not there, or is no server of ours: one sentence, in time."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

import hubbub
from hubbub import Agent, ConnectionLost, NATSConfig
from hubbub.testing import nats_server

TIMEOUT = 1.0
Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def listening(talk: Talk) -> AsyncGenerator[str]:
    """Run something that is no NATS server, and return its URL."""
    ended = list[asyncio.Task[None]]()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await talk(reader, writer)
        except ConnectionError:
            pass
        finally:
            writer.close()

    def on_connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ended.append(asyncio.create_task(serve(reader, writer)))

    server = await asyncio.start_server(on_connection, "127.0.0.1", 0)
    try:
        yield f"nats://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for task in ended:
            task.cancel()
        await asyncio.gather(*ended, return_exceptions=True)


async def _connect(config: NATSConfig) -> None:
    async with hubbub.connect(config=config):
        pass


async def refusal(url: str) -> str:
    """Return the one sentence of a refusal, and see that it comes in time."""
    tasks = asyncio.all_tasks()
    config = NATSConfig(nats_url=url, connection_timeout=TIMEOUT)
    with pytest.raises(ConnectionLost) as refused:
        await asyncio.wait_for(_connect(config), TIMEOUT + 1)
    assert isinstance(refused.value, ConnectionError)
    text = str(refused.value)
    assert "\n" not in text
    assert "secret" not in text
    left = {task for task in asyncio.all_tasks() - tasks if "serve" not in repr(task)}
    assert not left, left
    return text


def free_port() -> int:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return int(unused.getsockname()[1])


async def test_nothing_listens_there() -> None:
    port = free_port()
    text = await refusal(f"nats://secret@127.0.0.1:{port}")
    assert text == (
        f"No NATS server answers at nats://127.0.0.1:{port}: start one (`nats-server -js`), "
        "correct NATS_URL, or leave NATS_URL out and Hubbub starts its own"
    )


async def test_none_of_several_servers_answers() -> None:
    one, other = free_port(), free_port()
    text = await refusal(f"nats://127.0.0.1:{one},nats://me:secret@127.0.0.1:{other}")
    assert f"nats://127.0.0.1:{one},nats://127.0.0.1:{other}" in text


async def test_one_of_several_servers_is_enough(config: NATSConfig) -> None:
    both = config.model_copy(
        update={"nats_url": f"nats://127.0.0.1:{free_port()},{config.nats_url}"}
    )
    for _ in range(3):
        async with hubbub.connect(config=both) as mesh:
            await mesh.list_agents()


async def test_a_host_that_does_not_exist() -> None:
    text = await refusal("nats://no-such-host.invalid:4222")
    assert "no-such-host.invalid" in text
    assert "NATS_URL" in text


async def test_a_server_without_jetstream() -> None:
    with nats_server(jetstream=False) as server:
        text = await refusal(server.url)
        assert text == (
            f"The NATS server at {server.url} runs without JetStream, which stores messages: "
            "start it with `nats-server -js`"
        )


async def test_an_account_without_jetstream() -> None:
    accounts = 'accounts { A { users: [ { user: "a", password: "secret" } ] } }'
    with nats_server(config=accounts) as server:
        text = await refusal(server.url.replace("nats://", "nats://a:secret@"))
        assert "does not let this account use JetStream" in text
        assert "enable it for the account" in text


async def test_something_that_takes_the_connection_and_stays_silent() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with listening(silent) as url:
        text = await refusal(url)
    assert text == (
        f"No NATS server answered at {url} within 1 s: check the address in NATS_URL and the "
        "network"
    )


async def test_something_that_hangs_up_at_once() -> None:
    async def rude(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None: ...

    async with listening(rude) as url:
        assert url in await refusal(url)


@pytest.mark.parametrize(
    "greeting",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"INFO nonsense\r\n",
        b"INFO {}\r\n",
        b"\x00\xff" * 5_000,
        b"x" * 200_000,
        b"-ERR 'secret'\r\n",
    ],
    ids=["http", "ssh", "info", "empty", "binary", "long", "error"],
)
async def test_something_that_is_no_nats_server(greeting: bytes) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(greeting)
        await writer.drain()
        await reader.read()

    async with listening(talk) as url:
        assert url in await refusal(url)


async def test_a_server_that_stalls_behind_its_greeting() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b'INFO {"server_id":"X","version":"2.15.1","max_payload":1048576}\r\n')
        while await reader.read(1_000):
            pass

    async with listening(talk) as url:
        assert url in await refusal(url)


async def test_a_server_that_answers_pings_and_nothing_else() -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b'INFO {"server_id":"X","version":"2.15.1","max_payload":1048576}\r\n')
        while data := await reader.read(1_000):
            writer.write(b"PONG\r\n" * data.count(b"PING"))

    async with listening(talk) as url:
        assert url in await refusal(url)


async def test_an_agent_on_a_connection_of_its_own_says_the_same() -> None:
    config = NATSConfig(nats_url=f"nats://127.0.0.1:{free_port()}", connection_timeout=TIMEOUT)
    agent = Agent("Agent", config=config)
    agent.run(lambda: None)
    for call in (agent.connect_nats, agent.run_with_nats):
        with pytest.raises(ConnectionLost, match="No NATS server answers"):
            await call()


async def test_a_url_given_in_the_call_beats_the_settings(config: NATSConfig) -> None:
    elsewhere = config.model_copy(update={"nats_url": f"nats://127.0.0.1:{free_port()}"})
    async with hubbub.connect(config.nats_url, config=elsewhere) as mesh:
        await mesh.list_agents()


async def test_the_environment_names_the_server(
    config: NATSConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NATS_URL", str(config.nats_url))
    async with hubbub.connect() as mesh:
        assert mesh.connection.url == config.nats_url
