"""The workers of the learning chat, inside an ASGI application of one's own.

`uvicorn app:app --workers 2` runs two of them. `LEARNING_CHAT` chooses who plays the student and
the teacher: `own_agents`, `with_autogen` or `with_ag2`.
"""

import os
from importlib import import_module

from fastapi import FastAPI

import hubbub

workflows = import_module(os.environ.get("LEARNING_CHAT", "own_agents")).workflows

app = FastAPI(title="Learning chat", lifespan=hubbub.lifespan(workflows))


@app.get("/")
async def about() -> list[str]:
    """Tell what is served here."""
    return [workflow.name for workflow in workflows]
