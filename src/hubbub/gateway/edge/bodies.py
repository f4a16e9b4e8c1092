"""Bodies read as strictly as what comes over NATS: no NaN, no doubled key, no endless nesting."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute

from hubbub.errors import InvalidMessage
from hubbub.gateway.problems import Refusal
from hubbub.wire.codec import decode_object

__all__ = ["StrictRoute"]


class _StrictRequest(Request):
    async def json(self) -> Any:
        """Read the body.

        Raises:
            Refusal: 400, it is no JSON object, or not a strict one.
        """
        try:
            return decode_object(await self.body())
        except InvalidMessage as error:
            raise Refusal(400, "invalid-json", f"The body cannot be read: {error}") from None


class StrictRoute(APIRoute):
    """A route whose body is strict JSON."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return what answers a request."""
        answer = super().get_route_handler()

        async def answer_strictly(request: Request) -> Response:
            return await answer(_StrictRequest(request.scope, request.receive))

        return answer_strictly
