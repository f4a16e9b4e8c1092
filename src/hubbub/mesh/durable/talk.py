"""What a run sends to others, once for all its attempts, and the answers that it gets."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any, Protocol

from hubbub.errors import HubbubError, InvalidMessage
from hubbub.mesh.durable.branches import Call
from hubbub.mesh.durable.failures import raised_again, told
from hubbub.mesh.durable.run import Run
from hubbub.wire.codec import JSON, encode
from hubbub.wire.envelope import AgentMessage
from hubbub.wire.names import agent_token

__all__ = ["ask_once", "put_once", "stream_once", "tell_once"]


class _Sent(Protocol):
    @property
    def message_type(self) -> str: ...
    @property
    def to_agent(self) -> str | None: ...
    @property
    def content(self) -> JSON: ...
    @property
    def metadata(self) -> dict[str, Any]: ...
    @property
    def message_id(self) -> str: ...


def _call(run: Run, message: _Sent) -> Call:
    """Return the call that a request is: known by what is asked, whatever else is asked beside."""
    asked = encode([message.content, message.metadata])
    return run.asking(agent_token(message.to_agent or ""), asked)


async def ask_once(
    run: Run, message: _Sent, ask: Callable[[], Awaitable[AgentMessage]]
) -> AgentMessage:
    """Return the answer that is on record, or ask for it.

    Raises:
        HubbubError: whatever asking raises, now or in an earlier attempt.
    """
    fresh: list[AgentMessage] = []

    async def make() -> dict[str, Any]:
        reply = await ask()
        fresh.append(reply)
        return {"to_agent": message.to_agent, "reply": reply.to_builtins()}

    facts = await run.once("replied", _call(run, message), make, optional=True)
    return fresh[0] if fresh else AgentMessage.from_bytes(encode(facts["reply"]))


async def stream_once(run: Run, message: _Sent, pieces: AsyncGenerator[str]) -> AsyncGenerator[str]:
    """Yield the answer that is on record in one piece, or else as it comes.

    Raises:
        HubbubError: whatever asking raises.
    """
    run.waits.check()
    call = _call(run, message)
    settled = run.recording.settled.get(call.key)
    if settled is not None:
        yield str(run.outcome(call, settled).get("text", ""))
        return
    run.begin(call)
    text = ""
    with run.waits.working():
        async with contextlib.aclosing(pieces):
            async for piece in pieces:
                text += piece
                yield piece
        with contextlib.suppress(InvalidMessage):  # too large to be kept: asked again if need be
            await run.put("replied", call, {"to_agent": message.to_agent, "text": text})


async def put_once(
    run: Run, to_agent: str, message: _Sent, put: Callable[[], Awaitable[None]]
) -> None:
    """Store a message, unless that has certainly been done.

    Raises:
        HubbubError: it is refused, now or in an earlier attempt; that is put on record.
    """
    run.waits.check()
    call = Call(f"sent:{message.message_id}", "")
    refused = run.recording.settled.get(call.key)
    if refused is not None:
        refusal = raised_again(refused.data["raised"])
        run.note_raised(call, refusal)
        raise refusal
    if message.message_id in run.recording.sent:
        return
    facts = {
        "message_type": message.message_type,
        "to_agent": to_agent,
        "message_id": message.message_id,
    }
    if run.is_rehearsed and call.key in run.recording.marks:
        return
    with run.waits.working():
        if call.key not in run.recording.marks:
            # First on record: a process that has lost its task sends nothing more.
            await run.put("sent", call, facts)
        try:
            await put()
        except HubbubError as error:
            run.note_raised(call, error)
            await run.put("unsent", call, {**facts, "error": str(error), "raised": told(error)})
            raise


async def tell_once(run: Run, message: _Sent, tell: Callable[[], Awaitable[None]]) -> None:
    """Tell everybody something, unless that has been done."""
    run.waits.check()
    call = run.branch.mark("told", content=encode(message.content))
    if call.key in run.recording.marks:
        return
    run.begin(call)
    with run.waits.working():
        await tell()
        await run.put("told", call, {})
