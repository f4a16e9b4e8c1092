"""A person at the console is a member of the mesh: they message, ask, hand over and announce."""

from __future__ import annotations

import re

from playwright.sync_api import Page, WebSocketRoute, expect

from browser.cast import square
from browser.console import Console
from browser.stage import HERE, Stage, wait_for


def _place(console: Console, path: str, name: str) -> Page:
    page = console.go(path)
    expect(page.get_by_text("live")).to_be_visible()
    expect(page.get_by_role("heading", level=1)).to_contain_text(name)
    return page


def test_a_message_opens_a_task_and_its_result_comes_back(console: Console, stage: Stage) -> None:
    page = _place(console, "/dm/notifier", "Notifier")
    page.get_by_label("Message to Notifier").fill("Lunch **is** ready")
    page.keyboard.press("Enter")
    said = page.get_by_role("article", name=re.compile("^local: Lunch"))
    expect(said.locator("strong")).to_have_text("is")
    expect(said.get_by_text("done")).to_be_visible()
    result = page.get_by_role("article", name=re.compile("^Notifier: Told them: Lunch"))
    expect(result).to_be_visible()

    page.get_by_text("Hand over", exact=True).click()
    page.get_by_label("Message to Notifier").fill("Dinner")
    page.get_by_role("button", name="Send", exact=True).click()
    over = page.get_by_role("article", name=re.compile("^local: Dinner"))
    expect(over.get_by_text("handoff")).to_be_visible()
    expect(page.get_by_role("article", name=re.compile("Told them: Dinner"))).to_be_visible()

    said.get_by_role("link", name=re.compile("^Task")).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Notifier")
    chat = page.get_by_role("region", name="Chat of the task")
    expect(chat.get_by_text("Told them").first).to_be_visible()
    stored = stage.call("GET", "/api/messages?agent=Notifier")["messages"]
    kinds = [one["kind"] for one in stored if one["user"] == "local"]
    assert kinds == ["direct", "handoff"]


def test_an_agent_is_asked_and_answers_or_says_why_not(console: Console) -> None:
    page = _place(console, "/dm/reviewer", "Reviewer")
    page.get_by_text("Ask", exact=True).click()
    page.get_by_label("Message to Reviewer").fill("Two and two is four")
    page.keyboard.press("Enter")
    answer = page.get_by_role("article", name="Reviewer answers")
    expect(answer).to_contain_text("Right: Two and two is four")
    expect(answer).to_contain_text(re.compile(r"\d (ms|s)"))
    expect(page.get_by_text("Right: Two and two is four")).to_have_count(1)
    page.reload()
    question = page.get_by_role("article", name="local: Two and two is four")
    expect(question.get_by_text("request", exact=True)).to_be_visible()
    kept = page.get_by_role("article", name="Reviewer: Right: Two and two is four")
    expect(kept.get_by_text("reply", exact=True)).to_be_visible()
    expect(page.get_by_text("Two and two is four")).to_have_count(2)

    page = _place(console, "/dm/grumpy", "Grumpy")
    console.expected.append("Failed to load resource")
    page.get_by_text("Ask", exact=True).click()
    page.get_by_label("Message to Grumpy").fill("Tea?")
    page.keyboard.press("Enter")
    refused = page.get_by_role("article", name="Grumpy answers")
    expect(refused.get_by_role("alert")).to_contain_text("No, not 'Tea?'")
    expect(refused.get_by_role("button", name="Retry")).to_be_visible()
    refused.get_by_role("button", name="Discard").click()
    expect(refused).to_have_count(0)


def test_a_name_is_completed_and_everybody_is_told(console: Console) -> None:
    page = _place(console, "/chat/all", "everything")
    box = page.get_by_label("Message to an agent")
    box.press_sequentially("@not")
    options = page.get_by_role("listbox", name="Completions")
    expect(options.get_by_role("option", name="Notifier")).to_have_attribute(
        "aria-selected", "true"
    )
    page.keyboard.press("Tab")
    expect(box).to_have_value("@Notifier ")
    box.press_sequentially("mind the gap")
    expect(page.get_by_text(re.compile("^To Notifier"))).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.get_by_role("article", name=re.compile("Told them: mind the gap"))).to_be_visible()

    box.press_sequentially("/refu")
    expect(options.get_by_role("option", name="refund")).to_be_visible()
    page.keyboard.press("Enter")
    expect(page).to_have_url(console.url + "/start/refund")

    page = _place(console, "/chat/announcements", "announcements")
    page.get_by_label("Announcement to everybody").fill("Tea is at four")
    page.keyboard.press("Enter")
    expect(page.get_by_role("article", name="local: Tea is at four")).to_be_visible()
    page.reload()
    expect(page.get_by_role("article", name="local: Tea is at four")).to_be_visible()


