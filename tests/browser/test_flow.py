"""Flow: the lanes by keyboard, paused and scrubbed; the same as a table and as figures."""

from __future__ import annotations

import re
import subprocess
import sys

from playwright.sync_api import Locator, Page, expect

from browser.console import Console
from browser.stage import HERE, Stage, wait_for

_SPOKEN = re.compile(r"^(Request|Reply|Direct|Handoff|Completion|Broadcast|Error) .* at \d")
_SECONDS = 60_000


def test_the_lanes_are_walked_by_keyboard(console: Console, stage: Stage) -> None:
    page = console.go("/flow")
    lanes = _lanes(page)
    expect(page.get_by_text(re.compile("^live"))).to_be_visible()
    page.get_by_role("radio", name="2 min").click()
    _hand_on(stage, "Case 1")
    lanes.focus()
    lanes.press("ArrowLeft")
    spoken = page.get_by_text(_SPOKEN)
    expect(spoken).to_be_visible()
    first = spoken.inner_text()
    lanes.press("ArrowLeft")
    expect(spoken).not_to_have_text(first)
    lanes.press("ArrowUp")
    lanes.press("Enter")
    expect(page).to_have_url(re.compile("trace="))
    chain = page.get_by_role("complementary", name="One conversation")
    handed = chain.get_by_role("listitem").filter(has_text="Triage-Bot → Research-A")
    expect(handed.first).to_contain_text(re.compile(r"waited <?\d"))
    expect(handed.first).to_contain_text(re.compile(r"worked <?\d"))
    lanes.press("Escape")
    expect(page).not_to_have_url(re.compile("trace="))
    expect(chain).to_have_count(0)


def test_time_is_paused_and_moved_back(console: Console) -> None:
    page = console.go("/flow")
    expect(page.get_by_text(re.compile("^live"))).to_be_visible()
    lanes = _lanes(page)
    lanes.focus()
    lanes.press("Space")
    go_on = page.get_by_role("button", name="Go on")
    expect(go_on).to_be_visible()
    edge = page.get_by_role("slider", name="Time at the right edge")
    before = float(edge.input_value())
    edge.focus()
    for _ in range(8):
        edge.press("ArrowLeft")
    assert float(edge.input_value()) < before
    expect(edge).to_have_attribute("aria-valuetext", re.compile(r"\d\d:\d\d:\d\d$"))
    go_on.click()
    expect(edge).to_have_count(0)
    expect(page.get_by_role("button", name="Pause")).to_be_visible()


def test_the_table_and_the_figures_show_the_same(console: Console, stage: Stage) -> None:
    page = console.go("/flow?view=table")
    expect(page.get_by_text(re.compile("^live"))).to_be_visible()
    _hand_on(stage, "Case 2")
    rows = page.get_by_role("row")
    handed = rows.filter(has_text="Handoff").filter(has_text="Triage-Bot").first
    expect(handed).to_contain_text("Research-A")
    expect(rows.filter(has_text="Reply").filter(has_text="Reviewer").first).to_be_visible()
    handed.get_by_role("button", name="Follow").click()
    expect(page).to_have_url(re.compile("trace="))
    chain = page.get_by_role("complementary", name="One conversation")
    expect(chain.get_by_text("Triage-Bot → Research-A", exact=True)).to_be_visible()
    page.get_by_role("radio", name="Figures").click()
    for name in ("Messages a second. messages / s: ", "How long replies take. p50: "):
        expect(page.get_by_role("img", name=name)).to_be_visible(timeout=_SECONDS)


def test_many_messages_become_bars_and_say_so(console: Console, stage: Stage) -> None:
    page = console.go("/flow")
    expect(page.get_by_text(re.compile("^live"))).to_be_visible()
    flood = [sys.executable, "-m", "browser.flood", stage.nats_url(), "400", "5"]
    subprocess.run(flood, check=True, cwd=HERE.parent, stdout=subprocess.DEVNULL)
    expect(page.get_by_text(re.compile(r"^\d+/s: bars show volume"))).to_be_visible()


def _lanes(page: Page) -> Locator:
    return page.get_by_role("application", name="Messages between agents")


def _hand_on(stage: Stage, text: str) -> None:
    """Let Triage-Bot hand something to Research-A, and wait for the end of that."""
    stage.result(stage.call("POST", "/api/tasks", {"agent": "Triage-Bot", "content": text})["id"])

    def look() -> bool:
        told = stage.call("GET", "/api/tasks?agent=Notifier&limit=50")["tasks"]
        return any(one["content"].endswith(text) for one in told if one["state"] == "completed")

    wait_for(look, f"the end of {text}")
