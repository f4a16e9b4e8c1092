"""The pages hold together: links, generated parts, the picture, the change log."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import hubbub

from .pages import PAGES, ROOT

_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
_FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


def _prose(page: Path) -> str:
    return _FENCED.sub("", page.read_text("utf-8"))


def _anchors(page: Path) -> set[str]:
    """Return the anchors that a page has, as the usual renderers make them."""
    headings = [re.sub(r"[^\w\s-]", "", text).strip() for text in _HEADING.findall(_prose(page))]
    return {heading.lower().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for link in _LINK.findall(_prose(page)):
        if link.startswith("https://"):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{page.name}: {link}"
        assert not anchor or anchor in _anchors(target), f"{page.name}: {link}"


def test_every_page_can_be_found_from_the_index() -> None:
    index = ROOT / "docs/README.md"
    linked = {(index.parent / link).resolve() for link in _LINK.findall(_prose(index))}
    for page in (ROOT / "docs").glob("*.md"):
        assert page == index or page in linked, page.name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_no_page_names_a_machine(page: Path) -> None:
    assert not re.search(r"/(home|root|work|Users|tmp)/", page.read_text("utf-8")), page.name


def test_the_table_of_settings_is_current() -> None:
    command = [sys.executable, str(ROOT / "docs/generate.py"), "--check"]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr


def test_the_picture_shows_the_demo_and_nothing_of_the_machine_it_was_drawn_on() -> None:
    picture = (ROOT / "docs/images/demo.svg").read_text("utf-8").replace("&#160;", " ")
    for text in ("They announce themselves", "Weather-Bot", "nothing was lost"):
        assert text in picture
    assert not re.search(r"/(home|root|work|Users|tmp)/", picture)
    elsewhere = set(re.findall(r"https?://[^\s\"'<]+", picture))
    assert elsewhere <= {"http://www.w3.org/2000/svg", "http://localhost:1234/v1"}


def test_the_change_log_has_this_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["version"] == hubbub.__version__
    assert f"## [{hubbub.__version__}]" in (ROOT / "CHANGELOG.md").read_text("utf-8")


def test_decisions_are_short_and_numbered() -> None:
    pages = sorted((ROOT / "docs/decisions").glob("*.md"))
    for number, page in enumerate(pages, 1):
        assert page.name.startswith(f"{number:04}-"), page.name
        text = page.read_text("utf-8")
        assert text.startswith(f"# {number}. "), page.name
        assert len(text.splitlines()) <= 15, page.name
