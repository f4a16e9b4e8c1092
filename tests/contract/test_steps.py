"""Steps: what a handler did is on record, and is not done again when it runs again."""

from __future__ import annotations

import asyncio
import datetime as dt
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from hubbub import (
    Agent,
    HubbubError,
    InvalidMessage,
    QuestionTimeout,
    Retry,
    StepFailed,
    StepMismatch,
    Task,
    Workflows,
)
from hubbub.testing import clock

from .flows import Flow, answered, asked, at_rest, failure, logged
from .kit import PATIENCE


class Shop(Exception):
    """Something that a user's code raises."""

    def __init__(self, article: str, pieces: int) -> None:
        super().__init__(article, pieces)
        self.article = article
        self.pieces = pieces

    def __str__(self) -> str:
        return f"{self.pieces} pieces of {self.article} are too many"


class Place(Exception):
    """An exception whose argument is no JSON."""


@dataclass(frozen=True)
class Point:
    x: int
    y: int


class Invoice(BaseModel):
    number: int
    paid: dt.date


def again(task: Task) -> None:
    """End the first attempt, so that the handler runs once more."""
    if task.attempt == 1:
        raise Retry("once more", after=0)


# What is done once


async def test_a_step_on_record_does_not_run_again(flow: Flow) -> None:
    calls = Counter[str]()

    async def fetch(what: str, *, times: int = 1) -> dict[str, Any]:
        calls["fetch"] += 1
        return {"what": what, "times": times, "call": calls["fetch"]}

    def count() -> int:
        calls["count"] += 1
        return calls["count"]

    async def work(task: Task) -> Any:
        seen = [
            await task.step(fetch, "news", times=2),
            await task.step(fetch, "news"),
            await task.step(count),
            await task.step(lambda: calls["count"] * 10, name="ten times"),
        ]
        again(task)
        return seen

    assert await flow.result(work) == [
        {"what": "news", "times": 2, "call": 1},
        {"what": "news", "times": 1, "call": 2},
        1,
        10,
    ]
    assert calls == {"fetch": 2, "count": 1}


async def test_a_step_is_in_the_log_with_its_name_its_result_and_its_time(flow: Flow) -> None:
    async def work(task: Task) -> None:
        await task.step(asyncio.sleep, 0.1, "slept", name="nap")
        await task.step(len, "four")

    async with flow.served(work):
        handle = await flow.start()
        await handle.result(timeout=PATIENCE)
    (started,) = await logged(handle, "step_started")
    slow, quick = await logged(handle, "step")
    # Only one that takes its time is announced.
    assert (started.data["name"], started.data["key"]) == ("nap", "step:nap#1")
    assert (slow.data["name"], slow.data["result"]) == ("nap", "slept")
    assert slow.data["seconds"] >= 0.09
    assert (quick.data["name"], quick.data["result"]) == ("len", 4)


async def test_results_come_back_as_the_annotation_promises(flow: Flow) -> None:
    def point() -> Point:
        return Point(1, 2)

    async def invoice() -> Invoice:
        return Invoice(number=7, paid=dt.date(2026, 1, 2))

    def pair() -> tuple[int, str]:
        return (1, "one")

    def day() -> dt.date | None:
        return dt.date(2026, 3, 4)

    def points() -> list[Point]:
        return [Point(0, 0), Point(1, 1)]

    seen = list[Any]()

    async def work(task: Task) -> None:
        seen.append([await task.step(each) for each in (point, invoice, pair, day, points)])
        again(task)

    await flow.result(work)
    first, second = seen
    assert first == second
    assert second == [point(), await invoice(), pair(), day(), points()]


@pytest.mark.parametrize("value", [{1, 2}, object(), b"bytes", float("nan"), Point(1, 2)])
async def test_a_result_that_is_no_json_fails_the_run_and_says_so(
    flow: Flow, value: object
) -> None:
    async def work(task: Task) -> None:
        await task.step(lambda: value, name="made")

    async with flow.served(work):
        reason = await failure(await flow.start())
    assert "the result of" in reason


