"""Where in a run a call is made: its branch, its place there, and the key that follows from them.

A handler that runs again makes the same calls in the same order, as long as one asyncio task (or
one thread) makes them. What runs beside it needs a branch or a name of its own.
"""

from __future__ import annotations

import asyncio
import hashlib
import threading
from collections import Counter
from collections.abc import Awaitable
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TypeVar

from hubbub.errors import HubbubError

__all__ = ["AmbiguousCall", "Branch", "Call", "current_branch", "here", "standing_for"]

T = TypeVar("T")


class AmbiguousCall(HubbubError):
    """Nothing tells a durable call from others that are made at the same time."""

    is_permanent = True


@dataclass(frozen=True, slots=True)
class Call:
    """One durable call.

    Attributes:
        key: names it within the task, the same whenever the handler runs.
        branch: the branch it belongs to.
        place: its number among the calls of its branch; None if it has none.
    """

    key: str
    branch: str
    place: int | None = None

    @property
    def facts(self) -> dict[str, object]:
        """What its events tell of it."""
        return {"key": self.key} if self.place is None else {"key": self.key, "place": self.place}


@dataclass(slots=True, eq=False)
class Branch:
    """A line of calls, one after the other.

    Attributes:
        run: tells its run from others; not the run itself, which knows its branches.
        path: its name, behind those of the branches around it.
        owner: the asyncio task or thread that makes its calls; None until the first one.
        inside: the branch around it.
        is_step: whether it is the inside of a step.
    """

    run: object
    path: str
    owner: object = None
    inside: Branch | None = None
    is_step: bool = False
    _calls: int = 0
    _seen: Counter[str] = field(default_factory=Counter[str])

    def call(self, kind: str, name: str, *, named: bool = False) -> Call:
        """Return the call that is being made, the next of its kind and name.

        Args:
            kind: what is called.
            name: which of them.
            named: whether the user has given the name, so that it needs no place.

        Raises:
            AmbiguousCall: nothing tells it from others that are made at the same time.
        """
        label = f"{kind}:{name}" if name else kind
        label = label.replace("/", ":")
        if self._is_mine():
            self._seen[label] += 1
            call = Call(f"{self.path}{label}#{self._seen[label]}", self.path[:-1], self._calls)
            self._calls += 1
            return call
        if not named:
            raise AmbiguousCall(
                f"{label} is called beside the handler's own asyncio task, where the order of "
                'calls may change: give it a `name=`, or enclose it in `task.branch("...")`'
            )
        if self._seen[label]:
            raise AmbiguousCall(
                f"{label} is called a second time beside the handler's own asyncio task: use "
                'another `name=`, or enclose the calls in `task.branch("...")`'
            )
        self._seen[label] += 1
        return Call(f"{self.path}{label}#1", self.path[:-1])

    def mark(self, label: str, *, content: bytes | None = None) -> Call:
        """Return the key of something that has no place: it is not missed if it is not there.

        Args:
            label: what it is.
            content: tells it from others that are made at the same time.
        """
        label = label.replace("/", ":")
        if content is not None and not self._is_mine():
            label = f"{label}:{hashlib.blake2b(content, digest_size=8).hexdigest()}"
        self._seen[label] += 1
        return Call(f"{self.path}{label}#{self._seen[label]}", self.path[:-1])

    def name_of_branch(self, name: str) -> str:
        """Return the name of a branch that begins here, the next of this name.

        Raises:
            HubbubError: another one of this name may go on at the same time.
        """
        name = name.replace("/", ":")
        label = f"branch:{name}"
        if self._seen[label] and not self._is_mine():
            raise AmbiguousCall(
                f"the branch {name!r} begins a second time beside the handler's own asyncio "
                "task: give it a name of its own"
            )
        self._seen[label] += 1
        number = self._seen[label]
        return name if number == 1 else f"{name}#{number}"

    def restart(self) -> None:
        """Begin anew: what is called next is the first call again."""
        self._calls = 0
        self._seen.clear()

    def has_made(self, key: str) -> bool:
        """Tell whether a call of this branch has been made."""
        label, _, number = key.removeprefix(self.path).rpartition("#")
        return int(number) <= self._seen[label]

    @property
    def calls(self) -> int:
        """How many calls with a place have been made."""
        return self._calls

    def _is_mine(self) -> bool:
        return self.owner is here()


_standing_for: ContextVar[tuple[object, object] | None] = ContextVar("hubbub_for", default=None)


def here() -> object:
    """Return the asyncio task that runs now, or who waits for what it does, or else the thread."""
    try:
        task = asyncio.current_task()
    except RuntimeError:
        task = None
    standing = _standing_for.get()
    if standing is not None and standing[0] is task is not None:
        return standing[1]
    return task or threading.current_thread()


async def standing_for(owner: object, call: Awaitable[T]) -> T:
    """Do in an asyncio task what somebody else waits for, who makes these calls one by one.

    Args:
        owner: who that is, as `here` tells it.
        call: what is to be done.
    """
    token = _standing_for.set((asyncio.current_task(), owner))
    try:
        return await call
    finally:
        _standing_for.reset(token)  # or else the asyncio task would hold itself


current_branch: ContextVar[Branch | None] = ContextVar("hubbub_branch", default=None)
"""The branch in which the calling code runs."""
