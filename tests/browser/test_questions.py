"""What agents ask is answered with the keyboard alone."""

from __future__ import annotations

import re
from typing import Any

from playwright.sync_api import Locator, Page, expect

from browser.console import Console
from browser.stage import Stage, wait_for

SECRET = "hush-0815-hush"
VIEWS = ("", "/steps", "/messages", "/tools", "/raw")


def _card(page: Page, asks: str) -> Locator:
    return page.get_by_role("article", name=re.compile(re.escape(asks)))


def _asked(stage: Stage, task: str) -> Any:
    return wait_for(lambda: stage.task(task)["questions"], "its question")


def _tab_to(page: Page, wanted: Locator) -> None:
    """Go on with Tab until something in there has the focus."""
    expect(wanted).to_be_visible()
    for _ in range(60):
        if wanted.evaluate("element => element.contains(document.activeElement)"):
            return
        page.keyboard.press("Tab")
    raise AssertionError("it is not reached with Tab")


def test_every_kind_is_answered_in_the_inbox_which_moves_on_by_itself(
    console: Console, stage: Stage
) -> None:
    task = stage.begin("questions", topic="tea")
    _asked(stage, task)
    page = console.go("/inbox")
    keys = page.keyboard

    who = _card(page, "Who are you, and why tea?")
    expect(who).to_be_focused()
    keys.press("1")
    expect(who.get_by_label("Your answer")).to_have_value("Ada")
    keys.press("Enter")
    led = page.get_by_role("listitem").filter(has_text="local answered")
    expect(led).to_contain_text("Ada")

    code = _card(page, "What is the code?")
    expect(code.get_by_label("Your answer; it is not shown")).to_be_focused()
    keys.type(SECRET)
    keys.press("Enter")

    way = _card(page, "How do you take it?")
    expect(way).to_be_focused()
    keys.press("2")
    expect(way.get_by_role("radio", name="with milk")).to_be_checked()
    keys.press("Enter")

    extras = _card(page, "What goes with it?")
    expect(extras).to_be_focused()
    for key in ("1", "2", "3", "3"):
        keys.press(key)
    expect(extras.get_by_role("checkbox", name="biscuits")).to_be_checked()
    expect(extras.get_by_role("button", name="Send 2")).to_be_enabled()
    keys.press("Enter")

    order = _card(page, "order: It costs 4 euros")
    expect(order).to_be_focused()
    keys.press("e")
    expect(order.get_by_label("article")).to_be_focused()
    keys.press("Tab")
    expect(order.get_by_label("pieces")).to_be_focused()
    keys.press("Control+a")
    keys.type("many")
    expect(order.get_by_role("button", name="Approve")).to_be_disabled()
    keys.press("Control+a")
    keys.type("5")
    expect(order.get_by_role("list", name="What changes")).to_contain_text("pieces")
    keys.press("Control+Enter")
    expect(page.get_by_role("heading", name="Nothing waits for you")).to_be_visible()

    ended = stage.result(task)
    length = len(SECRET)
    assert ended["result"] == f"Ada ({length}) gets 5 tea with milk and cake, biscuits"
    _see_what_stays(console, task)


def _see_what_stays(console: Console, task: str) -> None:
    """Each answer stays in the chat, with who and when; the secret is nowhere."""
    assert SECRET not in console.page.content()
    for view in VIEWS:
        page = console.go(f"/tasks/{task}{view}")
        expect(page.get_by_role("heading", level=1)).to_contain_text("done")
        expect(page.get_by_role("slider")).to_be_visible()
        assert SECRET not in page.content(), view
    chat = console.go(f"/tasks/{task}").get_by_role("region", name="Chat of the task")
    for asked, answered in (
        ("Who are you", "Ada"),
        ("What is the code?", "The answer is a secret"),
        ("How do you take it?", "with milk"),
        ("What goes with it?", "biscuits"),
        ("It costs 4 euros", "Approved with changes"),
    ):
        line = chat.get_by_role("listitem").filter(has_text=asked)
        expect(line).to_contain_text(answered)
        expect(line).to_contain_text(re.compile(r"local · .*(now|ago|\d s)"))


def test_an_approval_is_given_with_one_key_and_refused_with_a_reason(
    console: Console, stage: Stage
) -> None:
    first = stage.begin("refund", order=1, amount=11.0)
    _asked(stage, first)
    second = stage.begin("refund", order=2, amount=22.0)
    _asked(stage, second)
    page = console.go("/inbox")
    rows = page.get_by_role("list", name="Open questions").get_by_role("link")
    expect(rows).to_have_count(2)
    card = page.get_by_role("article", name=re.compile("refund.issue"))
    expect(card).to_contain_text("11")
    page.keyboard.press("j")
    expect(card).to_contain_text("22")
    page.keyboard.press("k")
    expect(card).to_contain_text("11")
    expect(card).to_be_focused()
    page.keyboard.press("a")
    expect(card).to_contain_text("22")
    expect(card).to_be_focused()
    page.keyboard.press("r")
    expect(card.get_by_label(re.compile("Why not"))).to_be_focused()
    page.keyboard.type("Not today")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Nothing waits for you")).to_be_visible()
    assert stage.result(first)["result"] == "Told them: Refund of 11.0"
    assert stage.result(second)["result"] == "No refund: Not today"


