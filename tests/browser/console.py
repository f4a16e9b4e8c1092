"""The console in a browser: a page whose every complaint fails the test."""

from __future__ import annotations

import contextlib
from collections.abc import Generator
from typing import Any, Literal
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Dialog, Page, Request

__all__ = ["Console", "open_console"]

Scheme = Literal["dark", "light"]


class Console:
    """One page of the console.

    Attributes:
        page: the page.
        complaints: what it complained of: errors on its console, violations of its policy,
            requests to other places, boxes that scripts open.
        expected: texts of complaints that are part of the test, such as a server that is away.
    """

    def __init__(self, context: BrowserContext, url: str) -> None:
        self.url = url
        self.context = context
        self.page: Page = context.new_page()
        self.complaints: list[str] = []
        self.expected: list[str] = []
        self.page.on("console", self._on_console)
        self.page.on("pageerror", lambda error: self.complaints.append(f"thrown: {error}"))
        self.page.on("request", self._on_request)
        self.page.on("dialog", self._on_dialog)

    def go(self, path: str = "/") -> Page:
        """Open a place of the console."""
        self.page.goto(self.url + path)
        return self.page

    def excess(self) -> int:
        """By how many pixels the page is wider than its window."""
        return self.page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )

    def check(self) -> None:
        """See that the page had nothing to complain of."""
        bad = [one for one in self.complaints if not any(text in one for text in self.expected)]
        assert not bad, "\n".join(bad)

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(f"{message.type}: {message.text}")

    def _on_dialog(self, dialog: Dialog) -> None:
        self.complaints.append(f"{dialog.type}: {dialog.message}")
        dialog.dismiss()

    def _on_request(self, request: Request) -> None:
        parts = urlsplit(request.url)
        is_ours = parts.netloc == urlsplit(self.url).netloc
        if parts.scheme in ("http", "https", "ws", "wss") and not is_ours:
            self.complaints.append(f"foreign request: {request.url}")


@contextlib.contextmanager
def open_console(
    browser: Browser,
    url: str,
    *,
    width: int = 1440,
    height: int = 900,
    scheme: Scheme = "dark",
    **more: Any,
) -> Generator[Console]:
    """Open a browser window of its own, with a fresh profile, on no page yet."""
    context = browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme=scheme,
        has_touch=width < 500,
        **more,
    )
    context.set_default_timeout(15_000)
    try:
        console = Console(context, url)
        yield console
        console.check()
    finally:
        context.close()
