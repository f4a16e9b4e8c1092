"""Ask again without what a server refuses, putting it into the prompt instead."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import NamedTuple

from hubbub.runtimes.shapes import JsonObject, as_list, as_text, object_in

__all__ = ["CONCESSIONS", "Concession", "concession_for", "without_schema", "without_tools"]

RESULT_TAG = "<tool_response"


class Concession(NamedTuple):
    """Something a server may refuse, and how to do without.

    Attributes:
        name: what is given up.
        applies: whether a refusal is about it, by status, text and the request that was refused.
        rewrite: the request without it.
        lasting: whether the next requests to this model do without from the start.
    """

    name: str
    applies: Callable[[int, str, JsonObject], bool]
    rewrite: Callable[[JsonObject], JsonObject]
    lasting: bool


def concession_for(status: int, text: str, body: JsonObject) -> Concession | None:
    """Return what to give up after a refusal; None if the refusal is about something else."""
    lowered = text.lower()
    return next((one for one in CONCESSIONS if one.applies(status, lowered, body)), None)


def _refuses(status: int) -> bool:
    return status in (400, 404, 422, 500, 501)


def _tools_refused(status: int, text: str, body: JsonObject) -> bool:
    reasons = ("support", "requires", "not allowed", "not permitted", "unexpected", "unrecognized")
    about_tools = "tool" in text and any(reason in text for reason in reasons)
    return "tools" in body and _refuses(status) and about_tools


def _unparsable(status: int, text: str, body: JsonObject) -> bool:
    """Recognise llama.cpp failing to parse what its own grammar let the model say."""
    return "tools" in body and status == 500 and "does not match the expected format" in text


def _schema_refused(status: int, text: str, body: JsonObject) -> bool:
    words = ("response_format", "json_schema", "structured output", "grammar")
    return "response_format" in body and _refuses(status) and any(word in text for word in words)


def _usage_refused(status: int, text: str, body: JsonObject) -> bool:
    return "stream_options" in body and _refuses(status) and "stream_options" in text


def without_tools(body: JsonObject) -> JsonObject:
    """Return a request that offers its tools in the prompt.

    The model is asked to answer with JSON for a call, which the transport reads; earlier calls and
    results in the conversation become plain messages.
    """
    tools = [object_in(object_in(tool).get("function")) for tool in as_list(body.get("tools"))]
    rest = {
        key: value
        for key, value in body.items()
        if key not in ("tools", "tool_choice", "parallel_tool_calls")
    }
    messages = [_plain_message(object_in(message)) for message in as_list(body.get("messages"))]
    if body.get("tool_choice") != "none":
        messages = _instructed(messages, _tools_prompt(tools, body.get("tool_choice")))
    return {**rest, "messages": messages}


def _tools_prompt(tools: list[JsonObject], choice: object) -> str:
    lines = "\n".join(json.dumps(tool, ensure_ascii=False) for tool in tools)
    must = "" if choice in (None, "auto") else "\nYou have to call a tool now."
    return (
        f"You can use these tools:\n{lines}\n"
        "To use one, answer with nothing but JSON in this form:\n"
        '{"name": "<tool>", "arguments": {...}}\n'
        "Its result is given to you in the next message. "
        f"When no tool is needed, answer in plain text.{must}"
    )


def _plain_message(message: JsonObject) -> JsonObject:
    if message.get("role") == "tool":
        text = f"{RESULT_TAG}>\n{as_text(message.get('content'))}\n</tool_response>"
        return {"role": "user", "content": text}
    calls = as_list(message.get("tool_calls"))
    if not calls:
        return message
    told = [
        {"name": function.get("name"), "arguments": function.get("arguments")}
        for function in (object_in(object_in(call).get("function")) for call in calls)
    ]
    lines = [as_text(message.get("content")), *(_call_line(call) for call in told)]
    return {"role": "assistant", "content": "\n".join(line for line in lines if line)}


def _call_line(call: JsonObject) -> str:
    try:
        arguments = json.loads(as_text(call["arguments"]) or "{}")
    except ValueError:
        arguments = call["arguments"]
    return json.dumps({"name": call["name"], "arguments": arguments}, ensure_ascii=False)


def without_schema(body: JsonObject) -> JsonObject:
    """Return a request that asks for the shape of the answer in the prompt."""
    rest = {key: value for key, value in body.items() if key != "response_format"}
    wanted = object_in(object_in(body.get("response_format")).get("json_schema")).get("schema")
    shape = f" that matches this schema:\n{json.dumps(wanted)}" if wanted else "."
    messages = [object_in(message) for message in as_list(body.get("messages"))]
    prompt = f"Answer with nothing but JSON{shape}"
    return {**rest, "messages": _instructed(messages, prompt)}


def _instructed(messages: list[JsonObject], prompt: str) -> list[JsonObject]:
    """Add to the system prompt, which many templates allow only once and only first."""
    if messages and messages[0].get("role") in ("system", "developer"):
        first = messages[0]
        text = f"{as_text(first.get('content'))}\n\n{prompt}"
        return [{**first, "content": text}, *messages[1:]]
    return [{"role": "system", "content": prompt}, *messages]


def _without_usage(body: JsonObject) -> JsonObject:
    return {key: value for key, value in body.items() if key != "stream_options"}


CONCESSIONS = (
    Concession("parsing", _unparsable, without_tools, lasting=False),
    Concession("stream_options", _usage_refused, _without_usage, lasting=True),
    Concession("response_format", _schema_refused, without_schema, lasting=True),
    Concession("tools", _tools_refused, without_tools, lasting=True),
)
