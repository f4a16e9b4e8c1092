"""Who is there."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query

from hubbub.gateway.problems import Refusal, may_fail_with
from hubbub.gateway.records.models import Agent, AgentPage
from hubbub.gateway.records.views import agent_view
from hubbub.gateway.state import OnGateway, SignedIn
from hubbub.mesh.presence.cards import find_card
from hubbub.wire.names import agent_token

__all__ = ["router"]

router = APIRouter(prefix="/api/agents", tags=["agents"])


@router.get("", operation_id="list_agents", responses=may_fail_with())
async def list_agents(
    gateway: OnGateway,
    _: SignedIn,
    capability: Annotated[
        str | None, Query(max_length=200, description="Only those that offer it.")
    ] = None,
    offline: Annotated[bool, Query(description="Also those that were there once.")] = False,
) -> AgentPage:
    """Return the agents and workflows that are there, by name."""
    cards = await gateway.mesh.list_agents(capability, include_offline=offline)
    return AgentPage(agents=[agent_view(card) for card in cards])


@router.get("/{name}", operation_id="get_agent", responses=may_fail_with(404))
async def get_agent(
    gateway: OnGateway,
    _: SignedIn,
    name: Annotated[str, Path(description="Its name.", examples=["Weather-Bot"])],
) -> Agent:
    """Return an agent, online or not, with the schema of its start form."""
    card = await find_card(gateway.mesh.connection, agent_token(name))
    if card is None:
        raise Refusal(404, "agent-not-found", f"No agent named {name!r} has ever been here")
    return agent_view(card)
