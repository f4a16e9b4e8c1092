"""Home: what is there at the first look."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, expect

from browser.console import Console, open_console
from browser.stage import Stage, wait_for


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


def test_who_has_no_lane_is_in_the_table(console: Console, stage: Stage) -> None:
    agents = stage.call("GET", "/api/agents")["agents"]
    more = [{**agents[0], "name": f"Extra-{n}", "token": f"extra_{n}"} for n in range(40)]
    page = console.page
    page.route("**/api/agents", lambda route: route.fulfill(json={"agents": agents + more}))
    console.go()
    lanes = page.get_by_role("region", name="Live flow")
    note = lanes.get_by_text(re.compile(r"^\d+ more have no lane: see the table$"))
    expect(note).to_be_visible()
    note.get_by_role("link", name="the table").click()
    expect(page).to_have_url(console.url + "/flow?view=table")
    expect(page.get_by_role("radio", name="Table")).to_be_checked()


def test_every_agent_can_be_reached_by_the_keyboard(console: Console) -> None:
    page = console.go()
    expect(page.get_by_text(re.compile("^live · "))).to_be_visible()
    page.keyboard.press("Control+k")
    search = page.get_by_role("searchbox", name="Search")
    search.press_sequentially("billing")
    expect(page.get_by_role("menuitem", name="Billing")).to_have_attribute("data-focused", "true")
    page.keyboard.press("Enter")
    expect(page).to_have_url(console.url + "/dm/billing")


@pytest.mark.parametrize("width", [1440, 1100])
def test_a_question_has_its_three_buttons_in_one_row(
    browser: Browser, stage: Stage, width: int
) -> None:
    task = stage.begin("refund", order=4711, amount=249.0)
    wait_for(lambda: stage.task(task)["questions"], "its question")
    with open_console(browser, stage.url, width=width) as console:
        card = console.go().get_by_role("article", name=re.compile("refund asks"))
        buttons = [card.get_by_role("button", name=name) for name in ("Approve", "Edit", "Reject")]
        for button in buttons:
            expect(button.locator("kbd")).to_be_visible()
        boxes = [button.bounding_box() for button in buttons]
        assert len({box and round(box["y"]) for box in boxes}) == 1, boxes
        frame = card.bounding_box()
        last = boxes[-1]
        assert frame
        assert last
        assert last["x"] + last["width"] <= frame["x"] + frame["width"], (frame, boxes)
        buttons[2].click()
        card.get_by_role("button", name="Reject").click()
    assert stage.result(task)["result"] == "No refund: "


def test_a_phone_shows_no_keys_and_what_the_colours_mean(browser: Browser, stage: Stage) -> None:
    task = stage.begin("refund", order=4712, amount=249.0)
    wait_for(lambda: stage.task(task)["questions"], "its question")
    with open_console(browser, stage.url, width=390, height=844, is_mobile=True) as console:
        page = console.go()
        card = page.get_by_role("article", name=re.compile("refund asks"))
        approve = card.get_by_role("button", name="Approve")
        expect(approve).to_be_visible()
        expect(page.locator("kbd:visible")).to_have_count(0)
        box = approve.bounding_box()
        assert box
        assert box["height"] >= 44
        kinds = page.get_by_role("list", name="Kinds of messages")
        expect(kinds.get_by_text("direct", exact=True)).to_be_visible()
        assert console.excess() <= 0
        page = console.go("/inbox")
        expect(page.get_by_role("link", name=re.compile("refund"))).to_be_visible()
        expect(page.locator("kbd:visible")).to_have_count(0)
    stage.call("POST", f"/api/tasks/{task}/cancel")
