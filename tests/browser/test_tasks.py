"""Tasks: started by a form, stopped, steered, replayed, run again; and those that died."""

from __future__ import annotations

import re
import urllib.parse
from typing import Any

from playwright.sync_api import expect

from browser.console import Console
from browser.stage import Stage, wait_for

_SECONDS = 60_000


def test_a_form_says_what_is_wrong_and_starts_once(console: Console, stage: Stage) -> None:
    before = len(_tasks(stage, "refund"))
    page = console.go("/tasks")
    page.get_by_role("button", name="Start").click()
    page.get_by_role("menuitem", name="refund").click()
    expect(page).to_have_url(console.url + "/start/refund")
    order = page.get_by_role("textbox", name="Order")
    order.fill("twelve")
    page.get_by_role("textbox", name="Amount").fill("19.5")
    page.get_by_role("button", name=re.compile("^Start")).click()
    wrong = page.get_by_role("alert")
    expect(wrong).to_have_text(re.compile("whole number"))
    expect(order).to_be_focused()
    expect(order).to_have_attribute("aria-invalid", "true")
    order.fill("12")
    expect(wrong).to_have_count(0)
    page.keyboard.press("Control+Enter")
    page.keyboard.press("Control+Enter")
    expect(page).to_have_url(re.compile(r"/tasks/[0-9a-z-]+$"))
    expect(page.get_by_role("article", name=re.compile("^refund asks"))).to_be_visible(
        timeout=_SECONDS
    )
    started = _tasks(stage, "refund")
    assert len(started) == before + 1
    assert started[0]["metadata"]["params"] == {"order": 12, "amount": 19.5, "reason": "broken"}


def test_a_form_without_fields_is_sent_by_key_wherever_the_focus_is(
    console: Console, stage: Stage
) -> None:
    page = console.go("/start/hostile")
    expect(page.get_by_text("It takes no values")).to_be_visible()
    expect(page.get_by_role("button", name=re.compile("^Start Ctrl"))).to_be_focused()
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("Control+Enter")
    expect(page).to_have_url(re.compile(r"/tasks/[0-9a-z-]+$"))
    assert len(_tasks(stage, "hostile")) == 1
    stage.call("POST", f"/api/tasks/{page.url.rsplit('/', 1)[1]}/cancel")

    page = console.go("/start/hostile")
    expect(page.get_by_role("button", name=re.compile("^Start Ctrl"))).to_be_focused()
    page.keyboard.press("Control+Enter")
    expect(page).to_have_url(re.compile(r"/tasks/[0-9a-z-]+$"))
    assert len(_tasks(stage, "hostile")) == 2
    stage.call("POST", f"/api/tasks/{page.url.rsplit('/', 1)[1]}/cancel")


def test_an_emptied_field_says_what_is_sent(console: Console, stage: Stage) -> None:
    page = console.go("/start/story")
    pause = page.get_by_role("textbox", name="Pause")
    expect(pause).to_have_value("0.02")
    pause.fill("")
    expect(pause).to_have_attribute("placeholder", "default: 0.02")
    page.get_by_role("button", name=re.compile("^Start")).click()
    expect(page).to_have_url(re.compile(r"/tasks/[0-9a-z-]+$"))
    assert stage.task(page.url.rsplit("/", 1)[1])["metadata"]["params"] == {"wait": False}

    # Another agent's form begins with its own values.
    page.get_by_role("link", name="Tasks").first.click()
    page.get_by_role("button", name="Start").click()
    page.get_by_role("menuitem", name="questions").click()
    expect(page.get_by_role("textbox", name="Topic")).to_have_value("tea")


def test_a_task_is_stopped(console: Console, stage: Stage) -> None:
    asking = stage.begin("refund", order=1, amount=1.0)
    wait_for(lambda: stage.task(asking)["questions"], "its question")
    page = console.go(f"/tasks/{asking}")
    page.get_by_role("button", name="Stop").click()
    sure = page.get_by_role("dialog", name="Stop this task of refund?")
    expect(sure.get_by_role("button", name="Stop it")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_text("It was canceled")).to_be_visible(timeout=_SECONDS)
    expect(page.get_by_role("button", name="Stop")).to_be_disabled()
    expect(page.get_by_role("article", name=re.compile("asks"))).to_have_count(0)
    assert stage.task(asking)["state"] == "canceled"


