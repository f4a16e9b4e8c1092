"""A worker whose workflow lets a student and a teacher of one framework talk; a test kills it.

`TALK_FRAMEWORK` says which framework, `OPENAI_BASE_URL` which model.
"""

from __future__ import annotations

import os
from typing import Any

import hubbub
from hubbub import Task, Workflows
from hubbub.runtimes import ToolLoop
from hubbub.runtimes.adapters.clients import package
from hubbub.runtimes.scripted import MODEL

FRAMEWORK, URL = os.environ["TALK_FRAMEWORK"], os.environ["OPENAI_BASE_URL"]
NAMES = ("student", "teacher")

workflows = Workflows()


def look_up(word: str) -> str:
    """Look a word up."""
    return word.upper()


def circle() -> Any:
    frame = package("autogen", extra="autogen", feature="tests")
    entry = {"model": MODEL, "base_url": URL, "api_key": "x", "price": [0, 0]}
    llm = frame.LLMConfig(entry)
    agents = [
        frame.ConversableAgent(name, system_message=name, llm_config=llm, human_input_mode="NEVER")
        for name in NAMES
    ]
    return frame.GroupChat(agents, [], max_round=3, speaker_selection_method="round_robin")


def agent(name: str) -> Any:
    match FRAMEWORK:
        case "ag2":
            frame = package("ag2", extra="ag2", feature="tests")
            made = package("ag2.config", extra="ag2", feature="tests").OpenAIConfig(
                model=MODEL, base_url=URL, api_key="x"
            )
            return hubbub.from_ag2(frame.Agent(name, prompt=name, config=made))
        case "pydantic-ai":
            frame = package("pydantic_ai", extra="pydantic-ai", feature="tests")
            models = package("pydantic_ai.models.openai", extra="pydantic-ai", feature="tests")
            providers = package(
                "pydantic_ai.providers.openai", extra="pydantic-ai", feature="tests"
            )
            provider = providers.OpenAIProvider(base_url=URL, api_key="x")
            model = models.OpenAIChatModel(MODEL, provider=provider)
            return hubbub.from_pydantic_ai(frame.Agent(model, name=name, system_prompt=name))
        case _:
            return ToolLoop(name=name, instructions=name)


@workflows.register(name="Talk")
async def talk(task: Task) -> str:
    if FRAMEWORK == "autogen":
        team = hubbub.from_autogen(circle)
        try:
            return str(await task.run_team(team, "Teach me", tools=[look_up]))
        finally:
            await team.aclose()
    said = "Teach me"
    for name in NAMES:
        member = agent(name)
        try:
            said = str(await task.run_team(member, said, tools=[look_up]))
        finally:
            await member.aclose()
        await task.record("said", {"text": said, "agent": name})
    return said
