"""Parameters on the command line, by JSON schema."""

from __future__ import annotations

from typing import Any

import pytest

from hubbub.cli.form import WrongParameter, described, missing, read_parameters

SCHEMA: dict[str, Any] = {
    "type": "object",
    "$defs": {"Level": {"enum": ["low", "high"], "type": "string"}},
    "properties": {
        "text": {"type": "string", "description": "what it is about"},
        "count": {"type": "integer", "minimum": 1},
        "share": {"type": "number"},
        "fast": {"type": "boolean"},
        "numbers": {"type": "array", "items": {"type": "integer", "maximum": 9}},
        "options": {"type": "object"},
        "level": {"$ref": "#/$defs/Level"},
        "maybe": {"anyOf": [{"type": "string"}, {"type": "integer"}, {"type": "null"}]},
        "step": {"enum": [1, 2]},
        "free": {},
    },
    "required": ["text", "level"],
}


@pytest.mark.parametrize(
    ("pairs", "value"),
    [
        (["text=a=b"], {"text": "a=b"}),
        (["text=7"], {"text": "7"}),
        (["count=7"], {"count": 7}),
        (["share=0.5"], {"share": 0.5}),
        (["fast=No"], {"fast": False}),
        (["numbers=1", "numbers=2"], {"numbers": [1, 2]}),
        (["numbers=[1, 2]"], {"numbers": [1, 2]}),
        (['options={"a": 1}'], {"options": {"a": 1}}),
        (["level=high"], {"level": "high"}),
        (["maybe=7"], {"maybe": 7}),
        (["maybe=null"], {"maybe": None}),
        (["maybe=seven"], {"maybe": "seven"}),
        (["step=2"], {"step": 2}),
        (["free=[true]"], {"free": [True]}),
        (["free=text"], {"free": "text"}),
    ],
)
def test_values_are_of_the_type_that_is_wanted(pairs: list[str], value: dict[str, Any]) -> None:
    assert read_parameters(pairs, SCHEMA) == value


@pytest.mark.parametrize(
    ("pairs", "name"),
    [
        (["count=7.5"], "count"),
        (["count=0"], "count"),
        (["share=inf"], "share"),
        (["fast=maybe"], "fast"),
        (["numbers=[1"], "numbers"),
        (["numbers=1", "numbers=10"], "numbers.1"),
        (["numbers=one"], "numbers"),
        (["options=[]"], "options"),
        (["level=middle"], "level"),
        (["step=3"], "step"),
        (["text=a", "text=b"], "text"),
        (["other=1"], "other"),
        (["text"], "text"),
    ],
)
def test_what_does_not_fit_is_named(pairs: list[str], name: str) -> None:
    with pytest.raises(WrongParameter) as wrong:
        read_parameters(pairs, SCHEMA)
    assert wrong.value.name == name


def test_what_is_missing_is_described() -> None:
    assert missing(["text"], SCHEMA) == ["level"]
    assert described("level", SCHEMA) == "level (low, high)"
    assert described("text", SCHEMA) == "text (string), what it is about"
    assert described("free", SCHEMA) == "free"