def test_progress_is_one_bar_and_a_step_that_is_stopped_is_cut_off(
    console: Console, stage: Stage
) -> None:
    reading = stage.begin("pages")
    page = console.go(f"/tasks/{reading}")
    chat = page.get_by_role("region", name="Chat of the task")
    expect(chat.get_by_text("Started without values")).to_be_visible()
    expect(chat.get_by_text("Step tick runs")).to_be_visible(timeout=_SECONDS)
    bar = chat.get_by_role("progressbar")
    expect(bar).to_have_count(1)
    expect(bar).to_have_attribute("aria-valuenow", "100")
    expect(chat.get_by_text("pages works … Page 4 of 4, 100 %")).to_be_visible()

    stage.call("POST", f"/api/tasks/{reading}/cancel")
    expect(chat.get_by_text("It was canceled")).to_be_visible(timeout=_SECONDS)
    expect(chat.get_by_text("Step tick was cut off")).to_be_visible()
    expect(chat.locator(".tlog-spin")).to_have_count(0)
    slider = page.get_by_role("slider")
    slider.focus()
    slider.press("ArrowLeft")
    expect(chat.get_by_text("Step tick runs")).to_be_visible()
    expect(bar).to_have_count(1)


def test_a_run_is_steered_and_the_chat_tells_whether_the_note_was_read(
    console: Console, stage: Stage
) -> None:
    story = stage.begin("story", pause=0.001, wait=True)
    wait_for(lambda: stage.task(story)["questions"], "its question")
    page = console.go(f"/tasks/{story}")
    page.get_by_role("button", name="Steer").click()
    steer = page.get_by_role("dialog", name="Steer story")
    expect(steer.get_by_text("sees it before its next step")).to_be_visible()
    expect(steer.get_by_role("button", name="Send the note")).to_be_disabled()
    steer.get_by_role("textbox", name="Note").fill("End it well")
    page.keyboard.press("Control+Enter")
    expect(steer).to_have_count(0)
    chat = page.get_by_role("region", name="Chat of the task")
    note = chat.get_by_role("listitem").filter(has_text="steered")
    expect(note.get_by_text("End it well")).to_be_visible(timeout=_SECONDS)
    expect(note.get_by_text("not read yet")).to_be_visible()
    wait_for(lambda: stage.task(story)["questions"], "its question")
    stage.call("POST", f"/api/tasks/{story}/answers", {"answer": "yes"})
    expect(chat.get_by_text("As you wish: End it well")).to_be_visible(timeout=_SECONDS)
    expect(chat.get_by_text("The end", exact=True)).to_be_visible(timeout=_SECONDS)
    expect(note.get_by_text("read")).to_have_count(0)
    expect(page.get_by_role("button", name="Steer")).to_be_disabled()


def test_a_workflow_that_reads_no_notes_can_be_run_again(console: Console, stage: Stage) -> None:
    asking = stage.begin("refund", order=31, amount=1.0)
    wait_for(lambda: stage.task(asking)["questions"], "its question")
    page = console.go(f"/tasks/{asking}")
    page.get_by_role("button", name="Steer").click()
    steer = page.get_by_role("dialog", name="Steer refund")
    steer.get_by_role("textbox", name="Note").fill("Not more than 5")
    steer.get_by_role("button", name="Send the note").click()
    chat = page.get_by_role("region", name="Chat of the task")
    expect(chat.get_by_text("not read yet")).to_be_visible(timeout=_SECONDS)
    page.get_by_role("button", name="Steer").click()
    steer.get_by_role("button", name="Run again with other values").click()
    expect(page).to_have_url(re.compile(f"/start/refund\\?from={asking}"))
    expect(page.get_by_role("textbox", name="Order")).to_have_value("31")
    stage.call("POST", f"/api/tasks/{asking}/cancel")
    console.go(f"/tasks/{asking}")
    expect(chat.get_by_text("was not read")).to_be_visible(timeout=_SECONDS)


