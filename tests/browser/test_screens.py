"""Every screen: it is there, it has no barrier, it fits a phone, and it is worth a picture."""

from __future__ import annotations

import os
import re
from collections.abc import Generator
from pathlib import Path
from typing import Any, cast

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from browser.console import Console, Scheme, open_console
from browser.screens import Screen, furnish
from browser.stage import Stage, wait_for

# So many messages are said in the seconds that lanes show.
LANES_FULL = 150

LOOKS: list[tuple[int, int, Scheme]] = [
    (1440, 900, "dark"),
    (1440, 900, "light"),
    (390, 844, "dark"),
]


@pytest.fixture(scope="module")
def screens(stage: Stage) -> Generator[list[Screen]]:
    found = furnish(stage)
    with stage.chatter(6, 600):
        yield found


@pytest.fixture(params=LOOKS, ids=lambda look: f"{look[0]}-{look[2]}")
def looked_at(browser: Browser, stage: Stage, request: pytest.FixtureRequest) -> Generator[Console]:
    width, height, scheme = request.param
    with open_console(browser, stage.url, width=width, height=height, scheme=scheme) as opened:
        yield opened


def test_every_screen_is_there_fits_and_has_no_barrier(
    looked_at: Console, screens: list[Screen]
) -> None:
    axe, found = Axe(), list[str]()
    for screen in screens:
        page = looked_at.go(screen.path)
        shown = page.get_by_text(re.compile(re.escape(screen.shows))).filter(visible=True)
        expect(shown.first).to_be_visible()
        if looked_at.excess() > 0:
            found.append(f"{screen.name}: wider than the window")
        results = axe.run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]})
        violations = cast("list[dict[str, Any]]", results.response["violations"])
        for violation in violations:
            nodes = "; ".join(str(node["target"]) for node in violation["nodes"][:3])
            found.append(f"{screen.name}: {violation['id']}: {violation['help']} ({nodes})")
        _keep_picture(page, looked_at, screen)
    assert not found, "\n".join(found)


def _keep_picture(page: Page, console: Console, screen: Screen) -> None:
    folder = os.environ.get("HUBBUB_TEST_PICTURES")
    if folder:
        if screen.is_live:
            _fill(page, screen)
        size = page.viewport_size or {"width": 0}
        dark = page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
        name = f"{screen.name}-{size['width']}-{'dark' if dark else 'light'}.png"
        page.screenshot(path=Path(folder) / name)


def _fill(page: Page, screen: Screen) -> None:
    """Listen at home until the lanes are full, and go to the screen without a reload."""
    page.evaluate("history.pushState(null, '', '/')")
    total = page.locator(".figure dd[title]")
    wait_for(
        lambda: int((total.get_attribute("title") or "0").replace(",", "")) >= LANES_FULL,
        "messages enough for a picture",
    )
    page.evaluate("path => history.pushState(null, '', path)", screen.path)
    expect(page.get_by_text(screen.shows).filter(visible=True).first).to_be_visible()
    page.mouse.move(0, 0)
