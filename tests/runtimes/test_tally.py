"""What an answer of a model adds up to, and the space it is kept in."""

from __future__ import annotations

import json
from typing import Any

from hubbub.runtimes.normalise.tally import Tally


def _compact(*chunks: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the chunks that are kept of a stream."""
    tally = Tally(streamed=True, prompt_characters=8)
    for chunk in chunks:
        tally.feed(f"data: {json.dumps(chunk)}\n\n".encode())
    tally.feed(b"data: [DONE]\n\n")
    lines = [line for line in tally.compact.splitlines() if line]
    assert lines[-1] == "data: [DONE]"
    return [json.loads(line.removeprefix("data: ")) for line in lines[:-1]]


def _said(text: str, index: int = 0, key: str = "content") -> dict[str, Any]:
    return {"choices": [{"index": index, "delta": {key: text}}]}


def test_neighbours_that_only_add_text_become_one() -> None:
    kept = _compact(_said("a", key="reasoning_content"), _said("b"), _said("c"), _said("d"))
    assert kept == [_said("a", key="reasoning_content"), _said("bcd")]


def test_several_answers_side_by_side_are_not_mixed() -> None:
    kept = _compact(_said("a"), _said("b", 1), _said("c", 1), _said("d"))
    assert kept == [_said("a"), _said("bc", 1), _said("d")]
