"""Every state of the page: empty, loading, failed, offline, behind, gone. Never a blank page."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Route, WebSocketRoute, expect

from browser.console import Console, open_console
from browser.stage import HERE, Stage, wait_for

_LIVE = re.compile(r"^live · \d+ ms$")
_AWAY = ["WebSocket connection to", "Failed to load resource"]
_SECONDS = 60_000
_NOTHING = {
    "/": ("Nobody has joined this mesh yet.", "hubbub run examples/first_agent.py"),
    "/inbox": ("Nothing waits for you", "hubbub run examples/first_workflow.py"),
    "/tasks": ("No task has been started yet.", "hubbub start WORKFLOW"),
    "/chat/all": ("Nothing has been said yet.", "hubbub demo"),
    "/chat/announcements": ("Nobody has announced anything yet.", 'hubbub send --all "Hello"'),
    "/flow": ("Nobody has joined this mesh yet", "hubbub demo"),
    "/dead": ("Nothing is dead", "hubbub dead"),
}


@pytest.fixture(scope="module")
def apart(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Server and gateway, and nobody else."""
    with Stage(tmp_path_factory.mktemp("apart")) as started:
        started.start_apart("")
        yield started


@pytest.fixture
def opened(browser: Browser, apart: Stage) -> Iterator[Console]:
    with open_console(browser, apart.url) as console:
        yield console


def test_an_empty_mesh_says_how_to_begin_and_who_came_and_went(
    opened: Console, apart: Stage
) -> None:
    for path, (sentence, command) in _NOTHING.items():
        main = opened.go(path).get_by_role("main")
        expect(main.get_by_text(sentence)).to_be_visible()
        expect(main.get_by_text(command, exact=True)).to_be_visible()
    opened.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = opened.go("/dead")
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == "hubbub dead"

    apart.start_workers("billing")
    places = page.get_by_role("navigation", name="Places")
    agent = places.get_by_role("link", name="Billing")
    expect(agent.get_by_role("img", name="online")).to_be_visible(timeout=_SECONDS)
    agent.click()
    apart.stop("workers")
    expect(agent.get_by_role("img", name="offline")).to_be_visible(timeout=_SECONDS)
    expect(page.get_by_role("main").get_by_text(re.compile("last seen"))).to_be_visible()

    apart.start_workers("everybody")
    main = opened.go("/inbox").get_by_role("main")
    expect(main.get_by_role("link", name="Start questions")).to_be_visible(timeout=_SECONDS)
    apart.stop("workers")


def test_what_is_slow_has_a_skeleton(opened: Console) -> None:
    held: list[Route] = []
    opened.page.route("**/api/dead-letters*", lambda route: held.append(route))
    page = opened.go("/dead")
    loading = page.get_by_role("status", name="Loading")
    expect(loading).to_be_visible()
    for route in held:
        route.continue_()
    page.unroute("**/api/dead-letters*")
    expect(page.get_by_text("Nothing is dead")).to_be_visible()
    expect(loading).to_have_count(0)


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("/", "session"),
        ("/", "agents"),
        ("/inbox", "questions*"),
        ("/tasks", "tasks*"),
        ("/chat/all", "messages*"),
        ("/dead", "dead-letters*"),
        ("/health", "health"),
    ],
)
def test_what_fails_says_why_and_can_be_tried_again(opened: Console, path: str, asked: str) -> None:
    opened.expected.append("503")
    url = f"**/api/{asked}"
    opened.page.route(url, _refuse)
    page = opened.go(path)
    failed = page.get_by_role("alert").first
    expect(failed).to_contain_text("The server thinks about it")
    expect(failed).to_contain_text("Request r-4711")
    page.unroute(url)
    failed.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("alert")).to_have_count(0)
    expect(page.get_by_role("heading").first).to_be_attached()


def test_a_view_that_fails_leaves_the_rest(opened: Console) -> None:
    opened.expected += ["TypeError", "The above error occurred"]
    page = opened.page
    page.route("**/api/health", lambda route: route.fulfill(json={"server": None}))
    opened.go("/health")
    failed = page.get_by_role("alert")
    expect(failed).to_contain_text("This view failed")
    expect(page.get_by_role("navigation", name="Places")).to_be_visible()
    page.unroute("**/api/health")
    failed.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("heading", name="Streams")).to_be_visible()


