"""One nats-server as a child process."""

from __future__ import annotations

import os
import re
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self, cast

from hubbub.errors import ConnectionLost, SettingsError
from hubbub.server.child import Child
from hubbub.server.config import MESH_USER, server_config
from hubbub.server.files import read_json, write_private
from hubbub.server.greeting import read_greeting
from hubbub.server.logs import last_words, open_log
from hubbub.server.ports import RANDOM, free_port, is_free
from hubbub.server.program import find_program
from hubbub.server.relay import Relay

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

__all__ = ["PortTaken", "ServerProcess"]


class PortTaken(ConnectionLost):
    """Another program listens on the port that the server was to have."""


class ServerProcess:
    """A nats-server on 127.0.0.1 that dies with this process, however that ends.

    It may be started again after `stop` or `kill`, on the same port and with the same store.

    Args:
        directory: its own folder: store, configuration, log; created when missing.
        program: the nats-server program; found when not given.
        port: for clients; by default any free one, which later starts keep.
        monitoring_port: for the monitoring pages; `RANDOM` for any, None for no such pages.
        token: what clients must present.
        tells_departures: whether the mesh hears at once when a serving process dies. It takes a
            `token`, which clients then present as a password; see `url`.
        jetstream: whether it stores messages.
        config: more lines of nats-server configuration: accounts, TLS, limits.
        inherit: descriptors to hand down, such as a lock to hold as long as it runs.

    Attributes:
        port: where clients connect, once it has started.
        server_id: the id under which it greets, once it has started.
        version: of nats-server, once it has started.
        monitoring_url: its monitoring pages, if there are any.
    """

    def __init__(
        self,
        directory: Path,
        *,
        program: Path | None = None,
        port: int = RANDOM,
        monitoring_port: int | None = None,
        token: str | None = None,
        tells_departures: bool = False,
        jetstream: bool = True,
        config: str = "",
        inherit: Sequence[int] = (),
    ) -> None:
        self.directory = directory.absolute()
        self.port = port
        self.monitoring_port = monitoring_port
        self.monitoring_url: str | None = None
        self.server_id = ""
        self.version = ""
        self._program = program
        self._token = token
        self._relay_password = os.urandom(24).hex() if tells_departures and token else None
        self._relay: Relay | None = None
        self._jetstream = jetstream
        self._config = config
        self._inherit = tuple(inherit)
        self._child: Child | None = None
        self._log_start = 0

    @property
    def url(self) -> str:
        """Where clients connect, with the token inside."""
        secret = f"{self._token}@" if self._token else ""
        user = f"{self.user}:" if self.user else ""
        return f"nats://{user}{secret}127.0.0.1:{self.port}"

    @property
    def user(self) -> str:
        """The user whose password the token is, empty if the token alone is presented."""
        return MESH_USER if self._relay_password else ""

    @property
    def display_url(self) -> str:
        """The same without the token."""
        return f"nats://127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        """The file the server logs to."""
        return self.directory / "nats-server.log"

    @property
    def is_running(self) -> bool:
        """Whether the process lives; a frozen one does."""
        return self._child is not None and self._child.is_running

    @property
    def pid(self) -> int:
        """The id of the last process that was started.

        Raises:
            ConnectionLost: none was started yet.
        """
        if self._child is None:
            raise ConnectionLost("The server was not started yet: call start() first")
        return self._child.pid

    def start(self, *, timeout: float = 10.0) -> None:
        """Start the server and return when it answers.

        Args:
            timeout: seconds to wait for that.

        Raises:
            SettingsError: the folder cannot be used, or the configured program is not there.
            PortTaken: another program listens on the port.
            ConnectionLost: the program ended, or did not answer in time.
        """
        self.launch()
        deadline = time.monotonic() + timeout
        while not self.is_ready():
            if time.monotonic() > deadline:
                self.kill()
                said = last_words(self.log, self._log_start)
                raise ConnectionLost(
                    f"nats-server did not answer within {timeout:g} s{said}. "
                    f"Give it more time, or look into {self.log}"
                )
            time.sleep(0.002)

    def launch(self) -> None:
        """Start the process without waiting until it answers.

        Raises:
            SettingsError: the folder cannot be used, or the configured program is not there.
            PortTaken: another program listens on the port.
            ConnectionLost: there is no program.
        """
        if self.is_running:
            return
        program = self._program or find_program()
        if self.port == RANDOM:
            self.port = free_port()
        for port in (self.port, self.monitoring_port):
            if port is not None and port != RANDOM and not is_free(port):
                raise _port_taken(port)
        try:
            configuration = self._prepare()
            log = open_log(self.log)
        except OSError as error:
            raise SettingsError(
                f"{self.directory} cannot hold the server's files ({error.strerror}): "
                "choose another folder, HUBBUB_DATA_DIR names the one of the local server"
            ) from error
        with log:
            self._log_start = log.tell()
            command = [str(program), "-c", str(configuration)]
            self._child = Child(command, log=log, inherit=self._inherit)

    def is_ready(self) -> bool:
        """Look once whether the launched server answers by now.

        Raises:
            PortTaken: it ended because another program listens on the port.
            ConnectionLost: it ended for another reason.
        """
        if not self.is_running:
            self.kill()
            raise self._failure()
        for file in self._ports_folder.glob("*.ports"):
            ports = read_json(file)
            port = _last_port(ports.get("nats"))
            greeting = read_greeting(port) if port else None
            if greeting is not None:
                self.port = port
                pages = _last_port(ports.get("monitoring"))
                self.monitoring_url = f"http://127.0.0.1:{pages}" if pages else None
                self.server_id, self.version = greeting
                self._open_relay()
                return True
        return False

    def stop(self, *, timeout: float = 5.0) -> None:
        """End the server in good order, by force after `timeout` seconds."""
        self._close_relay()
        if self._child is not None:
            self._child.end(within=timeout)

    def kill(self) -> None:
        """End the server by SIGKILL, as a crash would."""
        self._close_relay()
        if self._child is not None:
            self._child.kill()

    def freeze(self) -> None:
        """Stop the server's clock (SIGSTOP): it keeps its connections and does nothing."""
        if self._child is not None:
            self._child.freeze()

    def thaw(self) -> None:
        """Let a frozen server go on."""
        if self._child is not None:
            self._child.send(signal.SIGCONT)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def __repr__(self) -> str:
        state = f"pid={self.pid}" if self.is_running else "not running"
        return f"ServerProcess({self.display_url!r}, {state})"

    def _open_relay(self) -> None:
        self._close_relay()
        if self._relay_password and self._token:
            self._relay = Relay(
                self.port, password=self._relay_password, user=MESH_USER, token=self._token
            )
            self._relay.start()

    def _close_relay(self) -> None:
        if self._relay is not None:
            self._relay.stop()
            self._relay = None

    @property
    def _ports_folder(self) -> Path:
        return self.directory / "ports"

    def _prepare(self) -> Path:
        self._ports_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for stale in self._ports_folder.glob("*.ports"):
            stale.unlink()
        configuration = self.directory / "nats-server.conf"
        text = server_config(
            self.directory,
            port=self.port,
            monitoring_port=self.monitoring_port,
            token=self._token,
            relay_password=self._relay_password,
            jetstream=self._jetstream,
            extra=self._config,
        )
        write_private(configuration, text)
        return configuration

    def _failure(self) -> ConnectionLost:
        said = last_words(self.log, self._log_start)
        taken = re.search(r":(\d+): bind: address already in use", said)
        if taken is not None:
            return _port_taken(int(taken[1]))
        code = self._child.exit_code if self._child else None
        return ConnectionLost(
            f"nats-server ended at once (exit code {code}){said}. The whole log is in {self.log}"
        )


def _port_taken(port: int) -> PortTaken:
    return PortTaken(
        f"Port {port} of 127.0.0.1 is taken by another program: "
        "end that program, or choose another port"
    )


def _last_port(urls: object) -> int:
    """Return the port of the last URL in a list, 0 if there is none."""
    if not isinstance(urls, list) or not urls:
        return 0
    port = str(cast("list[object]", urls)[-1]).rpartition(":")[2]
    return int(port) if port.isdecimal() else 0
