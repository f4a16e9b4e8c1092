"""What goes away and comes back: the page, the gateway, the server. Nothing is lost or twice."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from browser.console import Console, open_console
from browser.stage import Stage, wait_for

_LIVE = re.compile(r"^live · \d+ ms$")
# What a browser says by itself of a gateway that is away, or has no server.
_AWAY = ["WebSocket connection to", "Failed to load resource"]
_SECONDS = 60_000


@pytest.fixture(scope="module")
def apart(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Server, gateway and workers, each of which can be killed."""
    with Stage(tmp_path_factory.mktemp("apart")) as started:
        started.start_apart()
        yield started


@pytest.fixture
def opened(browser: Browser, apart: Stage) -> Iterator[Console]:
    with open_console(browser, apart.url) as console:
        console.expected += _AWAY
        yield console


def test_a_reload_in_the_middle_of_a_text_goes_on_with_it(opened: Console, apart: Stage) -> None:
    story = apart.begin("story", pause=0.5)
    page = opened.go(f"/tasks/{story}")
    chat = page.get_by_role("region", name="Chat of the task")
    expect(chat.get_by_text("writes …")).to_be_visible()
    page.reload()
    expect(chat.get_by_text("writes …")).to_be_visible()
    expect(chat.get_by_text("And it ends here.")).to_be_visible(timeout=_SECONDS)
    expect(chat.get_by_text("The end")).to_be_visible(timeout=_SECONDS)
    expect(chat.get_by_text("writes …")).to_have_count(0)
    for once in ("It has bold words", "And it ends here.", "The end", "A blue square"):
        expect(chat.get_by_text(once)).to_have_count(1)
    expect(chat.get_by_role("heading", name="A story")).to_have_count(1)


def test_a_gateway_that_was_killed_is_found_again(opened: Console, apart: Stage) -> None:
    asking = _asking(apart)
    page = opened.go("/dm/notifier")
    places = page.get_by_role("navigation", name="Places")
    expect(places.get_by_text(_LIVE)).to_be_visible()
    expect(places.get_by_role("link", name="Billing")).to_be_visible()
    page.evaluate("window.isSame = true")

    apart.stop("gateway", hard=True)
    expect(page.get_by_role("status").filter(has_text="Reconnecting")).to_be_visible()
    expect(places.get_by_role("link", name="Billing")).to_be_visible()
    page.get_by_role("textbox", name="Message to Notifier").fill("Sent meanwhile")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Waits for the connection")).to_be_visible()
    expect(page.get_by_text("1 of your messages waits to be sent.")).to_be_visible()
    apart.say("send", "Notifier", "Said meanwhile")

    apart.start_gateway()
    expect(places.get_by_text(_LIVE)).to_be_visible(timeout=_SECONDS)
    expect(page.get_by_text("Reconnecting")).to_have_count(0)
    expect(page.get_by_text("Waits for the connection")).to_have_count(0)
    talk = page.get_by_role("region", name="Conversation with Notifier")
    expect(talk.get_by_text("Told them: Sent meanwhile", exact=True)).to_be_visible()
    expect(talk.get_by_text("Sent meanwhile", exact=True)).to_have_count(1)
    places.get_by_role("link", name="everything").click()
    everything = page.get_by_role("region", name="Everything that is said")
    expect(everything.get_by_text("Told them: Said meanwhile", exact=True)).to_have_count(1)
    expect(everything.get_by_text("Told them: Sent meanwhile", exact=True)).to_have_count(1)
    assert len(_said(apart, "Sent meanwhile")) == 1
    expect(page.get_by_title("Nothing was left out")).to_be_visible()
    _answer(page, apart, asking)
    assert page.evaluate("window.isSame"), "the page was loaded anew"


def test_a_server_that_was_killed_is_waited_for(opened: Console, apart: Stage) -> None:
    asking = _asking(apart)
    page = opened.go("/chat/all")
    places = page.get_by_role("navigation", name="Places")
    expect(places.get_by_text(_LIVE)).to_be_visible()
    expect(places.get_by_role("link", name="Billing")).to_be_visible()

    apart.stop("nats", hard=True)
    notice = page.get_by_text("The gateway has no connection to the NATS server.")
    expect(notice).to_be_visible()
    expect(places.get_by_text("NATS is away")).to_be_visible()
    expect(places.get_by_role("link", name="Billing")).to_be_visible()

    apart.start_server()
    expect(places.get_by_text(_LIVE)).to_be_visible(timeout=_SECONDS)
    expect(notice).to_have_count(0)
    apart.say("send", "Notifier", "Said behind it")
    everything = page.get_by_role("region", name="Everything that is said")
    said = everything.get_by_text("Told them: Said behind it", exact=True)
    expect(said).to_be_visible(timeout=_SECONDS)
    expect(said).to_have_count(1)
    _answer(page, apart, asking)


def test_a_gateway_that_stands_still_is_found_out(opened: Console, apart: Stage) -> None:
    page = opened.go("/dm/notifier")
    places = page.get_by_role("navigation", name="Places")
    expect(places.get_by_text(_LIVE)).to_be_visible()
    apart.freeze("gateway")
    try:
        notice = page.get_by_role("status")
        expect(notice.filter(has_text="Reconnecting")).to_be_visible(timeout=_SECONDS)
        expect(notice.filter(has_text="Offline. What you see is")).to_be_visible(timeout=_SECONDS)
    finally:
        apart.thaw("gateway")
    expect(places.get_by_text(_LIVE)).to_be_visible(timeout=_SECONDS)


def _asking(stage: Stage) -> str:
    """Start what asks for a refund, and wait until it does."""
    task = stage.begin("refund", order=12, amount=3.0)
    wait_for(lambda: stage.task(task)["questions"], "its question")
    return task


def _answer(page: Page, stage: Stage, task: str) -> None:
    """Go to the question that was asked before all this, and answer it by one key."""
    page.get_by_role("link", name=re.compile("^Inbox")).click()
    card = page.get_by_role("article", name=re.compile("^refund asks"))
    expect(card).to_be_visible(timeout=_SECONDS)
    card.focus()
    page.keyboard.press("a")
    assert stage.result(task)["result"] == "Told them: Refund of 3.0"


def _said(stage: Stage, text: str) -> list[object]:
    stored = stage.call("GET", "/api/messages?agent=Notifier&limit=200")["messages"]
    return [one for one in stored if one["content"] == text]
