"""Whether a value is what a JSON schema wants."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubbub.wire.schemas import misfits

LEVEL = {"$defs": {"Level": {"enum": ["low", "high"]}}, "$ref": "#/$defs/Level"}
MAYBE = {"anyOf": [{"type": "integer", "minimum": 1}, {"type": "null"}]}
PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string", "minLength": 2}, "friends": {"type": "array"}},
    "required": ["name"],
    "additionalProperties": False,
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=10,
)
KEYWORDS = (
    *("$ref", "type", "enum", "const", "anyOf", "allOf", "properties", "required", "items"),
    *("minimum", "maxLength", "minItems", "additionalProperties", "prefixItems"),
)


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({}, {"anything": 1}),
        ({"type": "integer"}, 3.0),
        ({"type": ["string", "null"]}, None),
        ({"type": "from the future"}, 1),
        ({"const": 1}, 1),
        (LEVEL, "low"),
        (MAYBE, None),
        (MAYBE, 1),
        (PERSON, {"name": "Ada", "friends": []}),
        ({"prefixItems": [{"type": "string"}], "items": {"type": "integer"}}, ["x", 1, 2]),
        ({"additionalProperties": {"type": "integer"}}, {"a": 1}),
        ({"pattern": "(a+)+$"}, "a" * 100_000 + "!"),
        ({"minimum": "a lot", "required": 7, "properties": [], "enum": "x"}, {}),
    ],
)
def test_what_fits(schema: dict[str, Any], value: Any) -> None:
    assert misfits(value, schema) == []


@pytest.mark.parametrize(
    ("schema", "value", "wrong"),
    [
        ({"type": "string"}, 7, ["must be a text"]),
        ({"type": "integer"}, True, ["must be a whole number"]),
        ({"type": "integer"}, 1.5, ["must be a whole number"]),
        ({"type": ["string", "null"]}, 7, ["must be a text or null"]),
        ({"const": 1}, True, ["must be 1"]),
        (LEVEL, "middle", ["must be one of: low, high"]),
        (MAYBE, 0, ["must be at least 1, or must be null"]),
        (PERSON, {}, ["name: is missing"]),
        (PERSON, {"name": "A"}, ["name: must have at least 2 characters"]),
        (PERSON, {"name": "Ada", "age": 7}, ["age: is not known, only name, friends"]),
        ({"items": {"type": "integer"}}, [1, "x"], ["1: must be a whole number"]),
        ({"anyOf": [{"type": "null"}, PERSON]}, {"name": 7}, ["name: must be a text"]),
        ({"properties": {"a": False}}, {"a": 1}, ["a: is not allowed"]),
        ({"exclusiveMaximum": 1, "minimum": 0}, 1, ["must be less than 1"]),
        ({"allOf": [{"maxItems": 1}]}, [1, 2], ["must have at most 1 items"]),
    ],
)
def test_what_does_not_fit(schema: dict[str, Any], value: Any, wrong: list[str]) -> None:
    assert [str(one) for one in misfits(value, schema)] == wrong


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#"},
        {"allOf": [{"$ref": "#"}]},
        {"allOf": [{"$ref": "#"}, {"$ref": "#"}]},
        {"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"},
    ],
)
def test_a_schema_that_leads_to_itself_ends(schema: dict[str, Any]) -> None:
    assert misfits({"a": 1}, schema) == []


@given(JSON, st.dictionaries(st.sampled_from(KEYWORDS), JSON))
def test_no_schema_breaks_it(value: Any, schema: dict[str, Any]) -> None:
    misfits(value, schema)