def test_an_agent_that_only_agents_have_talked_with_says_so(console: Console) -> None:
    page = _place(console, "/dm/research_a", "Research-A")
    expect(page.get_by_text("No person has talked with Research-A yet.")).to_be_visible()


def test_what_is_for_nobody_is_refused_in_words(console: Console) -> None:
    page = _place(console, "/chat/all", "everything")
    box = page.get_by_label("Message to an agent")
    said = page.get_by_role("region", name="Write").get_by_role("status")
    for text, why in (
        ("no at sign", "Begin with @ and an agent's name"),
        ("@nobodythere hi", "There is no agent nobodythere"),
        ("/nothing at all", "There is no workflow nothing"),
    ):
        box.fill(text)
        expect(said).to_have_text("")
        page.keyboard.press("Enter")
        expect(said).to_contain_text(why)
        expect(box).to_have_value(text)
    box.press_sequentially("!")
    expect(said).to_have_text("")


def test_a_long_text_is_folded(console: Console, stage: Stage) -> None:
    text = "\n".join(f"line {number} of many" for number in range(5_000))
    sent = stage.call("POST", "/api/messages", {"agent": "Notifier", "content": text})
    stage.result(sent["task_id"])
    page = _place(console, "/dm/notifier", "Notifier")
    said = page.get_by_role("article", name=re.compile("^local: line 0"))
    more = said.get_by_role("button", name=f"Show all ({len(text) / 1000:.1f} kB)")
    more.scroll_into_view_if_needed()
    expect(said).to_contain_text("line 29 of")
    expect(said).not_to_contain_text("line 30 of")
    more.click()
    expect(said).to_contain_text("line 4999 of")
    expect(said).to_contain_text("line 29 of")
    less = said.get_by_role("button", name="Show less")
    less.scroll_into_view_if_needed()
    less.click()
    expect(said).not_to_contain_text("line 30 of")
    expect(more).to_be_in_viewport()

    # Also the newest, which the list else follows to its end.
    page.reload()
    newest = page.get_by_role("article", name=re.compile("^Notifier: Told them: line 0"))
    newest.get_by_role("button", name="Show all").click()
    expect(newest).to_contain_text("line 4999 of")
    expect(newest.get_by_role("button", name="Show less")).not_to_be_in_viewport()


def test_files_go_along_and_pictures_are_shown(console: Console, stage: Stage) -> None:
    page = _place(console, "/dm/notifier", "Notifier")
    page.get_by_label("Files", exact=True).set_input_files(
        [
            {"name": "blue.png", "mimeType": "image/png", "buffer": square(32)},
            {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"Nothing much"},
            {"name": "wrong.bin", "mimeType": "application/x-any", "buffer": b"\0\1"},
        ]
    )
    attached = page.get_by_role("list", name="Files to send")
    expect(attached.get_by_text("12 B")).to_be_visible()
    attached.get_by_role("button", name="Remove wrong.bin").click()
    page.get_by_label("Message to Notifier").fill("See these")
    expect(page.get_by_role("button", name="Send", exact=True)).to_be_enabled()
    page.keyboard.press("Enter")
    said = page.get_by_role("article", name="local: See these")
    picture = said.get_by_role("img", name="blue.png")
    expect(picture).to_be_visible()
    wait_for(lambda: picture.evaluate("image => image.naturalWidth") == 32, "the picture")
    expect(said.get_by_role("link", name="wrong.bin")).to_have_count(0)
    with page.expect_download() as download:
        said.get_by_role("link", name="notes.txt").click()
    assert download.value.suggested_filename == "notes.txt"
    assert download.value.path().read_bytes() == b"Nothing much"
    stored = stage.call("GET", "/api/messages?agent=Notifier")["messages"]
    files = next(one["files"] for one in stored if one["content"] == "See these")
    assert [file["name"] for file in files] == ["blue.png", "notes.txt"]


