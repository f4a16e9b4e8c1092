"""A conversation as OpenAI messages, and what keeps it valid."""

from __future__ import annotations

from collections.abc import Sequence

from hubbub.runtimes.answers import CallRequest
from hubbub.runtimes.shapes import JsonObject, as_list, as_text, object_in

__all__ = ["closed", "open_calls", "tool_message", "user_message"]


def user_message(text: str) -> JsonObject:
    """Return a message of the user."""
    return {"role": "user", "content": text}


def tool_message(call_id: str, text: str) -> JsonObject:
    """Return the result of a tool call."""
    return {"role": "tool", "tool_call_id": call_id, "content": text}


def open_calls(messages: Sequence[JsonObject]) -> list[CallRequest]:
    """Return the calls at the end of a conversation that have no result yet."""
    done: set[str] = set()
    for message in reversed(messages):
        if message.get("role") == "tool":
            done.add(as_text(message.get("tool_call_id")))
            continue
        calls = [_request(object_in(call)) for call in as_list(message.get("tool_calls"))]
        return [call for call in calls if call.id not in done]
    return []


def closed(messages: Sequence[JsonObject], reason: str, said: str = "") -> list[JsonObject]:
    """Return a conversation that can be gone on with: no call without a result.

    Args:
        messages: the conversation so far.
        reason: the result of the calls that were not made.
        said: what the model had said of an answer that broke off.
    """
    results = [tool_message(call.id, reason) for call in open_calls(messages)]
    partial = [{"role": "assistant", "content": said}] if said else []
    return [*messages, *results, *partial]


def _request(call: JsonObject) -> CallRequest:
    function = object_in(call.get("function"))
    return CallRequest(
        as_text(call.get("id")),
        as_text(function.get("name")),
        as_text(function.get("arguments")),
    )