async def test_what_is_on_record_must_fit_the_annotation(flow: Flow) -> None:
    async def before(task: Task) -> str:
        def made() -> str:
            return "text"

        await task.step(made)
        return await task.ask_text("Go on?")

    async def after(task: Task) -> str:
        def made() -> Point:
            return Point(1, 2)

        await task.step(made)
        return await task.ask_text("Go on?")

    async with flow.served(before):
        handle = await flow.start()
        await asked(handle)
    async with flow.served(after):
        await handle.answer("yes")
        assert "is not what it returns now" in await failure(handle)


# Failures


async def test_an_error_is_on_record_and_raised_again(flow: Flow) -> None:
    calls, seen = Counter[str](), list[str]()

    async def buy() -> None:
        calls["buy"] += 1
        raise Shop("apples", 1_000)

    async def work(task: Task) -> None:
        try:
            await task.step(buy)
        except Shop as error:
            seen.append(f"{error} {error.article} {error.pieces} {error.args}")
        again(task)

    await flow.result(work)
    assert calls == {"buy": 1}
    assert seen == ["1000 pieces of apples are too many apples 1000 ('apples', 1000)"] * 2


async def test_an_error_whose_class_cannot_be_found_is_a_step_failed(flow: Flow) -> None:
    class Local(Exception):
        pass

    seen = list[BaseException]()

    def fail() -> None:
        raise Local("nobody knows me")

    def lose() -> None:
        raise Place(Path("/nowhere"))

    async def work(task: Task) -> None:
        for step in (fail, lose):
            try:
                await task.step(step)
            except Exception as error:  # noqa: BLE001 - the test looks at it
                seen.append(error)
        again(task)

    await flow.result(work)
    assert [type(error) for error in seen] == [Local, Place, StepFailed, Place]
    assert str(seen[2]).endswith("Local: nobody knows me")
    assert str(seen[3]) == "/nowhere"


async def test_a_retry_forgets_only_the_failure_that_ended_the_attempt(flow: Flow) -> None:
    calls = Counter[str]()

    def handled() -> None:
        calls["handled"] += 1
        raise ValueError("expected")

    def flaky() -> str:
        calls["flaky"] += 1
        if calls["flaky"] == 1:
            raise ConnectionError("the line is down")
        return "sent"

    async def work(task: Task) -> str:
        try:
            await task.step(handled)
        except ValueError:
            # The one is raised while the other is being handled, and yet has nothing to do with it.
            return await task.step(flaky)
        raise AssertionError

    assert await flow.result(work) == "sent"
    assert calls == {"handled": 1, "flaky": 2}


@pytest.mark.parametrize("wrapped", ["from", "context", "group"])
async def test_a_failure_behind_another_error_is_forgotten_too(flow: Flow, wrapped: str) -> None:
    calls = Counter[str]()

    def flaky() -> str:
        calls["flaky"] += 1
        if calls["flaky"] == 1:
            raise ConnectionError("the line is down")
        return "sent"

    async def work(task: Task) -> str:
        if wrapped == "group":
            async with asyncio.TaskGroup() as group:
                sending = group.create_task(task.step(flaky))
            return sending.result()
        try:
            return await task.step(flaky)
        except ConnectionError as error:
            if wrapped == "from":
                raise RuntimeError("it could not be sent") from error
            raise RuntimeError("it could not be sent")  # noqa: B904 - that is the case

    assert await flow.result(work) == "sent"
    assert calls == {"flaky": 2}


async def test_what_failed_inside_of_a_step_is_done_again_with_it(flow: Flow) -> None:
    calls = Counter[str]()

    def kept() -> str:
        calls["kept"] += 1
        return "kept"

    def flaky() -> str:
        calls["flaky"] += 1
        if calls["flaky"] == 1:
            raise ConnectionError("the line is down")
        return "sent"

    async def work(task: Task) -> Any:
        async def outer() -> list[str]:
            calls["outer"] += 1
            return [await task.step(kept), await task.step(flaky)]

        return await task.step(outer)

    assert await flow.result(work) == ["kept", "sent"]
    assert calls == {"outer": 2, "kept": 1, "flaky": 2}


