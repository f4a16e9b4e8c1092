from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubbub.errors import InvalidAgentName, InvalidMessage
from hubbub.wire import AgentMessage
from hubbub.wire.clock import now
from hubbub.wire.codec import encode
from hubbub.wire.envelope import HEARTBEAT_PREFIX, read_plain
from hubbub.wire.ids import new_id

from .material import (
    KIBIBYTE,
    VALID_FIELDS,
    deep_values,
    json_objects,
    json_values,
    median_microseconds,
    message_with,
    messages,
    names,
    nested,
    read_or_refuse,
    with_frames_left,
)
from .test_codec import unsendable
from .test_names import HOSTILE_NAMES


def read_from_anybody(data: bytes) -> AgentMessage:
    return read_plain(data, to_agent="Weather-Bot", message_id="m-9")


both_readers = pytest.mark.parametrize(
    "read", [AgentMessage.from_bytes, read_from_anybody], ids=["ours", "plain"]
)
Reader = Callable[[bytes], AgentMessage]


def message(**fields: Any) -> AgentMessage:
    return AgentMessage(**(VALID_FIELDS | fields))


# What we write, we read


@given(messages)
def test_a_message_decodes_to_itself(sent: AgentMessage) -> None:
    received = AgentMessage.from_bytes(sent.to_bytes())
    assert received == sent
    assert received.to_bytes() == sent.to_bytes()


@given(messages)
def test_an_inbox_reads_our_messages_as_they_are(sent: AgentMessage) -> None:
    received = read_plain(sent.to_bytes(), to_agent="Weather-Bot", from_agent="x", message_id="y")
    assert received == (sent if sent.to_agent else sent.replace(to_agent="Weather-Bot"))


@given(messages, json_objects)
def test_unknown_fields_survive_a_round_trip(sent: AgentMessage, unknown: dict[str, Any]) -> None:
    unknown = {key: value for key, value in unknown.items() if key not in VALID_FIELDS}
    data = encode(json.loads(sent.to_bytes()) | unknown)
    received = AgentMessage.from_bytes(data)
    assert received == sent
    assert received.extra == unknown
    assert received.to_bytes() == data
    assert received.replace(priority=1).extra == unknown


@given(messages)
def test_spacing_order_and_escapes_do_not_matter(sent: AgentMessage) -> None:
    fields = json.loads(sent.to_bytes())
    backwards = json.dumps(dict(reversed(fields.items())), indent=1).encode()
    assert AgentMessage.from_bytes(backwards) == sent


@pytest.mark.parametrize(
    "content",
    ["", '🌦 déjà vu \u2028\0\x1f\x7f\\"/', 2**64, -(10**300), 1e308, -0.0, [], {}, [None, {"": 0}]],
    ids=repr,
)
def test_content_keeps_its_value_and_its_type(content: Any) -> None:
    received = AgentMessage.from_bytes(message(content=content).to_bytes()).content
    assert repr(received) == repr(content)


def test_content_reads_as_text_in_its_json_form() -> None:
    assert message(content="plain").text == "plain"
    assert message(content={"a": [1, None]}).text == '{"a":[1,null]}'


def test_a_message_opens_a_conversation_unless_it_belongs_to_one() -> None:
    assert message(context_id=None).conversation == "m-1"
    assert message(context_id="c-1").conversation == "c-1"


def test_a_minimal_message_gets_an_id_a_time_and_priority_3() -> None:
    one, other = (
        AgentMessage(message_type="request", from_agent="A", content="x") for _ in range(2)
    )
    assert uuid.UUID(one.message_id).version == 4
    assert one.message_id != other.message_id
    assert (datetime.now(UTC) - datetime.fromisoformat(one.timestamp)).total_seconds() < 60
    assert (one.priority, one.hops, one.metadata) == (3, 0, {})


def test_times_are_written_with_microseconds_in_utc() -> None:
    assert len(now()) == len("2026-11-22T10:00:00.000000Z")
    assert now().endswith("Z")
    assert new_id() != new_id()


def test_the_wire_format_is_the_documented_one() -> None:
    assert json.loads(message().to_bytes()) == VALID_FIELDS
    assert list(json.loads(message().to_bytes())) == list(VALID_FIELDS)


def test_our_heartbeats_are_recognised_by_their_first_bytes() -> None:
    beat = AgentMessage(message_type="heartbeat", from_agent="A", content={})
    assert beat.to_bytes().startswith(HEARTBEAT_PREFIX)
    later = AgentMessage.from_bytes(beat.to_bytes()[:-1] + b',"later":1}')
    assert later.to_bytes().startswith(HEARTBEAT_PREFIX)
    assert not message().to_bytes().startswith(HEARTBEAT_PREFIX)


