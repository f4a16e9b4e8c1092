"""The learning chat with agents of AG2 1.x: `pip install 'hubbub[ag2]'`."""

# The framework is an extra, and unknown where the types of this repository are checked.
# pyright: reportMissingImports=false, reportUnknownVariableType=false
# pyright: reportUnknownParameterType=false, reportUnknownArgumentType=false

from ag2 import Agent
from ag2.config import OpenAIConfig
from lesson import STUDENT, TEACHER, hold_lesson

from hubbub import NATSConfig, Task, Workflows, from_ag2

workflows = Workflows()
settings = NATSConfig()
model = OpenAIConfig(
    model=settings.model or "hubbub-scripted",
    base_url=settings.openai_base_url,
    api_key=settings.openai_api_key.get_secret_value() if settings.openai_api_key else "none",
)
student = from_ag2(Agent("Student", prompt=STUDENT, config=model))
teacher = from_ag2(Agent("Teacher", prompt=TEACHER, config=model))


@workflows.register(name="simple_learning", description="Student and teacher learning chat")
async def simple_learning(task: Task, topic: str = "", turns: int = 3) -> str:
    return await hold_lesson(task, topic, turns, student=student, teacher=teacher)
