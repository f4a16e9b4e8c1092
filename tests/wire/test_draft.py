"""What we write without checking it is what a checked message would have been."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubbub.errors import InvalidMessage
from hubbub.wire.draft import Draft
from hubbub.wire.envelope import AgentMessage

from .material import message_ids

names = st.sampled_from(["Weather-Bot", "ann", "Task Coordinator"])
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def test_it_has_the_fields_of_a_message_in_their_order() -> None:
    assert Draft.__struct_fields__ == AgentMessage.__struct_fields__
    ours, theirs = (msgspec.structs.fields(kind) for kind in (Draft, AgentMessage))
    assert [(f.name, f.default) for f in ours] == [(f.name, f.default) for f in theirs]


@given(
    from_agent=names,
    to_agent=names | st.none(),
    content=json_values,
    metadata=st.dictionaries(st.text(), json_values, max_size=3),
    message_id=message_ids,
    in_reply_to=message_ids | st.none(),
    priority=st.integers(1, 5),
    hops=st.integers(0, 16),
)
def test_its_bytes_are_those_of_the_message(**fields: Any) -> None:
    fields = {**fields, "message_type": "response", "timestamp": "2026-11-22T10:00:00.000000Z"}
    data = Draft(**fields).to_bytes()
    assert data == AgentMessage(**fields).to_bytes()
    assert AgentMessage.from_bytes(data) == AgentMessage(**fields)


@pytest.mark.parametrize("bad", [{1}, float("nan"), "\ud800", [b"x"], {1: 2}], ids=ascii)
def test_it_refuses_what_cannot_travel(bad: Any) -> None:
    with pytest.raises(InvalidMessage):
        Draft(message_type="request", from_agent="ann", content=bad).to_bytes()
    with pytest.raises(InvalidMessage):
        Draft(message_type="request", from_agent="ann", content="", metadata={"k": bad}).to_bytes()
