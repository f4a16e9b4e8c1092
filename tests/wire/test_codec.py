from __future__ import annotations

import datetime as dt
import decimal
import json
import time
import uuid
from collections.abc import Callable
from typing import Any, cast

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubbub.errors import InvalidMessage
from hubbub.wire.codec import MAX_DEPTH, check_json, decode, decode_object, encode, explain

from .material import (
    KIBIBYTE,
    deep_values,
    json_objects,
    json_values,
    median_microseconds,
    nested,
    read_or_refuse,
    with_frames_left,
)


class Note(msgspec.Struct, frozen=True, kw_only=True):
    title: str
    body: Any = None
    size: int = 0


_decoder = msgspec.json.Decoder(Note)


def read_note(data: bytes) -> Note:
    return decode(data, _decoder)


READERS: list[Callable[[bytes], object]] = [read_note, decode_object]
both_readers = pytest.mark.parametrize("read", READERS, ids=["record", "object"])


@given(json_objects)
def test_an_object_decodes_to_itself(value: dict[str, Any]) -> None:
    assert decode_object(encode(value)) == value


@given(st.text(), json_values, st.integers())
def test_a_record_decodes_to_itself(title: str, body: Any, size: int) -> None:
    note = Note(title=title, body=body, size=size)
    assert read_note(encode(note)) == note
    assert encode(read_note(encode(note))) == encode(note)


@given(json_objects)
def test_bytes_of_other_writers_are_read_just_as_well(value: dict[str, Any]) -> None:
    spaced = json.dumps(value, indent=2).encode()
    assert decode_object(spaced) == value
    wrapped = json.dumps({"body": value, "title": "t"}).encode()
    assert read_note(wrapped) == Note(title="t", body=value)


@both_readers
@given(st.binary())
def test_arbitrary_bytes_are_read_or_refused(read: Callable[[bytes], object], data: bytes) -> None:
    read_or_refuse(read, data)


@both_readers
@given(st.text(alphabet='{}[]":,\\ue0123456789.-+truefalsn titlbody', max_size=60))
def test_near_json_is_read_or_refused(read: Callable[[bytes], object], text: str) -> None:
    read_or_refuse(read, b'{"title":"t","body":' + text.encode() + b"}")


@both_readers
@pytest.mark.parametrize(
    "data",
    [
        b"",
        b" ",
        b"null",
        b"5",
        b'"text"',
        b"[]",
        b"[{}]",
        b"{",
        b'{"title"',
        b'{"title":"t"} {}',
        b'{"title":"t",}',
        b"{'title':'t'}",
        b'{title:"t"}',
        b'{"title":"t"} // note',
        b'\xef\xbb\xbf{"title":"t"}',
        b'\xff\xfe{\x00"\x00',
        '{"title":"t"}'.encode("utf-16"),
        b"\x00",
        b'{"title":"\xff"}',
        b'{"title":"\xc0\xaf"}',
        b'{"title":"\xed\xa0\x80"}',
        b'{"title":"t","body":"\xf5\x80\x80\x80"}',
        b'{"title":"\\ud800"}',
        b'{"title":"\\udc00\\ud800"}',
        b'{"title":"\x00"}',
        b'{"title":"a\nb"}',
        b'{"title":"t","body":NaN}',
        b'{"title":"t","body":Infinity}',
        b'{"title":"t","body":-Infinity}',
        b'{"title":"t","body":1e999}',
        b'{"title":"t","body":[-1e999]}',
        b'{"title":"t","body":01}',
        b'{"title":"t","body":1.}',
        b'{"title":"t","body":+1}',
        b'{"title":"t","body":0x10}',
        b'{"title":"t","body":' + b"9" * 5000 + b"}",
        b'{"title":"t","later":NaN}',
        b'{"title":"t","later":' + b"9" * 5000 + b"}",
    ],
    ids=lambda data: repr(data[:32]),
)
def test_what_is_no_strict_json_object_is_refused(
    read: Callable[[bytes], object], data: bytes
) -> None:
    with pytest.raises(InvalidMessage) as caught:
        read(data)
    assert str(caught.value).isprintable()