# What others write


@both_readers
@given(st.binary())
def test_arbitrary_bytes_are_a_message_or_refused(read: Reader, data: bytes) -> None:
    read_or_refuse(read, data)


@both_readers
@given(messages, st.data())
def test_a_damaged_message_is_a_message_or_refused(
    read: Reader, sent: AgentMessage, data: st.DataObject
) -> None:
    damaged = bytearray(sent.to_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(damaged) - 1))
        until = data.draw(st.integers(at, min(at + 8, len(damaged))))
        damaged[at:until] = data.draw(st.binary(max_size=4) | st.sampled_from([b'"', b"{", b","]))
        damaged += b"x" * (not damaged)
    received = read_or_refuse(read, bytes(damaged))
    if received is not None:
        assert AgentMessage.from_bytes(received.to_bytes()) == received


@both_readers
@given(st.dictionaries(st.sampled_from([*VALID_FIELDS, "later"]), json_values))
def test_any_values_in_the_known_fields_are_a_message_or_refused(
    read: Reader, fields: dict[str, Any]
) -> None:
    read_or_refuse(read, encode(fields))
    read_or_refuse(read, encode(VALID_FIELDS | fields))


@pytest.mark.parametrize("field", ["message_type", "from_agent", "content"])
def test_a_message_of_ours_without_a_required_field_is_refused(field: str) -> None:
    data = encode({key: value for key, value in VALID_FIELDS.items() if key != field})
    with pytest.raises(InvalidMessage, match=field):
        AgentMessage.from_bytes(data)


WRONG_VALUES = {
    "message_type": ["1", '""', '"Request"', '"query"', '["request"]', "true"],
    "from_agent": ["1", "[]", "{}", "true", '""', '"*"'],
    "to_agent": ["1", "[]", "{}", "false", '""', '">"', '"a.b"'],
    "metadata": ['""', "1", "[]", "true", '[["a",1]]'],
    "timestamp": ["0", "1.5", "[]", '""', '"now"', '"2026-13-01"', '"2026-11-22T25:00"'],
    "message_id": ["1", "[]", '""', '"a.b"', '"a b"', '"a\\n"', '"é"', f'"{"x" * 65}"'],
    "in_reply_to": ["1", "[]", '""', '"a.b"', '"a b"', f'"{"x" * 65}"'],
    "context_id": ["1", "{}", '""', '"a.b"', '"*"', f'"{"x" * 65}"'],
    "priority": ["true", "false", "0", "6", "-1", "1.5", '"3"', "[3]", "1" + "0" * 400],
    "hops": ["true", "-1", "1.5", '"0"', "1000001", "1" + "0" * 400],
}


@both_readers
@pytest.mark.parametrize(
    ("field", "value"),
    [(field, value) for field, values in WRONG_VALUES.items() for value in values],
    ids=lambda value: str(value)[:20],
)
def test_a_wrong_value_is_refused_in_every_field(read: Reader, field: str, value: str) -> None:
    with pytest.raises(InvalidMessage):
        read(message_with(**{field: value.encode()}))
    with pytest.raises(InvalidMessage):
        read(message_with(**{field: value.encode()}, later=b"1"))


@pytest.mark.parametrize(
    "field",
    ["message_type", "from_agent", "metadata", "timestamp", "message_id", "priority", "hops"],
)
def test_null_is_refused_where_a_message_of_ours_has_a_value(field: str) -> None:
    with pytest.raises(InvalidMessage):
        AgentMessage.from_bytes(message_with(**{field: b"null"}))


@both_readers
@pytest.mark.parametrize("field", ["from_agent", "to_agent"])
@pytest.mark.parametrize("name", HOSTILE_NAMES.values(), ids=HOSTILE_NAMES.keys())
def test_a_hostile_name_on_the_wire_is_an_invalid_message(
    read: Reader, field: str, name: str
) -> None:
    for extra in ({}, {"later": b"1"}):
        with pytest.raises(InvalidMessage) as caught:
            read(message_with(**{field: json.dumps(name).encode()}, **extra))
        assert str(caught.value).isprintable()


@both_readers
@pytest.mark.parametrize(
    "data",
    [
        message_with()[:-1] + b',"content":"again"}',
        message_with()[:-1] + b',"later":1,"later":2}',
        message_with(metadata=b'{"a":1,"a":2}'),
        message_with(metadata=b'{"a":[{"b":1,"b":1}]}', later=b"1"),
        message_with(content=b'{"a":1,"\\u0061":2}'),
        message_with()[:-1] + b',"\\u0066rom_agent":"Boss"}',
        b'{"content":"a","content":"b"}',
        b'{"content":"a","\\u0063ontent":"b"}',
        b'{"content":{"a":1,"a":2}}',
    ],
    ids=["known", "unknown", "metadata", "deeper", "content", "escaped", "plain", "both", "inner"],
)
def test_a_key_twice_is_refused(read: Reader, data: bytes) -> None:
    with pytest.raises(InvalidMessage):
        read(data)


