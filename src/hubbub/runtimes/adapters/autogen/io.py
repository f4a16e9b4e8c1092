"""What a run of AutoGen prints and asks, as events and questions."""

from __future__ import annotations

import asyncio
import json
from contextvars import ContextVar
from typing import Any, NamedTuple

from hubbub.runtimes.adapters.clients import package
from hubbub.runtimes.adapters.gate import Gate
from hubbub.runtimes.calls import shown
from hubbub.runtimes.neutral import EventKind, Question

__all__ = ["USER", "Surroundings", "speaking"]

# Who gives the task to an agent or a group.
USER = "user"

speaking: ContextVar[str] = ContextVar("hubbub_autogen_speaking", default="")
"""The agent whose model is called."""


class _Told(NamedTuple):
    kind: EventKind
    agent: str
    data: dict[str, Any]


class Surroundings:
    """Takes the place of AutoGen's console for one run.

    Args:
        gate: where events and questions go.
    """

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._loop = asyncio.get_running_loop()
        self._told: asyncio.Queue[_Told] = asyncio.Queue()
        self._pump = self._loop.create_task(self._pumping())

    def print(self, *_objects: Any, **_options: Any) -> None:
        """Print nothing: everything that matters is sent as an event, too."""

    def send(self, event: Any) -> None:
        """Take an event, from the loop or from a thread."""
        agent = speaking.get()
        self._loop.call_soon_threadsafe(self._take, event, agent)

    async def input(self, prompt: str = "", *, password: bool = False) -> str:  # noqa: ARG002
        """Ask a person."""
        await self.told()
        return str(await self._gate.ask(Question(prompt), "person"))

    def tell(self, kind: EventKind, agent: str, **data: Any) -> None:
        """Tell something in its turn."""
        self._told.put_nowait(_Told(kind, agent, data))

    async def told(self) -> None:
        """Wait until everything that has happened has been told."""
        await asyncio.sleep(0)  # what threads have sent comes first
        await self._told.join()

    async def aclose(self) -> None:
        """Stop telling."""
        self._pump.cancel()
        await asyncio.wait({self._pump})

    async def _pumping(self) -> None:
        while True:
            told = await self._told.get()
            try:
                await self._gate.emit(told.kind, told.agent, **told.data)
            except asyncio.CancelledError:
                raise
            except BaseException as error:  # noqa: BLE001 - the watcher's own, handed to the driver
                self._gate.error = self._gate.error or error
                self._gate.stopped.set()
            finally:
                self._told.task_done()

    def _take(self, event: Any, agent: str) -> None:
        content: Any = event.content
        match event.type:
            case "stream" if content.content:
                self.tell("text", agent, delta=str(content.content))
            case "text" if content.sender != USER and content.content:
                self.tell("message", content.sender, role="assistant", content=str(content.content))
            case "tool_call":
                for call in content.tool_calls:
                    self.tell(
                        "tool_call",
                        content.sender,
                        id=call.id,
                        name=call.function.name,
                        arguments=shown(call.function.arguments or "{}"),
                    )
            case "executed_function":
                text = content.content
                self.tell(
                    "tool_result",
                    content.recipient,
                    id=content.call_id,
                    name=content.func_name,
                    result=text if isinstance(text, str) else json.dumps(text, default=str),
                    failed=not content.is_exec_success or self._gate.failed(content.call_id),
                )
            case "group_chat_run_chat":
                self.tell("custom", content.speaker, speaker=content.speaker)
            case _:
                return


def stream_default(stream: Surroundings) -> Any:
    """Return the context in which AutoGen prints and asks here."""
    io = package("autogen.io", extra="autogen", feature="from_autogen")
    return io.IOStream.set_default(stream)
