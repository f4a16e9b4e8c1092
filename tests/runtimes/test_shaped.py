"""The shape of answers: what fits, and what is said of what does not."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from hubbub.runtimes.shaped import Shape, ShapeMismatch

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "count": {"type": ["integer", "null"]},
        "tags": {"type": "array", "items": {"$ref": "#/$defs/tag"}},
        "kind": {"const": "x"},
        "either": {"anyOf": [{"type": "string"}, {"type": "number"}]},
    },
    "required": ["name"],
    "additionalProperties": False,
    "$defs": {"tag": {"enum": ["a", "b"]}},
}


@dataclasses.dataclass
class Point:
    x: int


@pytest.mark.parametrize(
    "text",
    [
        '{"name": "n"}',
        '```json\n{"name": "n", "count": null, "tags": ["a"]}\n```',
        '{"name": "n", "kind": "x", "either": 1.5}',
    ],
)
def test_what_fits_is_read(text: str) -> None:
    assert Shape.of(SCHEMA).read(text)["name"] == "n"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("hello", "not valid JSON"),
        ("[]", "answer must be of type object"),
        ("{}", "answer lacks 'name'"),
        ('{"name": 1}', "answer.name must be of type string"),
        ('{"name": "n", "count": true}', "answer.count must be of type integer or null"),
        ('{"name": "n", "tags": ["a", "z"]}', r"answer.tags\[1\] must be one of"),
        ('{"name": "n", "kind": "y"}', 'answer.kind must be "x"'),
        ('{"name": "n", "either": []}', "answer.either must be of type"),
        ('{"name": "n", "more": 1}', "answer has no 'more'"),
    ],
)
def test_what_does_not_fit_is_explained(text: str, problem: str) -> None:
    with pytest.raises(ShapeMismatch, match=problem):
        Shape.of(SCHEMA).read(text)


def test_types_are_shapes() -> None:
    shape = Shape.of(Point)
    assert shape.read('{"x": 3}') == {"x": 3}
    with pytest.raises(ShapeMismatch, match="x: "):
        shape.read('{"x": "three"}')


def test_what_has_no_schema_is_no_shape() -> None:
    with pytest.raises(TypeError, match="cannot be the shape"):
        Shape.of(Exception)
