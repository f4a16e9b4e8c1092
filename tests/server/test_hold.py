"""What a program that uses the local server shares with it, and what not."""

from __future__ import annotations

import asyncio
import os
import signal
import traceback
from typing import TYPE_CHECKING

import pytest

from hubbub.errors import ConnectionLost
from hubbub.server import LocalServer, local_server, running_server
from hubbub.server.locks import FileLock

from .observe import command_lines, open_to_others, until

if TYPE_CHECKING:
    from pathlib import Path


async def test_secrets_stay_in_private_files(data_dir: Path, nats_server: Path, tmp_path: Path):
    async with await local_server(data_dir, program=nats_server) as server:
        token = server.address.url.removeprefix("nats://").partition("@")[0]
        assert len(token) >= 32
        shown = [repr(server), str(server), repr(server.address), server.address.display_url]
        assert token not in "".join(shown) + command_lines()
        assert open_to_others(data_dir) == []
        for name in ("nats-server.log", "supervisor.log"):
            assert token not in (data_dir / name).read_text()
    await until(lambda: not (data_dir / "server.json").exists())
    (data_dir / "nats-server.conf").unlink()
    broken = tmp_path / "broken"
    broken.write_text('#!/bin/sh\ncat "$2" >/dev/null; echo no >&2; exit 1\n')
    broken.chmod(0o700)
    with pytest.raises(ConnectionLost) as caught:
        await local_server(data_dir, program=broken)
    assert token not in "".join(traceback.format_exception(caught.value))


async def test_it_has_nothing_of_the_program_that_started_it(data_dir: Path, nats_server: Path):
    reader, writer = os.pipe()
    os.set_inheritable(writer, True)
    async with await local_server(data_dir, program=nats_server) as server:
        os.close(writer)
        assert os.read(reader, 1) == b""  # nobody else holds the other end
        os.close(reader)
        for pid in (server.address.supervisor_pid, server.address.pid):
            assert os.getsid(pid) not in (os.getsid(0), 0)


async def test_a_hold_is_let_go_by_release_and_not_kept_by_children(
    data_dir: Path, nats_server: Path
):
    server = await local_server(data_dir, program=nats_server)
    # The one way to start a program that closes no descriptors but those marked for it.
    child = os.posix_spawnp(  # noqa: ASYNC221
        "sleep", ["sleep", "1000"], os.environ
    )
    try:
        users = FileLock(data_dir / "users.lock")
        assert not users.try_exclusive()
        server.release()
        server.release()
        await until(users.try_exclusive)
        users.close()
        with pytest.raises(ConnectionLost, match="released"):
            await server.revive()
    finally:
        os.kill(child, signal.SIGKILL)
        await asyncio.to_thread(os.waitpid, child, 0)


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")  # Python 3.12 warns of threads
async def test_a_forked_copy_of_the_program_does_not_hold_it(data_dir: Path, nats_server: Path):
    server = await local_server(data_dir, program=nats_server)
    reader, writer = os.pipe()
    fork = os.fork()
    if fork == 0:
        os.close(writer)
        os.read(reader, 1)  # lives, without exec, until the test closes the pipe
        os._exit(0)
    os.close(reader)
    await server.aclose()
    users = FileLock(data_dir / "users.lock")
    await until(users.try_exclusive)
    users.close()
    os.close(writer)
    await asyncio.to_thread(os.waitpid, fork, 0)


async def test_attaching_does_not_block_the_loop_while_the_server_hangs(
    data_dir: Path, nats_server: Path
):
    async with await local_server(data_dir, program=nats_server) as server:
        os.kill(server.address.pid, signal.SIGSTOP)
        await until(lambda: running_server(data_dir) is None)
        attaching = asyncio.create_task(local_server(data_dir, program=nats_server, timeout=0.7))
        longest, loop = 0.0, asyncio.get_running_loop()
        while not attaching.done():
            before = loop.time()
            await asyncio.sleep(0.001)
            longest = max(longest, loop.time() - before)
        os.kill(server.address.pid, signal.SIGCONT)
        with pytest.raises(ConnectionLost, match="did not answer"):
            await attaching
        assert longest < 0.2


async def test_a_canceled_attempt_leaves_no_hold(data_dir: Path, nats_server: Path):
    attempt = asyncio.create_task(local_server(data_dir, program=nats_server))
    await until(lambda: (data_dir / "server.lock").exists())
    attempt.cancel()
    with pytest.raises(asyncio.CancelledError):
        await attempt
    users = FileLock(data_dir / "users.lock")
    await until(users.try_exclusive)
    users.close()
    lock = FileLock(data_dir / "server.lock")
    await until(lock.try_exclusive)
    lock.close()


def test_a_loop_that_ends_without_release_does_not_mind(data_dir: Path, nats_server: Path):
    kept: list[LocalServer] = []

    async def attach() -> None:
        kept.append(await local_server(data_dir, program=nats_server))

    asyncio.run(attach())
    assert running_server(data_dir) is not None
    kept[0].release()
