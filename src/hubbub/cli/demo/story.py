"""What happens in the demo, in order, and how it is shown."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
import time
from collections.abc import AsyncGenerator
from typing import IO

from nats.aio.msg import Msg
from rich.text import Text

from hubbub.agents.session import stop_on_signals
from hubbub.cli.console_page import open_page
from hubbub.cli.conversation import Listener, Utterance, rendered
from hubbub.cli.demo.model import demo_model
from hubbub.cli.demo.shop import SHOP, shop
from hubbub.cli.output import console
from hubbub.cli.processes import ServingProcess
from hubbub.cli.running import on_mesh
from hubbub.errors import AgentUnavailable, HubbubError, RequestTimeout
from hubbub.mesh.mesh import Mesh
from hubbub.mesh.tasks.handle import TaskHandle
from hubbub.settings import NATSConfig
from hubbub.wire.events import EventKind
from hubbub.wire.names import agent_token

__all__ = ["play"]

WEATHER, COORDINATOR, GENERAL = "Weather-Bot", "Task-Coordinator", "General-Assistant"

_TARGETS = {WEATHER: "weather", COORDINATOR: "coordinator", GENERAL: "general"}
_PATIENCE_SECONDS = 120.0
_JOIN_SECONDS = 30.0
# So short that the end of the story comes soon after the kill.
_ENVIRONMENT = {"HUBBUB_LEASE_SECONDS": "2", "HUBBUB_HEARTBEAT_SECONDS": "5"}
_WIDE = 10_000


async def play(*, stay: bool, show: bool = False) -> None:
    """Play the demo.

    Args:
        stay: whether the shop is open, and everybody stays to be talked to, until Ctrl-C.
        show: whether the console is to be opened in the user's browser.

    Raises:
        HubbubError: something in it did not go as told.
    """
    config = NATSConfig()
    stop = asyncio.Event()
    async with contextlib.AsyncExitStack() as stack:
        mesh = await stack.enter_async_context(on_mesh("You", start_server=True))
        stack.enter_context(stop_on_signals(stop))
        url = await stack.enter_async_context(shop(mesh, config, is_open=stay))
        console.print(f"Hubbub demo · NATS at {mesh.connection.url}")
        if url:
            console.print(f"Console: {url}", style="bold")
            await open_page(url, wanted=show and stay)
        model = await stack.enter_async_context(demo_model(config))
        console.print(f"Model: {model.description}")
        await stack.enter_async_context(_conversation_shown(mesh))
        stage = await stack.enter_async_context(_Stage(model.environment))
        story = asyncio.create_task(_tell(mesh, stage), name="demo story")
        stopped = asyncio.create_task(stop.wait(), name="demo stop")
        await asyncio.wait({story, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if not story.done():
            story.cancel()
            await asyncio.wait({story})
            return
        stopped.cancel()
        story.result()
        if stay:
            _invite(url)
            await stop.wait()


class _Stage:
    """The processes of the three agents."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._environment = {**_ENVIRONMENT, **environment}
        self._processes: dict[str, ServingProcess] = {}
        self._output: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed in __aexit__

    async def __aenter__(self) -> _Stage:
        for name in _TARGETS:
            await self.enter(name)
        return self

    async def __aexit__(self, *_: object) -> None:
        async with asyncio.TaskGroup() as group:
            for process in self._processes.values():
                group.create_task(process.stop())
        self._output.close()

    async def enter(self, name: str) -> None:
        """Start the process of an agent."""
        self._processes[name] = await ServingProcess.start(
            [f"hubbub.cli.demo.cast:{_TARGETS[name]}"],
            environment=self._environment,
            output=self._output,
        )

    async def kill(self, name: str) -> None:
        """Kill the process of an agent, as `kill -9` does."""
        await self._processes[name].kill()

    def check(self) -> None:
        """See that nobody has failed.

        Raises:
            HubbubError: a process has ended by itself.
        """
        for name, process in self._processes.items():
            if process.process.returncode is not None:
                self._output.seek(0)
                last = self._output.read().decode(errors="replace").strip().splitlines()[-1:]
                reason = last[0] if last else process.cause_of_end()
                raise HubbubError(f"The process of {name} did not stay: {reason}")


async def _tell(mesh: Mesh, stage: _Stage) -> None:
    _heading("They announce themselves")
    await _all_there(mesh, stage)
    _heading("A broadcast: everybody hears it, nobody has to act")
    await mesh.broadcast_message("Hello everyone!", metadata={"type": "greeting"})
    await _quiet(0.3)
    _heading("A direct message sets an agent to work; its completion comes back")
    await _done(await mesh.send_direct_message(WEATHER, "What is the weather in Lisbon?"))
    _heading("A request waits for its answer")
    await mesh.request_from_agent(WEATHER, "Will it rain in Oslo today?", timeout=_PATIENCE_SECONDS)
    _heading("A handoff: the coordinator passes the task on, who does it asks a third")
    await _handed_over(mesh)
    _heading("A question to somebody who is not there fails at once")
    await _nobody(mesh)
    _heading("An agent is killed in the middle of its work, and finishes it all the same")
    await _killed(mesh, stage)
    console.print()
    console.print("That was all: nothing was lost.", style="bold")


