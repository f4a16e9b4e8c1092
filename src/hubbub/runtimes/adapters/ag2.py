"""Agents of AG2 1.x as runtimes."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

from hubbub.mesh.limits import Limits
from hubbub.runtimes.adapters.adapted import Adapted
from hubbub.runtimes.adapters.clients import package
from hubbub.runtimes.adapters.driving import CutOff, Driver, Played, refuse_empty
from hubbub.runtimes.adapters.gate import Gate
from hubbub.runtimes.calls import shown
from hubbub.runtimes.mesh_tools import chosen
from hubbub.runtimes.neutral import Question
from hubbub.runtimes.shapes import JsonObject, as_list, object_in
from hubbub.runtimes.tools import Tool, ToolOutcome, toolbox

__all__ = ["AG2Runtime", "from_ag2"]


def _ag2(module: str = "") -> Any:
    return package(f"ag2{module}", extra="ag2", feature="from_ag2")


def from_ag2(
    agent: Any,
    *,
    name: str | None = None,
    limits: Limits | None = None,
    mesh_tools: bool | Collection[str] = True,
    approve: Collection[str] = (),
    cut_off: CutOff = "refuse",
) -> AG2Runtime:
    """Return a runtime that lets an AG2 agent work.

    One agent serves any number of runs at once. What it asks its human becomes a question to a
    person. An `OpenAIConfig` is used with our transport below it, and streamed; a model of another
    kind is asked directly, and then limits on model calls do not hold.

    Args:
        agent: an `ag2.Agent`.
        name: whom events are attributed to; by default the agent's name.
        limits: what a run may use unless its context says otherwise.
        mesh_tools: whether the agent that hosts it lets it talk to other agents, or with which of
            `MESH_TOOLS`.
        approve: names of mesh tools that a person has to approve each call of.
        cut_off: `keep` uses answers that were cut off at the token limit.

    Raises:
        ValueError: there is no mesh tool of that name.
        MissingExtra: AG2 is not installed.
    """
    _ag2()
    return AG2Runtime(
        agent, name or agent.name, Driver(limits or Limits(), approve, cut_off, chosen(mesh_tools))
    )


class AG2Runtime(Adapted):
    """See `from_ag2`."""

    def __init__(self, agent: Any, name: str, driver: Driver) -> None:
        super().__init__(driver)
        self._agent = agent
        self._name = name

    @property
    def name(self) -> str:
        """Whom its events are attributed to."""
        return self._name

    async def _play(self, gate: Gate, task: str, state: Any) -> Played:
        ag2 = _ag2()
        stream = ag2.MemoryStream()
        if state:
            await stream.history.replace(_loaded(state))

        async def on_event(event: Any) -> None:
            await self._tell(event, gate)

        # AG2 injects arguments by their annotations, which here are none of its own.
        on_event.__annotations__ = {"event": _ag2(".events").BaseEvent, "return": None}
        stream.subscribe(on_event)

        async def ask(question: Any) -> str:
            approval = type(question).__name__ == "ToolApprovalRequest"
            asked = Question(question.content, "approval" if approval else "text")
            answer = await gate.ask(asked, self._name)
            decision = object_in(answer).get("decision")
            return ("yes" if decision == "approve" else "no") if decision else str(answer)

        ask.__annotations__ = {"question": _ag2(".events").HumanInputRequest, "return": str}
        reply = await self._agent.ask(
            task,
            stream=stream,
            config=self._config(),
            tools=[_offered(tool) for tool in toolbox(gate.ctx.tools).values()],
            hitl_hook=ask,
            middleware=[_through(gate, self._name)],
        )
        if self._agent.response_schema is None:
            output = reply.body
        else:
            core = package("pydantic_core", extra="ag2", feature="from_ag2")
            output = core.to_jsonable_python(await reply.content(), fallback=str)
        return Played(refuse_empty(output), _dumped(await stream.history.get_events()))

    def _config(self) -> Any:
        """Return the agent's model with our transport below it; None leaves it as it is."""
        openai = _ag2(".config")
        config = self._agent.config
        if config is None:
            from hubbub.settings import NATSConfig

            ours = NATSConfig()
            key = ours.openai_api_key.get_secret_value() if ours.openai_api_key else "none"
            config = openai.OpenAIConfig(
                model=ours.model or "", base_url=ours.openai_base_url, api_key=key
            )
        if not isinstance(config, openai.OpenAIConfig):
            return None
        base_url = config.base_url or "https://api.openai.com/v1"
        return config.copy(http_client=self._clients.http(base_url), streaming=True)

    async def _tell(self, event: Any, gate: Gate) -> None:
        name = self._name
        match type(event).__name__:
            case "ModelMessageChunk":
                await gate.emit("text", name, delta=event.content)
            case "ModelReasoning":
                await gate.emit("thinking", name, delta=event.content)
            case "ModelMessage":
                await gate.emit("message", name, role="assistant", content=event.content)
            case "ToolCallEvent":
                await gate.emit(
                    "tool_call",
                    name,
                    id=event.id,
                    name=event.name,
                    arguments=shown(event.arguments or "{}"),
                )
            case "ToolResultEvent" | "ToolErrorEvent" | "ToolNotFoundEvent":
                broken = type(event).__name__ != "ToolResultEvent"
                await gate.emit(
                    "tool_result",
                    name,
                    id=event.parent_id,
                    name=event.name or "",
                    result=_text(event),
                    failed=broken or gate.failed(event.parent_id),
                )
            case _:
                return


