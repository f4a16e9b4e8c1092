"""A thousand messages a second."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any, cast

from playwright.sync_api import CDPSession, expect

from browser.console import Console
from browser.stage import HERE, Stage, wait_for

RATE, SECONDS = 1_000, 10


def _metrics(session: CDPSession) -> dict[str, float]:
    found = cast("dict[str, list[dict[str, Any]]]", session.send("Performance.getMetrics"))
    return {one["name"]: one["value"] for one in found["metrics"]}


def test_a_thousand_messages_a_second_leave_the_page_at_ease(
    console: Console, stage: Stage, record_property: Any
) -> None:
    page = console.go()
    expect(page.get_by_text("live")).to_be_visible()
    session = console.context.new_cdp_session(page)
    session.send("Performance.enable")
    before = _metrics(session)
    flood = subprocess.run(
        [sys.executable, "-m", "browser.flood", stage.nats_url(), str(RATE), str(SECONDS)],
        capture_output=True,
        check=True,
        cwd=HERE.parent,
    )
    after = _metrics(session)
    sent = json.loads(flood.stdout)
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
