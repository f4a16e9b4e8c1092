"""A stage for each test: server, gateway, workers, and a page that must not complain."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserType, expect

from browser.console import Console, open_console
from browser.stage import Stage

expect.set_options(timeout=15_000)  # a machine that is busy takes its time

_NAMES = ("chromium", "chromium-browser", "google-chrome")


def _chromium() -> str | None:
    given = os.environ.get("CHROMIUM")
    return given or next((path for name in _NAMES if (path := shutil.which(name))), None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if _chromium() is None:
        reason = "there is no Chromium: install one, or say where it is in CHROMIUM"
        for item in items:
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def browser(browser_type: BrowserType) -> Iterator[Browser]:
    """The system's Chromium, which talks to nobody by itself."""
    started = browser_type.launch(
        executable_path=_chromium(),
        args=[
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--no-first-run",
        ],
    )
    yield started
    started.close()


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Everything in one, with the cast on it."""
    with Stage(tmp_path_factory.mktemp("stage")) as started:
        started.start()
        yield started


@pytest.fixture
def console(browser: Browser, stage: Stage, request: pytest.FixtureRequest) -> Iterator[Console]:
    """The console, as somebody at a desk has it."""
    marker = request.node.get_closest_marker("looks")
    looks: dict[str, Any] = marker.kwargs if marker else {}
    with open_console(browser, stage.url, **looks) as opened:
        yield opened


@pytest.fixture(scope="session")
def pictures() -> Path | None:
    """Where pictures of the screens go; None if nobody wants them."""
    folder = os.environ.get("HUBBUB_TEST_PICTURES")
    return Path(folder) if folder and re.fullmatch(r"\S+", folder) else None
