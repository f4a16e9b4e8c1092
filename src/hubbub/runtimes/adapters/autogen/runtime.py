"""Agents and teams of classic AutoGen as runtimes."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import inspect
from collections.abc import Callable, Collection
from typing import Any, cast

from hubbub.mesh.limits import Limits
from hubbub.runtimes.adapters.adapted import Adapted
from hubbub.runtimes.adapters.autogen.bridge import Bridge
from hubbub.runtimes.adapters.autogen.equipping import equip, offer
from hubbub.runtimes.adapters.autogen.io import USER, Surroundings, stream_default
from hubbub.runtimes.adapters.clients import package
from hubbub.runtimes.adapters.driving import CutOff, Driver, Played, refuse_empty
from hubbub.runtimes.adapters.gate import Gate
from hubbub.runtimes.mesh_tools import chosen
from hubbub.runtimes.neutral import RunContext, RunResult
from hubbub.runtimes.shapes import JsonObject, as_list, as_text, object_in
from hubbub.runtimes.tools import Tool, toolbox

__all__ = ["AutoGenRuntime", "from_autogen"]


def _autogen() -> Any:
    return package("autogen", extra="autogen", feature="from_autogen", only="ConversableAgent")


def from_autogen(
    agent_or_team: Any,
    *,
    name: str | None = None,
    max_turns: int | None = None,
    limits: Limits | None = None,
    mesh_tools: bool | Collection[str] = True,
    approve: Collection[str] = (),
    cut_off: CutOff = "refuse",
) -> AutoGenRuntime:
    """Return a runtime that lets agents of classic AutoGen work.

    Takes a `ConversableAgent`, which answers the task; a pair of them, of whom the first gives the
    task to the second; a `GroupChat` or its manager, which discusses it; or a function that
    returns one of these. AutoGen's agents keep their chats inside, so that with an object runs
    wait for each other, while a function makes new agents for each run, any number at once.

    What an agent with `human_input_mode` asks becomes a question to a person. Models of the type
    `openai` are asked through our transport, and streamed; others are asked directly, and then
    limits on model calls do not hold.

    Args:
        agent_or_team: what works, or a function that makes it.
        name: whom events are attributed to that are no single agent's; by default the agent, the
            manager of the group, or the two of a pair. A member of a team cannot lend its name:
            what it says is on record, and must be told from the answer of all.
        max_turns: turns of a chat of two.
        limits: what a run may use unless its context says otherwise.
        mesh_tools: whether the agent that hosts it lets it talk to other agents, or with which of
            `MESH_TOOLS`.
        approve: names of mesh tools that a person has to approve each call of.
        cut_off: `keep` uses answers that were cut off at the token limit.

    Raises:
        ValueError: there is no mesh tool of that name, or the name is that of a member; of what
            a function makes, the run raises it.
        MissingExtra: classic AutoGen is not installed.
        TypeError: it is none of these.
    """
    _autogen()
    driver = Driver(limits or Limits(), approve, cut_off, chosen(mesh_tools))
    if inspect.isfunction(agent_or_team) or inspect.ismethod(agent_or_team):
        return AutoGenRuntime(cast("Callable[[], Any]", agent_or_team), name, max_turns, driver)
    lock = asyncio.Lock()
    runtime = AutoGenRuntime(lambda: agent_or_team, name, max_turns, driver, lock)
    runtime.cast()
    return runtime


class AutoGenRuntime(Adapted):
    """See `from_autogen`."""

    def __init__(
        self,
        make: Callable[[], Any],
        name: str | None,
        max_turns: int | None,
        driver: Driver,
        lock: asyncio.Lock | None = None,
    ) -> None:
        super().__init__(driver)
        self._make = make
        self._name = name
        self._max_turns = max_turns
        self._lock = lock

    @property
    def name(self) -> str:
        """Whom its events are attributed to."""
        return self._name or self.cast().name

    def cast(self) -> _Cast:
        """Return who plays in a run.

        Raises:
            TypeError: it is nothing of AutoGen's that can work.
            ValueError: a member has the name of all.
        """
        found = _cast(self._make())
        self._name = self._name or found.name
        if self._name in found.members:
            raise ValueError(
                f"{self._name!r} is a member of the team, whose words could not be told from the "
                "team's answer: give from_autogen another name"
            )
        return found

    async def run(self, task: str | None, ctx: RunContext) -> RunResult:
        """Work on a task, or go on with an interrupted run; see `Driver.drive`."""
        async with self._lock or contextlib.nullcontext():
            return await super().run(task, ctx)

    async def _play(self, gate: Gate, task: str, state: Any) -> Played:
        cast_ = self.cast()
        bridge, io = Bridge(self._clients), Surroundings(gate)
        try:
            tools = toolbox(gate.ctx.tools)
            is_team = not isinstance(cast_, _Single)
            equip(
                cast_.agents,
                gate=gate,
                bridge=bridge,
                io=io,
                tools=tools,
                is_team=is_team,
                manager=cast_.manager if isinstance(cast_, _Group) else None,
            )
            with stream_default(io):
                await cast_.play(task, state, tools, self._max_turns)
            await io.told()
        finally:
            await bridge.aclose()
            await io.aclose()
        return Played(refuse_empty(cast_.output()), cast_.saved())


class _Single:
    """One agent, and the user who gives it tasks and runs its tools."""

    def __init__(self, agent: Any) -> None:
        self.name: str = agent.name
        self.user = _autogen().ConversableAgent(
            USER,
            llm_config=False,
            human_input_mode="NEVER",
            default_auto_reply="",
            is_termination_msg=lambda message: not message.get("tool_calls"),  # pyright: ignore
        )
        self.agent = agent
        self.agents = [agent, self.user]
        self.members: frozenset[str] = frozenset()

    async def play(
        self, task: str, state: Any, tools: dict[str, Tool], _max_turns: int | None
    ) -> None:
        offer(self.agent, tools)
        # An executor must know a tool's name; the call itself goes through the gate.
        self.user.register_function(dict.fromkeys(tools, _never))
        _restore(self.agent, self.user, state)
        await self.user.a_initiate_chat(self.agent, message=task, clear_history=False)

    def output(self) -> Any:
        return _last(self.agent.chat_messages[self.user])

    def saved(self) -> Any:
        return _saved(self.agent, self.user)


class _Pair:
    """Two agents, of whom the first gives the task to the second."""

    def __init__(self, first: Any, second: Any) -> None:
        self.first, self.second = first, second
        self.name = f"{first.name} and {second.name}"
        self.agents = [first, second]
        self.members = frozenset(agent.name for agent in self.agents)

    async def play(
        self, task: str, state: Any, _tools: dict[str, Tool], max_turns: int | None
    ) -> None:
        _restore(self.first, self.second, state)
        await self.first.a_initiate_chat(
            self.second, message=task, clear_history=False, max_turns=max_turns
        )

    def output(self) -> Any:
        return _last(self.first.chat_messages[self.second])

    def saved(self) -> Any:
        return _saved(self.first, self.second)


class _Group:
    """A group chat, led by its manager; the task comes from outside."""

    def __init__(self, manager: Any) -> None:
        self.manager = manager
        self.name: str = manager.name
        self.user = _autogen().ConversableAgent(
            USER, llm_config=False, human_input_mode="NEVER", default_auto_reply=""
        )
        self.agents = [*manager.groupchat.agents, manager]
        self.members = frozenset(agent.name for agent in manager.groupchat.agents)

    async def play(
        self, task: str, state: Any, _tools: dict[str, Tool], _max_turns: int | None
    ) -> None:
        group, manager = self.manager.groupchat, self.manager
        group.reset()
        for agent in self.agents:
            agent.clear_history()
        for message in map(object_in, as_list(state)):
            group.messages.append(copy.deepcopy(message))
            for agent in group.agents:
                pair = (agent, manager) if agent.name == message.get("name") else (manager, agent)
                await pair[0].a_send(
                    copy.deepcopy(message), pair[1], request_reply=False, silent=True
                )
        await self.user.a_initiate_chat(manager, message=task, clear_history=False, max_turns=1)

    def output(self) -> Any:
        return next(
            (
                said
                for message in reversed(self.manager.groupchat.messages)
                if (said := as_text(message.get("content")).strip())
            ),
            None,
        )

    def saved(self) -> Any:
        return copy.deepcopy(self.manager.groupchat.messages)


_Cast = _Single | _Pair | _Group


def _cast(team: Any) -> _Cast:
    autogen = _autogen()
    if isinstance(team, autogen.GroupChat):
        team = autogen.GroupChatManager(team, llm_config=False)
    if isinstance(team, autogen.GroupChatManager):
        return _Group(team)
    if isinstance(team, autogen.ConversableAgent):
        return _Single(team)
    pair = list(cast("list[Any]", team)) if isinstance(team, list | tuple) else []
    if len(pair) == 2 and all(isinstance(one, autogen.ConversableAgent) for one in pair):
        return _Pair(*pair)
    raise TypeError(
        f"{team!r} is nothing of AutoGen's that can work: give a ConversableAgent, a pair of them, "
        "a GroupChat or its manager, or a function that makes one"
    )


async def _never(**_arguments: Any) -> str:
    raise AssertionError("calls of this tool go through the gate")


def _restore(one: Any, other: Any, state: Any) -> None:
    saved = object_in(state)
    one.clear_history(other)
    other.clear_history(one)
    for agent, peer, key in ((one, other, "one"), (other, one, "other")):
        agent._oai_messages[peer] = copy.deepcopy(as_list(saved.get(key)))


def _saved(one: Any, other: Any) -> JsonObject:
    messages = {"one": one.chat_messages[other], "other": other.chat_messages[one]}
    return copy.deepcopy(messages)


def _last(messages: list[Any]) -> Any:
    return as_text(messages[-1].get("content")).strip() if messages else None
