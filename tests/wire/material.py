"""What the wire tests share: values to draw, hostile bytes by name, ways to call."""

from __future__ import annotations

import inspect
import json
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any, TypeVar

from hypothesis import strategies as st

from hubbub.errors import InvalidMessage
from hubbub.wire import AgentMessage

T = TypeVar("T")

json_values: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=-(10**400), max_value=10**400)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)
json_objects: st.SearchStrategy[dict[str, Any]] = st.dictionaries(
    st.text(max_size=12), json_values, max_size=4
)
tokens = st.from_regex(r"[a-z0-9](?:[a-z0-9_]{0,61}[a-z0-9])?", fullmatch=True)
names = st.from_regex(r"[A-Za-z0-9](?:[A-Za-z0-9 _-]{0,61}[A-Za-z0-9])?", fullmatch=True)
message_ids = st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True)
timestamps = st.datetimes().map(lambda moment: moment.isoformat() + "Z")

messages = st.builds(
    AgentMessage,
    message_type=st.sampled_from(["request", "response", "handoff", "announcement", "heartbeat"]),
    from_agent=names,
    to_agent=st.none() | names,
    content=json_values,
    metadata=json_objects,
    timestamp=timestamps,
    message_id=message_ids,
    in_reply_to=st.none() | message_ids,
    priority=st.integers(1, 5),
    context_id=st.none() | message_ids,
    hops=st.integers(0, 1_000_000),
)

VALID_FIELDS: dict[str, Any] = {
    "message_type": "request",
    "from_agent": "Task-Coordinator",
    "to_agent": "Weather-Bot",
    "content": "Rain tomorrow?",
    "metadata": {"city": "Oslo"},
    "timestamp": "2026-11-22T10:00:00.000000Z",
    "message_id": "m-1",
    "in_reply_to": "m-0",
    "priority": 3,
    "context_id": "c-1",
    "hops": 0,
}


def message_with(**raw: bytes) -> bytes:
    """Return a valid message in which some fields are replaced by raw bytes."""
    parts = {key: json.dumps(value).encode() for key, value in VALID_FIELDS.items()} | raw
    return b"{" + b",".join(b'"%s":%s' % (k.encode(), v) for k, v in parts.items()) + b"}"


def deep_values(levels: int) -> dict[str, bytes]:
    """Return JSON nested as deep as said, in every shape, closed and not."""
    return {
        "lists": b"[" * levels + b"]" * levels,
        "objects": b'{"a":' * levels + b"1" + b"}" * levels,
        "mixed": b'[{"a":' * (levels // 2) + b"1" + b"}]" * (levels // 2),
        "unclosed lists": b"[" * levels,
        "unclosed objects": b'{"a":' * levels,
        "unclosed mixed": b'[{"a":' * (levels // 2),
    }


def nested(levels: int) -> Any:
    """Return a list nested as deep as said."""
    value: Any = 0
    for _ in range(levels):
        value = [value]
    return value


def with_frames_left(left: int, call: Callable[[], T]) -> T:
    """Make a call from a Python stack that has only so many frames left."""
    depth, frame = 0, inspect.currentframe()
    while frame is not None:
        depth, frame = depth + 1, frame.f_back

    def descend(frames: int) -> T:
        return call() if frames <= 0 else descend(frames - 1)

    return descend(sys.getrecursionlimit() - depth - left)


def read_or_refuse(read: Callable[[bytes], T], data: bytes) -> T | None:
    """Return what was read; None if it was refused in one short printable line."""
    try:
        return read(data)
    except InvalidMessage as error:
        reason = str(error)
    assert reason.isprintable()
    assert len(reason) < 300
    return None


def median_microseconds(call: Callable[[], object]) -> float:
    """Return how long a call takes as a rule."""
    samples = list[float]()
    for _ in range(300):
        start = time.perf_counter()
        call()
        samples.append(time.perf_counter() - start)
    return statistics.median(samples) * 1e6


KIBIBYTE = AgentMessage(
    message_type="request",
    from_agent="Task-Coordinator",
    to_agent="Weather-Bot",
    content="What will the weather be? " * 24,
    metadata={"city": "Oslo", "days": [1, 2, 3], "trace": {"span": "0123456789abcdef"}},
    context_id="c-1",
)
