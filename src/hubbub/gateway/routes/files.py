"""Files that go with messages: stored and given back as streams."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import StreamingResponse

from hubbub.errors import StoredFileNotFound
from hubbub.gateway.console.records import StoredFileView
from hubbub.gateway.problems import may_fail_with
from hubbub.gateway.state import OnGateway, SignedIn
from hubbub.mesh.files import StoredFile, find_file, put_file, read_pieces
from hubbub.mesh.transport.connection import Connection

__all__ = ["router"]

router = APIRouter(prefix="/api/files", tags=["files"])

_BINARY = {"schema": {"type": "string", "format": "binary"}}
_OTHER = "application/octet-stream"
# Browsers show these as pictures and run nothing in them.
_SHOWN = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})


@router.post(
    "",
    operation_id="store_file",
    status_code=201,
    responses=may_fail_with(507),
    openapi_extra={"requestBody": {"required": True, "content": {_OTHER: _BINARY}}},
)
async def store_file(
    gateway: OnGateway,
    who: SignedIn,
    request: Request,
    name: Annotated[str, Query(min_length=1, max_length=200, description="How it is called.")],
) -> StoredFileView:
    """Store the body as a file of yours, kept as long as the history; its type is the body's."""
    media_type = request.headers.get("content-type", _OTHER).partition(";")[0].strip().lower()
    file = await put_file(
        gateway.mesh.connection,
        request.stream(),
        name=name,
        media_type=media_type or _OTHER,
        owner=who.user,
    )
    return StoredFileView(**file.reference(), url=f"/api/files/{file.id}")


@router.get(
    "/{file_id}",
    operation_id="read_file",
    response_class=Response,
    responses={
        200: {"description": "What it holds.", "content": {_OTHER: _BINARY}},
        304: {"description": "It is the one that you have."},
        **may_fail_with(404),
    },
)
async def read_file(
    gateway: OnGateway,
    who: SignedIn,
    request: Request,
    file_id: Annotated[str, Path(max_length=64, description="The file.")],
) -> Response:
    """Return what a file holds; users see their own, and those that agents made for them."""
    connection = gateway.mesh.connection
    file = await find_file(connection, file_id)
    if not who.sees(file.owner):
        raise StoredFileNotFound(file_id)
    etag = f'"{file.sha256[:32]}"'
    # Asked for again each time: whoever has signed out may not see it any more.
    headers = {"etag": etag, "cache-control": "private, no-cache"}
    if etag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    shown = "inline" if file.media_type in _SHOWN else "attachment"
    headers |= {
        "content-length": str(file.size),
        "content-disposition": f"{shown}; filename*=UTF-8''{quote(file.name, safe='')}",
        "content-security-policy": "sandbox; default-src 'none'",
    }
    return StreamingResponse(_whole(connection, file), headers=headers, media_type=file.media_type)


async def _whole(connection: Connection, file: StoredFile) -> AsyncGenerator[bytes]:
    async with contextlib.aclosing(read_pieces(connection, file)) as pieces:
        async for piece in pieces:
            yield piece
