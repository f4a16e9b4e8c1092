"""What the tests of workflows share: a workflow whose code can be exchanged, and its log."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from typing import Any, cast

import pytest

from hubbub import Mesh, Question, TaskFailed, TaskHandle, Workflows
from hubbub.wire.codec import JSON
from hubbub.wire.events import TaskEvent, TaskSnapshot

from .kit import PATIENCE, until

__all__ = ["Flow", "answered", "asked", "at_rest", "failure", "logged"]

Code = Callable[..., Any]


@dataclass(frozen=True)
class Flow:
    """A workflow by its name; which code stands behind it is up to the test."""

    mesh: Mesh
    name: str

    @contextlib.asynccontextmanager
    async def served(self, *codes: Code | tuple[str, Code]) -> AsyncGenerator[None]:
        """Serve a function, or versions of one, as one process would."""
        workflows = Workflows()
        for code in codes:
            named = cast("tuple[str, Code]", code) if isinstance(code, tuple) else ("", code)
            version, function = named
            workflows.register(name=self.name, version=version)(function)
        async with self.mesh.serve(*workflows):
            yield

    async def start(self, *, owner: str | None = None, **params: JSON) -> TaskHandle:
        return await self.mesh.send_direct_message(
            self.name, "", metadata={"params": params}, owner=owner
        )

    async def result(self, code: Code, **params: JSON) -> JSON:
        """What a function comes to, from its start to its end."""
        async with self.served(code):
            return await (await self.start(owner=None, **params)).result(timeout=PATIENCE)


async def at_rest(handle: TaskHandle) -> TaskSnapshot:
    """Wait until a run has come to rest, and return it."""

    async def rests() -> bool:
        found = await handle.snapshot()
        assert not found.state.is_final, found
        return found.is_parked

    await until(rests)
    return await handle.snapshot()


async def asked(handle: TaskHandle, number: int = 1) -> list[Question]:
    """Wait until a run rests at so many questions, and return them."""

    async def asks() -> bool:
        found = await handle.snapshot()
        assert not found.state.is_final, found
        return found.is_parked and len(found.questions) == number

    await until(asks)
    return (await handle.snapshot()).questions


async def answered(
    handle: TaskHandle, answer: JSON, question_id: str | None = None, *, by: str = "Ada"
) -> Question:
    """Answer a question, and wait until the run has taken the answer in."""
    question = await handle.answer(answer, question_id, by=by)

    async def is_taken_in() -> bool:
        return any(event.data["id"] == question.id for event in await logged(handle, "answered"))

    await until(is_taken_in)
    return question


async def logged(handle: TaskHandle, *kinds: str) -> list[TaskEvent]:
    """The events of a log, those of some kinds if they are named."""
    events = [event for _, event in await handle.stored_log()]
    return [event for event in events if not kinds or event.kind in kinds]


async def failure(handle: TaskHandle) -> str:
    """Wait for a run to fail, and return why."""
    with pytest.raises(TaskFailed) as caught:
        await handle.result(timeout=PATIENCE)
    return caught.value.reason
