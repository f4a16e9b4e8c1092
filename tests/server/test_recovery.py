"""The local server after its processes died."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from typing import TYPE_CHECKING, Any

import pytest
import uvloop

from hubbub.server import local_server, running_server

from .observe import alive, count, servers_of, stored, until

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from pathlib import Path

    from .observe import Program


async def _keep_one_message(url: str):
    async with stored(url) as messages:
        await messages.publish("notes.a", b"kept")


async def _count_messages(url: str):
    async with stored(url) as messages:
        return await count(messages)


async def test_a_killed_server_comes_back_with_its_messages(data_dir: Path, nats_server: Path):
    async with await local_server(data_dir, program=nats_server) as server:
        async with stored(server.address.url) as messages:
            await messages.publish("notes.a", b"kept")
            for _ in range(2):
                before = running_server(data_dir)
                assert before is not None
                os.kill(before.pid, signal.SIGKILL)
                await until(
                    lambda old=before.pid: (now := running_server(data_dir)) and now.pid != old
                )
                now = running_server(data_dir)
                assert now is not None
                assert now.url == before.url
                assert now.supervisor_pid == before.supervisor_pid
                assert await count(messages) == 1
        assert len(servers_of(data_dir)) == 1


@pytest.mark.parametrize("runner", [asyncio.run, uvloop.run])
def test_a_living_program_brings_it_back_when_its_supervisor_is_killed(
    data_dir: Path, nats_server: Path, runner: Callable[[Coroutine[Any, Any, None]], None]
):
    async def story() -> None:
        async with await local_server(data_dir, program=nats_server) as server:
            before = server.address
            async with stored(before.url) as messages:
                await messages.publish("notes.a", b"kept")
                os.kill(before.supervisor_pid, signal.SIGKILL)
                await until(lambda: server.address != before)
                assert server.address.url == before.url
                assert not alive(before.pid)
                assert await count(messages) == 1
            assert servers_of(data_dir) == [server.address.pid]

    runner(story())


async def test_one_of_several_programs_brings_it_back_for_all(
    data_dir: Path, start_program: Callable[[], Program]
):
    programs = [start_program() for _ in range(3)]
    before, *_ = [program.address() for program in programs]
    os.kill(before.supervisor_pid, signal.SIGKILL)
    for program in programs:
        await until(lambda program=program: program.ask_again() != before)
    after = [program.ask_again() for program in programs]
    assert all(address == after[0] for address in after)
    assert after[0].url == before.url
    assert servers_of(data_dir) == [after[0].pid]


async def test_the_next_program_starts_it_again_when_everything_was_killed(
    data_dir: Path, nats_server: Path, start_program: Callable[[], Program]
):
    program = start_program()
    before = program.address()
    await _keep_one_message(before.url)
    program.kill()
    os.kill(before.supervisor_pid, signal.SIGKILL)
    await until(lambda: not alive(before.pid))
    assert running_server(data_dir) is None
    async with await local_server(data_dir, program=nats_server) as server:
        assert server.address.url == before.url
        assert await _count_messages(server.address.url) == 1


async def test_there_are_never_two_servers_on_one_store(data_dir: Path, nats_server: Path):
    seen: list[list[int]] = []
    async with await local_server(data_dir, program=nats_server) as server:
        for _ in range(3):
            before = server.address
            os.kill(before.supervisor_pid, signal.SIGKILL)
            while server.address == before:
                seen.append(await asyncio.to_thread(servers_of, data_dir))
    assert max(len(pids) for pids in seen) == 1


async def test_revive_returns_a_server_that_answers(data_dir: Path, nats_server: Path):
    async with await local_server(data_dir, program=nats_server) as server:
        before = server.address
        assert await server.revive() == before
        os.kill(before.supervisor_pid, signal.SIGKILL)
        await until(lambda: not alive(before.pid))
        after = await server.revive()
        assert after == running_server(data_dir)
        assert after.url == before.url


async def test_told_to_end_it_ends_in_good_order_and_comes_back_for_whoever_is_left(
    data_dir: Path, nats_server: Path
):
    async with await local_server(data_dir, program=nats_server) as server:
        before = server.address
        os.kill(before.supervisor_pid, signal.SIGTERM)
        await until(lambda: server.address != before)
        assert server.address.url == before.url
    assert "told to end" in (data_dir / "supervisor.log").read_text()


async def test_a_removed_data_directory_ends_it_and_a_living_program_makes_a_new_one(
    data_dir: Path, nats_server: Path
):
    async with await local_server(data_dir, program=nats_server) as server:
        before = server.address
        shutil.rmtree(data_dir, ignore_errors=True)
        await until(lambda: server.address != before)
        assert not alive(before.pid)
        assert running_server(data_dir) == server.address
        assert await server.revive() == server.address


async def test_a_server_that_does_not_come_back_is_reported_and_tried_again(
    data_dir: Path, nats_server: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    program = tmp_path / "nats-server"
    program.symlink_to(nats_server)
    async with await local_server(data_dir, program=program) as server:
        before = server.address
        program.unlink()
        os.kill(before.supervisor_pid, signal.SIGKILL)
        await until(lambda: "cannot run" in caplog.text)
        program.symlink_to(nats_server)
        await until(lambda: server.address != before)
        assert server.address.url == before.url
