"""What all tests share: a real server each worker process starts once, and quiet settings."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from hubbub.testing import ServerProcess, nats_server

# Nothing of the developer's own set-up may reach the tests.
for variable in list(os.environ):
    if variable.startswith(("HUBBUB_", "NATS_", "OPENAI_")) and variable != "HUBBUB_TEST_SCALE":
        del os.environ[variable]


@pytest.fixture(autouse=True)
def quiet_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Keep every test's files in a folder of its own."""
    monkeypatch.setenv("HUBBUB_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("HUBBUB_LOG_DIR", "")
    # A local model that the developer has pulled would take the scripted one's place.
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="session")
def shared_server() -> Iterator[ServerProcess]:
    """A server for tests that leave it alive; names of agents keep tests apart."""
    with nats_server() as server:
        yield server


@pytest.fixture
def own_server() -> Iterator[ServerProcess]:
    """A server for one test, to be killed as it likes."""
    with nats_server() as server:
        yield server


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say loudly which frameworks have not been tested, and how to test them."""
    skipped: list[pytest.TestReport] = terminalreporter.stats.get("skipped", [])
    told = [str(one.longreprtext) for one in skipped]
    reasons = {
        text.rpartition("Skipped: ")[2].strip("')") for text in told if "make adapters" in text
    }
    for reason in sorted(reasons):
        terminalreporter.write_line(reason, yellow=True, bold=True)
