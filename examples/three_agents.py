"""Three agents that think with a model: one knows the weather, one routes, one works with others.

`python examples/three_agents.py` lets them talk once and ends. To keep them, serve them with
`hubbub run examples/three_agents.py` and talk to them from another terminal.

The model is whatever answers at `OPENAI_BASE_URL` (default: LM Studio at localhost:1234). Without
one, `python -m hubbub.runtimes.scripted --port 1234` is a stand-in that follows simple rules.
"""

import asyncio

import hubbub
from hubbub import NATSOODAAgent

WEATHER = {"lisbon": ("sunny", 24), "oslo": ("rainy", 7), "tokyo": ("cloudy", 18)}


# A tool is a typed function. The model learns from the signature and the docstring what it takes.
def get_weather(city: str) -> dict[str, str | int]:
    """Return the weather in a city.

    Args:
        city: name of the city
    """
    sky, degrees = WEATHER.get(city.casefold(), ("unknown", 0))
    return {"city": city, "condition": sky, "celsius": degrees}


weather = NATSOODAAgent(
    "Weather-Bot",
    description="Knows the weather",
    capabilities=["weather_lookup"],
    instructions="You are Weather-Bot. Use get_weather, then answer in one sentence.",
    tools=[get_weather],
    mesh_tools=False,  # it has no reason to talk to others, so the model is not offered it
)

# These two have no tools of their own: what they can do is talk to other agents.
coordinator = NATSOODAAgent(
    "Task-Coordinator",
    description="Routes tasks to the agent that fits",
    capabilities=["routing"],
    instructions=(
        "You are Task-Coordinator. Do no work yourself: pass the whole task on with "
        "handoff_to_agent. General-Assistant plans and writes, Weather-Bot knows the weather."
    ),
)

assistant = NATSOODAAgent(
    "General-Assistant",
    description="Plans, writes, and asks others for what it does not know",
    capabilities=["planning", "writing"],
    instructions=(
        "You are General-Assistant. For the weather ask Weather-Bot with request_from_agent. "
        "Then answer in two or three sentences."
    ),
)


async def main() -> None:
    async with (
        hubbub.connect(name="You") as mesh,
        mesh.serve(weather, coordinator, assistant),  # all three share this connection
    ):
        for card in await mesh.list_agents():
            print(f"{card.name}: {card.description}")

        # A request waits for its answer.
        answer = await mesh.request_from_agent("Weather-Bot", "Will it rain in Oslo?", timeout=60)
        print(f"Weather-Bot answers: {answer.text}")

        # A direct message is stored and worked on; the handle tells how it goes.
        handle = await mesh.send_direct_message(
            "Task-Coordinator", "Plan an afternoon in Tokyo that fits the weather there."
        )
        print(f"Task-Coordinator is done: {await handle.result(timeout=120)}")

        # What the coordinator sent on is on record in its task, so the work can be followed.
        async for event in handle.events():
            if event.kind == "sent":
                following = mesh.task(event.data["to_agent"], event.data["message_id"])
                result = await following.result(timeout=120)
                print(f"{following.agent} is done: {result}")


if __name__ == "__main__":
    asyncio.run(main())
