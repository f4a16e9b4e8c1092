"""Home: what is there at the first look."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from browser.console import Console
from browser.stage import Stage


def test_the_agents_are_there_with_their_state(console: Console) -> None:
    page = console.go()
    places = page.get_by_role("navigation", name="Places")
    for name in ("Triage-Bot", "Billing", "questions"):
        expect(places.get_by_role("link", name=name)).to_be_visible()
    expect(places.get_by_text("live")).to_be_visible()
    expect(page.get_by_role("application", name="Messages between agents")).to_be_visible()
    expect(page.get_by_text("Nothing waits for you.")).to_be_visible()


def test_what_is_said_moves_the_figures_and_the_lanes(console: Console, stage: Stage) -> None:
    page = console.go()
    expect(page.get_by_text(re.compile("^live · "))).to_be_visible()
    with stage.chatter(10, 60):
        lately = page.get_by_role("region", name="Said lately")
        expect(lately.get_by_text("Reviewer").first).to_be_visible()
        expect(lately.get_by_text("→ Billing").first).to_be_visible()


def test_every_agent_can_be_reached_by_the_keyboard(console: Console) -> None:
    page = console.go()
    expect(page.get_by_text(re.compile("^live · "))).to_be_visible()
    page.keyboard.press("Control+k")
    search = page.get_by_role("searchbox", name="Search")
    search.press_sequentially("billing")
    expect(page.get_by_role("menuitem", name="Billing")).to_have_attribute("data-focused", "true")
    page.keyboard.press("Enter")
    expect(page).to_have_url(console.url + "/dm/billing")
