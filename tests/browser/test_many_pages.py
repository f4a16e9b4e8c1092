"""Eight tabs of one browser, all live; an answer in one closes the question in all."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from browser.console import Console
from browser.stage import Stage

_TABS = 8
_SECONDS = 60_000


def test_eight_tabs_are_live_and_agree(console: Console, stage: Stage) -> None:
    tabs = [console, *(Console(console.context, console.url) for _ in range(_TABS - 1))]
    for tab in tabs:
        tab.go()
    with stage.chatter(20, 300):
        for tab in tabs:
            expect(tab.page.get_by_text(re.compile("^live"))).to_be_visible(timeout=_SECONDS)
            said = tab.page.get_by_role("region", name="Said lately")
            expect(said.get_by_text("→ Billing").first).to_be_visible(timeout=_SECONDS)
        task = stage.begin("refund", order=8, amount=8.0)
        for tab in tabs:
            card = tab.page.get_by_role("article", name=re.compile("^refund asks"))
            expect(card).to_be_visible(timeout=_SECONDS)
        last = tabs[-1].page
        last.get_by_role("article", name=re.compile("^refund asks")).focus()
        last.keyboard.press("a")
        for tab in tabs:
            waiting = tab.page.get_by_role("region", name="Waiting for you")
            expect(waiting.get_by_text("Nothing waits for you.")).to_be_visible(timeout=_SECONDS)
        assert stage.result(task)["result"] == "Told them: Refund of 8.0"
        for tab in tabs:
            expect(tab.page.get_by_title("Nothing was left out")).to_be_visible()
            tab.check()
