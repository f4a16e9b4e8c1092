"""The table for people, and the same as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bench.machine import Machine
from bench.rows import Goal, Measured, Row
from bench.sizes import Sizes

__all__ = ["print_table", "write_json"]

_WIDTH = 150
_TIMES = "\N{MULTIPLICATION SIGN}"


def print_table(rows: Sequence[Row]) -> None:
    """Print the rows, each with its goal and whether it is met."""
    console = Console(highlight=False, emoji=False)
    if not console.is_terminal:
        console.width = _WIDTH
    table = Table("what", "Hubbub", "other side", "ratio", "goal", "", box=None, pad_edge=False)
    for number, column in enumerate(table.columns):
        column.no_wrap = bool(number)
        column.justify = "right" if 1 <= number <= 4 else "left"
    for one in rows:
        table.add_row(
            _name(one),
            _measured(one.ours, one.unit),
            _measured(one.theirs, one.unit) if one.theirs else "",
            _measured(one.ratio, _TIMES) if one.ratio else "",
            _goal(one.goal, one.unit) if one.goal else "",
            _verdict(one),
        )
    console.print(table)


def write_json(
    path: Path, rows: Sequence[Row], *, machine: Machine, sizes: Sizes, at: datetime
) -> None:
    """Write the rows and what they were measured on to a file."""
    report: dict[str, Any] = {
        "at": at.astimezone(UTC).isoformat(timespec="seconds"),
        "machine": machine,
        "sizes": sizes,
        "rows": [{**msgspec.to_builtins(one), "is_met": one.is_met} for one in rows],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(report)) + b"\n")


def _name(one: Row) -> Text:
    remarks = [f"against {one.against}" if one.against else "", one.note]
    lines = [Text(f"\n  {remark}", style="dim") for remark in remarks if remark]
    return Text(one.name).append_text(Text().join(lines))


def _measured(measured: Measured, unit: str) -> str:
    median = f"{_figure(measured.median)} {unit}".strip()
    if measured.low == measured.high:
        return median
    return f"{median} ({_figure(measured.low)}-{_figure(measured.high)})"


def _figure(value: float) -> str:
    """Write a figure with three digits that mean something."""
    if abs(value) >= 100 or value == int(value):
        return f"{value:,.0f}"
    if abs(value) < 0.1:
        return f"{value:.4f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def _goal(goal: Goal, unit: str) -> str:
    sign = "≤" if goal.bound == "at most" else "≥"
    return f"{sign} {_figure(goal.limit)} {_TIMES if goal.of == 'ratio' else unit}".strip()


def _verdict(one: Row) -> Text:
    if one.is_met is None:
        return Text("")
    return Text("met", style="green") if one.is_met else Text("missed", style="bold red")
