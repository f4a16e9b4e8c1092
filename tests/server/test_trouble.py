"""The local server when something is in its way."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from hubbub.errors import ConnectionLost, SettingsError
from hubbub.server import local_server, running_server
from hubbub.server.locks import FileLock

from .observe import is_root, put, until

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "null",
        "[]",
        "\x00\xff" * 100,
        '{"port": 1}',
        "[" * 200_000,
        '{"url": 1, "port": "x", "pid": [], "token": {}}',
        json.dumps(
            {
                "url": "nats://127.0.0.1:9",
                "port": 9,
                "token": "t",
                "pid": 2**30,
                "supervisor_pid": 2**30,
                "server_id": "N",
                "version": "2",
                "monitoring_url": None,
            }
        ),
    ],
)
def test_a_record_that_is_garbage_or_stale_is_no_server(data_dir: Path, text: str):
    put(data_dir, "server.json", text)
    assert running_server(data_dir) is None


@pytest.mark.parametrize("file", ["server.json", "identity.json"])
async def test_garbage_in_its_files_does_not_keep_it_from_starting(
    data_dir: Path, nats_server: Path, file: str
):
    put(data_dir, file, '{"port": "garbage", "pid": -1')
    async with await local_server(data_dir, program=nats_server) as server:
        assert running_server(data_dir) == server.address


async def test_another_server_on_the_remembered_port_is_not_mistaken_for_it(
    data_dir: Path, nats_server: Path
):
    async with await local_server(data_dir, program=nats_server) as server:
        record = (data_dir / "server.json").read_text()
    await until(lambda: not (data_dir / "server.json").exists())
    async with await local_server(data_dir, program=nats_server) as later:
        assert later.address.url == server.address.url
        fresh = (data_dir / "server.json").read_text()
        (data_dir / "server.json").write_text(record)
        assert running_server(data_dir) is None
        (data_dir / "server.json").write_text(fresh)


async def test_if_the_last_port_is_taken_it_takes_another(data_dir: Path, nats_server: Path):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        put(data_dir, "identity.json", json.dumps({"port": port, "token": "abc123"}))
        async with await local_server(data_dir, program=nats_server) as server:
            assert not server.address.url.endswith(f":{port}")
            assert server.address.url.startswith("nats://hubbub:abc123@127.0.0.1:")


async def test_a_broken_program_is_an_error_that_quotes_it(data_dir: Path, tmp_path: Path):
    program = tmp_path / "broken"
    program.write_text("#!/bin/sh\necho out of order >&2\nexit 1\n")
    program.chmod(0o700)
    with pytest.raises(ConnectionLost, match="out of order"):
        await local_server(data_dir, program=program)
    assert not (data_dir / "server.json").exists()


async def test_a_second_supervisor_is_refused(data_dir: Path, nats_server: Path):
    async with await local_server(data_dir, program=nats_server) as server:
        second = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "hubbub.server.supervisor", str(data_dir)),
            stderr=asyncio.subprocess.PIPE,
        )
        _, said = await second.communicate()
        assert second.returncode == 1
        assert said.decode() == f"ConnectionLost: A local server runs already in {data_dir}\n"
        assert running_server(data_dir) == server.address


async def test_a_program_that_hangs_is_given_up_and_ended(data_dir: Path, tmp_path: Path):
    program = tmp_path / "idle"
    program.write_text("#!/bin/sh\nexec sleep 1000\n")
    program.chmod(0o700)
    with pytest.raises(ConnectionLost, match=r"did not answer within 0.5 s"):
        await local_server(data_dir, program=program, timeout=0.5)
    lock = FileLock(data_dir / "server.lock")
    await until(lock.try_exclusive)
    lock.close()


async def test_a_data_directory_that_is_a_file_is_an_error_with_advice(
    tmp_path: Path, nats_server: Path
):
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(SettingsError, match=r"^HUBBUB_DATA_DIR: .* cannot be a folder"):
            await local_server(folder, program=nats_server)


async def test_a_store_that_is_a_file_is_an_error_that_quotes_the_server(
    data_dir: Path, nats_server: Path
):
    put(data_dir, "jetstream", "")
    with pytest.raises(ConnectionLost, match="not a directory"):
        await local_server(data_dir, program=nats_server)


@pytest.mark.parametrize("name", ["users.lock", "server.lock", "server.json", "nats-server.log"])
async def test_a_folder_in_the_place_of_a_file_is_an_error(
    data_dir: Path, nats_server: Path, name: str
):
    (data_dir / name).mkdir(parents=True)
    with pytest.raises(SettingsError, match=str(data_dir)):
        await local_server(data_dir, program=nats_server)


@pytest.mark.skipif(not is_root(), reason="only root can give a folder to someone else")
def test_a_folder_of_someone_else_is_an_error_with_advice(tmp_path: Path):
    folder = tmp_path / "theirs"
    folder.mkdir(mode=0o755)
    os.chown(folder, 12345, 12345)
    tmp_path.chmod(0o755)
    code = (
        "import asyncio, concurrent.futures.thread, os, pathlib, sys\n"
        "from hubbub.server import local_server\n"
        "os.seteuid(23456)\n"
        "asyncio.run(local_server(pathlib.Path(sys.argv[1])))\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", code, str(folder)], capture_output=True, text=True, check=False
    )
    assert "SettingsError: HUBBUB_DATA_DIR" in result.stderr
