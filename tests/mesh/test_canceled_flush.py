"""Whoever is canceled while the server confirms a flush harms nobody else on the connection."""

from __future__ import annotations

import asyncio

import pytest

import hubbub
from hubbub import NATSConfig
from hubbub.testing import ServerProcess


async def test_a_canceled_flush_leaves_the_connection_as_it_was(
    shared_server: ServerProcess,
) -> None:
    async with hubbub.connect(config=NATSConfig(nats_url=shared_server.url)) as mesh:
        for _ in range(50):
            flushing = asyncio.create_task(mesh.connection.flush())
            await asyncio.sleep(0)
            flushing.cancel()
            with pytest.raises(asyncio.CancelledError):
                await flushing
            async with asyncio.timeout(5):
                await mesh.connection.flush()


async def test_a_cancel_in_the_moment_of_the_answer_is_not_lost(
    shared_server: ServerProcess,
) -> None:
    async with hubbub.connect(config=NATSConfig(nats_url=shared_server.url)) as mesh:
        client = mesh.connection.client
        process_pong = client._process_pong  # pyright: ignore[reportPrivateUsage]
        flushing = asyncio.create_task(mesh.connection.flush())

        async def pong_and_cancel() -> None:
            await process_pong()
            flushing.cancel()

        client._process_pong = pong_and_cancel  # pyright: ignore[reportPrivateUsage]
        with pytest.raises(asyncio.CancelledError):
            await flushing