async def test_a_step_is_tried_again_within_its_attempt(flow: Flow) -> None:
    calls, keys = Counter[str](), set[str]()

    async def work(task: Task) -> Any:
        def inner() -> str:
            calls["inner"] += 1
            return "inner"

        async def flaky() -> list[Any]:
            calls["flaky"] += 1
            keys.add(task.step_key)
            found = await task.step(inner)
            if calls["flaky"] < 3:
                raise Retry("the shop is closed", after=0.01)
            return [found, calls["flaky"], task.attempt]

        return await task.step(flaky, retries=5)

    async with flow.served(work):
        handle = await flow.start()
        assert await handle.result(timeout=PATIENCE) == ["inner", 3, 1]
    assert calls == {"flaky": 3, "inner": 1}
    assert len(keys) == 1
    assert [event.data["after"] for event in await logged(handle, "step_retrying")] == [0.01, 0.01]


async def test_a_permanent_error_is_not_tried_again_within_a_step(flow: Flow) -> None:
    calls = Counter[str]()

    async def work(task: Task) -> None:
        def wrong() -> None:
            calls["wrong"] += 1
            raise InvalidMessage("never")

        await task.step(wrong, retries=5)

    async with flow.served(work):
        assert await failure(await flow.start()) == "never"
    assert calls == {"wrong": 1}


# Keys


async def test_steps_side_by_side_need_no_name_if_the_handler_begins_them(flow: Flow) -> None:
    calls = Counter[int]()

    async def square(number: int) -> int:
        calls[number] += 1
        await asyncio.sleep(0.01 * (3 - number))
        return number * number

    async def work(task: Task) -> Any:
        gathered = await asyncio.gather(*(task.step(square, number) for number in range(3)))
        async with asyncio.TaskGroup() as group:
            begun = [group.create_task(task.step(square, number)) for number in range(3, 6)]
        again(task)
        return [*gathered, *(one.result() for one in begun)]

    assert await flow.result(work) == [0, 1, 4, 9, 16, 25]
    assert set(calls.values()) == {1}


async def test_elsewhere_a_name_or_a_branch_is_needed(flow: Flow) -> None:
    errors, calls = list[str](), Counter[str]()

    def one() -> str:
        calls["one"] += 1
        return "one"

    async def work(task: Task) -> Any:
        async def beside(step: str) -> str:
            match step:
                case "bare":
                    try:
                        return await task.step(one)
                    except HubbubError as error:
                        errors.append(str(error))
                        return "refused"
                case "named twice":
                    await task.step(one, name="twice")
                    try:
                        return await task.step(one, name="twice")
                    except HubbubError as error:
                        errors.append(str(error))
                        return "refused"
                case "named":
                    return await task.step(one, name="named")
                case _:
                    with task.branch(step):
                        first = await task.step(one)
                        return first + await task.step(one)

        async with asyncio.TaskGroup() as group:
            steps = ("bare", "named", "named twice", "left", "right")
            found = [group.create_task(beside(step)) for step in steps]
        again(task)
        return [one.result() for one in found]

    assert await flow.result(work) == ["refused", "one", "refused", "oneone", "oneone"]
    assert calls == {"one": 6}
    assert all("task.branch" in error for error in errors)
    assert "step:one is called beside the handler's own asyncio task" in errors[0]
    assert "a second time" in errors[1]


async def test_a_streamed_answer_that_is_too_large_for_the_record_is_given_all_the_same(
    flow: Flow,
) -> None:
    talker, calls = Agent(f"{flow.name}-talker"), Counter[str]()

    @talker.run
    async def talk(text: str) -> AsyncIterator[str]:  # pyright: ignore[reportUnusedFunction]
        calls[text] += 1
        for _ in range(4):
            yield "x" * 400_000

    async def work(task: Task) -> int:
        length = 0
        async for piece in task.stream_from_agent(talker.name, "go"):
            length += len(piece)
        again(task)
        return length

    async with flow.mesh.serve(talker):
        assert await flow.result(work) == 1_600_000
    assert calls == {"go": 2}  # what is not on record is asked for again


