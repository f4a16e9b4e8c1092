"""How much a task, or one run of a model in it, may use, and how much it has used."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from hubbub.errors import LimitReached, SettingsError

__all__ = ["Budget", "Limits", "Usage"]


@dataclass(frozen=True, slots=True)
class Limits:
    """What a task or a run may use; None means no limit.

    Each limit is checked before a model call or a message, so the call that crosses it has been
    paid for. The time limit also ends a model call in progress; a tool in progress is left to
    finish. Of a task, all attempts together count, as far as its log tells of them: its messages
    and handoffs, and the model calls of runs that ended.

    Attributes:
        requests: model calls.
        tokens: tokens in and out together.
        seconds: wall time since it began, less that at rest.
        messages: messages sent: direct ones, handoffs, requests and broadcasts.

    Raises:
        SettingsError: a limit is no such number.
    """

    requests: int | None = 50
    tokens: int | None = None
    seconds: float | None = None
    messages: int | None = None

    def __post_init__(self) -> None:
        for name in ("requests", "tokens", "messages"):
            number = getattr(self, name)
            if number is not None and (type(number) is not int or number < 0):
                raise SettingsError(f"the limit of {name} must be a whole number, 0 or more")
        if self.seconds is not None and not self.seconds >= 0:
            raise SettingsError("the limit of seconds must be 0 or more")


@dataclass(frozen=True, slots=True)
class Usage:
    """What a run has used.

    Attributes:
        requests: model calls.
        input_tokens: tokens of the prompts.
        output_tokens: tokens of the answers.
        estimated: whether a server kept its counts to itself, so that some are estimates.
    """

    requests: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    estimated: bool = False

    @property
    def tokens(self) -> int:
        """Tokens in and out together."""
        return self.input_tokens + self.output_tokens

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.requests + other.requests,
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            self.estimated or other.estimated,
        )

    def __sub__(self, other: Usage) -> Usage:
        return Usage(
            self.requests - other.requests,
            self.input_tokens - other.input_tokens,
            self.output_tokens - other.output_tokens,
            self.estimated,
        )


@dataclass(slots=True)
class Budget:
    """The account of a task or a run, shared by the runs inside it.

    Attributes:
        limits: what is allowed.
        used: what model calls have used so far.
        sent: the ids of the messages that have been sent.
        started: when it began, on the monotonic clock.
        outer: the account of the task that this run is part of.
    """

    limits: Limits = field(default_factory=Limits)
    used: Usage = field(default_factory=Usage)
    sent: set[str] = field(default_factory=set[str])
    started: float = field(default_factory=time.monotonic)
    outer: Budget | None = None

    def spend(self, usage: Usage) -> None:
        """Book what a model call has used."""
        self.used += usage
        if self.outer is not None:
            self.outer.spend(usage)

    def check(self) -> None:
        """Refuse the next model call when a limit is reached.

        Raises:
            LimitReached: one of the limits is used up.
        """
        limits = self.limits
        if limits.requests is not None and self.used.requests >= limits.requests:
            raise LimitReached("requests", limits.requests)
        if limits.tokens is not None and self.used.tokens >= limits.tokens:
            raise LimitReached("tokens", limits.tokens)
        self._check_time()
        if self.outer is not None:
            self.outer.check()

    def count_message(self, message_id: str) -> None:
        """Count a message that is about to be sent, or refuse it when a limit is reached.

        Args:
            message_id: its id; one that has been sent before counts once.

        Raises:
            LimitReached: one of the limits is used up.
        """
        self._check_time()
        if message_id in self.sent:
            return
        allowed = self.limits.messages
        if allowed is not None and len(self.sent) >= allowed:
            raise LimitReached("messages", allowed)
        if self.outer is not None:
            self.outer.count_message(message_id)
        self.sent.add(message_id)

    def seconds_left(self) -> float | None:
        """Return the seconds left, never below zero; None without a time limit."""
        left = None if self.outer is None else self.outer.seconds_left()
        if self.limits.seconds is None:
            return left
        own = max(0.0, self.started + self.limits.seconds - time.monotonic())
        return own if left is None else min(own, left)

    def _check_time(self) -> None:
        if self.limits.seconds is not None and self.seconds_left() == 0:
            raise LimitReached("seconds", self.limits.seconds)
