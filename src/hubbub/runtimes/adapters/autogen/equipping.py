"""Prepare the agents of one run: their model clients, their tools, the way they reply."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any, cast

from hubbub.runtimes.adapters.autogen.bridge import Bridge
from hubbub.runtimes.adapters.autogen.io import Surroundings, speaking
from hubbub.runtimes.adapters.clients import package
from hubbub.runtimes.adapters.gate import Gate
from hubbub.runtimes.calls import shown
from hubbub.runtimes.shapes import JsonObject, as_list, as_text, object_in
from hubbub.runtimes.tools import Tool, ToolOutcome

__all__ = ["equip", "offer"]

_NONE: Mapping[str, Tool] = {}


def equip(
    agents: Iterable[Any],
    *,
    gate: Gate,
    bridge: Bridge,
    io: Surroundings,
    tools: Mapping[str, Tool],
    is_team: bool,
    manager: Any = None,
) -> None:
    """Lead model calls and tool calls of agents through our gate.

    Args:
        agents: all agents of the run.
        gate: the gate.
        bridge: the way of their threads to the loop.
        io: the surroundings of the run.
        tools: the tools of the run.
        is_team: whether a model's calls of these tools are made within its agent's turn; else they
            are part of the chat.
        manager: of a group chat, if it is one; the model that selects the next speaker is asked
            the same way.
    """
    client = bridge.client()
    for agent in agents:
        _connect(agent, client)
        _execute_through(agent, gate, io, tools)
        _reply_in_thread(agent, gate, bridge, io, tools if is_team else _NONE)
        if is_team:
            offer(agent, tools)
    if manager is not None:
        _select_through(manager, gate, bridge, io, client)


def offer(agent: Any, tools: Mapping[str, Tool]) -> None:
    """Tell an agent's model about tools."""
    if agent.llm_config is False:
        return
    for tool in tools.values():
        agent.update_tool_signature(tool.spec, is_remove=False, silent_override=True)


def _select_through(
    manager: Any, gate: Gate, bridge: Bridge, io: Surroundings, client: Any
) -> None:
    autogen = package("autogen", extra="autogen", feature="from_autogen")

    def prepare(group: Any) -> None:
        # The class's own: a group that serves several runs is prepared for each.
        create = cast("Any", type(group))._create_internal_agents

        def created(*arguments: Any, **options: Any) -> Any:
            checking, selecting = create(group, *arguments, **options)
            # What it says is no part of the chat, so nobody sees it being written.
            _connect(selecting, client, streams=False)
            _reply_in_thread(selecting, gate, bridge, io, _NONE)
            return checking, selecting

        group._create_internal_agents = created

    for reply in manager._reply_func_list:
        # The manager leads a copy of its group.
        if isinstance(reply["config"], autogen.GroupChat):
            prepare(reply["config"])


def _connect(agent: Any, client: Any, *, streams: bool = True) -> None:
    if agent.llm_config is False or agent.llm_config is None:
        return
    entries = [entry for entry in agent.llm_config.config_list if _is_openai(entry)]
    if not entries:
        return  # and its client stays as it is: it may be one of the user's own
    for entry in entries:
        entry.http_client = client
        entry.stream = streams
    agent.client = type(agent)._create_client(agent.llm_config)


def _is_openai(entry: Any) -> bool:
    return entry.get("api_type", "openai") == "openai" and not entry.get("model_client_cls")


def _execute_through(agent: Any, gate: Gate, io: Surroundings, tools: Mapping[str, Tool]) -> None:
    """Make tool calls through the gate, sync functions in threads."""
    functions = agent._function_map
    for name, function in list(functions.items()):
        if name not in tools and not inspect.iscoroutinefunction(function):
            functions[name] = _in_thread(function)
    # The class's own: an agent that serves several runs is prepared for each.
    execute = cast("Any", type(agent)).a_execute_function

    async def through(
        func_call: JsonObject, call_id: str | None = None, verbose: bool = False
    ) -> Any:
        name, given = as_text(func_call.get("name")), as_text(func_call.get("arguments"))
        call_id = call_id or name
        tool = tools.get(name)
        if tool is not None:
            outcome = await gate.call(tool, call_id, given or "{}", agent.name)
            told = {"result": outcome.text, "failed": outcome.failed}
            io.tell("tool_result", agent.name, id=call_id, name=name, **told)
            return not outcome.failed, {"name": name, "role": "function", "content": outcome.text}
        done: list[Any] = []

        async def made() -> ToolOutcome:
            done.append(await execute(agent, func_call, call_id, verbose))
            well, answer = done[0]
            return ToolOutcome(str(answer.get("content")), failed=not well)

        outcome = await gate.tool(call_id, made)
        if done:
            return done[0]
        return not outcome.failed, {"name": name, "role": "function", "content": outcome.text}

    agent.a_execute_function = through


def _in_thread(function: Callable[..., Any]) -> Callable[..., Any]:
    async def run(**arguments: Any) -> Any:
        result = await asyncio.to_thread(function, **arguments)
        return await result if inspect.isawaitable(result) else result

    return run


def _reply_in_thread(
    agent: Any, gate: Gate, bridge: Bridge, io: Surroundings, tools: Mapping[str, Tool]
) -> None:
    """Call the model in a thread of the run's own that has its context variables."""
    autogen = package("autogen", extra="autogen", feature="from_autogen")

    async def reply(
        agent: Any, messages: Any = None, sender: Any = None, config: Any = None, **_rest: Any
    ) -> Any:
        if messages is None:
            messages = agent.chat_messages[sender]
        talk = list(messages)
        while True:
            speaking.set(agent.name)
            well, said = await bridge.in_thread(agent.generate_oai_reply, talk, sender, config)
            calls = as_list(object_in(said).get("tool_calls"))
            if not calls or any(_name(call) not in tools for call in calls):
                return well, said
            talk += [said, *await asyncio.gather(*(make(agent, call) for call in calls))]

    async def make(agent: Any, call: Any) -> JsonObject:
        name, given = _name(call), as_text(object_in(call.get("function")).get("arguments")) or "{}"
        call_id = as_text(call.get("id"))
        io.tell("tool_call", agent.name, id=call_id, name=name, arguments=shown(given))
        outcome = await gate.call(tools[name], call_id, given, agent.name)
        told = {"result": outcome.text, "failed": outcome.failed}
        io.tell("tool_result", agent.name, id=call_id, name=name, **told)
        return {"role": "tool", "tool_call_id": call_id, "content": outcome.text}

    replies = [one["reply_func"] for one in agent._reply_func_list]
    before = getattr(agent, "hubbub_reply", autogen.ConversableAgent.a_generate_oai_reply)
    if before in replies:
        agent.replace_reply_func(before, reply)
        agent.hubbub_reply = reply


def _name(call: Any) -> str:
    return as_text(object_in(object_in(call).get("function")).get("name"))
