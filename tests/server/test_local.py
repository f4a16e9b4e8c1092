"""The local server, shared by all programs of a user."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from hubbub.server import local_server, running_server

from .observe import alive, count, servers_of, stored, until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from .observe import Program


async def test_the_first_program_starts_it_and_the_next_one_shares_it(
    data_dir: Path, nats_server: Path
):
    async with await local_server(data_dir, program=nats_server) as first:
        async with stored(first.address.url) as messages:
            await messages.publish("notes.a", b"kept")
        async with await local_server(data_dir, program=nats_server) as second:
            assert second.address == first.address == running_server(data_dir)
        assert servers_of(data_dir) == [first.address.pid]


async def test_eight_programs_at_once_get_one_server(
    data_dir: Path, start_program: Callable[[], Program]
):
    programs = [start_program() for _ in range(8)]
    addresses = [program.address() for program in programs]
    assert all(address == addresses[0] for address in addresses)
    assert servers_of(data_dir) == [addresses[0].pid]


async def test_many_tasks_of_one_program_get_one_server(data_dir: Path, nats_server: Path):
    holds = await asyncio.gather(*(local_server(data_dir, program=nats_server) for _ in range(8)))
    assert len({hold.address for hold in holds}) == 1
    await asyncio.gather(*(hold.aclose() for hold in holds))


async def test_it_outlives_a_killed_program_and_ends_after_the_last(
    data_dir: Path, start_program: Callable[[], Program]
):
    first, second = start_program(), start_program()
    address = first.address()
    assert second.address() == address
    first.kill()
    assert second.ask_again() == address
    assert running_server(data_dir) is not None
    second.kill()
    await until(lambda: not alive(address.supervisor_pid) and not alive(address.pid))
    assert servers_of(data_dir) == []
    assert not (data_dir / "server.json").exists()
    assert running_server(data_dir) is None


async def test_whoever_comes_while_it_leaves_gets_a_server_on_the_same_port(
    data_dir: Path, nats_server: Path
):
    async with (
        await local_server(data_dir, program=nats_server) as first,
        stored(first.address.url) as messages,
    ):
        await messages.publish("notes.a", b"kept")
    await until(lambda: not (data_dir / "server.json").exists())
    async with await local_server(data_dir, program=nats_server) as second:
        assert second.address.url == first.address.url
        async with stored(second.address.url) as messages:
            assert await count(messages) == 1


async def test_two_data_directories_are_two_servers(data_dir: Path, nats_server: Path):
    left, right = data_dir / "left", data_dir / "right"
    async with (
        await local_server(left, program=nats_server) as one,
        await local_server(right, program=nats_server) as two,
    ):
        assert one.address.url != two.address.url
        assert one.address.monitoring_url != two.address.monitoring_url
    for folder in (left, right):
        await until(lambda folder=folder: not (folder / "server.json").exists())


def test_looking_for_a_server_creates_nothing(data_dir: Path):
    assert running_server(data_dir) is None
    assert not data_dir.exists()
