"""The logs of a server and its supervisor, and what they say about an end."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["LOG_LIMIT", "last_words", "open_log", "read_from"]

LOG_LIMIT = 256 * 1024
"""Bytes after which the log of a supervisor starts anew."""

_TAIL = 16384
_STAMP = re.compile(r"^\[\d+\] \S+ \S+ \[\w+\] ")
_CAUSES = ("[FTL]", "panic:", "fatal error:")


def open_log(path: Path) -> IO[bytes]:
    """Open a log for appending, for its owner only.

    Raises:
        OSError: it cannot be written.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
    log = os.fdopen(os.open(path, flags, 0o600), "ab")
    if log.tell() > LOG_LIMIT:
        log.truncate(0)
        log.seek(0)
    return log


def read_from(path: Path, start: int) -> str:
    """Return what was written to a log since it had `start` bytes, the last 16 KiB at most."""
    with suppress(OSError), path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(start if size >= start else 0, size - _TAIL))
        return file.read().decode("utf-8", "replace").strip()
    return ""


def last_words(path: Path, start: int) -> str:
    """Return what explains the end of a server: its fatal line, else its last one.

    Args:
        path: its log file.
        start: the size of the file when the server was started.

    Returns:
        The line in brackets with a space before, to put into a sentence; empty without any.
    """
    lines = [line.strip() for line in read_from(path, start).splitlines() if line.strip()]
    if not lines:
        return ""
    line = next((line for line in lines if any(cause in line for cause in _CAUSES)), lines[-1])
    return f" (it said: {_STAMP.sub('', line)[:300]})"