async def test_what_is_known_by_its_number_alone_needs_a_branch_elsewhere(flow: Flow) -> None:
    errors = list[str]()

    async def work(task: Task) -> Any:
        async def roll() -> float:
            return task.random().random()

        async def speak() -> None:
            async with task.say_stream() as out:
                await out.write("hello")

        async def beside() -> float:
            for call in (roll, speak):
                try:
                    await call()
                except HubbubError as error:
                    errors.append(str(error))
            with task.branch("beside"):
                await speak()
                return await roll()

        first = await asyncio.create_task(beside())
        again(task)
        return first

    async with flow.served(work):
        handle = await flow.start()
        assert isinstance(await handle.result(timeout=PATIENCE), float)
    assert len(errors) == 4
    assert all("task.branch" in error for error in errors)
    assert [event.data["text"] for event in await logged(handle, "said")] == ["hello"]


async def test_a_branch_of_the_same_name_one_after_the_other_is_another_one(flow: Flow) -> None:
    async def double(number: int) -> int:
        return 2 * number

    async def work(task: Task) -> Any:
        found = list[int]()
        for number in range(3):
            with task.branch("item"):
                found.append(await task.step(double, number))
                with task.branch("item"):
                    found.append(await task.step(double, 10 * number))
        again(task)
        return found

    assert await flow.result(work) == [0, 0, 2, 20, 4, 40]


async def test_a_branch_of_the_same_name_at_the_same_time_is_refused(flow: Flow) -> None:
    async def work(task: Task) -> None:
        async def beside() -> None:
            with task.branch("same"):
                await task.step(len, "text")

        async with asyncio.TaskGroup() as group:
            group.create_task(beside())
            group.create_task(beside())

    async with flow.served(work):
        assert "give it a name of its own" in await failure(handle := await flow.start())
    assert len(await logged(handle, "step")) <= 2


async def test_the_step_key_is_the_same_in_every_attempt(flow: Flow) -> None:
    keys = list[str]()

    async def work(task: Task) -> None:
        with pytest.raises(HubbubError, match="step_key is for functions"):
            _ = task.step_key

        def fail() -> None:
            keys.append(task.step_key)
            raise ConnectionError("the line is down")

        def other() -> str:
            return task.step_key

        keys.append(await task.step(other))
        await task.step(fail)

    async with flow.served(work):
        await failure(await flow.start())
    first, second, third, fourth = keys
    assert first == third
    assert second == fourth
    assert first != second
    assert all(len(key) == 32 for key in keys)


async def test_what_is_to_happen_once_is_not_done_again_when_it_was_cut_off(flow: Flow) -> None:
    begun, calls = asyncio.Event(), Counter[str]()

    async def pay() -> str:
        calls["pay"] += 1
        begun.set()
        await asyncio.Event().wait()
        return "paid"

    async def work(task: Task) -> str:
        return await task.step(pay, once=True)

    async with flow.served(work):
        handle = await flow.start()
        await begun.wait()
        config = flow.mesh.connection.config
        flow.mesh.connection.config = config.model_copy(update={"grace_seconds": 0})
    async with flow.served(work):
        reason = await failure(handle)
    assert "The step pay had begun when its process died" in reason
    assert calls == {"pay": 1}


async def test_what_is_to_happen_once_and_failed_is_tried_again(flow: Flow) -> None:
    calls = Counter[str]()

    def pay() -> str:
        calls["pay"] += 1
        if calls["pay"] == 1:
            raise ConnectionError("refused before anything happened")
        return "paid"

    async def work(task: Task) -> str:
        return await task.step(pay, once=True)

    assert await flow.result(work) == "paid"


async def test_sync_steps_inside_of_sync_steps_do_not_wait_for_one_another(flow: Flow) -> None:
    begun = threading.Barrier(20)

    def work(task: Task) -> int:
        def outer() -> int:
            begun.wait(PATIENCE)  # all of them hold a thread now
            return task.blocking.step(len, "inner")

        return task.blocking.step(outer)

    workflows = Workflows(concurrency=20)
    workflows.register(name=flow.name)(work)
    async with flow.mesh.serve(*workflows):
        handles = [await flow.start() for _ in range(20)]
        assert [await one.result(timeout=2 * PATIENCE) for one in handles] == [5] * 20


async def test_a_step_that_runs_out_of_items_fails_like_any_other(flow: Flow) -> None:
    async def work(task: Task) -> None:
        await task.step(next, iter(()))

    async with flow.served(work):
        assert "StopIteration" in await failure(await flow.start())


