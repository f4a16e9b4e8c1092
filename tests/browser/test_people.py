"""Who signs in sees and does what their role allows, and two people do not answer at once."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Generator, Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from browser.console import Console, open_console
from browser.stage import Stage, wait_for
from hubbub.gateway.api_keys import ApiKey, new_api_key, write_api_keys

PEOPLE = {
    "boss": "admin",
    "ada": "operator",
    "grace": "operator",
    "vera": "viewer",
    "uli": "user",
    "temp": "operator",
}

SignedIn = Callable[[str], contextlib.AbstractContextManager[Console]]


class Keys:
    """The file of API keys, and the keys themselves, by whose they are."""

    def __init__(self, stage_folder: pytest.TempPathFactory) -> None:
        self.file = stage_folder.mktemp("keys") / "keys.json"
        made = {name: new_api_key(name, role) for name, role in PEOPLE.items()}
        self.of = {name: key for name, (key, _) in made.items()}
        self._kept: dict[str, ApiKey] = {name: kept for name, (_, kept) in made.items()}
        self._write()

    def take_away(self, name: str) -> None:
        """Take away somebody's key."""
        del self._kept[name]
        self._write()

    def _write(self) -> None:
        write_api_keys(self.file, list(self._kept.values()))


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    return Keys(tmp_path_factory)


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory, keys: Keys) -> Iterator[Stage]:
    environment = {"HUBBUB_GATEWAY_API_KEYS_FILE": str(keys.file)}
    folder = tmp_path_factory.mktemp("stage")
    with Stage(folder, environment, key=keys.of["boss"]) as started:
        started.start()
        yield started


@pytest.fixture
def signed_in(browser: Browser, stage: Stage, keys: Keys) -> SignedIn:
    """A window in which somebody has signed in."""

    @contextlib.contextmanager
    def enter(name: str) -> Generator[Console]:
        with open_console(browser, stage.url) as console:
            _sign_in(console.go(), keys.of[name])
            _expect_in(console.page, name)
            yield console

    return enter


def _sign_in(page: Page, key: str) -> None:
    expect(page.get_by_role("heading", name="Sign in to Hubbub")).to_be_visible()
    page.get_by_label("Your API key").fill(key)
    page.keyboard.press("Enter")


def _expect_in(page: Page, name: str) -> None:
    places = page.get_by_role("navigation", name="Places")
    expect(places.get_by_text(f"{name}{PEOPLE[name]}")).to_be_visible()
    expect(places.get_by_text("live")).to_be_visible()


def _refund(stage: Stage, order: int, key: str = "") -> tuple[str, str]:
    """Let somebody be asked for leave; return the ids of task and question."""
    task = stage.begin("refund", key, order=order, amount=order * 10.0)
    questions = wait_for(lambda: stage.task(task)["questions"], "its question")
    return task, questions[0]["id"]


def _card(page: Page) -> Locator:
    return page.get_by_role("article", name=re.compile("refund asks"))


def test_one_signs_in_with_a_key_and_out_again(console: Console, stage: Stage, keys: Keys) -> None:
    console.expected.append("status of 401")
    page = console.go("/tasks?state=failed")
    _sign_in(page, "hub_abcdef_0123456789abcdef0123456789abcdef")
    expect(page.get_by_role("alert")).to_contain_text(re.compile("key|credential", re.IGNORECASE))
    _sign_in(page, keys.of["ada"])
    _expect_in(page, "ada")
    expect(page).to_have_url(stage.url + "/tasks?state=failed")
    page.reload()
    _expect_in(page, "ada")
    assert keys.of["ada"] not in str(page.context.storage_state())

    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in to Hubbub")).to_be_visible()
    _sign_in(console.go("/inbox"), keys.of["temp"])
    _expect_in(page, "temp")
    keys.take_away("temp")
    expect(page.get_by_role("heading", name="Sign in to Hubbub")).to_be_visible()


def test_a_role_says_what_is_there_and_what_can_be_done(
    signed_in: SignedIn, stage: Stage, keys: Keys
) -> None:
    theirs, question = _refund(stage, 1)
    _refund(stage, 2, keys.of["uli"])

    with signed_in("uli") as console:
        console.expected.append("status of 404")
        page = console.go("/tasks")
        rows = page.get_by_role("grid", name="Tasks").get_by_role("rowheader")
        row = rows.filter(has_not_text="Loading")
        expect(row).to_contain_text("order: 2")
        page = console.go("/inbox")
        rows = page.get_by_role("list", name="Open questions").get_by_role("link")
        expect(rows).to_have_count(1)
        expect(_card(page)).to_contain_text("20")
        page = console.go(f"/tasks/{theirs}")
        expect(page.get_by_text(f"There is no task {theirs}")).to_be_visible()
        expect(page.get_by_role("link", name="All tasks")).to_be_visible()

    with signed_in("vera") as console:
        for path in (f"/inbox/{theirs}/{question}", f"/tasks/{theirs}"):
            page = console.go(path)
            card = _card(page)
            expect(card).to_contain_text("Only boss or an operator can answer this")
            expect(card.get_by_role("button")).to_have_count(0)
            card.press("a")
        expect(page.get_by_role("button", name="Stop")).to_be_disabled()

    with signed_in("ada") as console:
        page = console.go(f"/inbox/{theirs}/{question}")
        expect(_card(page)).to_contain_text("for boss")
        _card(page).press("a")
        expect(_card(page)).not_to_contain_text("for boss")
    ended = stage.result(theirs)
    assert ended["result"] == "Told them: Refund of 10.0"


