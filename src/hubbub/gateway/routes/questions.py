"""What waits for a person."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from hubbub.gateway.acts.asking import open_questions
from hubbub.gateway.console.records import Asked, QuestionPage
from hubbub.gateway.problems import may_fail_with
from hubbub.gateway.records.views import question_view, task_view
from hubbub.gateway.state import OnGateway, SignedIn

__all__ = ["router"]

router = APIRouter(prefix="/api/questions", tags=["tasks"])


@router.get("", operation_id="list_questions", responses=may_fail_with())
async def list_questions(
    gateway: OnGateway,
    who: SignedIn,
    before: Annotated[
        str | None, Query(max_length=200, description="`before` of the page in front.")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> QuestionPage:
    """Return the open questions of all tasks, the oldest first; users see those of their own."""
    page = await open_questions(gateway.mesh, gateway.questions, who, before=before, limit=limit)
    return QuestionPage(
        questions=[
            Asked(task=task_view(task), question=question_view(question))
            for task, question in page.questions
        ],
        before=page.before,
    )
