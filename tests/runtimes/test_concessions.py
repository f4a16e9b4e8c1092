"""What is given up after a refusal, and what stands in for it."""

from __future__ import annotations

from typing import Any

import pytest

from hubbub.runtimes.normalise.concessions import concession_for, without_schema, without_tools

TOOL: dict[str, Any] = {
    "type": "function",
    "function": {"name": "f", "description": "d", "parameters": {}},
}
BODY: dict[str, Any] = {"tools": [TOOL], "response_format": {}, "stream_options": {}}


@pytest.mark.parametrize(
    ("status", "text", "name"),
    [
        (400, "registry.ollama.ai/library/gemma does not support tools", "tools"),
        (400, '"auto" tool choice requires --enable-auto-tool-choice', "tools"),
        (500, "tools param requires --jinja flag", "tools"),
        (500, "The model output does not match the expected format", "parsing"),
        (400, "response_format json_schema is not supported", "response_format"),
        (422, "unexpected field stream_options", "stream_options"),
        (429, "tools are not supported", None),
        (400, "messages with role 'tool' must follow tool_calls", None),
        (401, "wrong key", None),
    ],
)
def test_a_refusal_is_understood(status: int, text: str, name: str | None) -> None:
    found = concession_for(status, text, BODY)
    assert (found.name if found else None) == name


def test_only_what_was_asked_for_can_be_given_up() -> None:
    assert concession_for(400, "does not support tools", {"messages": []}) is None


def test_tools_move_into_the_prompt_and_calls_into_the_text() -> None:
    call = {"id": "1", "function": {"name": "f", "arguments": '{"a": 1}'}}
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "go"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "1", "content": "42"},
    ]
    sent = without_tools({"tools": [TOOL], "tool_choice": "auto", "messages": messages})
    assert set(sent) == {"messages"}
    system, user, assistant, result = sent["messages"]
    assert system["content"].startswith("Be brief.")
    assert '"name": "f"' in system["content"]
    assert user == messages[1]
    assert assistant["content"] == '{"name": "f", "arguments": {"a": 1}}'
    assert result == {"role": "user", "content": "<tool_response>\n42\n</tool_response>"}


def test_tools_that_must_not_be_called_are_not_described() -> None:
    sent = without_tools({"tools": [TOOL], "tool_choice": "none", "messages": []})
    assert sent["messages"] == []


def test_a_schema_moves_into_the_prompt() -> None:
    wanted = {"type": "json_schema", "json_schema": {"schema": {"type": "object"}}}
    sent = without_schema({"messages": [], "response_format": wanted})
    assert sent["messages"][0]["role"] == "system"
    assert '{"type": "object"}' in sent["messages"][0]["content"]
