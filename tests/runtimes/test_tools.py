"""Functions and dictionaries as tools; what comes back when anything goes wrong in them."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import datetime as dt
import enum
import functools
import time
from itertools import pairwise
from typing import Any, Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubbub.errors import RateLimited, Retry
from hubbub.runtimes.docstrings import describe
from hubbub.runtimes.neutral import Parked, RunContext, asking_for, running
from hubbub.runtimes.repair import BrokenJson, read_json, read_object
from hubbub.runtimes.tools import Tool, toolbox


class Unit(enum.Enum):
    C = "celsius"


@dataclasses.dataclass
class Place:
    city: str


class Report(msgspec.Struct):
    text: str


def documented(city: str, days: int = 1, *, unit: Literal["c", "f"] = "c") -> str:
    """Look up the weather.

    It may be wrong.

    Args:
        city: the city,
            as one writes it
        days (int): how many days
        unit: the unit

    Returns:
        the weather
    """
    return f"{city} {days} {unit}"


def test_a_function_describes_itself() -> None:
    spec = Tool.of(documented).spec["function"]
    assert spec["name"] == "documented"
    assert spec["description"] == "Look up the weather.\n\nIt may be wrong."
    properties = spec["parameters"]["properties"]
    assert properties["city"] == {"type": "string", "description": "the city, as one writes it"}
    assert properties["days"] == {"type": "integer", "default": 1, "description": "how many days"}
    assert properties["unit"]["enum"] == ["c", "f"]
    assert spec["parameters"]["required"] == ["city"]


async def test_arguments_are_converted_to_their_types() -> None:
    def book(place: Place, when: dt.date, unit: Unit) -> str:
        return f"{place.city} {when.year} {unit.name}"

    given_arguments = '{"place": {"city": "Rome"}, "when": "2026-01-02", "unit": "celsius"}'
    namespace = Tool.of(book)
    assert (await namespace.call(given_arguments)).text == "Rome 2026 C"


@pytest.mark.parametrize("extra", [{"callable": documented}, {"function_callable": documented}])
async def test_a_dictionary_with_a_callable_is_a_tool(extra: dict[str, Any]) -> None:
    parameters = {"type": "object", "properties": {"city": {"type": "string"}}}
    told = {"name": "weather", "description": "d", "parameters": parameters}
    tool = Tool.of({"type": "function", "function": told, **extra})
    assert tool.spec == {"type": "function", "function": told}
    assert (await tool.call('{"city": "Bonn"}')).text == "Bonn 1 c"


async def test_a_tuple_of_dictionary_and_callable_is_a_tool() -> None:
    told = {"type": "function", "function": {"name": "weather"}}
    tool = Tool.of((told, documented))
    assert tool.parameters["required"] == ["city"]
    assert (await tool.call('{"city": "Bonn"}')).text == "Bonn 1 c"


async def test_methods_partials_and_callable_objects_are_tools() -> None:
    class Station:
        async def measure(self, city: str) -> str:
            """Measure it."""
            return city

        def __call__(self, city: str) -> str:
            return f"called {city}"

    assert (await Tool.of(Station().measure).call('{"city": "Bonn"}')).text == "Bonn"
    station = Tool.of(Station())
    assert (station.name, (await station.call('{"city": "x"}')).text) == ("Station", "called x")
    half = Tool.of(functools.partial(documented, days=3))
    assert (await half.call('{"city": "Bonn"}')).text == "Bonn 3 c"


@pytest.mark.parametrize("source", [42, "name", {"type": "function"}, ({"name": "x"}, None)])
def test_what_is_no_tool_is_refused(source: object) -> None:
    with pytest.raises(TypeError):
        Tool.of(source)


def test_parameters_by_position_are_refused() -> None:
    def positional(city: str, /) -> str:
        return city

    with pytest.raises(TypeError, match="by position"):
        Tool.of(positional)


async def test_closures_made_anew_share_their_signature_and_nothing_else() -> None:
    def make(answer: str) -> Any:
        def tell(question: str) -> str:
            """Tell.

            Args:
                question: what to tell
            """
            return f"{question} {answer}"

        return tell

    first, second = Tool.of(make("a")), Tool.of(make("b"))
    assert first.bind is second.bind
    assert (await first.call('{"question": "q"}')).text == "q a"
    assert (await second.call('{"question": "q"}')).text == "q b"
    bare = Tool.of(({"name": "tell"}, make("c")))
    assert "description" not in bare.parameters["properties"]["question"]


def test_of_two_tools_with_one_name_the_later_wins() -> None:
    later = dataclasses.replace(Tool.of(documented), description="later")
    assert toolbox([documented, later])["documented"].description == "later"


@pytest.mark.parametrize(
    ("result", "text"),
    [
        (None, "Done."),
        ("text", "text"),
        ({"a": [1, 2.5]}, '{"a":[1,2.5]}'),
        (Place("Rome"), '{"city":"Rome"}'),
        (Report("dry"), '{"text":"dry"}'),
        (dt.date(2026, 1, 2), '"2026-01-02"'),
        (b"bytes", '"bytes"'),
    ],
)
async def test_results_become_text(result: object, text: str) -> None:
    def give() -> object:
        return result

    outcome = await Tool.of(give).call("{}")
    assert (outcome.text, outcome.failed) == (text, False)


async def test_long_results_are_cut_and_say_so() -> None:
    def speak() -> str:
        return "x" * 20_000

    text = (await Tool.of(speak).call("")).text
    assert text.startswith("x" * 16_000 + "...")
    assert "20000 characters" in text


async def test_a_cancellation_inside_a_tool_is_only_its_failure() -> None:
    async def give_up() -> None:
        raise asyncio.CancelledError

    outcome = await Tool.of(give_up).call("{}")
    assert outcome.failed
    assert outcome.text == "give_up was cancelled."


async def test_a_question_without_answer_unwinds_the_tool() -> None:
    async def ask() -> str:
        try:
            return await ctx.ask("Really?")
        except Exception as error:  # noqa: BLE001 - the point of the test
            return f"swallowed {error}"

    ctx = RunContext()
    with running(ctx):
        asking_for("call_1")
        with pytest.raises(Parked) as caught:
            await Tool.of(ask).call("{}")
    assert caught.value.question.id == "call_1:1"


def test_docstrings_without_sections_are_all_description() -> None:
    assert describe("One.\n\nTwo.") == ("One.\n\nTwo.", {})
    assert describe(None) == ("", {})


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": 1}', {"a": 1}),
        ("", {}),
        ('```json\n{"a": 1}\n```', {"a": 1}),
        ('{"a": [1, 2,],}', {"a": [1, 2]}),
        ("{'a': True, 'b': None}", {"a": True, "b": None}),
        ('"{\\"a\\": 1}"', {"a": 1}),
        ('{"a": "x,]"}', {"a": "x,]"}),
    ],
)
def test_arguments_are_mended(text: str, value: object) -> None:
    assert read_object(text) == value


@pytest.mark.parametrize(
    "text", ['{"a": "b', '{"a"', "[1]", "7", "nonsense", "[" * 100_000, '{"a": NaN}', "{1, 2}"]
)
def test_arguments_that_cannot_be_mended_are_refused(text: str) -> None:
    with pytest.raises(BrokenJson):
        read_object(text)


@given(st.text())
def test_reading_json_raises_nothing_else(text: str) -> None:
    with contextlib.suppress(BrokenJson):
        read_json(text)


async def test_a_tool_that_is_rate_limited_is_called_again_after_its_time() -> None:
    times: list[float] = []

    def busy() -> str:
        times.append(time.monotonic())
        if len(times) < 3:
            raise RateLimited("The sky", retry_after=0.1)
        return "blue"

    outcome = await Tool.of(busy).call("{}")
    assert outcome == ("blue", False)
    assert [after - before >= 0.1 for before, after in pairwise(times)] == [True, True]


async def test_a_tool_that_wants_to_be_left_alone_for_long_is_not_waited_for() -> None:
    calls: list[int] = []

    async def shut() -> str:
        calls.append(1)
        raise Retry("closed until tomorrow", after=86_400)

    outcome = await Tool.of(shut).call("{}")
    assert outcome.failed
    assert "closed until tomorrow" in outcome.text
    assert len(calls) == 1


async def test_a_tool_whose_world_is_away_gets_a_pause_and_one_that_is_misused_does_not() -> None:
    calls: list[str] = []

    def fetch(what: str) -> str:
        calls.append(what)
        if what == "misused":
            raise ValueError("no such thing")
        raise ConnectionRefusedError("nobody there")

    tool = Tool.of(fetch)
    for _ in range(7):
        assert (await tool.call('{"what": "misused"}')).failed
    for _ in range(5):
        assert "nobody there" in (await tool.call('{"what": "away"}')).text
    outcome = await tool.call('{"what": "away"}')
    assert "5 times in a row" in outcome.text
    assert len(calls) == 12