@both_readers
@pytest.mark.parametrize("shape", deep_values(2))
@pytest.mark.parametrize("field", ["content", "metadata", "priority", "later"])
def test_json_nested_200_000_deep_is_refused(read: Reader, shape: str, field: str) -> None:
    with pytest.raises(InvalidMessage):
        read(message_with(**{field: deep_values(200_000)[shape]}))


@both_readers
@pytest.mark.parametrize("shape", ["objects", "unclosed objects"])
def test_a_message_of_nothing_but_depth_is_refused(read: Reader, shape: str) -> None:
    with pytest.raises(InvalidMessage):
        read(deep_values(200_000)[shape])


@both_readers
@pytest.mark.parametrize(
    "content",
    [
        b"NaN",
        b"-Infinity",
        b"1e999",
        b"9" * 5000,
        b'"\xff"',
        b'"\xed\xa0\x80"',
        b'"\\ud800"',
        b'"\\udfff\\ud800"',
        b'"\x00"',
        b"'x'",
        b"",
    ],
    ids=lambda content: repr(content[:12]),
)
def test_content_that_is_no_strict_json_is_refused(read: Reader, content: bytes) -> None:
    for data in (message_with(content=content), message_with(metadata=b'{"a":%s}' % content)):
        with pytest.raises(InvalidMessage):
            read(data)


@pytest.mark.parametrize(
    "data",
    [b"", b"\0", b"\xff", b"\xef\xbb\xbf" + message_with(), b"null", b"[]", b"1", b"Hello", b'""'],
    ids=lambda data: repr(data[:6]),
)
def test_bytes_that_are_no_json_object_are_no_message_of_ours(data: bytes) -> None:
    with pytest.raises(InvalidMessage):
        AgentMessage.from_bytes(data)


@both_readers
@pytest.mark.parametrize("left", [400, 100, 60])
def test_reading_from_a_deep_stack_makes_no_other_error(read: Reader, left: int) -> None:
    deep = [message_with(content=value) for value in deep_values(200_000).values()]
    for data in (*deep, message().to_bytes(), message_with(later=b"1"), b'{"content":1}', b"Hi"):
        with_frames_left(left, lambda data=data: read_or_refuse(read, data))


