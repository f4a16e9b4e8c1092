"""Recognise a tool call that a model wrote as text."""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from typing import Any, NamedTuple

from hubbub.runtimes.repair import BrokenJson, read_json
from hubbub.runtimes.shapes import as_list, as_object

__all__ = ["OPENING_KEYS", "PREFIXES", "TextCall", "calls_in", "may_open_call", "tagged_calls"]

# Words that models put in front of the JSON of a call.
PREFIXES = ("CALL", "[TOOL_CALLS]", "<|python_tag|>", "<|tool_call|>")

_NAME_KEYS = ("name", "tool", "tool_name", "function")
_ARGUMENT_KEYS = ("arguments", "parameters", "args", "input")
_OTHER_KEYS = ("id", "type", "index")
OPENING_KEYS = (*_NAME_KEYS, *_ARGUMENT_KEYS, *_OTHER_KEYS, "tool_calls")
_FENCE_LANGUAGES = ("", "json", "jsonc", "tool_call", "tool_code", "tool")
_LONGEST_LANGUAGE = max(map(len, _FENCE_LANGUAGES))

_XML_CALL = re.compile(r"<function=([^>\s]+)>(.*?)(?:</function>|$)", re.DOTALL)
_XML_PARAMETER = re.compile(r"<parameter=([^>\s]+)>\n?(.*?)\n?</parameter>", re.DOTALL)
_BROKEN_CALL = re.compile(
    r'"name"\s*:\s*"([^"]+)".*?"(?:arguments|parameters)"\s*:\s*(.*?)\}?\s*$', re.DOTALL
)


class TextCall(NamedTuple):
    """A call found in text; `arguments` is JSON as the model wrote it, perhaps broken."""

    name: str
    arguments: str


def calls_in(value: object, offered: Collection[str]) -> list[TextCall]:
    """Return the calls a JSON value stands for; none if any part of it is something else.

    Args:
        value: an object, an array of them, or one with `tool_calls`.
        offered: the names of the tools that were offered.
    """
    entry = as_object(value)
    if entry is not None and as_list(entry.get("tool_calls")):
        value = entry["tool_calls"]
    entries = as_list(value) or [value]
    calls = [_call(entry, offered) for entry in entries]
    found = [call for call in calls if call is not None]
    return found if len(found) == len(calls) else []


def _call(value: object, offered: Collection[str]) -> TextCall | None:
    entry = as_object(value)
    if entry is None:
        return None
    if (inner := as_object(entry.get("function"))) is not None:
        return _call(inner, offered)
    if len(entry) == 1:
        ((key, only),) = entry.items()
        if key in offered and as_object(only) is not None:
            return TextCall(key, json.dumps(only))
    name = next((entry[key] for key in _NAME_KEYS if key in entry), None)
    strangers = entry.keys() - {*_NAME_KEYS, *_ARGUMENT_KEYS, *_OTHER_KEYS}
    if not isinstance(name, str) or name not in offered or strangers:
        return None
    arguments: Any = next((entry[key] for key in _ARGUMENT_KEYS if key in entry), None)
    return TextCall(name, arguments if isinstance(arguments, str) else json.dumps(arguments or {}))


def tagged_calls(body: str, offered: Collection[str]) -> list[TextCall]:
    """Return the calls between the tags of a tool call.

    Here the model surely meant a call. Where its JSON is broken the name is kept and the broken
    arguments are passed on, so that the model gets to read what is wrong with them.
    """
    if xml := _XML_CALL.findall(body):
        return [TextCall(name, _xml_arguments(text)) for name, text in xml]
    try:
        value = read_json(body)
    except BrokenJson:
        broken = _BROKEN_CALL.search(body)
        return [TextCall(broken[1], broken[2])] if broken else []
    known = calls_in(value, offered)
    if known:
        return known
    entry = as_object(value) or {}
    name = entry.get("name")  # a tool nobody offered: the loop tells the model which there are
    return calls_in(value, [name]) if isinstance(name, str) else []


def _xml_arguments(text: str) -> str:
    arguments: dict[str, Any] = {}
    for key, value in _XML_PARAMETER.findall(text):
        try:
            arguments[key] = json.loads(value)
        except ValueError:
            arguments[key] = value
    return json.dumps(arguments) if arguments else text.strip()


def may_open_call(text: str, offered: Collection[str]) -> bool | None:
    """Tell whether text at the start of a line begins a call: yes, no, or None for not yet known.

    Only the beginning is looked at: prefix, fence, bracket and the first key.
    """
    for prefix in PREFIXES:
        if text.startswith(prefix):
            text = text[len(prefix) :].lstrip(" \t:")
            break
        if prefix.startswith(text):
            return None
    if text.startswith("```"):
        language, newline, text = text[3:].partition("\n")
        if language.strip() not in _FENCE_LANGUAGES:
            possible = not newline and any(
                known.startswith(language.strip()) for known in _FENCE_LANGUAGES
            )
            return None if possible and len(language) <= _LONGEST_LANGUAGE else False
        if not newline:
            return None
    elif "```".startswith(text):
        return None
    text = text.lstrip()
    if text.startswith("["):
        text = text[1:].lstrip()
    if not text:
        return None
    if not text.startswith("{"):
        return False
    text = text[1:].lstrip()
    if not text:
        return None
    quote = text[0]
    if quote not in "\"'":
        return False
    key, closing, _ = text[1:].partition(quote)
    keys = (*OPENING_KEYS, *offered)
    if closing:
        return key in keys
    return None if any(known.startswith(key) for known in keys) else False
