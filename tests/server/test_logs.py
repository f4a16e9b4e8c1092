"""Logs: bounded, private, and quoted by what matters."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hubbub.server.logs import LOG_LIMIT, last_words, open_log, read_from

from .observe import open_to_others, put

if TYPE_CHECKING:
    from pathlib import Path


def test_a_log_is_private_and_starts_anew_when_it_is_long(tmp_path: Path):
    log = tmp_path / "log"
    with open_log(log) as file:
        file.write(b"x" * (LOG_LIMIT + 1))
    assert log not in open_to_others(tmp_path)
    with open_log(log) as file:
        assert file.tell() == 0
        file.write(b"new")
    assert log.read_text() == "new"


def test_reading_starts_where_the_server_did(tmp_path: Path):
    put(tmp_path, "log", "old\nnew\n")
    assert read_from(tmp_path / "log", 4) == "new"
    assert read_from(tmp_path / "log", 1000) == "old\nnew"
    assert read_from(tmp_path / "none", 0) == ""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", ""),
        ("one\n\ntwo\n", " (it said: two)"),
        (
            "[7] 2026/11/24 15:13:11 [INF] Go\n[7] 2026/11/24 15:13:11 [FTL] No room: left\nx\n",
            " (it said: No room: left)",
        ),
        ("panic: oh no\n\ngoroutine 1 [running]:\nmain.go:1\n", " (it said: panic: oh no)"),
    ],
)
def test_the_cause_is_quoted_rather_than_the_last_line(tmp_path: Path, text: str, said: str):
    put(tmp_path, "log", text)
    assert last_words(tmp_path / "log", 0) == said