@both_readers
@pytest.mark.parametrize("content", ["x", "🌦", "{[", '"\\'], ids=["x", "emoji", "{[", "quotes"])
def test_ten_megabytes_of_content_pass_in_reasonable_time(read: Reader, content: str) -> None:
    sent = message(content=content * (10_000_000 // len(content.encode())))
    start = time.process_time()
    assert read(sent.to_bytes()) == sent
    assert time.process_time() - start < 10


@both_readers
def test_ten_megabytes_in_a_field_that_takes_a_word_are_refused_in_few_words(read: Reader) -> None:
    huge = b'"' + b"z" * 10_000_000 + b'"'
    for field in (*WRONG_VALUES, "later"):
        assert read_or_refuse(read, message_with(**{field: huge})) is None or field == "later"


# What plain clients may leave out


@given(st.text().filter(lambda text: not text.lstrip().startswith("{")))
def test_plain_text_is_the_content_of_a_request_from_anonymous(text: str) -> None:
    received = read_plain(text.encode(), to_agent="Weather-Bot")
    assert received.content == text
    assert received.message_type == "request"
    assert (received.from_agent, received.to_agent) == ("anonymous", "Weather-Bot")


def test_what_the_subject_tells_fills_in_what_the_payload_does_not() -> None:
    received = read_plain(b'{"content":1}', to_agent="B", from_agent="a", message_id="m-9")
    assert (received.from_agent, received.to_agent, received.message_id) == ("a", "B", "m-9")
    own = b'{"content":1,"from_agent":"C","to_agent":"D","message_id":"m-1","priority":1}'
    received = read_plain(own, to_agent="B", from_agent="a", message_id="m-9")
    assert (received.from_agent, received.to_agent) == ("C", "D")
    assert (received.message_id, received.priority) == ("m-1", 1)


@pytest.mark.parametrize("missing", ["message_id", "to_agent"])
@pytest.mark.parametrize("with_null", [False, True], ids=["left out", "null"])
def test_a_nearly_full_envelope_is_filled_in_too(missing: str, with_null: bool) -> None:
    fields = {key: value for key, value in VALID_FIELDS.items() if key != missing}
    if with_null:
        fields[missing] = None
    received = read_from_anybody(encode(fields))
    assert received == message(
        **{missing: {"message_id": "m-9", "to_agent": "Weather-Bot"}[missing]}
    )


def test_null_counts_as_left_out_except_as_content() -> None:
    nulls = dict.fromkeys(VALID_FIELDS)
    received = read_from_anybody(encode(nulls))
    assert received.content is None
    assert (received.from_agent, received.priority, received.metadata) == ("anonymous", 3, {})


@given(json_values, json_objects)
def test_a_plain_object_with_content_is_an_envelope(content: Any, metadata: dict[str, Any]) -> None:
    data = json.dumps({"content": content, "metadata": metadata, "later": 1}, indent=1).encode()
    received = read_from_anybody(b"\n " + data)
    assert (received.content, received.metadata) == (content, metadata)
    assert received.extra == {"later": 1}


@pytest.mark.parametrize("data", [b"{}", b'{"text":"hi"}', b"{hello}", b'{"content":"cut o', b"{"])
def test_an_object_without_content_or_cut_off_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidMessage):
        read_from_anybody(data)


@pytest.mark.parametrize("name", ["*", "", "a.b", "🌦"])
def test_a_hostile_name_in_the_subject_is_an_invalid_message(name: str) -> None:
    with pytest.raises(InvalidMessage):
        read_plain(b"Hello", to_agent=name)
    with pytest.raises(InvalidMessage):
        read_plain(b"Hello", to_agent="B", from_agent=name)


# What we refuse to write


@unsendable
@pytest.mark.parametrize("field", ["content", "metadata"])
def test_what_cannot_travel_is_refused_before_it_is_sent(field: str, value: Any) -> None:
    sent = message(**{field: {"here": value} if field == "metadata" else value})
    with pytest.raises(InvalidMessage, match=field):
        sent.to_bytes()


@pytest.mark.parametrize(
    "value", ["\ud800", {"\ud800": 1}, 10**5000], ids=["surrogate", "surrogate key", "5,001 digits"]
)
def test_what_has_no_bytes_is_refused_before_it_is_sent(value: Any) -> None:
    for sent in (message(content=value), message(metadata={"here": value})):
        with pytest.raises(InvalidMessage):
            sent.to_bytes()


@pytest.mark.parametrize("field", ["content", "metadata"])
def test_what_is_sent_is_never_too_deep_to_be_received(field: str) -> None:
    def deep(levels: int) -> AgentMessage:
        value = nested(levels - (field == "metadata"))
        return message(**{field: {"a": value} if field == "metadata" else value})

    assert AgentMessage.from_bytes(deep(63).to_bytes()) == deep(63)
    with pytest.raises(InvalidMessage, match="deeper than 64"):
        deep(64).to_bytes()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("message_type", "query"),
        ("message_type", None),
        ("message_type", ["request"]),
        ("metadata", None),
        ("metadata", [1]),
        ("timestamp", 5),
        ("timestamp", None),
        ("timestamp", "yesterday"),
        ("timestamp", datetime(2026, 11, 22, tzinfo=UTC)),
        ("message_id", 5),
        ("message_id", None),
        ("message_id", "a.b"),
        ("in_reply_to", uuid.UUID(int=4)),
        ("context_id", b"c-1"),
        ("priority", True),
        ("priority", "3"),
        ("priority", 3.0),
        ("priority", 0),
        ("priority", 6),
        ("priority", None),
        ("priority", 10**5000),
        ("hops", False),
        ("hops", -1),
        ("hops", None),
        ("hops", -(10**5000)),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, int) else str(value)[:16],
)
def test_a_message_is_checked_when_it_is_made(field: str, value: Any) -> None:
    with pytest.raises(InvalidMessage, match=field.replace("_", ".") + "|message id"):
        message(**{field: value})
    with pytest.raises(InvalidMessage):
        message().replace(**{field: value})


@pytest.mark.parametrize("name", HOSTILE_NAMES.values(), ids=HOSTILE_NAMES.keys())
def test_a_hostile_name_is_refused_when_a_message_is_made(name: str) -> None:
    for field in ("from_agent", "to_agent"):
        with pytest.raises(InvalidAgentName):
            message(**{field: name})


@given(names)
def test_a_message_keeps_the_spelling_of_names(name: str) -> None:
    assert AgentMessage.from_bytes(message(from_agent=name).to_bytes()).from_agent == name


def test_a_message_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        cast("Any", message()).priority = 1


def test_a_kibibyte_costs_little() -> None:
    data = KIBIBYTE.to_bytes()
    assert 900 < len(data) < 1100
    assert median_microseconds(lambda: AgentMessage.from_bytes(data).to_bytes()) < 50
    assert median_microseconds(lambda: read_from_anybody(data)) < 50
