"""Whatever agents and people write: nothing of it runs, nothing is fetched, nothing bursts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from browser.console import open_console
from browser.stage import Stage, wait_for

CROOK = "crook_" + "o" * 57
TEXTS = (
    "<script>alert(11)</script><img src=x onerror=alert(12)><svg onload=alert(13)> markup",
    (
        "[link](javascript:alert(14)) [data](data:text/html,<script>alert(15)</script>) "
        "<javascript:alert(16)> ![](https://example.com/pixel.png) "
        "![x](javascript:alert(17)) [ref]\n\n[ref]: javascript:alert(18)"
    ),
    "\u202egnp.exe \u2066\u2067 " + "Z\u0300\u0301\u0302\u0303" * 40 + " " + "long" * 400,
    "| "
    + " | ".join("column" * 3 for _ in range(40))
    + " |\n"
    + "|---" * 40
    + "|\n\n# "
    + "h" * 900,
    "```" + "lang" * 50 + "\n" + "code " * 400 + "\n```",
    "> " * 4_000 + "deep\n\n" + "* " * 4_000,
    "[" * 5_000 + "*_" * 10_000,
    "much " * 40_000 + "much" * 2_000,
)
FILES: list[Any] = [
    [{"id": "..", "name": "<img src=x onerror=alert(19)>", "media_type": "text/html", "size": 1}],
    [{"id": "a/b", "name": "\u202e" + "f" * 400, "media_type": "x" * 300, "size": -5}],
    [None, {"id": None}, "file", {"name": {}}],
    {"length": 3},
]
_RAN = """() => [
  ...document.querySelectorAll(
    "[onerror], [onload], [onclick], iframe, object, embed, base, a[href^='javascript:' i], " +
    "a[href^='data:' i], img[src='x'], img[src^='http'], form[action], main script")
].map((element) => element.outerHTML.slice(0, 200))"""
_BURST = """() => [...document.querySelectorAll("main, main *")].filter((element) => {
  const { overflowX } = getComputedStyle(element);
  const mayScroll = element.closest("pre, .task-tabs, .tasks-bar, textarea") ||
    element.querySelector(":scope > table");
  return !mayScroll && (overflowX === "auto" || overflowX === "scroll") &&
    element.scrollWidth > element.clientWidth + 1;
}).map((element) => `${element.tagName}.${element.className}`)"""


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with Stage(tmp_path_factory.mktemp("stage")) as started:
        started.start("with_crook")
        yield started


@pytest.fixture(scope="module")
def places(stage: Stage) -> list[tuple[str, str]]:
    """Where the hostile texts are shown, and what shows that they are."""
    asking = stage.begin("hostile")
    topic = stage.begin("questions", topic=TEXTS[0] + "topic" * 200)
    refused = stage.call("POST", "/api/tasks", {"agent": "Grumpy", "content": TEXTS[0]})["id"]
    opened: list[str] = []
    for text in TEXTS:
        sent = stage.call("POST", "/api/messages", {"agent": CROOK, "content": text})
        opened.append(sent["task_id"])
        stage.call("POST", "/api/messages", {"kind": "broadcast", "content": text})
    for files in FILES:
        body: dict[str, Any] = {
            "kind": "broadcast",
            "content": "Files",
            "metadata": {"files": files, "user": {}},
        }
        stage.call("POST", "/api/messages", body)
    stage.call("POST", "/api/messages", {"kind": "broadcast", "content": {"<b>": [TEXTS[0]] * 3}})
    for task in (*opened, refused):
        stage.result(task)
    for task in (asking, topic):
        wait_for(lambda task=task: stage.task(task)["questions"], "its question")
    context = stage.task(opened[0])["context_id"]
    tabs = [(f"/tasks/{opened[0]}/{tab}", "Crook") for tab in ("messages", "tools", "raw")]
    return [
        ("/", "Live flow"),
        ("/chat/all", "much much"),
        ("/chat/announcements", "Files"),
        (f"/dm/{CROOK}", "much much"),
        (f"/conversation/{context}", "markup"),
        ("/tasks", "Crook"),
        *[(f"/tasks/{task}", "Crook") for task in opened[::3]],
        *tabs,
        (f"/tasks/{refused}", "markup"),
        (f"/tasks/{asking}", "Which?"),
        ("/inbox", "Which?"),
        (f"/inbox/{topic}/{stage.task(topic)['questions'][0]['id']}", "topictopic"),
        ("/start/hostile", "Start"),
        ("/flow", "Flow"),
        ("/flow?view=table", "Kind"),
        ("/dead", "markup"),
        ("/health", "Crook"),
    ]


@pytest.mark.parametrize("width", [1440, 390])
def test_nothing_runs_nothing_is_fetched_and_nothing_bursts(
    browser: Browser, stage: Stage, places: list[tuple[str, str]], width: int
) -> None:
    found = list[str]()
    asked = list[str]()
    with open_console(browser, stage.url, width=width) as console:
        console.page.on("request", lambda request: asked.append(request.url))
        for path, shows in places:
            page = console.go(path)
            expect(page.get_by_text(shows).locator("visible=true").first).to_be_visible()
            found += [f"{path}: {what}" for what in _wrong(page)]
            if console.excess() > 0:
                found.append(f"{path}: wider than the window")
        assert not found, "\n".join(found)
        assert stage.url + "/x" not in asked
        assert not [url for url in asked if "/api/files/" in url]


def _wrong(page: Page) -> list[str]:
    return [*page.evaluate(_RAN), *page.evaluate(_BURST)]


def test_the_drawer_the_palette_and_the_lanes_are_safe_too(
    browser: Browser, stage: Stage, places: list[tuple[str, str]]
) -> None:
    with open_console(browser, stage.url) as console:
        page = console.go("/chat/all")
        expect(page.get_by_text("live")).to_be_visible()
        stage.call("POST", "/api/messages", {"agent": CROOK, "content": TEXTS[1]})
        stage.call("POST", "/api/messages", {"kind": "broadcast", "content": TEXTS[0]})
        said = page.get_by_role("article").filter(has_text="markup").last
        said.hover()
        said.get_by_role("button", name="Open the message and its thread").click()
        expect(page.get_by_role("complementary", name="Message")).to_contain_text("markup")
        page.get_by_role("button", name="Close").click()
        remote = page.get_by_role("button", name="Load image from example.com").last
        remote.click()
        expect(page.get_by_text("example.com will see that you look at it")).to_be_visible()
        assert not _wrong(page)

        page.keyboard.press("Control+k")
        page.get_by_role("searchbox", name="Search").fill("which")
        answer = page.get_by_role("menuitem", name=re.compile("Answer: .*Which"))
        expect(answer).to_be_visible()
        page.keyboard.press("Enter")
        card = page.get_by_role("article", name=re.compile("Which"))
        expect(card.get_by_role("radio", name="javascript:alert(4)")).to_be_visible()
        assert not _wrong(page)

        page = console.go("/flow")
        lanes = page.get_by_role("application", name=re.compile("Messages between agents"))
        stage.call("POST", "/api/messages", {"agent": CROOK, "content": TEXTS[0]})
        expect(lanes).to_be_visible()
        lanes.focus()
        page.keyboard.press("ArrowLeft")
        page.keyboard.press("Enter")
        expect(page.get_by_text("Crook").first).to_be_visible()
        assert not _wrong(page)
        assert console.excess() <= 0
