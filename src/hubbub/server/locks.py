"""Locks between processes, which the kernel releases however their holder dies."""

from __future__ import annotations

import os
import weakref
from contextlib import suppress
from typing import TYPE_CHECKING

from hubbub.errors import SettingsError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["FileLock"]

_open: weakref.WeakSet[FileLock] = weakref.WeakSet()


class FileLock:
    """An advisory lock on a file (`flock`), which is created when it is missing.

    The lock belongs to the open file: a program that is started with the descriptor holds it
    too, everything else that is started does not. A forked copy of the process lets go of it.

    Args:
        path: the file.
        descriptor: one that is open on it already, handed down by the process that locked it.
    """

    def __init__(self, path: Path, *, descriptor: int | None = None) -> None:
        self._path = path
        self._descriptor = descriptor
        if descriptor is not None:
            os.set_inheritable(descriptor, False)
        _open.add(self)

    def try_shared(self) -> bool:
        """Take the lock together with others, unless someone has it alone.

        Raises:
            SettingsError: the file cannot be opened or locked at all.
        """
        return self._try(exclusive=False)

    def try_exclusive(self) -> bool:
        """Take the lock alone, unless someone else has it.

        Raises:
            SettingsError: the file cannot be opened or locked at all.
        """
        return self._try(exclusive=True)

    def unlock(self) -> None:
        """Let go of the lock and keep the file open."""
        import fcntl

        fcntl.flock(self.fileno(), fcntl.LOCK_UN)

    def close(self) -> None:
        """Let go of the lock; a second call does nothing."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)

    def fileno(self) -> int:
        """Return the open descriptor, to hand the lock down.

        Raises:
            ValueError: the file is not open.
        """
        if self._descriptor is None:
            raise ValueError(f"{self._path} is not locked")
        return self._descriptor

    @property
    def is_current(self) -> bool:
        """Whether the locked file is still the one that others find under its path."""
        with suppress(OSError, ValueError):
            return os.path.samestat(os.fstat(self.fileno()), self._path.stat())
        return False

    def _try(self, *, exclusive: bool) -> bool:
        import fcntl  # Windows has none, so this module must do without until it is used

        operation = (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | fcntl.LOCK_NB
        try:
            while True:
                taken = True
                try:
                    fcntl.flock(self._opened(), operation)
                except BlockingIOError:
                    taken = False
                # Someone may have removed the file meanwhile: a lock on it would exclude nobody.
                if self.is_current:
                    return taken
                self.close()
        except OSError as error:
            raise SettingsError(
                f"HUBBUB_DATA_DIR: {self._path} cannot be locked ({error.strerror}): "
                "set HUBBUB_DATA_DIR to a folder of your own on a local disk"
            ) from error

    def _opened(self) -> int:
        if self._descriptor is None:
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
            self._descriptor = os.open(self._path, flags, 0o600)
        return self._descriptor


def _let_go_after_fork() -> None:
    for lock in list(_open):
        lock.close()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_let_go_after_fork)
