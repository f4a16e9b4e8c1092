"""Small files that only their owner may read, replaced as a whole."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["read_json", "write_private"]

_LONGEST = 65536


def write_private(path: Path, text: str) -> None:
    """Replace a file in one step: a reader sees the old text or the new one.

    Raises:
        OSError: it cannot be written.
    """
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    with suppress(FileNotFoundError):
        draft.unlink()
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def read_json(path: Path) -> dict[str, object]:
    """Read a JSON object; empty if it is missing, garbage, or written by another user.

    Whoever may write this file may send our programs to a server of their choice, so what
    belongs neither to this user nor to root is as good as missing.
    """
    with suppress(OSError, ValueError, RecursionError):
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            if os.fstat(descriptor).st_uid in (os.geteuid(), 0):
                value: object = json.loads(file.read(_LONGEST))
                if isinstance(value, dict):
                    return cast("dict[str, object]", value)
    return {}
