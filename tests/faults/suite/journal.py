"""A file that all processes of a run append to, independent of NATS."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

__all__ = ["Journal", "read_journal"]

Facts = dict[str, Any]


class Journal:
    """Appends a line at a time; what is written stays when the process is killed."""

    def __init__(self, file: Path) -> None:
        self._descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def write(self, what: str, **facts: Any) -> None:
        line = json.dumps({"at": time.time(), "what": what, **facts})
        os.write(self._descriptor, line.encode() + b"\n")


def read_journal(file: Path) -> list[Facts]:
    """Return all lines, oldest first."""
    if not file.exists():
        return []
    return [json.loads(line) for line in file.read_text().splitlines()]