def test_a_log_is_replayed_and_run_again_from_a_point(console: Console, stage: Stage) -> None:
    story = stage.begin("story", pause=0.001)
    stage.result(story)
    count = len(stage.call("GET", f"/api/tasks/{story}/log")["events"])
    page = console.go(f"/tasks/{story}")
    chat = page.get_by_role("region", name="Chat of the task")
    expect(chat.get_by_text("The end", exact=True)).to_be_visible()
    slider = page.get_by_role("slider")
    slider.focus()
    slider.press("ArrowLeft")
    expect(page.get_by_text("as it was", exact=True)).to_be_visible()
    # What acts on the task as it is now is not offered there.
    for name in ("Stop", "Steer", "Run again"):
        expect(page.get_by_role("button", name=name, exact=True)).to_have_count(0)
    expect(chat.get_by_text("The end", exact=True)).to_have_count(0)
    expect(slider).to_have_attribute("aria-valuetext", re.compile(f"^event {count - 1} of {count}"))
    slider.press("Home")
    expect(chat.get_by_role("heading", name="A story")).to_have_count(0)
    expect(page).to_have_url(re.compile("at=1$"))
    page.reload()
    expect(page.get_by_text("as it was", exact=True)).to_be_visible()
    page.get_by_role("button", name="Back to now").click()
    expect(chat.get_by_text("The end", exact=True)).to_be_visible()

    slider.focus()
    slider.press("ArrowLeft")
    page.get_by_role("button", name="Run again from here").click()
    asked = page.get_by_role("dialog", name=f"Run again from event {count - 1} of {count}?")
    expect(asked.get_by_text("1 step", exact=False).first).to_be_visible()
    asked.get_by_role("button", name="Run from here").click()
    expect(page).not_to_have_url(re.compile(story))
    expect(chat.get_by_text("The end", exact=True)).to_be_visible(timeout=_SECONDS)
    again = page.url.rsplit("/", 1)[1]
    assert stage.result(again)["result"] == "The end"


def test_dead_letters_are_retried_edited_and_discarded(console: Console, stage: Stage) -> None:
    for text in ("Smile", "Laugh", "Sing", "Dance"):
        stage.call("POST", "/api/tasks", {"agent": "Grumpy", "content": text})
    wait_for(lambda: len(_dead(stage)) == 4, "four dead letters", seconds=90)
    page = console.go("/dead")
    letters = page.get_by_role("list", name="Dead letters")
    expect(letters.get_by_role("link")).to_have_count(4)

    page.keyboard.press("j")  # nothing was chosen: it goes to the first
    newest = letters.get_by_role("link").first
    expect(newest).to_have_attribute("aria-current", "true")
    page.keyboard.press("j")
    expect(letters.get_by_role("link").nth(1)).to_have_attribute("aria-current", "true")
    page.keyboard.press("k")
    expect(newest).to_have_attribute("aria-current", "true")

    letters.get_by_role("link", name="Smile").click()
    letter = page.get_by_role("article", name="Dead letter of Grumpy")
    expect(letter.get_by_text("RuntimeError").first).to_be_visible()
    letter.get_by_role("button", name="Edit and retry").click()
    letter.get_by_role("combobox", name="For").fill("Notifier")
    letter.get_by_role("textbox", name="Content").fill("Smile at people")
    letter.get_by_role("button", name=re.compile("^Retry")).click()
    expect(page.get_by_text("It is tried again.")).to_be_visible()
    expect(letters.get_by_role("link", name="Smile")).to_have_count(0)
    page.get_by_role("button", name="Open the task").click()
    expect(page.get_by_text("Told them: Smile at people")).to_be_visible(timeout=_SECONDS)
    page.go_back()

    letters.get_by_role("link", name="Laugh").click()
    expect(page).to_have_url(re.compile("/dead/"))
    page.reload()  # it has an address
    letter.get_by_role("button", name="Discard").click()
    expect(letters.get_by_role("link", name="Laugh")).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(letters.get_by_role("link", name="Laugh")).to_be_visible()
    assert len(_dead(stage)) == 3

    letters.get_by_role("checkbox", name="Pick Dance").check()
    page.get_by_role("button", name="Retry").first.click()
    expect(page.get_by_text("1 is tried again.")).to_be_visible()
    wait_for(lambda: len(_dead(stage)) == 3, "the one that dies again", seconds=90)
    expect(letters.get_by_role("link")).to_have_count(3, timeout=_SECONDS)
    page.get_by_role("checkbox", name="Pick all that are shown").check()
    expect(page.get_by_text("3 picked")).to_be_visible()
    page.get_by_role("button", name="Discard").first.click()
    expect(page.get_by_text("Nothing is dead")).to_be_visible()
    wait_for(lambda: not _dead(stage), "that they are gone")


