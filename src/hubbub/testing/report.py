"""What a crash at every step of a task has shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from hubbub.testing.outcome import Difference, Outcome

__all__ = ["Crash", "CrashReport"]


@dataclass(frozen=True, slots=True)
class Crash:
    """One run of the task, in which a process died.

    Attributes:
        write: what it wrote then: the kind of an event of the log, `message to ...`, `timer`,
            `completion to ...` or `dead letter`.
        occurrence: which one of that name, from 1.
        when: whether it died right before or right after the server had stored it.
        outcome: what came of the task.
        differences: what is different from the undisturbed run.
    """

    write: str
    occurrence: int
    when: Literal["before", "after"]
    outcome: Outcome
    differences: tuple[Difference, ...]

    def __str__(self) -> str:
        number = f" no. {self.occurrence}" if self.occurrence > 1 else ""
        return f"died {self.when} {self.write}{number}"


@dataclass(frozen=True, slots=True)
class CrashReport:
    """What `crash_everywhere` has found.

    Attributes:
        undisturbed: what came of the task when nothing died.
        crashes: each place at which a process died, in the order of the task.
    """

    undisturbed: Outcome
    crashes: tuple[Crash, ...]

    @property
    def differences(self) -> tuple[Crash, ...]:
        """The crashes that anybody could tell from the outside."""
        return tuple(crash for crash in self.crashes if crash.differences)

    def assert_same(self) -> None:
        """See that no crash made a difference.

        Raises:
            AssertionError: one did; the text tells which, and what was different.
        """
        if self.differences:
            raise AssertionError(str(self))

    def __str__(self) -> str:
        found = self.differences
        if not found:
            return f"{len(self.crashes)} crashes made no difference"
        lines = [f"{len(found)} of {len(self.crashes)} crashes made a difference:"]
        for crash in found:
            lines.append(f"  {crash}")
            lines += [f"    {difference}" for difference in crash.differences]
        return "\n".join(lines)
