"""The learning chat with two agents of classic AutoGen: `pip install 'hubbub[autogen]'`.

Here AutoGen holds the chat. The student has a person behind it, who may say something in its place
at every turn: AutoGen's own question to its human becomes a question of the run.
"""

# The framework is an extra, and unknown where the types of this repository are checked.
# pyright: reportMissingImports=false, reportUnknownVariableType=false
# pyright: reportUnknownParameterType=false, reportUnknownArgumentType=false

from autogen import ConversableAgent, LLMConfig
from lesson import LEVELS, STUDENT, TEACHER

from hubbub import NATSConfig, Task, Workflows, from_autogen

workflows = Workflows()
settings = NATSConfig()
llm = LLMConfig(
    {
        "model": settings.model or "hubbub-scripted",
        "base_url": settings.openai_base_url,
        "api_key": settings.openai_api_key.get_secret_value()
        if settings.openai_api_key
        else "none",
        "price": [0, 0],
    }
)


def pair() -> tuple[ConversableAgent, ConversableAgent]:
    """Make a new pair for each lesson: agents of AutoGen keep their chats inside."""
    student = ConversableAgent(
        "Student", system_message=STUDENT, llm_config=llm, human_input_mode="ALWAYS"
    )
    teacher = ConversableAgent(
        "Teacher", system_message=TEACHER, llm_config=llm, human_input_mode="NEVER"
    )
    return student, teacher


@workflows.register(name="simple_learning", description="Student and teacher learning chat")
async def simple_learning(task: Task, topic: str = "", turns: int = 3) -> str:
    topic = topic or await task.ask_text(
        "What do you want to learn?", suggestions=["fractions", "photosynthesis"]
    )
    level = await task.ask_choice("How deep?", LEVELS)
    chat = from_autogen(pair, max_turns=turns)
    try:
        await task.run_team(chat, f"I want to learn about {topic}. I am at {level}.")
    finally:
        await chat.aclose()
    return f"A lesson on {topic} ({level})"
