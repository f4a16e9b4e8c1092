"""Three agents who each know a side of things. They may run anywhere on the mesh."""

from hubbub import Agent
from hubbub.runtimes import ToolLoop

historian = Agent(
    "Historian",
    description="Knows where things come from",
    runtime=ToolLoop(instructions="You are a historian. Tell in two sentences how it began."),
)
economist = Agent(
    "Economist",
    description="Knows what things cost",
    runtime=ToolLoop(instructions="You are an economist. Tell in two sentences who pays what."),
)
engineer = Agent(
    "Engineer",
    description="Knows how things work",
    runtime=ToolLoop(instructions="You are an engineer. Tell in two sentences how it works."),
)
researchers = [historian, economist, engineer]
