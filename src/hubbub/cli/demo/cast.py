"""The three agents of the demo. Each is served by a process of its own."""

from __future__ import annotations

import asyncio
import zlib

from hubbub.runtimes.ooda_agent import NATSOODAAgent
from hubbub.wire.envelope import AgentMessage

__all__ = ["coordinator", "general", "weather"]

_SKIES = ("sunny", "cloudy", "rainy", "windy", "foggy", "clear")


async def get_weather(city: str) -> dict[str, str | int]:
    """Return the weather in a city. The demo makes it up.

    Args:
        city: name of the city
    """
    await asyncio.sleep(0.4)  # a look at the sky takes a moment
    chance = zlib.crc32(city.casefold().encode())
    return {
        "city": city,
        "condition": _SKIES[chance % len(_SKIES)],
        "celsius": 4 + chance // 7 % 25,
    }


weather = NATSOODAAgent(
    "Weather-Bot",
    description="Knows the weather of every city",
    capabilities=["weather_lookup"],
    instructions=(
        "You are Weather-Bot. Look the weather up with get_weather and answer in one sentence."
    ),
    tools=[get_weather],
    mesh_tools=False,
)

coordinator = NATSOODAAgent(
    "Task-Coordinator",
    description="Routes tasks to the agent that fits",
    capabilities=["routing"],
    instructions=(
        "You are Task-Coordinator. You do no work yourself: find the agent that fits a task and "
        "pass the whole task on with handoff_to_agent. Plans and texts go to General-Assistant, "
        "a bare question about the weather to Weather-Bot. Then say in one sentence whom you "
        "gave it to."
    ),
    mesh_tools=["handoff_to_agent"],
)

general = NATSOODAAgent(
    "General-Assistant",
    description="Plans, writes, and asks others for what it does not know",
    capabilities=["planning", "writing"],
    instructions=(
        "You are General-Assistant. For anything about the weather ask Weather-Bot with "
        "request_from_agent. Then answer the task in two or three sentences."
    ),
    mesh_tools=["request_from_agent"],
)


def _greets_back(agent: NATSOODAAgent) -> None:
    @agent.on_broadcast
    async def greet(message: AgentMessage) -> None:
        if message.metadata.get("type") == "greeting":
            text = f"Hello {message.from_agent}! I am {agent.name}: {agent.card.description}"
            await agent.broadcast_message(text, metadata={"type": "greeting back"})


for _agent in (weather, coordinator, general):
    _greets_back(_agent)
