"""Token buckets, by a clock of their own."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubbub.mesh import rates
from hubbub.mesh.rates import RateLimits


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def starts(limits: RateLimits, sender: str, most: int = 1_000) -> int:
    """How many may start now."""
    return next((n for n in range(most) if limits.delay_for(sender)), most)


def test_without_limits_everything_may_start() -> None:
    assert starts(RateLimits(), "ann") == 1_000


def test_a_burst_is_what_one_second_gives_and_then_they_come_at_the_rate() -> None:
    clock = Clock()
    limits = RateLimits(10.0, clock=clock)
    assert starts(limits, "ann") == 10
    assert limits.delay_for("ann") == pytest.approx(0.1)
    clock.now += 0.1
    assert starts(limits, "ann") == 1
    clock.now += 3_600
    assert starts(limits, "ann") == 10


def test_a_slow_rate_lets_one_through_at_first() -> None:
    clock = Clock()
    limits = RateLimits(0.5, clock=clock)
    assert limits.delay_for("ann") == 0
    assert limits.delay_for("ann") == pytest.approx(2.0)
    clock.now += 2.0
    assert limits.delay_for("ann") == 0


def test_each_sender_has_a_bucket_and_a_refusal_takes_nothing_from_the_others() -> None:
    limits = RateLimits(10.0, 2.0, clock=Clock())
    assert starts(limits, "ann") == 2
    assert starts(limits, "bob") == 2
    assert starts(limits, "ann") == 0
    assert [starts(limits, f"sender_{n}") for n in range(4)] == [2, 2, 2, 0]


def test_senders_are_remembered_up_to_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rates, "_MOST_SENDERS", 3)
    limits = RateLimits(sender_rate=1.0, clock=Clock())
    assert [limits.delay_for(name) for name in "abc"] == [0, 0, 0]
    assert limits.delay_for("a") == 1
    assert limits.delay_for("d") == 0  # b, who was quiet for longest, is forgotten
    assert limits.delay_for("a") == 1
    assert limits.delay_for("b") == 0


@given(
    rate=st.floats(0.1, 1_000),
    pauses=st.lists(st.floats(0, 10), min_size=1, max_size=50),
)
def test_never_more_than_the_rate_and_one_burst(rate: float, pauses: list[float]) -> None:
    clock = Clock()
    limits = RateLimits(rate, clock=clock)
    began, started = clock.now, 0
    for pause in pauses:
        clock.now += pause
        started += starts(limits, "ann", 20)
        delay = limits.delay_for("ann")
        started += delay == 0
    assert started <= (clock.now - began) * rate + max(rate, 1) + 1e-6


@given(rate=st.floats(0.1, 1_000))
def test_after_the_delay_it_may_start(rate: float) -> None:
    clock = Clock()
    limits = RateLimits(rate, rate, clock=clock)
    while not (delay := limits.delay_for("ann")):
        pass
    clock.now += delay
    assert limits.delay_for("ann") == 0


def test_reservations_come_one_after_the_other() -> None:
    clock = Clock()
    limits = RateLimits(2.0, clock=clock)
    assert [limits.reserve_for("ann") for _ in range(5)] == [0, 0, 0.5, 1.0, 1.5]
    assert limits.delay_for("bob") == 2.0
    clock.now += 2.0
    assert limits.delay_for("bob") == 0
