"""Every guarantee is shown by tests, and the tests that the page names are there."""

from __future__ import annotations

import ast
import functools
import re

import pytest

from .pages import ROOT

_SECTION = re.compile(r"^## (.+)$", re.MULTILINE)
_NUMBERED = re.compile(r"(\d+)\. ")
_NAMED = re.compile(r"\[`(test_\w+)`\]\(\.\./(tests/[\w/]+\.py)\)")

_TEXT = (ROOT / "docs/guarantees.md").read_text("utf-8")
_PARTS = _SECTION.split(_TEXT)
_SECTIONS = dict(zip(_PARTS[1::2], _PARTS[2::2], strict=True))
_NUMBERS = {title: int(number[1]) for title in _SECTIONS if (number := _NUMBERED.match(title))}


@functools.cache
def _tests_of(file: str) -> frozenset[str]:
    tree = ast.parse((ROOT / file).read_text("utf-8"))
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, functions))


def test_the_guarantees_are_numbered() -> None:
    assert list(_NUMBERS.values()) == list(range(1, 14))


@pytest.mark.parametrize("title", [*_NUMBERS, "The states of a task"])
def test_a_guarantee_says_what_it_promises_and_what_shows_it(title: str) -> None:
    section = _SECTIONS[title]
    assert "**Shown by**" in section
    promised, shown = section.split("**Shown by**")
    assert _NAMED.findall(shown)
    assert not _NAMED.findall(promised)
    assert "**Not promised**" in promised or title not in _NUMBERS


def test_every_trouble_has_an_outcome_and_a_test() -> None:
    lines = _SECTIONS["What Hubbub does when…"].splitlines()
    rows = [line.strip("|").split("|") for line in lines if line.startswith("| ")][1:]
    assert len(rows) > 12
    for row in rows:
        trouble, outcome, shown = (cell.strip() for cell in row)
        assert trouble
        assert outcome
        assert _NAMED.fullmatch(shown), row


def test_every_test_that_is_named_is_there() -> None:
    named = _NAMED.findall(_TEXT)
    assert len(named) == len(re.findall(r"\btest_\w+`", _TEXT)), "a name that leads nowhere"
    missing = [(file, test) for test, file in named if test not in _tests_of(file)]
    assert not missing