def test_two_at_one_question_see_each_other_and_the_first_answer_wins(
    signed_in: SignedIn, stage: Stage
) -> None:
    task, question = _refund(stage, 3)
    with signed_in("ada") as first, signed_in("grace") as second:
        adas = _card(first.go(f"/inbox/{task}/{question}"))
        expect(adas.get_by_role("button", name="Reject")).to_be_enabled()
        graces = _card(second.go(f"/inbox/{task}/{question}"))
        expect(graces.get_by_text("ada is looking")).to_be_visible()
        expect(adas.get_by_text("grace is looking")).to_be_visible()

        adas.press("r")
        adas.get_by_label(re.compile("Why not")).press_sequentially("Too much")
        expect(graces.get_by_text("ada is typing")).to_be_visible()
        graces.press("a")

        expect(adas.get_by_text("grace approved").first).to_be_visible()
        expect(adas.get_by_text("Yours was not sent:")).to_be_visible()
        expect(adas.get_by_text("The task is done: Told them: Refund of 30.0")).to_be_visible()
        expect(adas.get_by_text("Too much")).to_be_visible()
        expect(adas.get_by_role("button", name="Reject")).to_have_count(0)
        chat = first.go(f"/tasks/{task}").get_by_role("region", name="Chat of the task")
        expect(chat.get_by_role("listitem").filter(has_text="Approved")).to_contain_text("grace")
    assert stage.result(task)["result"] == "Told them: Refund of 30.0"


def test_who_leaves_is_not_seen_any_more(signed_in: SignedIn, stage: Stage) -> None:
    task, question = _refund(stage, 4)
    with signed_in("ada") as first:
        adas = _card(first.go(f"/inbox/{task}/{question}"))
        with signed_in("grace") as second:
            second.go(f"/tasks/{task}")
            _card(second.page).focus()
            expect(adas.get_by_text("grace is looking")).to_be_visible()
        expect(adas.get_by_text("grace is looking")).to_have_count(0)


def test_unread_is_what_was_said_to_oneself(signed_in: SignedIn, stage: Stage, keys: Keys) -> None:
    with signed_in("ada") as console:
        page = console.go("/settings")
        places = page.get_by_role("navigation", name="Places")
        expect(places.get_by_text("live")).to_be_visible()

        def count(name: str) -> Locator:
            return places.get_by_role("link", name=name).locator(".count")

        # What others do is no news; what one says oneself is none, either.
        theirs = {"agent": "Notifier", "content": "Not for ada"}
        stage.result(stage.call("POST", "/api/messages", theirs, keys.of["grace"])["task_id"])
        everybody = {"kind": "broadcast", "content": "The shop is open"}
        stage.call("POST", "/api/messages", everybody, keys.of["ada"])
        stage.call("POST", "/api/messages", everybody, keys.of["grace"])
        expect(count("announcements")).to_have_text("1 unread")

        own = {"agent": "Notifier", "content": "For ada"}
        stage.result(stage.call("POST", "/api/messages", own, keys.of["ada"])["task_id"])
        expect(count("Notifier")).to_have_text("1 unread")
        expect(count("everything")).to_have_count(0)
        expect(count("announcements")).to_have_text("1 unread")

        page.reload()
        expect(count("Notifier")).to_have_text("1 unread")
        places.get_by_role("link", name="Notifier").click()
        expect(page.get_by_text("Told them: For ada")).to_be_visible()
        expect(count("Notifier")).to_have_count(0)
        page.reload()
        expect(count("announcements")).to_have_text("1 unread")
        expect(count("Notifier")).to_have_count(0)


def test_nothing_of_one_person_is_shown_to_the_next(
    console: Console, stage: Stage, keys: Keys
) -> None:
    page = console.go("/dm/reviewer")
    _sign_in(page, keys.of["ada"])
    page.get_by_text("Ask", exact=True).click()
    box = page.get_by_label("Message to Reviewer")
    box.fill("What only ada asks")
    box.press("Enter")
    expect(page.get_by_role("article", name="Reviewer answers")).to_contain_text("Right")
    box.fill("A secret draft")
    page.get_by_role("button", name="Sign out").click()
    _sign_in(page, keys.of["uli"])
    expect(box).to_have_value("")
    expect(page.get_by_text("What only ada asks")).to_have_count(0)

    # A user without a role reads back what they have asked themselves.
    page.get_by_text("Ask", exact=True).click()
    box.fill("What only uli asks")
    box.press("Enter")
    expect(page.get_by_role("article", name="Reviewer answers")).to_contain_text("Right")
    page.reload()
    expect(page.get_by_role("article", name="Reviewer: Right: What only uli")).to_be_visible()
    expect(page.get_by_role("article", name="uli: What only uli asks")).to_be_visible()
    expect(page.get_by_text("What only ada asks")).to_have_count(0)