def test_a_thread_opens_beside_its_message(console: Console, stage: Stage) -> None:
    sent = stage.call("POST", "/api/messages", {"agent": "Triage-Bot", "content": "Case of tea"})
    stage.result(sent["task_id"])
    page = _place(console, "/dm/triage_bot", "Triage-Bot")
    said = page.get_by_role("article", name="local: Case of tea")
    said.hover()
    said.get_by_role("button", name="Open the message and its thread").click()
    drawer = page.get_by_role("complementary", name="Message")
    expect(drawer).to_be_focused()
    thread = drawer.get_by_role("region", name="Thread", exact=True)
    told = thread.get_by_role("button", name=re.compile("^Research-A to Notifier.*Done: "))
    expect(told).to_be_visible()
    told.click()
    expect(drawer.get_by_role("heading", level=2)).to_contain_text("Research-A")
    address = page.url
    page.keyboard.press("Escape")
    expect(drawer).to_have_count(0)
    page.goto(address)
    expect(page.get_by_role("heading", name="Triage-Bot", level=1)).to_be_visible()


def test_what_is_not_sent_is_kept_for_its_place(console: Console) -> None:
    page = _place(console, "/dm/billing", "Billing")
    box = page.get_by_label("Message to Billing")
    box.fill("Half a thought")
    page.get_by_role("navigation", name="Places").get_by_role("link", name="Notifier").click()
    expect(page.get_by_label("Message to Notifier")).to_have_value("")
    page.get_by_role("navigation", name="Places").get_by_role("link", name="Billing").click()
    expect(box).to_have_value("Half a thought")
    page.reload()
    expect(box).to_have_value("Half a thought")
    page.get_by_text("Ask", exact=True).click()
    box.press("Enter")
    expect(page.get_by_role("article", name="Billing answers")).to_contain_text("The shop pays")
    page.reload()
    expect(box).to_have_value("")


def test_an_address_of_nobody_says_who_is_there(console: Console, stage: Stage) -> None:
    page = _place(console, "/dm/bilbo", "bilbo")
    nobody = page.get_by_role("region", name="Nobody of this name")
    expect(nobody).to_contain_text("No agent named bilbo has ever been on this mesh")
    expect(page.get_by_role("textbox")).to_have_count(0)
    nobody.get_by_role("link", name="Billing").click()
    expect(page.get_by_label("Message to Billing")).to_be_visible()


def test_who_is_only_away_can_be_written_to(console: Console, stage: Stage) -> None:
    stage.run("guest", "run", f"{HERE / 'cast.py'}:guest")
    wait_for(
        lambda: [
            one for one in stage.call("GET", "/api/agents")["agents"] if one["name"] == "Guest"
        ],
        "the guest",
    )
    stage.stop("guest")
    page = _place(console, "/dm/guest", "Guest")
    page.get_by_label("Message to Guest").fill("For when you are back")
    page.keyboard.press("Enter")
    said = page.get_by_role("article", name="local: For when you are back")
    expect(said.get_by_text("waiting")).to_be_visible()


def test_a_long_word_is_typed_and_kept(console: Console) -> None:
    page = _place(console, "/dm/billing", "Billing")
    box = page.get_by_label("Message to Billing")
    box.fill("x" * 20_000)
    box.press_sequentially("yz")
    page.reload()
    expect(box).to_have_value("x" * 20_000 + "yz")
    box.fill("")


def test_what_is_too_large_is_refused_and_holds_nothing_up(console: Console) -> None:
    console.expected.append("WebSocket connection to")
    page = _place(console, "/dm/notifier", "Notifier")
    box = page.get_by_label("Message to Notifier")
    box.fill("x" * 1_200_000)
    page.keyboard.press("Enter")
    refused = page.get_by_role("alert").filter(has_text="too large")
    expect(refused).to_be_visible()
    box.fill("A short word behind it")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Told them: A short word behind it").first).to_be_visible()
    page.reload()
    expect(refused).to_be_visible()
    refused.get_by_role("button", name="Discard").click()
    expect(refused).to_have_count(0)


def test_what_waits_to_be_sent_outlives_a_reload(console: Console, stage: Stage) -> None:
    page = _place(console, "/dm/notifier", "Notifier")
    is_away = True

    def meet(socket: WebSocketRoute) -> None:
        if not is_away:  # else it is a socket on which nobody answers
            socket.connect_to_server()

    page.route_web_socket("**/api/live", meet)
    page.reload()
    page.get_by_label("Message to Notifier").fill("In spite of all")
    page.keyboard.press("Enter")
    expect(page.get_by_role("article", name="local says")).to_contain_text("Waits")
    is_away = False
    page.reload()
    said = page.get_by_role("article", name="local: In spite of all")
    expect(said.get_by_text("done")).to_be_visible()
    expect(said).to_have_count(1)
