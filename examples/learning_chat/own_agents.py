"""The learning chat with Hubbub's own agents."""

from lesson import STUDENT, TEACHER, hold_lesson

from hubbub import Task, Workflows
from hubbub.runtimes import ToolLoop

workflows = Workflows()

# One of each serves all lessons at once: what was said is in the tasks, not in the agents.
student = ToolLoop(name="Student", instructions=STUDENT)
teacher = ToolLoop(name="Teacher", instructions=TEACHER)


@workflows.register(name="simple_learning", description="Student and teacher learning chat")
async def simple_learning(task: Task, topic: str = "", turns: int = 3) -> str:
    return await hold_lesson(task, topic, turns, student=student, teacher=teacher)
