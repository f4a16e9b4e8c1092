"""The processes that the console shows: a NATS server, a gateway, and workers, of the wheel."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Generator
from pathlib import Path
from typing import IO, Any, TypeVar

from hubbub.server.program import find_program

__all__ = ["HERE", "Stage", "free_port", "wait_for"]

Found = TypeVar("Found")

HERE = Path(__file__).parent
HUBBUB = str(Path(sys.executable).with_name("hubbub"))
_PATIENCE = 30.0


def wait_for(look: Callable[[], Found | None], what: str, seconds: float = _PATIENCE) -> Found:
    """Look again and again until there is something; other processes tell us nothing."""
    waiting = threading.Event()
    end = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > end:
            raise TimeoutError(f"{what}: not within {seconds:g} s")
        waiting.wait(0.05)


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Stage:
    """One mesh in a folder of its own.

    Args:
        folder: where it keeps everything.
        environment: what else its processes are told.
        key: the API key with which it is called unless another is named; empty for none.

    Attributes:
        url: where the gateway is.
    """

    def __init__(
        self, folder: Path, environment: dict[str, str] | None = None, key: str = ""
    ) -> None:
        self.folder = folder
        self._key = key
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._nats_port = free_port()
        self._has_cast = False
        self._log = (folder / "processes.log").open("ab")
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith(("HUBBUB_", "NATS_"))},
            "HUBBUB_DATA_DIR": str(folder / "data"),
            "HUBBUB_HEARTBEAT_SECONDS": "2",
            "XDG_CACHE_HOME": str(folder / "cache"),
            "PYTHONPATH": str(HERE.parent),
            **(environment or {}),
        }

    def __enter__(self) -> Stage:
        return self

    def __exit__(self, *_: object) -> None:
        for name in reversed(list(self._processes)):
            self.stop(name)
        self._log.close()

    def start(self, cast: str = "everybody") -> None:
        """Start everything in one process and its children, as `hubbub up` does."""
        target = [f"{HERE / 'cast.py'}:{cast}"] if cast else []
        self.run("up", "up", *target, "--port", str(self.port), "--json")
        self._has_cast = bool(cast)
        self.wait_until_up()

    def start_apart(self, cast: str = "everybody") -> None:
        """Start the server, the gateway and the workers as programs that end one by one."""
        self._environment["NATS_URL"] = f"nats://127.0.0.1:{self._nats_port}"
        self.start_server()
        self.start_gateway()
        if cast:
            self.start_workers(cast)
        self.wait_until_up()

    def start_server(self) -> None:
        """Start the NATS server, on the store and the port that it had."""
        listen = ["--addr", "127.0.0.1", "--port", str(self._nats_port)]
        store = ["--jetstream", "--store_dir", str(self.folder / "store")]
        self.spawn("nats", str(find_program()), *listen, *store)
        wait_for(self._is_listened_on, "the NATS server")

    def start_gateway(self) -> None:
        """Start the gateway, on the port that it had."""
        app = ["hubbub.gateway.app:create_app", "--factory", "--no-access-log"]
        listen = ["--host", "127.0.0.1", "--port", str(self.port)]
        self.spawn("gateway", sys.executable, "-m", "uvicorn", *app, *listen)

    def start_workers(self, cast: str = "everybody") -> None:
        """Start a process that serves some of the cast."""
        self.run("workers", "run", f"{HERE / 'cast.py'}:{cast}")
        self._has_cast = True

    def _is_listened_on(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self._nats_port)) == 0

    def run(self, name: str, *command: str) -> None:
        """Start one of the processes under a name."""
        self._processes[name] = subprocess.Popen(
            [HUBBUB, *command], env=self._environment, stdout=self._log, stderr=self._log
        )

    def spawn(self, name: str, *command: str, stdout: IO[bytes] | None = None) -> None:
        """Start another program under a name."""
        self._processes[name] = subprocess.Popen(
            command, env=self._environment, stdout=stdout or self._log, stderr=self._log
        )

    def stop(self, name: str, *, hard: bool = False) -> None:
        """End a process, and wait until it is gone."""
        process = self._processes.pop(name)
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGKILL if hard else signal.SIGTERM)
        try:
            process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def freeze(self, name: str) -> None:
        """Let a process stand still, as if the machine slept; `stop` ends it as ever."""
        self._processes[name].send_signal(signal.SIGSTOP)

    def thaw(self, name: str) -> None:
        """Let it go on."""
        self._processes[name].send_signal(signal.SIGCONT)

    def wait_until_up(self) -> None:
        """Wait until the gateway answers, and everybody is there."""
        wait_for(lambda: self._get("/readyz"), "the gateway")
        if self._has_cast:
            wait_for(self._agents, "the cast")

    def _agents(self) -> Any:
        found = self._get("/api/agents")
        return found and found["agents"]

    def _get(self, path: str) -> Any:
        try:
            return self.call("GET", path)
        except (urllib.error.URLError, OSError):
            return None

    def call(self, method: str, path: str, body: Any = None, key: str = "") -> Any:
        """Call the gateway, and return what it answers."""
        headers = {"content-type": "application/json"}
        if key or self._key:
            headers["x-api-key"] = key or self._key
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, method=method, data=data, headers=headers)
        with urllib.request.urlopen(request, timeout=30) as response:
            text = response.read()
        return json.loads(text) if text else None

    def say(self, *command: str) -> None:
        """Run a command of the program to its end."""
        subprocess.run(
            [HUBBUB, *command],
            env=self._environment,
            check=True,
            stdout=self._log,
            stderr=self._log,
            timeout=60,
        )

    def nats_url(self) -> str:
        """Return where plain clients reach the server."""
        asked = subprocess.run(
            [HUBBUB, "doctor", "--url"], env=self._environment, capture_output=True, check=True
        )
        return asked.stdout.decode().strip()

    def begin(self, agent: str, key: str = "", **params: Any) -> str:
        """Start a workflow, and return its task's id."""
        return self.call("POST", "/api/tasks", {"agent": agent, "params": params}, key)["id"]

    def task(self, task_id: str, key: str = "") -> Any:
        """Return a task as it stands."""
        return self.call("GET", f"/api/tasks/{task_id}", key=key)

    def result(self, task_id: str, key: str = "") -> Any:
        """Wait for the end of a task, and return it."""
        final = ("completed", "failed", "canceled", "rejected")

        def look() -> Any:
            task = self.task(task_id, key)
            return task if task["state"] in final else None

        return wait_for(look, f"the end of task {task_id}")

    @contextlib.contextmanager
    def chatter(self, rate: float, seconds: float) -> Generator[None]:
        """Let the cast talk while the context lasts, and see that it did."""
        self.spawn("chatter", sys.executable, "-m", "browser.chatter", str(rate), str(seconds))
        try:
            yield
        finally:
            self.stop("chatter")
