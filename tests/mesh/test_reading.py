"""What a stream holds is read back whole, however large its messages are."""

from __future__ import annotations

import hubbub
from hubbub import NATSConfig
from hubbub.mesh.transport.streams import ensure_streams
from hubbub.testing import ServerProcess


async def test_large_messages_are_all_read(shared_server: ServerProcess) -> None:
    config = NATSConfig(nats_url=shared_server.url)
    async with hubbub.connect(config=config) as mesh:
        connection = mesh.connection
        await ensure_streams(connection)
        subject, data = "dead.reader_of_large.*", b"x" * 900_000
        sequences = [
            (await connection.store(f"dead.reader_of_large.{number}", data)).seq
            for number in range(40)
        ]
        found = await connection.read_back("DEAD", subject)
        assert [message.sequence for message in found] == sequences
        assert {message.data for message in found} == {data}
        await connection.api("STREAM.PURGE.DEAD", {"filter": subject})
