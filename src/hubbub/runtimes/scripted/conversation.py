"""A chat request as the scripted model reads it."""

from __future__ import annotations

import contextlib
import json
import re
from dataclasses import dataclass

from hubbub.runtimes.shapes import JsonObject, as_list, as_text, object_in

__all__ = ["Conversation", "Result"]

_TAGGED_RESULT = re.compile(
    r"^\s*<tool_response[^>]*>\s*(.*?)\s*(?:</tool_response>)?\s*$", re.DOTALL
)

# Agents are told whom a message is from in a line above it.
_SENDER = re.compile(r"^\s*(?:message|request|task|handoff) from [^\n]*:\s*\n", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Result:
    """The result of a tool call: which tool, if known, what it was given, what came of it."""

    name: str
    arguments: str
    text: str


@dataclass(frozen=True, slots=True)
class Conversation:
    """What matters in the messages.

    Attributes:
        system: all system text.
        user: the last thing the user said.
        results: results of tools since then.
        names: the tools offered, by name.
        parameters: their schemas.
        turn: how many messages came before the user's last.
    """

    system: str
    user: str
    results: tuple[Result, ...]
    names: tuple[str, ...]
    parameters: dict[str, JsonObject]
    turn: int

    @classmethod
    def read(cls, messages: list[JsonObject], tools: list[JsonObject]) -> Conversation:
        """Return what matters in the messages and tools of a request.

        Results that were put into user messages, for a server without tools, are results.
        """
        system = "\n".join(
            as_text(one.get("content"))
            for one in messages
            if one.get("role") in ("system", "developer")
        )
        spoken = [
            at
            for at, one in enumerate(messages)
            if one.get("role") == "user" and not _TAGGED_RESULT.match(as_text(one.get("content")))
        ]
        turn = spoken[-1] if spoken else -1
        said = as_text(messages[turn].get("content")) if spoken else ""
        user = _SENDER.sub("", said)
        functions = [object_in(tool.get("function")) for tool in tools] or _told_tools(system)
        parameters = {
            as_text(one.get("name")): object_in(one.get("parameters")) for one in functions
        }
        results = tuple(_results(messages[turn + 1 :]))
        return cls(system, user, results, tuple(parameters), parameters, turn)


def _told_tools(system: str) -> list[JsonObject]:
    """Return the tools that are described in the system prompt, one a line."""
    lines = [line for line in system.splitlines() if line.startswith("{")]
    found: list[JsonObject] = []
    for line in lines:
        with contextlib.suppress(ValueError):
            found.append(object_in(json.loads(line)))
    return [tool for tool in found if "parameters" in tool]


def _results(messages: list[JsonObject]) -> list[Result]:
    calls: dict[str, JsonObject] = {}
    found: list[Result] = []
    for message in messages:
        for call in map(object_in, as_list(message.get("tool_calls"))):
            calls[as_text(call.get("id"))] = object_in(call.get("function"))
        text = as_text(message.get("content"))
        if message.get("role") == "tool":
            call = calls.get(as_text(message.get("tool_call_id")), {})
            found.append(Result(as_text(call.get("name")), as_text(call.get("arguments")), text))
        elif message.get("role") == "user" and (tagged := _TAGGED_RESULT.match(text)):
            found.append(Result("", "", tagged[1]))
    return found
