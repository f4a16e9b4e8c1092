"""The process that keeps the local server of one data directory running.

    python -m hubbub.server.supervisor DATA_DIR [PROGRAM [LOCK]]

It holds `server.lock` and hands it down to the server: while either of them lives, nobody starts
another one on the same store. Programs that use the server hold `users.lock` together; when
nobody has held it for two seconds, the server stops and the supervisor goes with it.

LOCK is the descriptor of `server.lock`, locked by the program that starts the supervisor, which
then detaches; without it the supervisor takes the lock itself and stays in the foreground.

Cold starts wait for this module: it imports what it needs and no more.
"""

from __future__ import annotations

import json
import os
import select
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from hubbub.errors import ConnectionLost, HubbubError
from hubbub.server.files import read_json, write_private
from hubbub.server.locks import FileLock
from hubbub.server.logs import LOG_LIMIT
from hubbub.server.ports import RANDOM, is_free
from hubbub.server.process import PortTaken, ServerProcess
from hubbub.server.program import find_program
from hubbub.server.record import ServerRecord

if TYPE_CHECKING:
    from types import FrameType

__all__ = ["Supervisor", "main"]

_MONITORING_PORT = 8222
_LINGER_SECONDS = 2.0
_TICK_SECONDS = 0.25
_PORT_PATIENCE_SECONDS = 1.0
_STOP_SECONDS = 10.0
_ATTEMPTS = 5


class _NotWanted(Exception):
    """There is no reason any more to run a server."""


class Supervisor:
    """Runs one server as long as someone uses it.

    Args:
        directory: the data directory.
        program: the nats-server program.
        lock: `server.lock`, held.
    """

    def __init__(self, directory: Path, program: Path, lock: FileLock) -> None:
        self._directory = directory
        self._lock = lock
        self._users = FileLock(directory / "users.lock")
        self._last_use = time.monotonic()
        self._told_to_end = False
        self._wake, wake = os.pipe()
        os.set_blocking(self._wake, False)
        os.set_blocking(wake, False)
        signal.set_wakeup_fd(wake)
        for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._note)
        self._last_port, token = self._remembered()
        self._token = token or os.urandom(24).hex()
        self._server = ServerProcess(
            directory,
            program=program,
            token=self._token,
            tells_departures=True,
            inherit=[lock.fileno()],
        )

    def run(self) -> None:
        """Serve until nobody needs it.

        Raises:
            HubbubError: the server does not start.
            OSError: the data directory cannot be used.
        """
        ServerRecord.path(self._directory).unlink(missing_ok=True)
        try:
            self._start()
            self._say(f"nats-server {self._server.version} on {self._server.display_url}")
            while True:
                self._rest(_TICK_SECONDS)
                if not self._server.is_running:
                    self._say("nats-server ended; starting it again")
                    self._start_again()
        except _NotWanted as reason:
            self._say(str(reason))
        finally:
            if self._lock.is_current:
                self._server.stop(timeout=_STOP_SECONDS)
                ServerRecord.path(self._directory).unlink(missing_ok=True)
            else:  # what lies under this path now is not ours to write to
                self._server.kill()

    def _start_again(self) -> None:
        for attempt in range(_ATTEMPTS):
            try:
                return self._start()
            except ConnectionLost as error:
                self._say(str(error))
                self._rest(0.1 * 2**attempt)
        return self._start()

    def _start(self) -> None:
        self._wait_for_last_port()
        for _ in range(_ATTEMPTS):
            self._server.port = _free_or_random(self._last_port)
            self._server.monitoring_port = _free_or_random(_MONITORING_PORT)
            with suppress(PortTaken):  # by someone who was faster than we after `is_free`
                self._server.launch()
                while not self._server.is_ready():
                    self._rest(0.003)
                break
        else:
            raise ConnectionLost("No free port was found for the local server; try again")
        self._last_port = self._server.port
        self._publish()

    def _wait_for_last_port(self) -> None:
        """Give whoever listens there a moment to end: clients look for us on this port."""
        deadline = time.monotonic() + _PORT_PATIENCE_SECONDS
        while self._last_port != RANDOM and not is_free(self._last_port):
            if time.monotonic() > deadline:
                self._say(f"port {self._last_port} is taken by another program; using another")
                return
            self._rest(0.02)

    def _publish(self) -> None:
        server = self._server
        memory = json.dumps({"port": server.port, "token": self._token})
        write_private(self._directory / "identity.json", memory + "\n")
        ServerRecord(
            url=server.display_url,
            port=server.port,
            user=server.user,
            token=self._token,
            pid=server.pid,
            supervisor_pid=os.getpid(),
            server_id=server.server_id,
            version=server.version,
            monitoring_url=server.monitoring_url,
        ).write(self._directory)

    def _remembered(self) -> tuple[int, str]:
        """Return port and token of the last run, so that clients of then connect again."""
        match read_json(self._directory / "identity.json"):
            case {"port": int(port), "token": str(token)} if 0 < port < 65536 and token.isalnum():
                return port, token
            case _:
                return RANDOM, ""

    def _rest(self, seconds: float) -> None:
        """Wait, less if a signal comes, and leave when the server is not wanted any more."""
        if select.select([self._wake], [], [], seconds)[0]:
            os.read(self._wake, 4096)
        if self._told_to_end:
            raise _NotWanted("told to end")
        if not self._lock.is_current:
            raise _NotWanted("the data directory is gone")
        if not self._users.try_exclusive():
            self._last_use = time.monotonic()
        elif time.monotonic() - self._last_use < _LINGER_SECONDS:
            self._users.unlock()
        else:  # and keep the lock, so that whoever comes now waits for the next server
            raise _NotWanted("nobody uses it")

    def _note(self, number: int, _frame: FrameType | None) -> None:
        if number != signal.SIGCHLD:
            self._told_to_end = True

    def _say(self, text: str) -> None:
        with suppress(OSError):
            if os.fstat(2).st_size > LOG_LIMIT:  # a terminal has no size
                os.ftruncate(2, 0)
            print(time.strftime("%Y-%m-%d %H:%M:%S"), text, file=sys.stderr, flush=True)


def main(directory: Path, program: Path | None = None, lock: int | None = None) -> int:
    """Run a supervisor to its end and return its exit code.

    What goes wrong is the last line on stderr, `ErrorClass: message`.
    """
    os.umask(0o077)
    if lock is not None and os.fork():
        os._exit(0)
    path = directory / "server.lock"
    try:
        held = FileLock(path, descriptor=lock)
        if not held.try_exclusive():
            raise ConnectionLost(f"A local server runs already in {directory}")
        os.chdir(directory)
        Supervisor(directory, program or find_program(), held).run()
    except HubbubError as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
        return 1
    except OSError as error:
        where = error.filename or directory
        print(f"SettingsError: {where} cannot be used: {error.strerror}", file=sys.stderr)
        return 1
    return 0


def _free_or_random(port: int) -> int:
    return port if port != RANDOM and is_free(port) else RANDOM


if __name__ == "__main__":
    _directory, *_rest = sys.argv[1:]
    sys.exit(
        main(
            Path(_directory).absolute(),
            Path(_rest[0]) if _rest else None,
            int(_rest[1]) if len(_rest) > 1 else None,
        )
    )
