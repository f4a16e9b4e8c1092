"""Starting a supervisor, by whichever process is first."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

from hubbub.errors import ConnectionLost, HubbubError, SettingsError
from hubbub.server.locks import FileLock
from hubbub.server.logs import open_log, read_from
from hubbub.server.program import find_program

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Startup", "usable_directory"]


def usable_directory(directory: Path) -> Path:
    """Create the data directory if it is missing, for this user only, and return its full path.

    Raises:
        SettingsError: it cannot be created or written to, or belongs to another user.
    """
    directory = directory.expanduser().absolute()
    advice = "set HUBBUB_DATA_DIR to a folder of your own"
    if sys.platform == "win32":
        raise SettingsError(
            "The local server needs Linux or macOS: start nats-server yourself and set NATS_URL"
        )
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        owner = directory.stat().st_uid
    except OSError as error:
        raise SettingsError(
            f"HUBBUB_DATA_DIR: {directory} cannot be a folder ({error.strerror}); {advice}"
        ) from error
    if os.geteuid() not in (0, owner) and owner != 0:
        raise SettingsError(f"HUBBUB_DATA_DIR: {directory} belongs to another user; {advice}")
    if not os.access(directory, os.W_OK | os.X_OK):
        raise SettingsError(f"HUBBUB_DATA_DIR: {directory} is not writable; {advice}")
    return directory


class Startup:
    """One attempt to get a server started, alone or in a race with other processes.

    Args:
        directory: the data directory.
        program: the nats-server program; found when not given.
    """

    def __init__(self, directory: Path, program: Path | None) -> None:
        self._directory = directory
        self._program = program
        self._log = directory / "supervisor.log"
        self._log_start: int | None = None

    def advance(self) -> None:
        """Start a supervisor if nobody has, or find out whether ours gave up.

        Raises:
            SettingsError: the data directory or the configured program cannot be used.
            ConnectionLost: the server does not start.
        """
        lock = FileLock(self._directory / "server.lock")
        try:
            if not lock.try_exclusive():
                return
            if self._log_start is not None:
                raise self._reported(self._log_start)
            self._launch(lock)
        except HubbubError:  # one of them is an OSError too
            raise
        except OSError as error:
            raise SettingsError(
                f"HUBBUB_DATA_DIR: {error.filename or self._directory} cannot be used "
                f"({error.strerror}); set HUBBUB_DATA_DIR to a folder of your own"
            ) from error
        finally:
            lock.close()

    def _launch(self, lock: FileLock) -> None:
        """Start a supervisor that holds the lock from its first moment on; it lives by itself."""
        program = self._program or find_program()
        with open_log(self._log) as log:
            self._log_start = log.tell()
            subprocess.run(
                [
                    *(sys.executable, "-P", "-m", "hubbub.server.supervisor"),
                    *(str(self._directory), str(program), str(lock.fileno())),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=[lock.fileno()],
                start_new_session=True,
                check=False,
            )

    def _reported(self, start: int) -> HubbubError:
        """Return the error with which our supervisor ended."""
        lines = read_from(self._log, start).splitlines()
        said = lines[-1] if lines else "it said nothing"
        kind, _, message = said.partition(": ")
        if kind == "SettingsError":
            return SettingsError(message)
        if kind in ("ConnectionLost", "PortTaken"):
            return ConnectionLost(message)
        return ConnectionLost(
            f"The local server ended before it was ready ({said}); the whole log is in {self._log}"
        )
