"""One thing that was looked at."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

__all__ = ["Finding", "Verdict", "counted", "duration", "size"]

Verdict = Literal["good", "note", "bad"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        verdict: `good`, `note` for what may be meant so, or `bad`.
        subject: what was looked at.
        text: what was found.
        facts: the figures in the text, for programs.
        remedy: what to do about it; empty if nothing is. Commands stand in backquotes.
    """

    verdict: Verdict
    subject: str
    text: str
    facts: dict[str, Any] = field(default_factory=dict[str, Any])
    remedy: str = ""

    @property
    def told(self) -> str:
        """What was found, and what to do about it."""
        return f"{self.text}: {self.remedy}" if self.remedy else self.text


def counted(count: int, noun: str) -> str:
    """Return a number of things for people."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def duration(seconds: float) -> str:
    """Return a duration for people."""
    for unit, length in (("days", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"


def size(count: float) -> str:
    """Return a number of bytes for people."""
    for unit in ("B", "KiB", "MiB"):
        if count < 1024:
            return f"{count:.0f} {unit}"
        count /= 1024
    return f"{count:.1f} GiB"
