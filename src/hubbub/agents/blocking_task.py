"""A task for code that runs in a thread: the same calls, and each waits for its outcome.

Which call it is, is settled in the calling thread, before the loop makes it.
"""

from __future__ import annotations

import asyncio
import contextlib
import random as randomness
from collections.abc import Callable, Generator, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from hubbub.agents.asking import Approval
from hubbub.agents.blocking import BlockingVerbs, wait
from hubbub.agents.saying import Text, is_url
from hubbub.wire.codec import JSON

if TYPE_CHECKING:
    from hubbub.agents.task import Task

__all__ = ["BlockingTask", "BlockingText"]

T = TypeVar("T")


class BlockingText:
    """A `Text` for threads; made by `BlockingTask.say_stream`."""

    def __init__(self, text: Text, loop: asyncio.AbstractEventLoop) -> None:
        self._text = text
        self._loop = loop

    @property
    def text(self) -> str:
        """What has been written so far."""
        return self._text.text

    def write(self, piece: str) -> None:
        """Add a piece."""
        wait(self._loop, self._text.write(piece))


class BlockingTask(BlockingVerbs):
    """What a sync handler works with, as `task.blocking`."""

    def __init__(self, task: Task, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(task, loop)
        self._task = task

    # Saying

    def say(self, text: str) -> None:
        """See `Task.say`."""
        wait(self._loop, self._task.say(text))

    @contextlib.contextmanager
    def say_stream(self) -> Generator[BlockingText]:
        """See `Task.say_stream`."""
        call, text = self._task.begin_text()
        yield BlockingText(text, self._loop)
        wait(self._loop, self._task.end_text(call, text))

    def show(self, text: str) -> None:
        """See `Task.show`."""
        wait(self._loop, self._task.show(text))

    def image(
        self, image: bytes | str | Path, *, caption: str = "", media_type: str | None = None
    ) -> None:
        """See `Task.image`."""
        if not (isinstance(image, str) and is_url(image)) and not isinstance(image, bytes):
            image = Path(image).read_bytes()
        wait(self._loop, self._task.record_image(image, caption, media_type))

    def progress(self, text: str, fraction: float | None = None) -> None:
        """See `Task.progress`."""
        wait(self._loop, self._task.progress(text, fraction))

    def tool_call(self, name: str, arguments: JSON, *, call_id: str = "") -> None:
        """See `Task.tool_call`."""
        wait(self._loop, self._task.tool_call(name, arguments, call_id=call_id))

    def tool_result(self, name: str, result: JSON, *, call_id: str = "") -> None:
        """See `Task.tool_result`."""
        wait(self._loop, self._task.tool_result(name, result, call_id=call_id))

    def record(self, kind: str, data: dict[str, Any]) -> None:
        """See `Task.record`."""
        wait(self._loop, self._task.record(kind, data))

    # Asking

    def ask_text(
        self,
        prompt: str,
        *,
        suggestions: Sequence[str] = (),
        secret: bool = False,
        timeout: float | None = None,
        name: str | None = None,
    ) -> str:
        """See `Task.ask_text`."""
        call = self._task.ask_text(
            prompt, suggestions=suggestions, secret=secret, timeout=timeout, name=name
        )
        return wait(self._loop, call)

    def ask_choice(
        self,
        prompt: str,
        choices: Sequence[str],
        *,
        timeout: float | None = None,
        name: str | None = None,
    ) -> str:
        """See `Task.ask_choice`."""
        return wait(self._loop, self._task.ask_choice(prompt, choices, timeout=timeout, name=name))

    def ask_choices(
        self,
        prompt: str,
        choices: Sequence[str],
        *,
        timeout: float | None = None,
        name: str | None = None,
    ) -> list[str]:
        """See `Task.ask_choices`."""
        return wait(self._loop, self._task.ask_choices(prompt, choices, timeout=timeout, name=name))

    def approve(
        self,
        tool: str,
        arguments: dict[str, Any],
        *,
        reason: str = "",
        timeout: float | None = None,
        name: str | None = None,
    ) -> Approval:
        """See `Task.approve`."""
        call = self._task.approve(tool, arguments, reason=reason, timeout=timeout, name=name)
        return wait(self._loop, call)

    # Steps

    def step(
        self,
        function: Callable[..., T],
        *args: Any,
        name: str | None = None,
        retries: int = 0,
        once: bool = False,
        **kwargs: Any,
    ) -> T:
        """See `Task.step`; the function may be sync or async."""
        call = self._task.step(function, *args, name=name, retries=retries, once=once, **kwargs)
        return wait(self._loop, call)  # pyright: ignore[reportReturnType]

    @property
    def step_key(self) -> str:
        """See `Task.step_key`."""
        return self._task.step_key

    def branch(self, name: str) -> contextlib.AbstractContextManager[None]:
        """See `Task.branch`."""
        return self._task.branch(name)

    def sleep(self, seconds: float) -> None:
        """See `Task.sleep`."""
        wait(self._loop, self._task.sleep(seconds))

    def now(self) -> datetime:
        """See `Task.now`."""
        return wait(self._loop, self._task.now())

    def steering(self) -> list[str]:
        """See `Task.steering`."""
        return wait(self._loop, self._task.steering())

    def random(self) -> randomness.Random:
        """See `Task.random`."""
        return self._task.random()
