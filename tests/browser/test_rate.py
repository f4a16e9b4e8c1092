"""A thousand messages a second, and a hundred for ten minutes."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from typing import Any, cast

import pytest
from playwright.sync_api import CDPSession, expect

from browser.console import Console
from browser.stage import HERE, Stage, wait_for

RATE, SECONDS = 1_000, 10
MINUTES = float(os.environ.get("HUBBUB_TEST_MINUTES", "10"))
# The page keeps so much of what it heard before it forgets the oldest, and a little more.
KEPT = 75_000


def _metrics(session: CDPSession) -> dict[str, float]:
    found = cast("dict[str, list[dict[str, Any]]]", session.send("Performance.getMetrics"))
    return {one["name"]: one["value"] for one in found["metrics"]}


def _flood(stage: Stage, rate: float, seconds: float) -> dict[str, float]:
    flood = [sys.executable, "-m", "browser.flood", stage.nats_url(), str(rate), str(seconds)]
    return json.loads(
        subprocess.run(flood, capture_output=True, check=True, cwd=HERE.parent).stdout
    )


def _heap(session: CDPSession) -> float:
    """Return what is alive, in MB."""
    session.send("HeapProfiler.collectGarbage")
    return _metrics(session)["JSHeapUsedSize"] / 1e6


def test_a_thousand_messages_a_second_leave_the_page_at_ease(
    console: Console, stage: Stage, record_property: Any
) -> None:
    page = console.go()
    expect(page.get_by_text(re.compile("^live · "))).to_be_visible()
    session = console.context.new_cdp_session(page)
    session.send("Performance.enable")
    before = _metrics(session)
    sent = _flood(stage, RATE, SECONDS)
    after = _metrics(session)
    wall = after["Timestamp"] - before["Timestamp"]
    script = (after["ScriptDuration"] - before["ScriptDuration"]) / wall
    total = page.locator(".figure dd[title]")
    wait_for(
        lambda: (total.get_attribute("title") or "").replace(",", "") == str(sent["sent"]), "all"
    )
    expect(page.locator(".side-link")).to_have_attribute("title", "Nothing was left out")
    record_property("script_share", round(script, 3))
    record_property("sent_per_second", round(sent["sent"] / sent["seconds"]))
    assert script < 0.25


@pytest.mark.slow
@pytest.mark.timeout(MINUTES * 60 + 600)
def test_memory_stays_flat_at_a_hundred_messages_a_second(
    console: Console, stage: Stage, record_property: Any
) -> None:
    page = console.go()
    expect(page.get_by_text(re.compile("^live · "))).to_be_visible()
    session = console.context.new_cdp_session(page)
    session.send("Performance.enable")
    _flood(stage, RATE, KEPT / RATE)
    first = _heap(session)
    _flood(stage, 100, MINUTES * 60)
    last = _heap(session)
    record_property("heap_mb", [round(first, 1), round(last, 1)])
    assert last / first < 1.3, f"{first:.1f} MB have become {last:.1f} MB"
    expect(page.locator(".side-link")).to_have_attribute("title", "Nothing was left out")