# Time and chance


async def test_now_and_random_are_the_same_in_every_attempt(flow: Flow) -> None:
    seen = list[Any]()

    async def work(task: Task) -> None:
        seen.append(
            [await task.now(), task.random().random(), task.random().random(), await task.now()]
        )
        again(task)

    await flow.result(work)
    first, second = seen
    assert first == second
    assert first[0] < first[3]
    assert first[0].tzinfo is dt.UTC
    assert first[1] != first[2]


async def test_a_short_sleep_does_not_put_the_run_to_rest(flow: Flow) -> None:
    attempts = Counter[str]()

    async def work(task: Task) -> None:
        attempts["work"] += 1
        await task.sleep(0.05)

    async with flow.served(work):
        handle = await flow.start()
        began = time.monotonic()
        await handle.result(timeout=PATIENCE)
        assert time.monotonic() - began >= 0.04
    assert attempts == {"work": 1}
    kinds = [event.kind for event in await logged(handle)]
    assert kinds == ["claimed", "sleeping", "woken", "completed"]


async def test_a_longer_sleep_puts_it_to_rest_and_it_wakes_in_time(flow: Flow) -> None:
    attempts = Counter[str]()

    async def work(task: Task) -> int:
        attempts["work"] += 1
        await task.sleep(1.5)
        return task.attempt

    async with flow.served(work):
        handle = await flow.start()
        began = time.monotonic()
        assert (await at_rest(handle)).state == "submitted"
        assert await handle.result(timeout=PATIENCE) == 1
        assert 1.4 < time.monotonic() - began < 5
    assert attempts == {"work": 2}


async def test_it_sleeps_for_two_days(flow: Flow) -> None:
    with clock() as now:

        async def work(task: Task) -> str:
            await task.sleep(2 * 86_400)
            return "rested"

        async with flow.served(work):
            handle = await flow.start()
            await at_rest(handle)
        now.move(days=1)
        async with flow.served(work):
            await at_rest(handle)
            now.move(days=1, seconds=1)
            assert await handle.result(timeout=PATIENCE) == "rested"


@pytest.mark.parametrize("seconds", [-1, float("inf"), float("nan")])
async def test_no_number_of_seconds_is_refused(flow: Flow, seconds: float) -> None:
    async def work(task: Task) -> None:
        await task.sleep(seconds)

    async with flow.served(work):
        assert "must be a number of seconds" in await failure(await flow.start())


# Code that does not fit the record


async def base(task: Task) -> str:
    await task.step(str, "a", name="first")
    await task.step(str, "b", name="second")
    who = await task.ask_text("Who?")
    await task.approve("mail", {"to": "Ada"})
    return who


async def changed(task: Task) -> str:
    await task.step(str, "a", name="first")
    await task.step(str, "b", name="another")
    return await task.ask_text("Who?")


async def inserted(task: Task) -> str:
    await task.step(str, "a", name="first")
    await task.step(str, "n", name="new")
    await task.step(str, "b", name="second")
    return await task.ask_text("Who?")


async def removed(task: Task) -> str:
    await task.step(str, "a", name="first")
    return await task.ask_text("Who?")


async def swapped(task: Task) -> str:
    await task.step(str, "b", name="second")
    await task.step(str, "a", name="first")
    return await task.ask_text("Who?")


async def asks_else(task: Task) -> str:
    await task.step(str, "a", name="first")
    await task.step(str, "b", name="second")
    return await task.ask_text("Whom?")


async def asks_otherwise(task: Task) -> str:
    await task.step(str, "a", name="first")
    await task.step(str, "b", name="second")
    return await task.ask_choice("Who?", ["Ada", "Bob"])


async def ends_early(task: Task) -> str:
    await task.step(str, "a", name="first")
    return "done"


async def swallows(task: Task) -> str:
    try:
        await task.step(str, "n", name="new")
    except Exception:  # noqa: BLE001 - as careless code does
        return "all is well"
    return "done"


