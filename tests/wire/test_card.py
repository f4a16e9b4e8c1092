from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubbub.errors import InvalidAgentName, InvalidMessage
from hubbub.wire import AgentCard, AgentStatus
from hubbub.wire.codec import encode

from .material import (
    deep_values,
    json_objects,
    json_values,
    median_microseconds,
    names,
    nested,
    read_or_refuse,
    timestamps,
    with_frames_left,
)
from .test_codec import unsendable
from .test_names import HOSTILE_NAMES

words = st.lists(st.text(max_size=12), max_size=3)
cards = st.builds(
    AgentCard,
    name=names,
    description=st.text(),
    capabilities=words,
    tools=words,
    model=st.none() | st.text(),
    version=st.text(),
    status=st.sampled_from(AgentStatus),
    instances=st.integers(0),
    running=st.integers(0),
    queued=st.integers(0),
    last_seen=st.none() | timestamps,
    metadata=json_objects,
)


@given(cards)
def test_a_card_decodes_to_itself(card: AgentCard) -> None:
    assert AgentCard.from_bytes(card.to_bytes()) == card


@given(cards, json_values)
def test_fields_of_later_versions_are_passed_over(card: AgentCard, value: Any) -> None:
    data = json.dumps(json.loads(card.to_bytes()) | {"later": value}, indent=1).encode()
    assert AgentCard.from_bytes(data) == card


def test_a_name_is_enough_for_a_card() -> None:
    card = AgentCard.from_bytes(b'{"name":"Weather-Bot"}')
    assert card == AgentCard(name="Weather-Bot")
    assert (card.token, card.status, card.instances) == ("weather_bot", AgentStatus.ONLINE, 1)


def test_a_card_is_found_by_capability_in_any_case() -> None:
    card = AgentCard(name="A", capabilities=["Weather_Lookup", "STRASSE"])
    assert card.has_capability("weather_lookup")
    assert card.has_capability("straße")
    assert not card.has_capability("weather")
    assert not AgentCard(name="A").has_capability("")


@given(st.binary())
def test_arbitrary_bytes_are_a_card_or_refused(data: bytes) -> None:
    read_or_refuse(AgentCard.from_bytes, data)


@given(
    st.dictionaries(st.sampled_from([*AgentCard.__struct_fields__, "later"]), json_values),
    st.booleans(),
)
def test_any_values_are_a_card_or_refused(fields: dict[str, Any], named: bool) -> None:
    card = read_or_refuse(AgentCard.from_bytes, encode(fields | ({"name": "A"} if named else {})))
    if card is not None:
        assert AgentCard.from_bytes(card.to_bytes()) == card


@pytest.mark.parametrize(
    "rest",
    [
        '"capabilities":"weather"',
        '"capabilities":[1]',
        '"capabilities":null',
        '"tools":{"a":1}',
        '"status":"asleep"',
        '"status":null',
        '"instances":"1"',
        '"instances":true',
        '"running":1.5',
        '"queued":null',
        '"metadata":[]',
        '"metadata":{"a":NaN}',
        '"metadata":{"a":1,"a":2}',
        '"later":{"a":1,"a":2}',
        '"later":1,"later":1',
        '"name":"B"',
        '"\\u006eame":"B"',
        '"last_seen":0',
        '"model":[]',
        '"description":"\\ud800"',
    ],
)
def test_a_wrong_card_is_refused(rest: str) -> None:
    with pytest.raises(InvalidMessage):
        AgentCard.from_bytes(b'{"name":"A",' + rest.encode() + b"}")


@pytest.mark.parametrize("name", HOSTILE_NAMES.values(), ids=HOSTILE_NAMES.keys())
def test_a_hostile_name_makes_no_card(name: str) -> None:
    with pytest.raises(InvalidAgentName):
        AgentCard(name=name)
    with pytest.raises(InvalidMessage):
        AgentCard.from_bytes(json.dumps({"name": name}).encode())


@pytest.mark.parametrize("shape", deep_values(2))
@pytest.mark.parametrize("field", ["metadata", "later"])
@pytest.mark.parametrize("left", [None, 100, 60])
def test_a_deep_card_is_refused_from_any_stack(shape: str, field: str, left: int | None) -> None:
    data = b'{"name":"A","%s":%s}' % (field.encode(), deep_values(200_000)[shape])
    with pytest.raises(InvalidMessage):
        with_frames_left(left or 500, lambda: AgentCard.from_bytes(data))


@unsendable
def test_what_cannot_travel_is_refused_before_it_is_sent(value: Any) -> None:
    with pytest.raises(InvalidMessage, match="metadata"):
        AgentCard(name="A", metadata={"form": value}).to_bytes()


def test_what_is_sent_is_never_too_deep_to_be_received() -> None:
    card = AgentCard(name="A", metadata={"a": nested(62)})
    assert AgentCard.from_bytes(card.to_bytes()) == card
    with pytest.raises(InvalidMessage, match="deeper than 64"):
        AgentCard(name="A", metadata={"a": nested(63)}).to_bytes()


def test_a_kibibyte_costs_little() -> None:
    data = AgentCard(name="A", description="x" * 900, capabilities=["weather"] * 8).to_bytes()
    assert median_microseconds(lambda: AgentCard.from_bytes(data).to_bytes()) < 50
