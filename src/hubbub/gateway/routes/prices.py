"""What models cost."""

from __future__ import annotations

from fastapi import APIRouter

from hubbub.gateway.problems import may_fail_with
from hubbub.gateway.records.prices import Prices
from hubbub.gateway.state import OnGateway, SignedIn

__all__ = ["router"]

router = APIRouter(prefix="/api/prices", tags=["tasks"])


@router.get("", operation_id="list_prices", responses=may_fail_with())
async def list_prices(gateway: OnGateway, who: SignedIn) -> Prices:
    """Return what models cost, as far as the gateway was told; tokens are in logs of tasks."""
    del who
    return Prices(prices=gateway.prices)
