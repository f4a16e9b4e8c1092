"""Pydantic AI agents as runtimes."""

from __future__ import annotations

import copy
import json
from collections.abc import Collection
from typing import Any

from hubbub.mesh.limits import Limits
from hubbub.runtimes.adapters.adapted import Adapted
from hubbub.runtimes.adapters.clients import package
from hubbub.runtimes.adapters.driving import CutOff, Driver, Played, is_caused_by, refuse_empty
from hubbub.runtimes.adapters.gate import Gate
from hubbub.runtimes.calls import approved, comment, shown
from hubbub.runtimes.errors import BadModelAnswer, ModelError
from hubbub.runtimes.mesh_tools import chosen
from hubbub.runtimes.shapes import as_object
from hubbub.runtimes.tools import Tool, toolbox

__all__ = ["PydanticAIRuntime", "from_pydantic_ai"]

_FEATURE = "from_pydantic_ai"


def from_pydantic_ai(
    agent: Any,
    *,
    name: str | None = None,
    deps: Any = None,
    limits: Limits | None = None,
    mesh_tools: bool | Collection[str] = True,
    approve: Collection[str] = (),
    cut_off: CutOff = "refuse",
) -> PydanticAIRuntime:
    """Return a runtime that lets a Pydantic AI agent work.

    One agent serves any number of runs at once. Tools of its own that require approval, and
    deferred ones, become questions to a person. Its OpenAI-compatible model is asked through our
    transport; a model of another kind is asked directly, and then only the agent's own limits hold.

    Args:
        agent: a `pydantic_ai.Agent`.
        name: whom events are attributed to; by default the agent's name.
        deps: handed to the agent's tools.
        limits: what a run may use unless its context says otherwise.
        mesh_tools: whether the agent that hosts it lets it talk to other agents, or with which of
            `MESH_TOOLS`.
        approve: names of mesh tools that a person has to approve each call of.
        cut_off: `keep` uses answers that were cut off at the token limit.

    Raises:
        ValueError: there is no mesh tool of that name.
        MissingExtra: Pydantic AI is not installed.
    """
    package("pydantic_ai", extra="pydantic-ai", feature=_FEATURE)
    driver = Driver(limits or Limits(), approve, cut_off, chosen(mesh_tools))
    return PydanticAIRuntime(agent, name or agent.name or "agent", deps, driver)