@both_readers
@pytest.mark.parametrize(
    "data",
    [
        b'{"title":"t","title":"t"}',
        b'{"title":"t","body":1,"body":1}',
        b'{"title":"t","later":1,"later":2}',
        b'{"title":"t","body":{"a":1,"a":2}}',
        b'{"title":"t","body":[{"b":{"a":1,"a":1}}]}',
        b'{"title":"t","later":{"a":1,"a":2}}',
        b'{"title":"t","\\u0074itle":"u"}',
        b'{"title":"t","body":{"key":1,"\\u006bey":2}}',
        b'{"title":"t","body":{"\xc3\xa9":1,"\\u00e9":2}}',
        b'{"title":"t","body":{"":1,"":2}}',
    ],
    ids=lambda data: repr(data[11:44]),
)
def test_a_key_twice_is_refused_wherever_it_is(
    read: Callable[[bytes], object], data: bytes
) -> None:
    with pytest.raises(InvalidMessage, match="there twice"):
        read(data)


@both_readers
@pytest.mark.parametrize("shape", deep_values(2))
@pytest.mark.parametrize("field", ["body", "later"])
@pytest.mark.parametrize("levels", [200, 200_000])
def test_deep_json_is_refused(
    read: Callable[[bytes], object], shape: str, field: str, levels: int
) -> None:
    value = deep_values(levels)[shape]
    for data in (value, b'{"title":"t","%s":%s}' % (field.encode(), value)):
        with pytest.raises(InvalidMessage):
            read(data)


@both_readers
def test_depth_counts_to_its_limit_and_not_beyond(read: Callable[[bytes], object]) -> None:
    inside = encode({"title": "t", "body": nested(MAX_DEPTH - 1)})
    read(inside)
    read(b" " + inside)
    beyond = encode({"title": "t", "body": nested(MAX_DEPTH)})
    for data in (beyond, b" " + beyond):
        with pytest.raises(InvalidMessage, match="deeper than 64"):
            read(data)


@given(json_values.filter(lambda value: isinstance(value, list | dict)), st.integers(50, 64))
def test_depth_is_that_of_the_deepest_value(value: Any, levels: int) -> None:
    wrapped: Any = value
    for level in range(levels):
        wrapped = cast("Any", [0, wrapped, "]"] if level % 2 else {"}": wrapped, "[": [1]})
    data = encode({"title": "t", "body": wrapped})
    if 1 + levels + depth_of(value) <= MAX_DEPTH:
        assert read_note(data).body == wrapped
    else:
        with pytest.raises(InvalidMessage, match="deeper than 64"):
            read_note(data)


def depth_of(value: Any) -> int:
    if isinstance(value, dict):
        value = list(cast("dict[str, Any]", value).values())
    if not isinstance(value, list):
        return 0
    return 1 + max((depth_of(item) for item in cast("list[Any]", value)), default=0)


@both_readers
@pytest.mark.parametrize(
    "body", ["[" * 500, "{[" * 500, '"[' * 500, '\\"[' * 500, "\\[" * 500, [[1], [2]] * 500]
)
def test_brackets_that_nest_nothing_are_not_depth(
    read: Callable[[bytes], object], body: object
) -> None:
    data = encode({"title": "t", "body": body})
    read(data)
    read(b" " + data)


@both_readers
@pytest.mark.parametrize("left", [400, 100, 60, 40])
def test_a_deep_stack_below_makes_no_other_error(
    read: Callable[[bytes], object], left: int
) -> None:
    deep = [b'{"title":"t","body":%s}' % value for value in deep_values(200_000).values()]
    for data in (*deep, encode({"title": "t", "body": nested(60)}), b' {"title":"t"}'):
        with_frames_left(left, lambda data=data: read_or_refuse(read, data))


TEN_MEGABYTES: dict[str, Callable[[], bytes]] = {
    "text": lambda: encode({"title": "t", "body": "é[" * 4_000_000}),
    "zeros": lambda: b'{"title":"t","body":1.' + b"0" * 10_000_000 + b"}",
    "digits": lambda: b'{"title":"t","body":' + b"9" * 10_000_000 + b"}",
    "backslashes": lambda: b'{"title":"t","body":"' + b"\\" * 10_000_000 + b'"}',
    "empty lists": lambda: b'{"title":"t","body": [[]' + b",[]" * 3_000_000 + b"]}",
    "not UTF-8": lambda: b"\xff" * 10_000_000,
    "braces": lambda: b"{" * 10_000_000,
    "blanks": lambda: b" " * 10_000_000,
    "quotes": lambda: b'"' * 10_000_000,
    "many keys, one of them twice": lambda: (
        b"{" + b"".join(b'"k%d":1,' % i for i in range(700_000)) + b'"title":"t","k699999":2}'
    ),
}