def test_an_argument_may_grow_and_shrink_while_it_is_written(
    console: Console, stage: Stage
) -> None:
    task = stage.begin("refund", order=7, amount=7.0)
    _asked(stage, task)
    page = console.go("/inbox")
    card = page.get_by_role("article", name=re.compile("refund.issue"))
    expect(card).to_be_focused()
    page.keyboard.press("e")
    reason = card.get_by_label("reason")
    reason.focus()
    page.keyboard.press("Control+a")
    text = "the handle broke off " * 6
    page.keyboard.type(text)
    expect(reason).to_be_focused()
    expect(reason).to_have_value(text)
    assert reason.evaluate("element => element.scrollHeight - element.clientHeight") <= 0
    page.keyboard.press("Enter")
    expect(reason).to_have_value(text)
    page.keyboard.press("Control+a")
    page.keyboard.type("worn")
    expect(reason).to_be_focused()
    expect(reason).to_have_value("worn")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("out")
    page.keyboard.press("Control+Enter")
    stage.result(task)
    answered = stage.task(task)["questions"]
    assert not answered


def test_the_chat_of_a_task_takes_the_answers_too(console: Console, stage: Stage) -> None:
    task = stage.begin("questions", topic="coffee")
    page = console.go(f"/tasks/{task}")
    keys = page.keyboard

    who = _card(page, "Who are you, and why coffee?")
    _tab_to(page, who.get_by_label("Your answer"))
    keys.type("Grace")
    keys.press("Enter")

    code = _card(page, "What is the code?")
    expect(code.get_by_label("Your answer; it is not shown")).to_be_focused()
    keys.type(SECRET)
    keys.press("Enter")

    expect(_card(page, "How do you take it?")).to_be_focused()
    keys.press("1")
    keys.press("Enter")

    expect(_card(page, "What goes with it?")).to_be_focused()
    keys.press("Enter")

    order = _card(page, "order: It costs 4 euros")
    expect(order).to_be_focused()
    keys.press("r")
    keys.type("Too dear")
    keys.press("Enter")
    chat = page.get_by_role("region", name="Chat of the task")
    expect(chat.get_by_text("Not ordered: Too dear")).to_be_visible()
    asked = chat.get_by_role("listitem").filter(has_text="It costs 4 euros")
    expect(asked).to_contain_text("Rejected")
    expect(asked).to_contain_text("“Too dear”")
    asked = chat.get_by_role("listitem").filter(has_text="What goes with it?")
    expect(asked).to_contain_text("none of them")
    assert SECRET not in page.content()
    assert stage.result(task)["result"] == "Not ordered: Too dear"


def test_the_keys_of_a_question_work_on_the_page_of_its_task(
    console: Console, stage: Stage
) -> None:
    refund = stage.begin("refund", order=5, amount=5.0)
    _asked(stage, refund)
    page = console.go(f"/tasks/{refund}")
    card = page.get_by_role("article", name=re.compile("refund.issue"))
    expect(card).to_be_focused()
    expect(card.get_by_role("link", name="Task", exact=True)).to_have_count(0)
    page.keyboard.press("r")
    page.keyboard.type("No")
    page.keyboard.press("Enter")
    assert stage.result(refund)["result"] == "No refund: No"

    # It lands while the page is open, and nothing has the focus.
    story = stage.begin("story", pause=0.05, wait=True)
    page = console.go(f"/tasks/{story}")
    expect(page.get_by_role("heading", name="A story")).to_be_visible()
    asks = _card(page, "Shall I go on?")
    expect(asks.get_by_label("Your answer")).to_be_focused()
    page.keyboard.type("Yes")
    page.keyboard.press("Enter")
    assert stage.result(story)["result"] == "The end"


def test_a_question_that_lands_leaves_the_focus_to_whoever_writes(
    console: Console, stage: Stage
) -> None:
    task = stage.begin("questions", topic="milk")
    _asked(stage, task)
    page = console.go(f"/tasks/{task}")
    who = _card(page, "Who are you, and why milk?")
    expect(who.get_by_label("Your answer")).to_be_focused()
    page.get_by_role("button", name="Steer").click()
    note = page.get_by_role("dialog", name="Steer questions").get_by_role("textbox", name="Note")
    expect(note).to_be_focused()
    page.keyboard.type("Be ")
    stage.call("POST", f"/api/tasks/{task}/answers", {"answer": "Ada"})
    expect(page.locator(".qcard").get_by_text("What is the code?")).to_be_attached()
    page.keyboard.type("quick")
    expect(note).to_have_value("Be quick")
    stage.call("POST", f"/api/tasks/{task}/cancel")
