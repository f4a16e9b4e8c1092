"""The course of a lesson, whoever plays the student and the teacher.

Everything a person is asked, and every answer of a model, is on record. The worker may be killed
at any line of this function, and another one goes on there: nobody is asked twice, no model is
paid twice.
"""

from hubbub import Task

LEVELS = ["school", "university"]
STUDENT = "You are a student willing to learn. Ask one short question about what you have heard."
TEACHER = "You are a teacher. Answer the student in two or three sentences, with an example."


async def hold_lesson(
    task: Task, topic: str, turns: int, *, student: object, teacher: object
) -> str:
    """Let two agents talk about a topic, and a person interrupt.

    Args:
        task: the run.
        topic: what it is about; the person is asked if it is empty.
        turns: how often the teacher speaks.
        student: a runtime, or an agent of a framework.
        teacher: the same.
    """
    topic = topic or await task.ask_text(
        "What do you want to learn?", suggestions=["fractions", "photosynthesis"]
    )
    level = await task.ask_choice("How deep?", LEVELS)
    chat = [f"Student: I want to learn about {topic}. I am at {level}."]
    spoken = 0
    while spoken < turns:
        chat.append(await _speak(task, "Teacher", teacher, chat))
        spoken += 1
        if spoken == turns:
            break
        word = await task.ask_text("Anything to add? (Nothing lets them go on, `stop` ends it.)")
        if word.strip().casefold() == "stop":
            break
        if word.strip():
            chat.append(f"A listener: {word.strip()}")
        chat.append(await _speak(task, "Student", student, chat))
    return f"A lesson on {topic} ({level}): the teacher spoke {spoken} times"


async def _speak(task: Task, name: str, agent: object, chat: list[str]) -> str:
    await task.progress(f"{name}:")
    text = await task.run_team(agent, "\n".join([*chat, f"{name}:"]))
    await task.record("said", {"text": text, "agent": name})
    return f"{name}: {text}"