@pytest.mark.parametrize(
    ("code", "recorded", "found"),
    [
        (changed, "step:second#1", "step:another#1"),
        (inserted, "step:second#1", "step:new#1"),
        (removed, "step:second#1", "ask_text#1"),
        (swapped, "step:first#1", "step:second#1"),
        (asks_else, "'Who?'", "'Whom?'"),
        (asks_otherwise, "ask_text#1", "ask_choice#1"),
        (ends_early, "step:second#1", "nothing more"),
        (swallows, "step:first#1", "step:new#1"),
    ],
)
async def test_code_that_does_not_fit_fails_the_run_and_shows_both_sides(
    flow: Flow, code: Any, recorded: str, found: str
) -> None:
    async with flow.served(base):
        handle = await flow.start()
        await asked(handle)
    async with flow.served(code):
        await handle.answer("Ada")
        reason = await failure(handle)
    told = str(StepMismatch(handle.task_id, "one", "other")).partition(": on record")[0]
    assert reason.startswith(told)
    assert reason.index(recorded) < reason.index(found, reason.index("the code now has"))


async def test_an_approval_is_for_the_arguments_that_were_shown(flow: Flow) -> None:
    async def other(task: Task) -> str:
        await task.step(str, "a", name="first")
        await task.step(str, "b", name="second")
        who = await task.ask_text("Who?")
        await task.approve("mail", {"to": "Mallory"})
        return who

    async with flow.served(base):
        handle = await flow.start()
        await asked(handle)
        await answered(handle, "Ada")
        (question,) = await asked(handle)
        assert question.kind == "approval"
    async with flow.served(other):
        await handle.answer({"decision": "approve"})
        reason = await failure(handle)
    assert "'Ada'" in reason
    assert "'Mallory'" in reason


async def test_a_question_that_timed_out_is_on_record(flow: Flow) -> None:
    seen = list[str]()

    async def work(task: Task) -> str:
        try:
            return await task.ask_text("Anybody?", timeout=0.1)
        except QuestionTimeout as error:
            seen.append(error.question_id)
        again(task)
        return "nobody"

    async with flow.served(work):
        handle = await flow.start()
        assert await handle.result(timeout=PATIENCE) == "nobody"
    assert len(seen) == 2
    assert len(set(seen)) == 1
    assert len(await logged(handle, "asked", "timed_out")) == 2


# What is too large for the log


async def test_a_step_whose_result_the_log_does_not_take_is_done_once_and_says_so(
    flow: Flow,
) -> None:
    done = Counter[str]()

    async def work(task: Task) -> str:
        async def read_all() -> str:
            done["read"] += 1
            return "x" * 2_000_000

        told = ""
        try:
            await task.step(read_all, retries=3)
        except InvalidMessage as error:
            told = str(error)
        # It may be caught, and the run goes on without the result: then it stays so.
        await task.ask_text("Who?")
        return told

    async with flow.served(work):
        handle = await flow.start()
        await asked(handle)
        await answered(handle, "Ada")
        result = str(await handle.result(timeout=PATIENCE))
    assert done == {"read": 1}
    assert "step:read_all#1 has been done, but what it came to cannot be put on record" in result
    assert "2,000," in result


async def test_it_ends_the_run_and_no_retry_repeats_it(flow: Flow) -> None:
    done = Counter[str]()

    async def work(task: Task) -> None:
        async def read_all() -> str:
            done["read"] += 1
            return "x" * 2_000_000

        await task.step(read_all)

    async with flow.served(work):
        handle = await flow.start()
        assert "has been done, but" in await failure(handle)
    assert done == {"read": 1}


async def test_an_error_that_the_log_does_not_take_is_kept_in_short(flow: Flow) -> None:
    done = Counter[str]()

    async def work(task: Task) -> str:
        async def fail() -> None:
            done["fail"] += 1
            raise Shop("pens, " * 400_000, 1)

        told = ""
        try:
            await task.step(fail)
        except Exception as error:  # noqa: BLE001 - whatever it is kept as
            told = f"{type(error).__name__} {str(error)[:40]}"
        await task.ask_text("Who?")
        return told

    async with flow.served(work):
        handle = await flow.start()
        await asked(handle)
        await answered(handle, "Ada")
        result = str(await handle.result(timeout=PATIENCE))
    assert done == {"fail": 1}
    assert result.startswith(("StepFailed ", "Shop "))
    assert "1 pieces of pens" in result
