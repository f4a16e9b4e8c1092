"""Whether the gateway lives, whether it is ready, and what it has counted."""

from __future__ import annotations

import contextlib

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST

from hubbub.errors import HubbubError
from hubbub.gateway.identity.principals import Role
from hubbub.gateway.problems import may_fail_with
from hubbub.gateway.records.models import Health
from hubbub.gateway.state import Gateway, OnGateway, SignedIn
from hubbub.mesh.transport.streams import DEAD, INBOX
from hubbub.version import __version__

__all__ = ["router"]

router = APIRouter(tags=["health"])


@router.get("/healthz", operation_id="healthz", responses=may_fail_with())
async def healthz() -> Health:
    """Tell that the process lives."""
    return Health(status="ok", version=__version__)


@router.get("/readyz", operation_id="readyz", responses=may_fail_with())
async def readyz(gateway: OnGateway) -> Health:
    """Tell that the gateway can reach the mesh; 503 if it cannot."""
    await gateway.mesh.connection.flush()
    return Health(status="ok", version=__version__)


@router.get(
    "/metrics",
    operation_id="metrics",
    response_class=Response,
    responses={
        200: {"content": {"text/plain": {"schema": {"type": "string"}}}, "description": "Metrics."},
        **may_fail_with(403),
    },
)
async def metrics(gateway: OnGateway, who: SignedIn) -> Response:
    """Return the metrics, for Prometheus."""
    who.expect(Role.VIEWER)
    await _look(gateway)
    return Response(gateway.metrics.page(), headers={"content-type": CONTENT_TYPE_LATEST})


async def _look(gateway: Gateway) -> None:
    """Look at the mesh; without it, the figures stay what they were."""
    metrics = gateway.metrics
    metrics.open_streams.set(gateway.streams.open)
    metrics.connected.set(gateway.is_connected)
    with contextlib.suppress(HubbubError):
        mesh = gateway.mesh
        metrics.agents.set(len(await mesh.list_agents()))
        for gauge, stream in ((metrics.inbox, INBOX), (metrics.dead_letters, DEAD)):
            info = await mesh.connection.api(f"STREAM.INFO.{stream}")
            gauge.set(info["state"]["messages"])
