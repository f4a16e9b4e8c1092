"""A message that was refused: what the handler made of that is the same when it runs again."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

from hubbub import AgentMessage, InboxFull, Task
from hubbub.mesh.transport.streams import ensure_streams
from hubbub.testing import clock
from hubbub.wire import agent_token

from .flows import Flow, answered, asked, at_rest, logged
from .kit import PATIENCE, inbox_of, until

_LIMIT = 1_000


async def _fill(flow: Flow) -> None:
    """Let what the workflow sends to nobody be refused."""
    await ensure_streams(flow.mesh.connection)
    layout = flow.mesh.connection.layout
    subject = layout.direct(agent_token(_nobody(flow)), 3, agent_token(flow.name))
    stores = (flow.mesh.connection.store(subject, b"full") for _ in range(_LIMIT))
    await asyncio.gather(*stores)


async def _empty(flow: Flow) -> None:
    filters = {"filter": f"agents.direct.{agent_token(_nobody(flow))}.>"}
    await flow.mesh.connection.api("STREAM.PURGE.INBOX", filters)


def _nobody(flow: Flow) -> str:
    return f"{flow.name}-nobody"


async def _said(flow: Flow) -> list[str]:
    return [
        AgentMessage.from_bytes(one.data).text for one in await inbox_of(flow.mesh, _nobody(flow))
    ]


async def test_who_dealt_with_a_refusal_hears_of_it_again(flow: Flow) -> None:
    async def work(task: Task) -> str:
        try:
            await task.send_direct_message(_nobody(flow), "hello")
        except InboxFull as error:
            return await task.ask_text(str(error))
        return "sent"

    await _fill(flow)
    async with flow.served(work):
        handle = await flow.start()
        (question,) = await asked(handle)
        assert _nobody(flow) in question.prompt
        await _empty(flow)
        await answered(handle, "so be it")
        assert await handle.result(timeout=PATIENCE) == "so be it"
        assert await _said(flow) == []
        again = await flow.mesh.rerun_task(handle.task_id)
        assert await again.result(timeout=PATIENCE) == "so be it"
    assert await _said(flow) == []


async def test_a_refusal_that_ended_the_attempt_is_forgotten(flow: Flow) -> None:
    runs = Counter[str]()

    async def work(task: Task) -> Any:
        runs["work"] += 1
        if runs["work"] == 2:
            await _empty(flow)
        await task.send_direct_message(_nobody(flow), "hello")
        return await task.ask_text("Go on?")

    await _fill(flow)
    async with flow.served(work):
        handle = await flow.start()
        await asked(handle)
        await answered(handle, "yes")
        assert await handle.result(timeout=PATIENCE) == "yes"
    assert await _said(flow) == ["hello"]
    kinds = [event.kind for event in await logged(handle, "sent", "unsent")]
    assert kinds == ["sent", "unsent", "sent"]


async def test_a_refusal_within_a_step_is_forgotten_with_the_step(flow: Flow) -> None:
    async def work(task: Task) -> str:
        async def send() -> None:
            await task.send_direct_message(_nobody(flow), "hello")

        refusal: InboxFull | None = None
        try:
            await task.step(send)
        except InboxFull as error:
            refusal = error
        await task.sleep(60)
        if refusal is not None:
            raise refusal
        return "sent"

    await _fill(flow)
    with clock() as time:
        async with flow.served(work):
            handle = await flow.start()
            await at_rest(handle)
            time.move(minutes=2)

            async def is_retried() -> bool:
                return bool(await logged(handle, "retrying"))

            await until(is_retried)
            await _empty(flow)
            assert await handle.result(timeout=PATIENCE) == "sent"
    assert await _said(flow) == ["hello"]


async def test_a_step_that_is_tried_again_sends_what_was_refused(flow: Flow) -> None:
    async def work(task: Task) -> Any:
        async def send() -> str:
            await task.send_direct_message(_nobody(flow), "hello")
            return "sent"

        return await task.step(send, retries=8)

    await _fill(flow)
    async with flow.served(work):
        handle = await flow.start()

        async def is_refused() -> bool:
            return bool(await logged(handle, "unsent"))

        await until(is_refused)
        await _empty(flow)
        assert await handle.result(timeout=PATIENCE) == "sent"
    assert await _said(flow) == ["hello"]
