"""The files of the built console, read from the package and compressed once."""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass
from pathlib import Path

__all__ = ["STATIC", "Build", "BuiltFile"]

STATIC = Path(__file__).parent.parent / "static"
"""Where the build lies."""

# What the machine's own table says differs from one to the next.
_MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".map": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".webmanifest": "application/manifest+json",
    ".webp": "image/webp",
    ".woff2": "font/woff2",
}
_OTHER = "application/octet-stream"
# Pictures and fonts are compressed already. What is here is the same for everybody and holds no
# secret, so that its length tells nobody anything.
_COMPRESSED = frozenset({".css", ".js", ".json", ".map", ".svg", ".txt", ".webmanifest"})
_WORTHWHILE_BYTES = 1_000


@dataclass(frozen=True, slots=True)
class BuiltFile:
    """One file of the build.

    Attributes:
        data: what it holds.
        media_type: its type, as the header has it.
        etag: names what it holds, the same on every gateway with the same build.
        gzipped: the same, compressed; None where that is not worth it.
    """

    data: bytes
    media_type: str
    etag: str
    gzipped: bytes | None

    @property
    def gzipped_etag(self) -> str:
        """The name of the compressed form: other bytes have another one (RFC 9110, 8.8.3)."""
        return f'{self.etag[:-1]}-gzip"'


class Build:
    """The files in a folder, each read once and again when it changes.

    Args:
        folder: where they lie.
    """

    def __init__(self, folder: Path = STATIC) -> None:
        self._folder = folder.resolve()
        self._read: dict[str, tuple[int, BuiltFile]] = {}

    def file(self, name: str) -> BuiltFile | None:
        """Return a file by its path below the folder; None if there is no such file.

        Reads from disk, and compresses what it reads: for a thread.
        """
        parts = name.split("/")
        if not {"", ".", ".."}.isdisjoint(parts) or "\\" in name or "\0" in name:
            return None
        path = self._folder.joinpath(*parts).resolve()
        if not path.is_relative_to(self._folder):  # a link out of it
            return None
        try:
            changed = path.stat().st_mtime_ns
            known = self._read.get(name)
            if known is not None and known[0] == changed:
                return known[1]
            data = path.read_bytes()
        except OSError:  # not there, or a folder
            return None
        suffix = path.suffix.lower()
        found = BuiltFile(
            data,
            _MEDIA_TYPES.get(suffix, _OTHER),
            f'"{hashlib.sha256(data).hexdigest()[:32]}"',
            _gzipped(data) if suffix in _COMPRESSED else None,
        )
        self._read[name] = (changed, found)
        return found


def _gzipped(data: bytes) -> bytes | None:
    if len(data) < _WORTHWHILE_BYTES:
        return None
    # Without a time in it, it is the same on every gateway.
    gzipped = gzip.compress(data, mtime=0)
    return gzipped if len(gzipped) < len(data) else None