def test_health_says_that_nothing_is_wrong_and_leads_to_dead_letters(opened: Console) -> None:
    remedy = "see what failed, then retry or discard them: `hubbub dead`"
    dead = {"level": "warning", "title": "Dead letters", "detail": "2 wait", "remedy": remedy}
    findings: list[dict[str, str]] = []
    page = opened.page
    page.route(
        "**/api/health",
        lambda route: route.fulfill(json={**route.fetch().json(), "findings": findings}),
    )
    opened.go("/health")
    expect(page.get_by_text("Nothing is wrong.")).to_be_visible()
    findings.append(dead)
    page.reload()
    finding = page.get_by_role("listitem").filter(has_text="2 wait")
    expect(finding.get_by_text("hubbub dead")).to_be_visible()
    finding.get_by_role("link", name="Open the dead letters").click()
    expect(page).to_have_url(opened.url + "/dead")


def test_a_page_without_network_says_so_and_comes_back(opened: Console) -> None:
    opened.expected += _AWAY
    page = opened.go()
    expect(page.get_by_text(_LIVE)).to_be_visible()
    opened.context.set_offline(True)
    expect(page.get_by_text(re.compile(r"^(Offline|Reconnecting)")).first).to_be_visible()
    opened.context.set_offline(False)
    expect(page.get_by_text(_LIVE)).to_be_visible(timeout=_SECONDS)
    expect(page.get_by_text(re.compile(r"^(Offline|Reconnecting)"))).to_have_count(0)


def test_a_page_at_a_place_that_nobody_knows_reads_all_anew(opened: Console) -> None:
    opened.expected += _AWAY

    def send_on(socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()

        def lose_the_place(frame: str | bytes) -> None:
            server.send(re.sub(r'"after_seq":"[^"]+"', '"after_seq":"nowhere"', str(frame)))

        socket.on_message(lose_the_place)

    opened.page.route_web_socket("**/api/live", send_on)
    page = opened.go()
    expect(page.get_by_text(_LIVE)).to_be_visible()
    opened.context.set_offline(True)
    opened.context.set_offline(False)
    expect(page.get_by_title("Left out, and read again: 1 times")).to_be_visible(timeout=_SECONDS)
    expect(page.get_by_text(_LIVE)).to_be_visible(timeout=_SECONDS)


def test_a_gateway_that_stays_away_means_offline_and_what_was_missed_is_told(
    opened: Console, apart: Stage
) -> None:
    opened.expected += _AWAY
    apart.start_workers()
    apart.wait_until_up()
    task = apart.begin("refund", order=5, amount=5.0)
    wait_for(lambda: apart.task(task)["questions"], "its question")
    page = opened.go("/inbox")
    approve = page.get_by_role("button", name="Approve")
    expect(approve).to_be_enabled()

    apart.stop("gateway", hard=True)
    offline = page.get_by_role("status").filter(has_text="Offline.")
    expect(offline).to_contain_text("Answers are off", timeout=_SECONDS)
    expect(offline).to_contain_text(re.compile(r"What you see is \d+ s old"))
    expect(page.get_by_role("article", name=re.compile("^refund asks"))).to_be_visible()
    expect(approve).to_be_disabled()

    # More than a page is told one by one.
    notices = [sys.executable, "-m", "browser.flood", apart.nats_url(), "4000", "2", "notices"]
    sent = json.loads(
        subprocess.run(notices, check=True, cwd=HERE.parent, capture_output=True).stdout
    )
    assert sent["sent"] > 5_000
    apart.start_gateway()
    expect(page.get_by_text(_LIVE)).to_be_visible(timeout=_SECONDS)
    expect(page.get_by_title("Left out, and read again: 1 times")).to_be_visible()
    expect(approve).to_be_enabled()
    page.get_by_role("link", name="announcements").click()
    last = page.get_by_text(f"Notice {sent['sent'] - 1}", exact=True)
    expect(last).to_be_visible(timeout=_SECONDS)


def _refuse(route: Route) -> None:
    problem = {
        "type": "urn:hubbub:problem:connection-lost",
        "title": "Service Unavailable",
        "status": 503,
        "code": "connection-lost",
        "detail": "The server thinks about it",
        "request_id": "r-4711",
    }
    route.fulfill(status=503, content_type="application/problem+json", body=json.dumps(problem))
