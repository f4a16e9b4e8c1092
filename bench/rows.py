"""What a benchmark found: one row of the table."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

__all__ = ["Goal", "Measured", "Row", "at_least", "at_most", "row"]


@dataclass(frozen=True, slots=True)
class Goal:
    """What a figure should be.

    Attributes:
        bound: whether the limit is the most or the least.
        limit: the figure to hold.
        of: whether it is our own figure or its ratio to the other side's.
    """

    bound: Literal["at most", "at least"]
    limit: float
    of: Literal["ours", "ratio"]

    def is_met_by(self, figure: float) -> bool:
        """Tell whether a figure holds the goal."""
        return figure <= self.limit if self.bound == "at most" else figure >= self.limit


def at_most(limit: float, *, of: Literal["ours", "ratio"] = "ours") -> Goal:
    """Return the goal of staying at or under a limit."""
    return Goal("at most", limit, of)


def at_least(limit: float, *, of: Literal["ours", "ratio"] = "ours") -> Goal:
    """Return the goal of reaching a limit."""
    return Goal("at least", limit, of)


@dataclass(frozen=True, slots=True)
class Measured:
    """The median of some rounds, and how far they lie apart.

    Attributes:
        median: the figure.
        low: the lowest round.
        high: the highest round.
    """

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, rounds: Sequence[float]) -> Measured:
        """Sum up the figures of some rounds."""
        return cls(statistics.median(rounds), min(rounds), max(rounds))


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the table.

    Attributes:
        name: what was measured.
        unit: of both figures, such as `ms` or `/s`.
        ours: Hubbub's figure.
        theirs: the other side's figure, if there is one.
        against: what the other side is.
        ratio: ours to theirs, the median over pairs of rounds that ran one after the other.
        goal: what it should be, if the design says so.
        note: what a reader must know to read it.
    """

    name: str
    unit: str
    ours: Measured
    theirs: Measured | None = None
    against: str = ""
    ratio: Measured | None = None
    goal: Goal | None = None
    note: str = ""

    @property
    def is_met(self) -> bool | None:
        """Whether the goal is met; None if there is none."""
        if self.goal is None:
            return None
        measured = self.ours if self.goal.of == "ours" else self.ratio
        return measured is not None and self.goal.is_met_by(measured.median)


def row(
    name: str,
    unit: str,
    ours: Sequence[float],
    theirs: Sequence[float] = (),
    *,
    against: str = "",
    goal: Goal | None = None,
    note: str = "",
) -> Row:
    """Return the row that some rounds add up to.

    Args:
        name: what was measured.
        unit: of all figures.
        ours: our figure in each round.
        theirs: the other side's figure in the same rounds, if there is another side.
        against: what the other side is.
        goal: what it should be.
        note: what a reader must know to read it.
    """
    ratios = [one / other for one, other in zip(ours, theirs, strict=True)] if theirs else []
    return Row(
        name,
        unit,
        Measured.of(ours),
        Measured.of(theirs) if theirs else None,
        against,
        Measured.of(ratios) if ratios else None,
        goal,
        note,
    )
