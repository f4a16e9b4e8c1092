"""What could not be worked off: listed, tried again, thrown away."""

from __future__ import annotations

from typing import Annotated, cast

from fastapi import APIRouter, Body, Path, Query

from hubbub.errors import DeadLetterNotFound, InvalidCursor
from hubbub.gateway.acts.actions import own_metadata
from hubbub.gateway.edge.bodies import StrictRoute
from hubbub.gateway.identity.principals import Principal
from hubbub.gateway.problems import Refusal, may_fail_with
from hubbub.gateway.records import models
from hubbub.gateway.records.models import DeadLetterPage, LetterRetry, Retried
from hubbub.gateway.records.views import letter_view
from hubbub.gateway.state import OnGateway, SignedIn
from hubbub.mesh.letters.reading import DeadLetter
from hubbub.mesh.mesh import Mesh
from hubbub.mesh.transport.headers import OWNER
from hubbub.wire.codec import JSON

__all__ = ["router"]

router = APIRouter(prefix="/api/dead-letters", tags=["dead letters"], route_class=StrictRoute)

LetterId = Annotated[str, Path(max_length=200, description="Its id, or that of its task.")]

_MOST_LOOKS = 20


@router.get("", operation_id="list_dead_letters", responses=may_fail_with())
async def list_dead_letters(
    gateway: OnGateway,
    who: SignedIn,
    agent: Annotated[str | None, Query(description="Only this agent's.")] = None,
    before: Annotated[
        str | None, Query(max_length=40, description="`before` of the page in front.")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> DeadLetterPage:
    """Return dead letters, the newest first; users see those of their own tasks."""
    place = _place(before)
    found: list[DeadLetter] = []
    for _ in range(_MOST_LOOKS):
        letters = await gateway.mesh.dead_letters(agent, limit=limit + 1, before=place)
        for letter in letters[:limit]:
            place = letter.sequence
            if who.sees(_owner(letter)):
                found.append(letter)
                if len(found) == limit:
                    break
        more = len(letters) > limit or (bool(letters) and place != letters[-1].sequence)
        if not more or len(found) == limit:
            break
    else:
        more = True
    return DeadLetterPage(
        dead_letters=[letter_view(letter) for letter in found],
        before=str(place) if more and place else None,
    )


@router.get(
    "/{letter_id:path}",
    operation_id="get_dead_letter",
    responses=may_fail_with(404),
)
async def get_dead_letter(
    gateway: OnGateway, who: SignedIn, letter_id: LetterId
) -> models.DeadLetter:
    """Return a dead letter; one that was retried or thrown away is not there any more."""
    return letter_view(await _visible(gateway.mesh, who, letter_id))


@router.post(
    "/{letter_id:path}/retry",
    operation_id="retry_dead_letter",
    status_code=201,
    responses=may_fail_with(403, 404),
)
async def retry(
    gateway: OnGateway,
    who: SignedIn,
    letter_id: LetterId,
    instead: Annotated[LetterRetry | None, Body()] = None,
) -> Retried:
    """Set somebody to work on it again, as a new task."""
    letter = await _actionable(gateway.mesh, who, letter_id)
    change = instead or LetterRetry(agent=None)
    metadata = None if change.metadata is None else own_metadata(change.metadata)
    handle = await letter.retry(
        content=cast("JSON", change.content), to_agent=change.agent, metadata=metadata
    )
    return Retried(task_id=handle.task_id if handle else None)


@router.delete(
    "/{letter_id:path}",
    operation_id="discard_dead_letter",
    status_code=204,
    responses=may_fail_with(403, 404),
)
async def discard(gateway: OnGateway, who: SignedIn, letter_id: LetterId) -> None:
    """Throw it away."""
    letter = await _actionable(gateway.mesh, who, letter_id)
    await letter.discard()


async def _visible(mesh: Mesh, who: Principal, letter_id: str) -> DeadLetter:
    letter = await mesh.dead_letter(letter_id)
    if not who.sees(_owner(letter)):
        raise DeadLetterNotFound(letter_id)
    return letter


async def _actionable(mesh: Mesh, who: Principal, letter_id: str) -> DeadLetter:
    letter = await _visible(mesh, who, letter_id)
    if not who.acts_for(_owner(letter)):
        raise Refusal(403, "role-needed", "This is somebody else's: it needs an operator")
    return letter


def _owner(letter: DeadLetter) -> str:
    return letter.headers.get(OWNER, "")


def _place(before: str | None) -> int | None:
    if before is None:
        return None
    if not (before.isascii() and before.isdecimal() and len(before) <= 18):
        raise InvalidCursor(f"{before!r} is not where a page of dead letters begins")
    return int(before)
