"""The processes of a run, each started again whenever it ends, as a service manager would."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

__all__ = ["Member"]

_TESTS = Path(__file__).parents[2]
_PAUSE_SECONDS = 0.1


class Member:
    """A worker or a sender.

    Args:
        module: which program of this package.
        arguments: its arguments.
        settings: environment variables on top of ours.
        log: where its output goes.
        given: what it reads on stdin.

    Attributes:
        starts: how often it was started.
        codes: with what it ended.
    """

    def __init__(
        self, module: str, *arguments: str, settings: dict[str, str], log: Path, given: str = ""
    ) -> None:
        self._command = [sys.executable, "-m", f"{__package__}.{module}", *arguments]
        path = os.pathsep.join([str(_TESTS), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
        self._environment = {**os.environ, **settings, "PYTHONPATH": path}
        self._log = log
        self._given = log.with_suffix(".in")
        self._given.write_text(given)
        self._process: asyncio.subprocess.Process | None = None
        self._wanted = True
        self.starts = 0
        self.codes: list[int] = []

    @property
    def log(self) -> Path:
        """Where its output is."""
        return self._log

    async def keep(self) -> None:
        """Run it until it ends by itself with success, or is let go."""
        while self._wanted:
            with self._log.open("ab") as log, self._given.open("rb") as given:
                self._process = await asyncio.create_subprocess_exec(
                    *self._command,
                    stdin=given,
                    stdout=log,
                    stderr=log,
                    env=self._environment,
                )
            self.starts += 1
            try:
                code = await self._process.wait()
            finally:
                self.signal(signal.SIGKILL)
            self.codes.append(code)
            if code == 0 and self._given.stat().st_size:
                return  # a sender that has sent all
            await asyncio.sleep(_PAUSE_SECONDS)

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal, if it runs."""
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(number)

    def let_go(self) -> None:
        """End it in good order; it is not started again."""
        self._wanted = False
        self.signal(signal.SIGTERM)
