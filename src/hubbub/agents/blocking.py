"""The verbs for code that runs in a thread: each waits for what its async twin returns."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine, Generator
from concurrent.futures import CancelledError
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypedDict, TypeVar, Unpack

from hubbub.errors import HubbubError
from hubbub.mesh.durable.branches import here, standing_for
from hubbub.mesh.tasks.handle import TaskHandle
from hubbub.wire.card import AgentCard
from hubbub.wire.codec import JSON
from hubbub.wire.envelope import AgentMessage
from hubbub.wire.events import TaskState

if TYPE_CHECKING:
    from hubbub.mesh.speaker import Speaker

__all__ = ["BlockingHandle", "BlockingVerbs", "stopped_together", "wait"]

T = TypeVar("T")


@dataclass(slots=True)
class _Calls:
    """What the threads of a handler wait for.

    Attributes:
        running: the asyncio tasks that do it.
        are_stopped: whether nobody waits for the threads any more.
    """

    running: set[asyncio.Task[Any]] = field(default_factory=set[asyncio.Task[Any]])
    are_stopped: bool = False


_calls: ContextVar[_Calls | None] = ContextVar("hubbub_calls", default=None)


def wait(loop: asyncio.AbstractEventLoop, call: Coroutine[Any, Any, T]) -> T:
    """Wait in a thread for a call that runs on the loop.

    Raises:
        HubbubError: this thread is the loop's own.
        CancelledError: that of asyncio: the handler was stopped.
        Exception: whatever the call raises.
    """
    try:
        running = asyncio.get_running_loop()
    except RuntimeError:
        running = None
    if running is loop:
        call.close()
        raise HubbubError(
            "`blocking` is for sync functions; in an async one, await the verb itself"
        )
    made = _made(call, for_whom=here(), calls=_calls.get())
    try:
        return asyncio.run_coroutine_threadsafe(made, loop).result()
    except CancelledError:
        raise asyncio.CancelledError("the handler that waited for this was stopped") from None


@contextlib.contextmanager
def stopped_together() -> Generator[None]:
    """Stop what threads wait for when whoever waits for these threads is stopped."""
    calls = _Calls()
    token = _calls.set(calls)
    try:
        yield
    except asyncio.CancelledError:
        calls.are_stopped = True
        for task in calls.running:
            task.cancel()
        raise
    finally:
        _calls.reset(token)


async def _made(call: Coroutine[Any, Any, T], *, for_whom: object, calls: _Calls | None) -> T:
    task = asyncio.current_task()
    if calls is None or task is None:
        return await standing_for(for_whom, call)
    if calls.are_stopped:
        call.close()
        raise asyncio.CancelledError
    calls.running.add(task)
    try:
        return await standing_for(for_whom, call)
    finally:
        calls.running.discard(task)


class BlockingHandle:
    """A `TaskHandle` for threads."""

    def __init__(self, handle: TaskHandle, loop: asyncio.AbstractEventLoop) -> None:
        self._handle = handle
        self._loop = loop
        self.agent = handle.agent
        self.task_id = handle.task_id

    def state(self) -> TaskState:
        """See `TaskHandle.state`."""
        return wait(self._loop, self._handle.state())

    def result(self, timeout: float | None = None) -> JSON:
        """See `TaskHandle.result`."""
        return wait(self._loop, self._handle.result(timeout))

    def cancel(self) -> None:
        """See `TaskHandle.cancel`."""
        wait(self._loop, self._handle.cancel())


class SendOptions(TypedDict, total=False):
    """What else can be said of a direct message or a handoff."""

    metadata: dict[str, Any] | None
    priority: int
    context_id: str | None
    message_id: str | None
    deliver_in: float | None
    deliver_at: datetime | None
    expires_in: float | None
    timeout: float | None
    owner: str | None


class BlockingVerbs:
    """What a sync handler talks with, as `task.blocking`."""

    def __init__(self, speaker: Speaker, loop: asyncio.AbstractEventLoop) -> None:
        self._speaker = speaker
        self._loop = loop

    def send_direct_message(
        self, to_agent: str, content: JSON, **options: Unpack[SendOptions]
    ) -> BlockingHandle:
        """See `Speaker.send_direct_message`."""
        call = self._speaker.send_direct_message(to_agent, content, **options)
        return BlockingHandle(wait(self._loop, call), self._loop)

    def handoff_to_agent(
        self, to_agent: str, content: JSON, **options: Unpack[SendOptions]
    ) -> BlockingHandle:
        """See `Speaker.handoff_to_agent`."""
        call = self._speaker.handoff_to_agent(to_agent, content, **options)
        return BlockingHandle(wait(self._loop, call), self._loop)

    def request_from_agent(
        self,
        to_agent: str,
        content: JSON,
        *,
        metadata: dict[str, Any] | None = None,
        timeout: float | None = None,
        wait_for_agent: float | None = None,
        message_id: str | None = None,
        owner: str | None = None,
    ) -> AgentMessage:
        """See `Speaker.request_from_agent`."""
        call = self._speaker.request_from_agent(
            to_agent,
            content,
            metadata=metadata,
            timeout=timeout,
            wait_for_agent=wait_for_agent,
            message_id=message_id,
            owner=owner,
        )
        return wait(self._loop, call)

    def broadcast_message(self, content: JSON, *, metadata: dict[str, Any] | None = None) -> None:
        """See `Speaker.broadcast_message`."""
        wait(self._loop, self._speaker.broadcast_message(content, metadata=metadata))

    def list_agents(self, capability: str | None = None) -> list[AgentCard]:
        """See `Speaker.list_agents`."""
        return wait(self._loop, self._speaker.list_agents(capability))