class PydanticAIRuntime(Adapted):
    """See `from_pydantic_ai`."""

    def __init__(self, agent: Any, name: str, deps: Any, driver: Driver) -> None:
        super().__init__(driver)
        self._agent = agent
        self._name = name
        self._deps = deps

    @property
    def name(self) -> str:
        """Whom its events are attributed to."""
        return self._name

    async def _play(self, gate: Gate, task: str, state: Any) -> Played:
        pydantic_ai = package("pydantic_ai", extra="pydantic-ai", feature=_FEATURE)
        capabilities = package("pydantic_ai.capabilities", extra="pydantic-ai", feature=_FEATURE)
        history = pydantic_ai.ModelMessagesTypeAdapter
        offered = [self._offered(gate, tool) for tool in toolbox(gate.ctx.tools).values()]
        handler = capabilities.HandleDeferredToolCalls(handler=self._deferred(gate))
        result: Any = None
        try:
            async with self._agent.run_stream_events(
                task,
                model=self._model(),
                message_history=history.validate_python(state) if state else None,
                deps=self._deps,
                toolsets=[pydantic_ai.FunctionToolset(offered)],
                capabilities=[handler],
                usage_limits=pydantic_ai.UsageLimits(request_limit=None),
            ) as events:
                async for event in events:
                    await self._tell(event, gate)
                    result = getattr(event, "result", result)
        except pydantic_ai.UnexpectedModelBehavior as error:
            if is_caused_by(error, ModelError) is not None:
                raise
            raise BadModelAnswer(f"The model's answers cannot be used: {error}") from error
        output = refuse_empty(result.output)
        if not isinstance(output, str):
            core = package("pydantic_core", extra="pydantic-ai", feature=_FEATURE)
            output = core.to_jsonable_python(output, fallback=str)
        return Played(output, history.dump_python(result.all_messages(), mode="json"))

    def _model(self) -> Any:
        """Return the agent's model with our transport below it; None leaves it as it is."""
        models = package("pydantic_ai.models", extra="pydantic-ai", feature=_FEATURE)
        openai = package("pydantic_ai.models.openai", extra="pydantic-ai", feature=_FEATURE)
        model = self._agent.model
        if model is None:
            return self._configured(openai)
        if isinstance(model, str):
            model = models.infer_model(model)
        if not isinstance(model, openai.OpenAIChatModel):
            return None
        return self._through_us(model)

    def _through_us(self, model: Any) -> Any:
        client: Any = model.client
        http = self._clients.http(str(client.base_url))
        provider: Any = copy.copy(model.__dict__["_provider"])
        # It would replace the client by one of its own on another loop.
        provider.__dict__.update(
            _client=client.copy(http_client=http), _own_http_client=None, _http_client_factory=None
        )
        ours = copy.copy(model)
        ours.__dict__["_provider"] = provider
        return ours

    def _configured(self, openai: Any) -> Any:
        from hubbub.settings import NATSConfig

        config = NATSConfig()
        providers = package("pydantic_ai.providers.openai", extra="pydantic-ai", feature=_FEATURE)
        key = config.openai_api_key.get_secret_value() if config.openai_api_key else "none"
        provider = providers.OpenAIProvider(base_url=config.openai_base_url, api_key=key)
        return self._through_us(openai.OpenAIChatModel(config.model or "", provider=provider))

    def _offered(self, gate: Gate, tool: Tool) -> Any:
        pydantic_ai = package("pydantic_ai", extra="pydantic-ai", feature=_FEATURE)

        async def call(run: Any, **arguments: Any) -> str:
            given = json.dumps(arguments)
            return (await gate.call(tool, run.tool_call_id, given, self._name)).text

        return pydantic_ai.Tool.from_schema(
            call, tool.name, tool.description, tool.parameters, takes_ctx=True
        )

    def _deferred(self, gate: Gate) -> Any:
        """Return what answers the agent's deferred tools: a person."""
        pydantic_ai = package("pydantic_ai", extra="pydantic-ai", feature=_FEATURE)

        async def handle(_run: Any, requests: Any) -> Any:
            approvals: dict[str, Any] = {}
            for call in requests.approvals:
                decision = await gate.approves(
                    call.tool_name, call.args_as_dict(), call.tool_call_id, self._name
                )
                changed = as_object((as_object(decision) or {}).get("arguments"))
                approvals[call.tool_call_id] = (
                    pydantic_ai.ToolApproved(override_args=changed)
                    if approved(decision)
                    else pydantic_ai.ToolDenied(f"A person refused this call. {comment(decision)}")
                )
            results: dict[str, Any] = {}
            for call in requests.calls:
                results[call.tool_call_id] = await gate.approves(
                    call.tool_name, call.args_as_dict(), call.tool_call_id, self._name
                )
            return requests.build_results(approvals=approvals, calls=results)

        return handle

    async def _tell(self, event: Any, gate: Gate) -> None:
        kind = getattr(event, "event_kind", "")
        if kind in ("part_start", "part_delta"):
            part = event.part if kind == "part_start" else event.delta
            text = getattr(part, "content" if kind == "part_start" else "content_delta", None)
            what = part.part_kind if kind == "part_start" else part.part_delta_kind
            if text and what in ("text", "thinking"):
                await gate.emit(what, self._name, delta=text)
        elif kind == "part_end" and event.part.part_kind == "text" and event.part.content:
            await gate.emit("message", self._name, role="assistant", content=event.part.content)
        elif kind == "function_tool_call":
            call = event.part
            arguments = as_object(call.args)
            if arguments is None:
                arguments = shown(call.args or "{}")
            await gate.emit(
                "tool_call",
                self._name,
                id=call.tool_call_id,
                name=call.tool_name,
                arguments=arguments,
            )
        elif kind == "function_tool_result":
            part = event.part
            failed = part.part_kind == "retry-prompt" or gate.failed(part.tool_call_id)
            text = part.model_response() if part.part_kind == "retry-prompt" else part.content
            await gate.emit(
                "tool_result",
                self._name,
                id=part.tool_call_id,
                name=part.tool_name,
                result=text if isinstance(text, str) else json.dumps(text, default=str),
                failed=failed,
            )
