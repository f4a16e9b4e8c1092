"""Every screen of the console, with something on it."""

from __future__ import annotations

from dataclasses import dataclass

from browser.stage import Stage, wait_for

__all__ = ["Screen", "furnish"]


@dataclass(frozen=True, slots=True)
class Screen:
    """A screen.

    Attributes:
        name: what it is called.
        path: where it is.
        shows: a text that is on it once it is there.
        is_live: whether it shows what is heard while one looks.
    """

    name: str
    path: str
    shows: str
    is_live: bool = False


def furnish(stage: Stage) -> list[Screen]:
    """Start what makes the screens worth a look, and return them all."""
    story = stage.begin("story", pause=0.001)
    refund = stage.begin("refund", order=4713, amount=249.0)
    questions = stage.begin("questions", topic="tea")
    stage.call("POST", "/api/tasks", {"agent": "Grumpy", "content": "Smile"})
    for text in ("Where is order 12?", "**Bold** news"):
        stage.call("POST", "/api/messages", {"agent": "Triage-Bot", "content": text})
    stage.call("POST", "/api/messages", {"kind": "broadcast", "content": "The shop is open"})
    stage.result(story)
    for task in (refund, questions):
        wait_for(lambda task=task: stage.task(task)["questions"], "its question")
    wait_for(lambda: stage.call("GET", "/api/dead-letters")["dead_letters"], "a dead letter")
    return [
        Screen("home", "/", "Live flow", is_live=True),
        Screen("inbox", "/inbox", "refund.issue"),
        Screen("everything", "/chat/all", "Research-A"),
        Screen("announcements", "/chat/announcements", "The shop is open"),
        Screen("direct", "/dm/triage_bot", "Where is order 12?"),
        Screen("tasks", "/tasks", "Case"),
        Screen("start", "/start/refund", "Start"),
        Screen("task", f"/tasks/{story}", "The end"),
        Screen("task-asking", f"/tasks/{refund}", "refund.issue"),
        Screen("task-steps", f"/tasks/{story}/steps", "bind"),
        Screen("task-raw", f"/tasks/{story}/raw", "claimed"),
        Screen("flow", "/flow", "Flow", is_live=True),
        Screen("flow-table", "/flow?view=table", "Kind", is_live=True),
        Screen("flow-figures", "/flow?view=figures", "p95", is_live=True),
        Screen("dead-letters", "/dead", "Grumpy"),
        Screen("health", "/health", "NATS server"),
        Screen("settings", "/settings", "Theme"),
    ]
