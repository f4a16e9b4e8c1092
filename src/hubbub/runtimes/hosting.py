"""Run a runtime the way a host does: the current run set, the outcome told as the last event."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator

import msgspec

from hubbub.mesh.limits import Usage
from hubbub.runtimes.neutral import Event, RunContext, RunResult, Runtime, running

__all__ = ["execute", "iterate"]


async def execute(runtime: Runtime, task: str | None, ctx: RunContext) -> RunResult:
    """Run a task to its end, its next question or its failure.

    The last event is `final`, `suspended`, `cancelled` or `error`; before it comes `usage` with
    what this run used, however it ended.

    Raises:
        ModelError: the model failed, or a limit is reached.
        asyncio.CancelledError: the run was cancelled; `ctx.partial` holds its state.
    """
    before = ctx.budget.used if ctx.budget else Usage()

    async def tell_usage() -> None:
        used = ctx.account().used - before
        await ctx.emit("usage", runtime.name, **msgspec.to_builtins(used))

    try:
        with running(ctx):
            result = await runtime.run(task, ctx)
    except asyncio.CancelledError:
        # Only told: a watcher that fails now must not hide that the run was cancelled.
        with contextlib.suppress(Exception):
            await tell_usage()
            await ctx.emit("cancelled", runtime.name, resumable=ctx.partial is not None)
        raise
    except Exception as error:
        await tell_usage()
        await ctx.emit("error", runtime.name, kind=type(error).__name__, message=str(error))
        raise
    await tell_usage()
    if result.pending:
        pending = msgspec.to_builtins(result.pending)
        await ctx.emit("suspended", runtime.name, pending=pending)
    else:
        await ctx.emit("final", runtime.name, output=result.output)
    return result


async def iterate(
    runtime: Runtime, task: str | None, ctx: RunContext
) -> AsyncGenerator[Event, None]:
    """Yield the events of a run instead of pushing them; leaving the loop cancels the run.

    Takes the place of `ctx.on_event`.

    Raises:
        ModelError: the model failed, or a limit is reached.
    """
    events: asyncio.Queue[Event | None] = asyncio.Queue(maxsize=1)
    ctx.on_event = events.put

    async def run() -> None:
        try:
            await execute(runtime, task, ctx)
        finally:
            await events.put(None)

    worker = asyncio.create_task(run())
    try:
        while (event := await events.get()) is not None:
            yield event
        await worker
    finally:
        if not worker.done():
            worker.cancel()
            ctx.on_event = None
            while not events.empty():
                events.get_nowait()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await worker
