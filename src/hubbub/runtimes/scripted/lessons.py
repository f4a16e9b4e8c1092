"""What the scripted model says as a student or a teacher, so that a lesson can be watched."""

from __future__ import annotations

import re

from hubbub.runtimes.scripted.conversation import Conversation
from hubbub.runtimes.scripted.replies import Reply

__all__ = ["lesson"]

_ROLE = re.compile(r"\byou are an? (?:\w+ )?(student|teacher)\b", re.IGNORECASE)
_TOPIC = re.compile(r"\babout ([^.,;:?!\n]+)", re.IGNORECASE)

_LESSONS = (
    "Let us begin with the basics about {topic}: it is easier than it looks. Take an apple.",
    "There is a rule about {topic} that always holds. Try it with small numbers first.",
    "The best known mistake about {topic} is to go too fast. Draw it, then count.",
)
_QUESTIONS = (
    "Thank you! Is there a rule about {topic} that I can remember?",
    "And which mistake about {topic} is made most often?",
    "Could you give me one more example about {topic}?",
)


def lesson(talk: Conversation) -> Reply | None:
    """Return a line of a lesson, None for whoever is neither student nor teacher."""
    role = _ROLE.search(talk.system)
    if role is None:
        return None
    said = _TOPIC.search(talk.user)
    topic = said[1].strip() if said else "this"
    lines = _LESSONS if role[1].lower() == "teacher" else _QUESTIONS
    # How far the lesson is: told in one message, or a message a turn.
    name = role[1].capitalize()
    done = max(len(re.findall(rf"^{name}: ", talk.user, re.MULTILINE)), talk.turn // 2)
    if role[1].lower() == "student" and done:
        done -= 1  # the first line is the student's own
    return Reply(lines[done % len(lines)].format(topic=topic))