def test_a_dead_letter_that_is_not_on_the_list_is_read_by_its_address(
    console: Console, stage: Stage
) -> None:
    known = {one["id"] for one in _dead(stage)}
    stage.call("POST", "/api/tasks", {"agent": "Grumpy", "content": "Whistle"})

    def look() -> Any:
        return next((one for one in _dead(stage) if one["id"] not in known), None)

    letter = wait_for(look, "the dead letter", seconds=90)
    # As if 200 newer ones were in front of it.
    page = console.page
    page.route(
        "**/api/dead-letters?*",
        lambda route: route.fulfill(json={"dead_letters": [], "before": None}),
    )
    console.go(f"/dead/{urllib.parse.quote(letter['id'], safe='')}")
    shown = page.get_by_role("article", name="Dead letter of Grumpy")
    expect(shown.get_by_text("Whistle")).to_be_visible()
    shown.get_by_role("button", name="Discard").click()
    expect(shown).to_have_count(0)
    wait_for(lambda: look() is None, "that it is gone")

    console.expected.append("404")
    console.go(f"/dead/{urllib.parse.quote(letter['id'], safe='')}")
    expect(page.get_by_text("it was retried or discarded")).to_be_visible()


def test_what_nobody_goes_on_with_is_told_with_what_helps(console: Console, stage: Stage) -> None:
    owl = stage.call("POST", "/api/tasks", {"agent": "Night-Owl", "content": "Watch"})["id"]
    page = console.go("/tasks?agent=night_owl")
    row = page.get_by_role("row", name=re.compile("Night-Owl"))
    expect(row.get_by_text("nobody serves Night-Owl")).to_be_visible()
    expect(row.get_by_title(re.compile("once it has ended"))).to_be_visible()
    page = console.go(f"/tasks/{owl}")
    expect(page.get_by_text("The task waits: nobody serves Night-Owl.")).to_be_visible()
    page = console.go("/health")
    finding = page.get_by_role("listitem").filter(has_text="night_owl: 1 message")
    expect(finding.get_by_text("Start it with")).to_be_visible()
    expect(finding.get_by_text("hubbub run", exact=True)).to_be_visible()
    expect(page.get_by_text("Stored on disk")).to_be_visible()
    expect(page.get_by_text(re.compile("^hubbub-.+-[0-9a-f]{4}$"))).to_be_visible()
    stage.call("POST", f"/api/tasks/{owl}/cancel")


def test_everything_about_a_task_has_an_address(console: Console, stage: Stage) -> None:
    story = stage.begin("story", pause=0.001)
    asking = stage.begin("refund", order=2, amount=2.0)
    stage.result(story)
    wait_for(lambda: stage.task(asking)["questions"], "its question")
    question = stage.task(asking)["questions"][0]["id"]
    context = stage.task(story)["context_id"]
    shows = {
        f"/tasks/{story}": "The end",
        f"/tasks/{story}/steps": "bind",
        f"/tasks/{story}/messages": "local",
        f"/tasks/{story}/tools": "print",
        f"/tasks/{story}/cost": "No model calls are on record.",
        f"/tasks/{story}/raw": "claimed",
        f"/tasks/{story}?at=2": "as it was",
        "/tasks?state=done&agent=story": "pause: 0.001",
        f"/start/story?from={story}": "an earlier task",
        "/start/nobody": "Nobody called nobody has joined",
        f"/inbox/{asking}/{question}": "Wants to use",
        f"/conversation/{context}": "The end",
        f"/flow?trace={context}": "One conversation",
        "/agents/billing": "Knows who pays",
        "/tasks/0000": "There is no task 0000",
        "/no/such/place": "Nothing is at this address",
    }
    console.expected.append("404")
    for path, text in shows.items():
        page = console.go(path)
        expect(page.get_by_role("main").get_by_text(text).first).to_be_visible()


def _tasks(stage: Stage, agent: str) -> list[dict[str, Any]]:
    return stage.call("GET", f"/api/tasks?agent={agent}&limit=100")["tasks"]


def _dead(stage: Stage) -> list[dict[str, Any]]:
    return stage.call("GET", "/api/dead-letters")["dead_letters"]
