"""The parsers below the transport, without any I/O: however text is cut, it means the same."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubbub.runtimes.normalise.chunks import RETRACTED, StreamNormaliser, normalise_completion
from hubbub.runtimes.normalise.content import ContentReader, Said
from hubbub.runtimes.normalise.sse import SseRecord, SseSplitter, encode_sse
from hubbub.runtimes.normalise.tags import Piece, TagSplitter
from hubbub.runtimes.normalise.textcalls import TextCall, calls_in, may_open_call, tagged_calls
from hubbub.runtimes.normalise.toolcalls import CallIndex

OFFERED = frozenset(("get_weather", "list_agents"))
CALL = '{"name": "get_weather", "arguments": {"city": "Rome"}}'
ROME = TextCall("get_weather", '{"city": "Rome"}')


def cut(text: str, places: list[int]) -> list[str]:
    """Cut a text at some places."""
    marks = sorted({min(place, len(text)) for place in places})
    return [text[a:b] for a, b in zip([0, *marks], [*marks, len(text)], strict=True)]


def merged(said: list[Said]) -> list[Said]:
    """Join pieces of one kind that follow one another."""
    out: list[Said] = []
    for one in said:
        last = out[-1] if out else None
        if isinstance(one, Piece) and isinstance(last, Piece) and last.kind == one.kind:
            out[-1] = Piece(one.kind, last.text + one.text)
        else:
            out.append(one)
    return out


def read(parts: list[str], offered: frozenset[str] = OFFERED, **kwargs: Any) -> list[Said]:
    reader = ContentReader(offered, **kwargs)
    said = [one for part in parts for one in reader.feed(part)]
    return merged([*said, *reader.feed("", end=True)])


fragments = st.sampled_from(
    [
        "<think>",
        "</think>",
        "<tool_call>",
        "</tool_call>",
        CALL,
        f"```json\n{CALL}\n```",
        '{"a": 1}',
        "```python\nx = {1}\n```",
        "`<think>`",
        "text ",
        "\n",
        "  ",
        "<",
        "CALL ",
        "[",
        "{",
        '{"name"',
        "```",
    ]
)
cuts = st.lists(st.integers(0, 300), max_size=12)


@given(st.lists(fragments, max_size=8).map("".join), cuts, st.booleans())
def test_content_means_the_same_however_it_is_cut(
    text: str, places: list[int], thinking: bool
) -> None:
    assert read(cut(text, places), thinking=thinking) == read([text], thinking=thinking)


@given(st.text(), cuts)
def test_text_without_tags_stays_as_it_is(text: str, places: list[int]) -> None:
    if any(tag in text for tag in ("<think", "</think", "<tool_call>")):
        return
    said = read(cut(text, places), frozenset())
    assert "".join(one.text for one in said if isinstance(one, Piece)) == text.lstrip()


@given(st.text(alphabet="ab{}[]\"'`\n :,<>/", max_size=60), cuts)
def test_nothing_is_lost_when_tools_are_offered_and_none_is_called(
    text: str, places: list[int]
) -> None:
    said = read(cut(text, places))
    assert "".join(one.text for one in said if isinstance(one, Piece)) == text.lstrip()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<think>\nhm\n</think>\n\nyes", [Piece("think", "hm\n"), Piece("text", "yes")]),
        ("hm</think>yes", [Piece("text", "hm"), Piece("retract", ""), Piece("text", "yes")]),
        ("the `<think>` tag", [Piece("text", "the `<think>` tag")]),
        ("<think>a<think>b</think>c", [Piece("think", "ab"), Piece("text", "c")]),
        (f"<think>let me<tool_call>{CALL}</tool_call>", [Piece("think", "let me"), ROME]),
        (f"<tool_call>\n{CALL}", [ROME]),
        (CALL, [ROME]),
        (f"```json\n{CALL}\n```", [ROME]),
        (f"Let me look.\n{CALL}", [Piece("text", "Let me look.\n"), ROME]),
        (f"{CALL}\n{CALL}", [ROME, ROME]),
        (f"[{CALL}, {CALL}]", [ROME, ROME]),
        (f"CALL {CALL}", [ROME]),
        (f"[TOOL_CALLS][{CALL}]", [ROME]),
        ("{'name': 'get_weather', 'arguments': {'city': 'Rome'}}", [ROME]),
        ('{"get_weather": {"city": "Rome"}}', [ROME]),
        ('{"name": "Anna", "age": 3}', [Piece("text", '{"name": "Anna", "age": 3}')]),
        (
            '{"name": "other", "arguments": {}}',
            [Piece("text", '{"name": "other", "arguments": {}}')],
        ),
        ("```python\nx\n```", [Piece("text", "```python\nx\n```")]),
        ('{"name": "get_wea', [Piece("text", '{"name": "get_wea')]),
    ],
)
def test_content_is_read(text: str, expected: list[Said]) -> None:
    assert read([text]) == expected


def test_json_that_is_no_call_flows_without_delay() -> None:
    reader = ContentReader(OFFERED)
    assert reader.feed('{"answer"')
    assert ContentReader(OFFERED).feed("```python\n")
    assert not ContentReader(OFFERED).feed('{"name"')


def test_without_offered_tools_nothing_is_a_call() -> None:
    assert read([CALL], frozenset()) == [Piece("text", CALL)]
    assert read([f"<tool_call>{CALL}</tool_call>"], frozenset())[0].text.startswith("<tool_call>")  # type: ignore[union-attr]


def test_a_split_tag_is_held_back() -> None:
    splitter = TagSplitter()
    assert splitter.feed("a <thi") == [Piece("text", "a ")]
    assert splitter.feed("s") == [Piece("text", "<this")]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (CALL, [ROME]),
        (
            '{"name": "get_weather", "parameters": "{\\"city\\": 1}"}',
            [("get_weather", '{"city": 1}')],
        ),
        ('{"name": "get_weather", "arguments": {"city": "Ro', [("get_weather", '{"city": "Ro')]),
        ('{"name": "unknown", "arguments": {}}', [("unknown", "{}")]),
        (
            "<function=get_weather>\n<parameter=city>\nRome\n</parameter>\n</function>",
            [("get_weather", '{"city": "Rome"}')],
        ),
        ("no call at all", []),
    ],
)
def test_tagged_calls_are_read(body: str, expected: list[Any]) -> None:
    assert tagged_calls(body, OFFERED) == expected


@pytest.mark.parametrize(
    "value",
    [
        json.loads(CALL),
        {"function": json.loads(CALL), "id": "1", "type": "function"},
        {"tool": "get_weather", "args": {"city": "Rome"}},
        {"tool_calls": [{"type": "function", "function": json.loads(CALL)}]},
        {"type": "function", "function": "get_weather", "parameters": {"city": "Rome"}},
    ],
)
def test_shapes_of_calls_are_known(value: object) -> None:
    assert calls_in(value, OFFERED) == [ROME]


def test_the_beginning_tells_whether_a_call_may_follow() -> None:
    assert may_open_call('{"name": "x', OFFERED) is True
    assert may_open_call("``", OFFERED) is None
    assert may_open_call('```json\n[{"na', OFFERED) is None
    assert may_open_call("{1}", OFFERED) is False
    assert may_open_call("CALLING", OFFERED) is False


records = st.lists(st.text(alphabet="ab :{}é", min_size=1, max_size=20), max_size=6)
ends = st.sampled_from(["\n", "\r\n", "\r"])


@given(records, ends, cuts)
def test_events_are_the_same_however_the_stream_is_cut(
    data: list[str], end: str, places: list[int]
) -> None:
    raw = "".join(f": ping{end}{end}data: {one}{end}{end}" for one in data).encode()
    marks = sorted({min(place, len(raw)) for place in places})
    splitter = SseSplitter()
    parts = [raw[a:b] for a, b in zip([0, *marks], [*marks, len(raw)], strict=True)]
    found = [record for part in parts for record in splitter.feed(part)] + splitter.close()
    assert found == [SseRecord("", one) for one in data]


def test_event_streams_of_all_kinds_are_read() -> None:
    raw = (
        b'\xef\xbb\xbfdata: a\ndata: b\n\n: hi\n\nevent: error\ndata: {}\r\n\r\nerror: {"x":1}\n\n'
    )
    splitter = SseSplitter()
    assert [*splitter.feed(raw), *splitter.feed(b"data: last"), *splitter.close()] == [
        SseRecord("", "a\nb"),
        SseRecord("error", "{}"),
        SseRecord("error", '{"x":1}'),
        SseRecord("", "last"),
    ]
    assert encode_sse("x") == b"data: x\n\n"


def test_an_event_without_end_is_refused() -> None:
    splitter = SseSplitter()
    with pytest.raises(ValueError, match="no end"):
        splitter.feed(b"x" * (16 * 1024 * 1024 + 1))


def part(arguments: object, **fields: Any) -> dict[str, Any]:
    name = fields.pop("name", None)
    function = {"arguments": arguments} | ({"name": name} if name is not None else {})
    return {**fields, "function": function}


def collected(parts: list[dict[str, Any]]) -> list[tuple[int, str, str]]:
    """Put the parts of calls together the way the SDKs do."""
    calls: dict[int, list[str]] = {}
    index = CallIndex(OFFERED)
    for one in map(index.part, parts):
        call = calls.setdefault(one["index"], ["", ""])
        call[0] += one["function"].get("name") or ""
        call[1] += one["function"]["arguments"]
    return [(at, name, arguments) for at, (name, arguments) in calls.items()]


def test_two_whole_calls_without_index_or_id_are_two() -> None:
    parts = [part('{"city": "a"}', name="get_weather"), part("{}", name="list_agents")]
    assert collected(parts) == [(0, "get_weather", '{"city": "a"}'), (1, "list_agents", "{}")]


def test_two_calls_that_share_an_index_are_two() -> None:
    parts = [
        part("{}", index=0, id="a", name="list_agents"),
        part({"city": "x"}, index=0, id="b", name="get_weather"),
    ]
    assert collected(parts) == [(0, "list_agents", "{}"), (1, "get_weather", '{"city": "x"}')]


def test_a_name_in_two_parts_is_joined() -> None:
    parts = [part("", index=0, id="a", name="get_"), part("{}", index=0, name="weather")]
    assert collected(parts) == [(0, "get_weather", "{}")]


def test_a_new_id_in_every_part_is_one_call() -> None:
    parts = [
        part('{"city"', index=0, id="a", name="get_weather"),
        part(': "x"}', index=0, id="b", name="get_weather"),
    ]
    assert collected(parts) == [(0, "get_weather", '{"city": "x"}')]


def chunk(delta: dict[str, Any], reason: str | None = None) -> dict[str, Any]:
    return {"id": "1", "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}


def deltas(normaliser: StreamNormaliser, *chunks: dict[str, Any]) -> list[dict[str, Any]]:
    out = [one for each in chunks for one in normaliser.feed(each)] + normaliser.close()
    return [one["choices"][0]["delta"] for one in out if one["choices"][0]["delta"]]


def test_a_finish_reason_that_hides_calls_is_corrected() -> None:
    normaliser = StreamNormaliser(OFFERED)
    out = normaliser.feed(chunk({"content": CALL})) + normaliser.feed(chunk({}, "stop"))
    assert out[-1]["choices"][0]["finish_reason"] == "tool_calls"


def test_an_assumed_thought_that_never_closes_was_the_answer() -> None:
    normaliser = StreamNormaliser(thinking=True)
    assert deltas(normaliser, chunk({"content": "yes"}), chunk({}, "stop"))[-1] == {
        "content": "yes"
    }


def test_a_thought_told_apart_by_the_server_ends_the_assumption() -> None:
    normaliser = StreamNormaliser(thinking=True)
    told = chunk({"reasoning_content": "hm"})
    assert deltas(normaliser, told, chunk({"content": "yes"}), chunk({}, "stop")) == [
        {"reasoning_content": "hm"},
        {"content": "yes"},
    ]


def test_text_before_a_lone_closing_tag_is_taken_back() -> None:
    found = deltas(StreamNormaliser(), chunk({"content": "hm</think>yes"}), chunk({}, "stop"))
    assert found == [{"content": "hm"}, {"content": "", RETRACTED: True}, {"content": "yes"}]


def test_what_was_held_back_comes_out_without_a_finish_reason() -> None:
    assert deltas(StreamNormaliser(OFFERED), chunk({"content": '{"name"'})) == [
        {"content": '{"name"'}
    ]


def test_chunks_without_choices_pass() -> None:
    usage: dict[str, Any] = {"choices": [], "usage": {"prompt_tokens": 1}}
    assert StreamNormaliser().feed(usage) == [usage]


def test_whole_answers_are_put_right() -> None:
    message = {"role": "assistant", "content": f"hm</think>\n{CALL}"}
    answer = {"choices": [{"message": message, "finish_reason": "stop"}]}
    choice = normalise_completion(answer, OFFERED)["choices"][0]
    assert choice["message"]["reasoning_content"] == "hm"
    assert choice["message"]["content"] is None
    assert choice["message"]["tool_calls"][0]["function"]["name"] == "get_weather"
    assert choice["finish_reason"] == "tool_calls"
