"""How the mesh is, for whoever runs it."""

from __future__ import annotations

from fastapi import APIRouter

from hubbub.gateway.console.records import MeshHealth
from hubbub.gateway.health import mesh_health
from hubbub.gateway.identity.principals import Role
from hubbub.gateway.problems import may_fail_with
from hubbub.gateway.state import OnGateway, SignedIn

__all__ = ["router"]

router = APIRouter(prefix="/api/health", tags=["health"])


@router.get("", operation_id="get_health", responses=may_fail_with(403))
async def get_health(gateway: OnGateway, who: SignedIn) -> MeshHealth:
    """Tell of server, streams, workers, and what is wrong; also while NATS is away."""
    who.expect(Role.VIEWER)
    return await mesh_health(gateway)
