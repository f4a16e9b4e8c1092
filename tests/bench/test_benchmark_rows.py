"""The arithmetic behind the table: medians, ratios of pairs, goals."""

from __future__ import annotations

import pytest
from bench.rows import at_least, at_most, row


def test_a_row_is_the_median_of_its_rounds_with_the_lowest_and_highest() -> None:
    found = row("something", "ms", [3.0, 1.0, 2.0, 9.0, 2.5])

    assert (found.ours.median, found.ours.low, found.ours.high) == (2.5, 1.0, 9.0)
    assert found.theirs is None
    assert found.ratio is None
    assert found.is_met is None


def test_the_ratio_compares_rounds_that_ran_one_after_the_other() -> None:
    # The machine was ten times slower in the second round, for both sides.
    found = row("something", "ms", [2.0, 20.0, 4.0], [1.0, 10.0, 1.0])

    assert found.ratio is not None
    assert found.ratio.median == 2.0


def test_both_sides_need_the_same_rounds() -> None:
    with pytest.raises(ValueError, match="shorter"):
        row("something", "ms", [1.0, 2.0], [1.0])


@pytest.mark.parametrize(
    ("ours", "met"),
    [(1.0, True), (1.5, True), (1.6, False)],
)
def test_a_goal_of_at_most_is_met_up_to_its_limit(ours: float, met: bool) -> None:
    assert row("something", "s", [ours], goal=at_most(1.5)).is_met is met


@pytest.mark.parametrize(
    ("ours", "met"),
    [(500.0, False), (600.0, True), (2_000.0, True)],
)
def test_a_goal_for_the_ratio_looks_at_nothing_else(ours: float, met: bool) -> None:
    found = row("something", "/s", [ours], [1_000.0], goal=at_least(0.6, of="ratio"))

    assert found.is_met is met


def test_a_goal_for_a_ratio_is_missed_where_there_is_no_other_side() -> None:
    assert row("something", "/s", [1.0], goal=at_least(0.6, of="ratio")).is_met is False