async def _all_there(mesh: Mesh, stage: _Stage) -> None:
    deadline = time.monotonic() + _JOIN_SECONDS
    while not _TARGETS.keys() <= {card.name for card in await mesh.list_agents()}:
        stage.check()
        if time.monotonic() > deadline:
            raise HubbubError(f"The three agents did not join within {_JOIN_SECONDS:g} s")
        await asyncio.sleep(0.05)
    await _quiet(0.1)


async def _handed_over(mesh: Mesh) -> None:
    """Give the coordinator a task, and wait until whoever it passed it on to is done."""
    done: asyncio.Queue[Msg] = asyncio.Queue()
    mine = mesh.connection.layout.done(agent_token(mesh.name))
    async with mesh.connection.subscription(mine, done.put):
        handle = await mesh.send_direct_message(
            COORDINATOR, "Plan an afternoon in Tokyo that fits the weather there."
        )
        await _done(handle)
        sent = [event.data async for event in handle.events() if event.kind == "sent"]
        if not any(data["message_type"] == "handoff" for data in sent):
            _note("The model did not hand it over this time.")
            return
        # One completion is the coordinator's own, the other tells how the handoff ended.
        async with asyncio.timeout(_PATIENCE_SECONDS):
            await done.get()
            await done.get()
        await _quiet(0.15)


async def _nobody(mesh: Mesh) -> None:
    began = time.monotonic()
    try:
        await mesh.request_from_agent("Nobody-Home", "Are you there?", timeout=10)
    except AgentUnavailable as error:
        await _quiet(0.05)
        _note(f"{error}  ({(time.monotonic() - began) * 1000:.0f} ms)")


async def _killed(mesh: Mesh, stage: _Stage) -> None:
    handle = await mesh.send_direct_message(WEATHER, "What is the weather in Reykjavik?")
    killed = False
    async with asyncio.timeout(_PATIENCE_SECONDS):
        async for event in handle.events():
            if event.kind == "phase" and event.data["phase"] == "act" and not killed:
                killed = True
                await stage.kill(WEATHER)
                _note(f"kill -9 while {WEATHER} is at it; its process starts again")
                await stage.enter(WEATHER)
            elif event.kind == EventKind.CLAIMED and event.data.get("attempt", 1) > 1:
                _note(f"{WEATHER} has the task again (attempt {event.data['attempt']})")
    await _done(handle)


async def _done(handle: TaskHandle) -> None:
    """Wait for the end of a task, and until its completion is on the screen."""
    try:
        await handle.result(timeout=_PATIENCE_SECONDS)
    except RequestTimeout:
        raise HubbubError(
            f"{handle.agent} did not finish within {_PATIENCE_SECONDS:g} s: "
            "the model is too slow, or silent; `hubbub doctor` looks at it"
        ) from None
    await _quiet(0.15)


async def _quiet(seconds: float) -> None:
    """Let what is under way reach the screen."""
    await asyncio.sleep(seconds)


@contextlib.asynccontextmanager
async def _conversation_shown(mesh: Mesh) -> AsyncGenerator[None]:
    listener = Listener()

    async def show(raw: Msg) -> None:
        utterance = listener.hear(raw)
        if utterance is not None and _is_of_the_story(utterance):
            width = console.width if console.is_terminal else _WIDE
            console.print(rendered(utterance, width=width))

    async with mesh.connection.subscription("agents.>", show):
        await mesh.connection.flush()
        yield


def _is_of_the_story(utterance: Utterance) -> bool:
    return utterance.message.from_agent not in SHOP and utterance.to_agent not in SHOP


def _heading(text: str) -> None:
    console.print()
    console.print(Text(text, style="bold"))


def _note(text: str) -> None:
    console.print(Text(f"          {text}", style="italic"))


def _invite(url: str | None) -> None:
    console.print()
    if url:
        console.print(f"The shop stays open, and asks you now and then: {url}/inbox")
    console.print("The agents stay. Talk to them there, or from another terminal:")
    console.print(f'  hubbub request {WEATHER} "What is the weather in Madrid?"')
    console.print(f'  hubbub send {COORDINATOR} "Plan a day in Rome" --follow')
    console.print("  hubbub agents")
    console.print("Ctrl-C ends the demo.")
