"""Files that go with messages, in NATS's object store."""

from __future__ import annotations

import secrets

import pytest

import hubbub
from hubbub import NATSConfig
from hubbub.errors import InvalidMessage, StoredFileNotFound
from hubbub.testing import ServerProcess


@pytest.fixture
def config(shared_server: ServerProcess) -> NATSConfig:
    return NATSConfig(nats_url=shared_server.url)


async def test_a_file_is_read_back_by_anybody(config: NATSConfig) -> None:
    data = secrets.token_bytes(700_001)
    async with hubbub.connect(config=config) as mesh:
        file = await mesh.put_file(data, name="some data.bin")
        assert (file.size, file.media_type, file.owner) == (
            len(data),
            "application/octet-stream",
            "",
        )
        assert await mesh.read_file(file.id) == (data, file)
        assert file.reference() == {
            "id": file.id,
            "name": "some data.bin",
            "media_type": "application/octet-stream",
            "size": 700_001,
        }


async def test_clients_of_the_object_store_read_it_too(config: NATSConfig) -> None:
    async with hubbub.connect(config=config) as mesh:
        file = await mesh.put_file(b"x" * 300_000, name="x", media_type="text/plain")
        bucket = await mesh.connection.client.jetstream().object_store("files")
        found = await bucket.get(file.id)
        assert found.data == b"x" * 300_000
        assert found.info.size == 300_000


async def test_what_is_not_there_is_told(config: NATSConfig) -> None:
    async with hubbub.connect(config=config) as mesh:
        for unknown in ("0" * 32, "", "*", "a.b", ">" * 40):
            with pytest.raises(StoredFileNotFound, match="There is no file"):
                await mesh.read_file(unknown)
        file = await mesh.put_file(b"x" * 300_000, name="x")
        await mesh.connection.api(
            "STREAM.PURGE.OBJ_files", {"filter": f"$O.files.C.{file.id}", "keep": 1}
        )
        with pytest.raises(StoredFileNotFound, match="parts of it are gone"):
            await mesh.read_file(file.id)


async def test_a_name_and_a_type_must_be_ones(config: NATSConfig) -> None:
    async with hubbub.connect(config=config) as mesh:
        for name in ("", "x" * 201, "a\x00b", "a\nb"):
            with pytest.raises(InvalidMessage, match="name"):
                await mesh.put_file(b"", name=name)
        for kind in ("", "text", "text/plain; x=y", "Text/Plain", "a/b/c", "text/" + "x" * 80):
            with pytest.raises(InvalidMessage, match="media type"):
                await mesh.put_file(b"", name="x", media_type=kind)
