from __future__ import annotations

import os
import signal
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from hubbub.server import find_program, running_server

from .observe import Program, alive, wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path


@pytest.fixture(scope="session")
def nats_server() -> Path:
    return find_program()


@pytest.fixture
def data_dir(tmp_path: Path) -> Generator[Path]:
    """A data directory; a server that a test leaves in it is ended."""
    folder = tmp_path / "data"
    yield folder
    left = running_server(folder)
    if left is not None:
        with suppress(ProcessLookupError):
            os.kill(left.supervisor_pid, signal.SIGTERM)
        wait_until(lambda: not alive(left.supervisor_pid) and not alive(left.pid))


@pytest.fixture
def start_program(data_dir: Path, nats_server: Path) -> Generator[Callable[[], Program]]:
    """Start programs that use the data directory; they end with the test."""
    programs: list[Program] = []

    def start() -> Program:
        programs.append(Program(data_dir, nats_server))
        return programs[-1]

    yield start
    for program in programs:
        program.kill()
