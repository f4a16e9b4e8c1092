"""A child process that does not outlive this one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from typing import IO, TYPE_CHECKING

from hubbub.server import guard

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Child"]


class Child:
    """A program that is killed when this process ends, however that happens.

    It has a process group of its own: Ctrl-C in the terminal is for us, and what it starts in
    turn ends with it.

    Args:
        command: the program, as an absolute path, and its arguments.
        log: where its output goes.
        inherit: descriptors to hand down.
    """

    def __init__(
        self, command: Sequence[str], *, log: IO[bytes], inherit: Sequence[int] = ()
    ) -> None:
        # The kernel's parent-death signal comes at the death of the thread that forked, so it
        # will do for the main thread only.
        by_signal = (
            sys.platform == "linux" and threading.current_thread() is threading.main_thread()
        )
        reader, self._lifeline = (None, None) if by_signal else os.pipe()
        watch = "-" if reader is None else str(reader)
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", guard.__file__, str(os.getpid()), watch, *command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=inherit if reader is None else (*inherit, reader),
                process_group=0,
                umask=0o077,
            )
        except BaseException:
            self._drop_lifeline()
            raise
        finally:
            if reader is not None:
                os.close(reader)
        self.pid = self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether it lives; a stopped (SIGSTOP) process does."""
        return self.exit_code is None

    @property
    def exit_code(self) -> int | None:
        """How it ended, None while it lives."""
        return self._process.poll()

    def send(self, number: signal.Signals) -> None:
        """Send a signal, unless it has ended."""
        if self.is_running:
            with suppress(ProcessLookupError):
                os.killpg(self.pid, number)

    def freeze(self) -> None:
        """Stop it (SIGSTOP) and return when it has stopped."""
        self.send(signal.SIGSTOP)
        if self.is_running and hasattr(os, "waitid"):  # macOS has none before Python 3.13
            os.waitid(os.P_PID, self.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)

    def end(self, *, within: float) -> None:
        """Ask it to end, and end it by force after so many seconds."""
        self.send(signal.SIGCONT)
        self.send(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(within)
        self.kill()

    def kill(self) -> None:
        """End it by SIGKILL and wait until it is gone."""
        self.send(signal.SIGKILL)
        self._process.wait()
        self._drop_lifeline()

    def _drop_lifeline(self) -> None:
        if self._lifeline is not None:
            os.close(self._lifeline)
            self._lifeline = None
