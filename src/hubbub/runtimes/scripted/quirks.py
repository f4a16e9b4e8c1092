"""Misbehave like the servers people really run, as the name of the model asks for.

A model named `hubbub-scripted-think-slow` has the quirks `think` and `slow`:

- `think`, `openthink`: the thought stands in the content, in tags or with the closing tag only
- `glue`: with these, tag and text share a chunk
- `reasoning`: the thought comes as `reasoning_content`
- `tooltext`: calls are text in `<tool_call>` tags; `bare`: they are JSON in the text
- `notools`: refuses tools with HTTP 400, then behaves like `bare`
- `badjson`: the first call's arguments break off
- `loop`: calls the first tool for ever
- `noindex`, `repname`, `emptyid`, `onechunk`, `dictargs`: streamed calls are malformed
- `nousage`: counts no tokens
- `length`: the text is cut off at the token limit
- `empty`: the answer is empty
- `slow`: a word at a time, endlessly many
- `flaky`, `429`: the first requests fail; `loading`: the first finds the model not loaded
- `drop`, `sseerror`: the stream breaks after two words; `dropearly`: the first one before any
- `nostream`: answers in one piece although a stream was asked for
- `crlf`: ends lines the other way and sends keep-alive comments
- `nonsense`: answers with a web page; `garbage`: with bytes that are no HTTP
- `silent`: takes the request and never answers
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator

from hubbub.runtimes.scripted.replies import Reply, ToolCall
from hubbub.runtimes.shapes import JsonObject

__all__ = ["QUIRKS", "completion", "quirks_of", "stream", "told"]

QUIRKS = frozenset(
    re.findall(
        r"\S+",
        """
        think openthink glue reasoning tooltext bare notools badjson loop noindex repname emptyid
        onechunk dictargs nousage length empty slow flaky 429 loading drop dropearly sseerror
        nostream crlf nonsense garbage silent
        """,
    )
)
THOUGHT = "hm"
_USAGE = {"prompt_tokens": 11, "completion_tokens": 5, "total_tokens": 16}
# Words, and tags on their own, as models with special tokens for them send them.
_WORDS = re.compile(r"</?think>|(?:(?!</?think>)\S)+\s*|\s+")
_GLUED_WORDS = re.compile(r"\S+\s*|\s+")


def quirks_of(model: str) -> frozenset[str]:
    """Return the quirks in a model's name."""
    return QUIRKS & frozenset(model.lower().split("-"))


def told(reply: Reply, quirks: frozenset[str]) -> Reply:
    """Return the reply with what the quirks change about its content."""
    calls, text = reply.calls, reply.text
    if calls and "badjson" in quirks and reply.first == 0:
        first = calls[0]
        calls = (ToolCall(first.name, first.arguments[: len(first.arguments) // 2]), *calls[1:])
    if calls and "tooltext" in quirks:
        lines = (f"<tool_call>\n{_as_json(call)}\n</tool_call>" for call in calls)
        return reply._replace(text="".join(lines), calls=())
    if calls and quirks & {"bare", "notools"}:
        fenced = reply.first % 2 == 1
        lines = [_as_json(call) for call in calls]
        text = "\n".join(f"```json\n{line}\n```" if fenced else line for line in lines)
        return reply._replace(text=text, calls=())
    if "empty" in quirks:
        text = ""
    if "think" in quirks:
        text = f"<think>\n{THOUGHT}\n</think>\n\n{text}"
    if "openthink" in quirks:
        text = f"{THOUGHT}\n</think>\n\n{text}"
    return reply._replace(text=text, calls=calls)


def _as_json(call: ToolCall) -> str:
    return f'{{"name": "{call.name}", "arguments": {call.arguments}}}'


def _finish(reply: Reply, quirks: frozenset[str]) -> str:
    if reply.calls:
        return "stop" if "onechunk" in quirks else "tool_calls"
    return "length" if "length" in quirks else "stop"


def _call(reply: Reply, at: int, quirks: frozenset[str]) -> JsonObject:
    call = reply.calls[at]
    arguments = json.loads(call.arguments) if "dictargs" in quirks else call.arguments
    return {
        "id": f"call_{reply.first + at}",
        "type": "function",
        "function": {"name": call.name, "arguments": arguments},
    }


def completion(reply: Reply, model: str, quirks: frozenset[str]) -> JsonObject:
    """Return the body of a response that is not streamed."""
    message: JsonObject = {"role": "assistant", "content": reply.text or None}
    if "reasoning" in quirks:
        message["reasoning_content"] = THOUGHT
    if reply.calls:
        message["tool_calls"] = [_call(reply, at, quirks) for at in range(len(reply.calls))]
    choice = {"index": 0, "message": message, "finish_reason": _finish(reply, quirks)}
    usage = {} if "nousage" in quirks else {"usage": _USAGE}
    return {**_frame(model, "chat.completion"), "choices": [choice], **usage}


def stream(
    reply: Reply, model: str, quirks: frozenset[str], *, usage: bool
) -> Iterator[JsonObject]:
    """Yield the chunks of a streamed response; those with `content` are its words."""
    frame = _frame(model, "chat.completion.chunk")

    def chunk(delta: JsonObject, reason: str | None = None) -> JsonObject:
        return {**frame, "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}

    yield chunk({"role": "assistant", "content": ""})
    if "reasoning" in quirks:
        yield chunk({"reasoning_content": THOUGHT})
    words = iter((_GLUED_WORDS if "glue" in quirks else _WORDS).findall(reply.text))
    if "slow" in quirks and not reply.calls:
        words = itertools.chain(words, (f" word{number}" for number in itertools.count()))
    for word in words:
        yield chunk({"content": word})
    for at in range(len(reply.calls)):
        for part in _parts(reply, at, quirks):
            yield chunk({"tool_calls": [part]})
    yield chunk({}, _finish(reply, quirks))
    if usage and "nousage" not in quirks:
        yield {**frame, "choices": [], "usage": _USAGE}


def _parts(reply: Reply, at: int, quirks: frozenset[str]) -> Iterator[JsonObject]:
    """Yield the parts of one call: its head, then its arguments in two halves."""
    whole = _call(reply, at, quirks)
    if quirks & {"onechunk", "dictargs"}:
        yield {"index": at, **whole}
        return
    arguments = str(whole["function"]["arguments"])
    name = reply.calls[at].name
    half = len(arguments) // 2
    for number, text in enumerate(("", arguments[:half], arguments[half:])):
        part: JsonObject = {"function": {"arguments": text}}
        if "noindex" not in quirks:
            part["index"] = at
        if number == 0 or "repname" in quirks:
            part |= {"id": whole["id"], "type": "function"}
            part["function"]["name"] = name
        elif "emptyid" in quirks:
            part["id"] = part["function"]["name"] = ""
        yield part


def _frame(model: str, kind: str) -> JsonObject:
    return {"id": "chatcmpl-scripted", "object": kind, "created": 1_700_000_000, "model": model}
