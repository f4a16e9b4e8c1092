"""What is said: to send, and to read back."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query

from hubbub.gateway.acts.actions import send_message as send
from hubbub.gateway.edge.bodies import StrictRoute
from hubbub.gateway.identity.ownership import expect_context
from hubbub.gateway.identity.principals import Role
from hubbub.gateway.problems import may_fail_with
from hubbub.gateway.records.models import MessageIn, MessagePage, Sent
from hubbub.gateway.records.said import Asked
from hubbub.gateway.records.views import message_view
from hubbub.gateway.state import OnGateway, SignedIn

__all__ = ["router"]

router = APIRouter(prefix="/api/messages", tags=["messages"], route_class=StrictRoute)

# A page that finds nothing must end, however long the history is.
_MOST_LOOKED_AT = 20_000

StoredKind = Literal[
    "join", "leave", "status", "broadcast", "direct", "handoff", "completion", "request", "reply"
]

_ASKED = frozenset[StoredKind](("request", "reply"))


@router.post("", operation_id="send_message", status_code=201, responses=may_fail_with(404))
async def send_message(gateway: OnGateway, who: SignedIn, message: MessageIn) -> Sent:
    """Send a direct message, a handoff or a broadcast; it is stored once this returns."""
    return await send(gateway, who, message)


@router.get("", operation_id="list_messages", responses=may_fail_with(403, 404))
async def list_messages(
    gateway: OnGateway,
    who: SignedIn,
    agent: Annotated[str | None, Query(description="Only from or to this agent.")] = None,
    context: Annotated[
        str | None, Query(max_length=64, description="Only this conversation.")
    ] = None,
    kind: Annotated[
        list[StoredKind] | None, Query(description="Only of this kind, or one of these.")
    ] = None,
    before: Annotated[str | None, Query(description="`before` of the page behind.")] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> MessagePage:
    """Return what was said last, or before a page.

    Users see conversations of their own; and of the kinds `request` and `reply`, what they have
    asked themselves.
    """
    is_own = not who.sees_all and context is None and bool(kind) and _ASKED.issuperset(kind or ())
    if context is None and not is_own:
        who.expect(Role.VIEWER)
    elif context is not None:
        await expect_context(gateway.mesh, who, context)
    page = await gateway.mesh.history(
        agent, context=context, kind=kind, before=before, limit=limit, look_at=_MOST_LOOKED_AT
    )
    asked = Asked()
    entries = [one for one in page.entries if not is_own or one.owner == who.user]
    return MessagePage(messages=[message_view(one, asked) for one in entries], before=page.before)
