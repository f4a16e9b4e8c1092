from __future__ import annotations

from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubbub.errors import InvalidAgentName, InvalidMessage
from hubbub.wire.names import agent_token, check_message_id, is_agent_token

from .material import median_microseconds, message_ids, names, tokens

HOSTILE_NAMES = {
    "wildcard": "*",
    "full wildcard": ">",
    "two tokens": "a.b",
    "dot at the end": "a.",
    "empty": "",
    "only a space": " ",
    "emoji": "🌦",
    "300 characters": "a" * 300,
    "64 characters": "a" * 64,
    "line feed at the end": "weather\n",
    "carriage return": "a\r\nb",
    "tab": "a\tb",
    "null byte": "a\0b",
    "Kelvin sign, which lowers to k": "\u212aelvin",
    "dotted capital I, which lowers to two letters": "\u0130stanbul",
    "full-width digits": "\uff11\uff12",
    "underscore first": "_weather",
    "underscore last": "weather_",
    "hyphen first": "-weather",
    "hyphen last": "weather-",
    "space first": " weather",
    "space last": "weather ",
    "no-break space": "a\u00a0b",
    "lone surrogate": "\ud800",
    "slash": "a/b",
    "dollar": "$sys",
}


@pytest.mark.parametrize(
    ("name", "token"),
    [
        ("Weather-Bot", "weather_bot"),
        ("weather bot", "weather_bot"),
        ("WEATHER_BOT", "weather_bot"),
        ("a", "a"),
        ("7", "7"),
        ("a--b", "a__b"),
        ("x" * 63, "x" * 63),
    ],
)
def test_a_name_becomes_a_token(name: str, token: str) -> None:
    assert agent_token(name) == token


@pytest.mark.parametrize("name", HOSTILE_NAMES.values(), ids=HOSTILE_NAMES.keys())
def test_a_hostile_name_is_refused_and_kept_on_the_error(name: str) -> None:
    with pytest.raises(InvalidAgentName) as caught:
        agent_token(name)
    assert caught.value.name == name
    assert len(str(caught.value)) < 250
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("value", [None, 5, True, b"weather", ["a"], {"a": 1}, object()])
def test_what_is_no_string_is_no_name(value: object) -> None:
    with pytest.raises(InvalidAgentName):
        agent_token(cast("Any", value))


@given(names)
def test_a_token_is_its_own_token(name: str) -> None:
    token = agent_token(name)
    assert is_agent_token(token)
    assert agent_token(token) == token


@given(names)
def test_spellings_of_one_token_are_one_agent(name: str) -> None:
    spellings = (name.upper(), name.lower(), name.replace(" ", "-"), name.replace("-", "_"))
    assert {agent_token(spelling) for spelling in spellings} == {agent_token(name)}


@given(st.text())
def test_any_text_gives_a_clean_token_or_is_refused(text: str) -> None:
    try:
        token = agent_token(text)
    except InvalidAgentName:
        return
    assert is_agent_token(token)


@given(tokens, st.sampled_from(list(".*> \t\r\n\0\u212a-ABC")))
def test_no_foreign_character_makes_a_token(token: str, character: str) -> None:
    assert not is_agent_token(token + character)
    assert not is_agent_token(character + token)


@given(message_ids)
def test_a_message_id_is_returned_as_it_is(message_id: str) -> None:
    assert check_message_id(message_id) == message_id


@pytest.mark.parametrize(
    "message_id",
    ["", "a.b", "a b", " a", "a\n", "a\r\nNats-Rollup: all", "*", ">", "x" * 65, "é", "🌦", "\0"],
)
def test_a_message_id_that_could_leave_its_header_is_refused(message_id: str) -> None:
    with pytest.raises(InvalidMessage, match="1 to 64 letters") as caught:
        check_message_id(message_id)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("value", [None, 5, b"m-1", ["m-1"]])
def test_what_is_no_string_is_no_message_id(value: object) -> None:
    with pytest.raises(InvalidMessage, match="must be a string"):
        check_message_id(cast("Any", value))


def test_naming_costs_next_to_nothing() -> None:
    assert median_microseconds(lambda: agent_token("Weather-Bot")) < 50
