"""Files that go with messages: kept in NATS's object store, as long as what was said.

They lie there as any client of the object store expects, under their id, in the bucket `files`.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import re
import secrets
from collections.abc import AsyncGenerator, AsyncIterable
from typing import Any

import msgspec

from hubbub.errors import FilesFull, HubbubError, InvalidMessage, StoredFileNotFound
from hubbub.mesh.tasks.outbox import store
from hubbub.mesh.transport.answers import APIError
from hubbub.mesh.transport.connection import Connection
from hubbub.mesh.transport.headers import MESSAGE_ID
from hubbub.mesh.transport.streams import FILES, FILES_BUCKET
from hubbub.wire.clock import now
from hubbub.wire.codec import encode

__all__ = ["StoredFile", "find_file", "put_file", "read_pieces"]

_PIECE_BYTES = 128 * 1024
_READ_PIECES = 16
_LONGEST_NAME = 200
_ID = re.compile(r"[0-9a-f]{32}")
_MEDIA_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,63}/[a-z0-9][a-z0-9!#$&^_.+-]{0,63}")
_ROLLUP = {"Nats-Rollup": "sub"}
# The stream takes no more, or the server has no more room for any stream.
_FULL = frozenset({10077, 10047, 10023})


class StoredFile(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a file.

    Attributes:
        id: names it; 128 random bits.
        name: how it is called.
        media_type: what it is, such as `image/png`.
        size: in bytes.
        sha256: hash of what it holds, in hexadecimal digits.
        owner: the person whose it is; empty if nobody's in particular.
    """

    id: str
    name: str
    media_type: str
    size: int
    sha256: str
    owner: str = ""

    def reference(self) -> dict[str, Any]:
        """Return what goes with a message, in the list `metadata["files"]`."""
        return {
            "id": self.id,
            "name": self.name,
            "media_type": self.media_type,
            "size": self.size,
        }


class _Info(msgspec.Struct, kw_only=True):
    """What the object store keeps beside the pieces."""

    name: str
    nuid: str
    bucket: str = FILES_BUCKET
    size: int
    chunks: int
    digest: str
    mtime: str
    metadata: dict[str, str]
    options: dict[str, int]
    deleted: bool = False


_decoder = msgspec.json.Decoder(_Info)


async def put_file(
    connection: Connection,
    pieces: AsyncIterable[bytes],
    *,
    name: str,
    media_type: str,
    owner: str,
) -> StoredFile:
    """Store a file.

    Args:
        connection: the mesh.
        pieces: what it holds, in pieces of any size; what they raise is raised.
        name: how it is called.
        media_type: what it is.
        owner: the person whose it is; empty if nobody's in particular.

    Raises:
        InvalidMessage: it has no name, or too long a one, or no such media type can be.
        FilesFull: there is no room for it.
        ConnectionLost: the server does not confirm it.
    """
    if not 0 < len(name) <= _LONGEST_NAME or not name.isprintable():
        raise InvalidMessage(
            f"a file's name must have 1 to {_LONGEST_NAME} characters that can be seen"
        )
    if not _MEDIA_TYPE.fullmatch(media_type):
        raise InvalidMessage(f"{media_type[:80]!r} is no media type such as image/png")
    file_id, digest, size, count = secrets.token_hex(16), hashlib.sha256(), 0, 0
    try:
        async for piece in _even(pieces, min(_PIECE_BYTES, connection.max_content)):
            digest.update(piece)
            size, count = size + len(piece), count + 1
            # A write whose confirmation got lost is repeated.
            mark = {MESSAGE_ID: f"{file_id}.{count}"}
            await store(connection, _pieces_subject(file_id), piece, headers=mark)
        info = _Info(
            name=file_id,
            nuid=file_id,
            size=size,
            chunks=count,
            digest=f"SHA-256={base64.urlsafe_b64encode(digest.digest()).decode()}",
            mtime=now(),
            metadata={"name": name, "media_type": media_type, "owner": owner},
            options={"max_chunk_size": _PIECE_BYTES},
        )
        await store(connection, _info_subject(file_id), encode(info), headers=_ROLLUP)
    except BaseException as error:
        # Nobody would ever find these; if they stay, they go with time.
        with contextlib.suppress(HubbubError):
            purge = {"filter": _pieces_subject(file_id)}
            await connection.api(f"STREAM.PURGE.{FILES}", purge)
        if isinstance(error, APIError) and error.error_code in _FULL:
            raise FilesFull(str(error)) from None
        raise
    return _read_info(info)


async def find_file(connection: Connection, file_id: str) -> StoredFile:
    """Return what is known of a file.

    Raises:
        StoredFileNotFound: there is none with this id, or not any more.
        ConnectionLost: the server does not answer.
    """
    if _ID.fullmatch(file_id):
        stored = await connection.last_of(FILES, _info_subject(file_id))
        if stored is not None:
            with contextlib.suppress(msgspec.MsgspecError, ValueError, KeyError):
                info = _decoder.decode(stored.data)
                if not info.deleted:
                    return _read_info(info)
    raise StoredFileNotFound(file_id)


async def read_pieces(connection: Connection, file: StoredFile) -> AsyncGenerator[bytes]:
    """Yield what a file holds, piece by piece.

    Raises:
        StoredFileNotFound: it is not whole any more.
        ConnectionLost: the server does not answer.
    """
    digest, start = hashlib.sha256(), 1
    subject = _pieces_subject(file.id)
    while file.size:
        some = await connection.read_some(FILES, start=start, subject=subject, limit=_READ_PIECES)
        for piece in some:
            digest.update(piece.data)
            yield piece.data
        if not some or some[-1].headers.get("Nats-Num-Pending", "0") == "0":
            break
        start = some[-1].sequence + 1
    if digest.hexdigest() != file.sha256:
        raise StoredFileNotFound(file.id, "parts of it are gone")


async def _even(pieces: AsyncIterable[bytes], size: int) -> AsyncGenerator[bytes]:
    """Yield the same bytes in pieces of one size, the last one aside."""
    held = bytearray()
    async for piece in pieces:
        held += piece
        while len(held) >= size:
            yield bytes(held[:size])
            del held[:size]
    if held:
        yield bytes(held)


def _read_info(info: _Info) -> StoredFile:
    return StoredFile(
        id=info.name,
        name=info.metadata["name"],
        media_type=info.metadata["media_type"],
        size=info.size,
        sha256=base64.urlsafe_b64decode(info.digest.removeprefix("SHA-256=")).hex(),
        owner=info.metadata["owner"],
    )


def _pieces_subject(file_id: str) -> str:
    return f"$O.{FILES_BUCKET}.C.{file_id}"


def _info_subject(file_id: str) -> str:
    return f"$O.{FILES_BUCKET}.M.{base64.urlsafe_b64encode(file_id.encode()).decode()}"