def _offered(tool: Tool) -> Any:
    """Return a tool as AG2 takes it; it is run by the middleware, with the arguments as text."""
    final = _ag2(".tools.final.client_tool")

    class Offered(final.ClientTool):
        ours = tool

    return Offered(tool.spec)


def _through(gate: Gate, name: str) -> Any:
    """Return the middleware that leads tool calls through the gate."""
    ag2 = _ag2()
    base, events = _ag2(".middleware").BaseMiddleware, _ag2(".events")
    broken: dict[str, str] = {}

    class Through(base):
        async def on_llm_call(self, call_next: Any, seen: Any, context: Any) -> Any:
            response = await call_next(seen, context)
            for call in response.tool_calls.calls if response.tool_calls else ():
                try:
                    json.loads(call.arguments or "{}")
                except ValueError:
                    # AG2 would end the run with the JSONDecodeError.
                    broken[call.id], call.arguments = call.arguments, "{}"
            return response

        async def on_tool_execution(self, call_next: Any, event: Any, context: Any) -> Any:
            own: list[Any] = []
            ours = offered.get(event.name)

            async def made() -> ToolOutcome:
                if event.id in broken:
                    text = f"The arguments are not valid JSON. Call {event.name} again."
                    return ToolOutcome(text, failed=True)
                own.append(await call_next(event, context))
                return ToolOutcome(_text(own[0]), failed=hasattr(own[0], "error"))

            if ours is not None and event.id not in broken:
                outcome = await gate.call(ours, event.id, event.arguments or "{}", name)
            else:
                outcome = await gate.tool(event.id, made)
            return own[0] if own else events.ToolResultEvent.from_call(event, result=outcome.text)

    offered = toolbox(gate.ctx.tools)
    return ag2.Middleware(Through)


def _text(event: Any) -> str:
    parts = getattr(getattr(event, "result", None), "parts", ())
    found = (getattr(part, "content", getattr(part, "data", part)) for part in parts)
    return " ".join(
        part if isinstance(part, str) else json.dumps(part, default=str) for part in found
    )


def _dumped(events: Any) -> list[JsonObject]:
    return [
        {"type": f"{type(event).__module__}.{type(event).__qualname__}", "data": event.to_dict()}
        for event in events
    ]


def _loaded(rows: Any) -> list[Any]:
    """Return events that were dumped; a name that is none of AG2's is not imported."""
    import_event_class = _ag2(".events._serialization").import_event_class
    return [
        import_event_class(row["type"]).from_dict(row["data"])
        for row in map(object_in, as_list(rows))
        if str(row.get("type")).startswith("ag2.")
    ]