@both_readers
@pytest.mark.parametrize("kind", TEN_MEGABYTES)
def test_ten_megabytes_are_judged_in_reasonable_time(
    read: Callable[[bytes], object], kind: str
) -> None:
    data = TEN_MEGABYTES[kind]()
    start = time.process_time()
    read_or_refuse(read, data)
    assert time.process_time() - start < 10


class Opaque:
    pass


def a_list_of_itself() -> list[Any]:
    value: list[Any] = []
    value.extend((value, value))
    return value


def an_object_of_itself() -> dict[str, Any]:
    value: dict[str, Any] = {}
    value["self"] = {"again": value}
    return value


UNSENDABLE: dict[str, Any] = {
    "NaN": float("nan"),
    "infinity": float("inf"),
    "minus infinity": float("-inf"),
    "bytes": b"bytes",
    "bytearray": bytearray(b"bytes"),
    "set": {1, 2},
    "frozenset": frozenset([1]),
    "datetime": dt.datetime.now(dt.UTC),
    "date": dt.date(2026, 11, 22),
    "timedelta": dt.timedelta(seconds=1),
    "uuid": uuid.uuid4(),
    "decimal": decimal.Decimal("1.5"),
    "complex": 1j,
    "object": Opaque(),
    "class": Opaque,
    "function": lambda: None,
    "iterator": iter([1]),
    "whole number as key": {1: "one"},
    "None as key": {None: 1},
    "boolean as key": {True: 1},
    "tuple as key": {(1, 2): 3},
    "cyclic list": a_list_of_itself(),
    "cyclic object": an_object_of_itself(),
    "65 levels": nested(65),
    "100,000 levels": nested(100_000),
    "raw JSON": msgspec.Raw(b"{"),
}
unsendable = pytest.mark.parametrize("value", UNSENDABLE.values(), ids=UNSENDABLE.keys())


@unsendable
def test_what_would_not_come_back_as_it_was_is_refused(value: Any) -> None:
    for wrapped in (value, [value], {"key": value}, {"key": [1, {"inner": value}]}):
        with pytest.raises(InvalidMessage, match="what I send"):
            check_json(wrapped, what="what I send")


@given(json_values)
def test_what_json_carries_may_be_sent(value: Any) -> None:
    check_json(value, what="it")


def test_a_value_may_be_nested_to_the_limit() -> None:
    check_json(nested(64), what="it")
    check_json(nested(63), what="it", depth=1)
    with pytest.raises(InvalidMessage, match="deeper than 64"):
        check_json(nested(64), what="it", depth=1)


def test_a_value_checked_from_a_deep_stack_is_refused_not_an_accident() -> None:
    with pytest.raises(InvalidMessage, match="too deep"):
        with_frames_left(40, lambda: check_json(nested(60), what="it"))


@pytest.mark.parametrize(
    "value",
    ["\ud800", {"\udfff": 1}, 10**5000, Opaque()],
    ids=["surrogate", "surrogate key", "5,001 digits", "object"],
)
def test_what_has_no_bytes_is_refused(value: object) -> None:
    with pytest.raises(InvalidMessage, match="cannot be written as JSON"):
        encode(value)


def test_an_error_is_explained_in_one_short_printable_line() -> None:
    assert explain(ValueError("plain, é")) == "plain, é"
    assert explain(ValueError("a\r\nNats-Rollup: all")) == "a\\r\\nNats-Rollup: all"
    assert len(explain(ValueError("x" * 10_000_000))) == 200


def test_a_kibibyte_costs_little() -> None:
    data = encode({"title": "t", "body": KIBIBYTE.text, "metadata": KIBIBYTE.metadata})
    assert median_microseconds(lambda: encode(decode_object(data))) < 50
