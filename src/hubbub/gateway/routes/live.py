"""The live socket of a page."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, WebSocket
from starlette.websockets import WebSocketDisconnect, WebSocketState

from hubbub.errors import HubbubError
from hubbub.gateway.acts.commands import look_away, obey
from hubbub.gateway.live.page import Page
from hubbub.gateway.problems import Refusal, problem_of, problem_response
from hubbub.gateway.state import Gateway, gateway_of, signed_in

__all__ = ["router"]

router = APIRouter(tags=["live"])

_GOING_AWAY = 1001
_TOO_LARGE = 1009
_SIGNED_OUT = 4401


@router.websocket("/api/live")
async def live(socket: WebSocket) -> None:
    """Feed a page for as long as it is open; see `docs/http.md` for its frames."""
    gateway = gateway_of(socket)
    try:
        who = await signed_in(socket)
        with gateway.streams.taken(who.user):
            page, hub = Page(who), gateway.hub
            hub.join(page)
            try:
                await _serve(socket, gateway, page)
            finally:
                await hub.leave(page)
                await look_away(gateway, page)
    except HubbubError as error:
        await _deny(socket, problem_of(error))
    except Refusal as refusal:
        await _deny(socket, refusal)


async def _deny(socket: WebSocket, refusal: Refusal) -> None:
    if socket.application_state is WebSocketState.CONNECTED:
        await socket.close(_GOING_AWAY, refusal.code)
    elif "websocket.http.response" in socket.scope.get("extensions", {}):
        response = problem_response(refusal, socket.scope["request_id"])
        await socket.send_denial_response(response)
    else:
        await socket.close(1008, refusal.code)


async def _serve(socket: WebSocket, gateway: Gateway, page: Page) -> None:
    await socket.accept()
    works = {
        asyncio.create_task(_receive(socket, gateway, page)),
        asyncio.create_task(_send(socket, page)),
        asyncio.create_task(_end_in_time(socket, gateway, page)),
    }
    if page.who.session:
        works.add(asyncio.create_task(_close_signed_out(socket, gateway, page)))
    try:
        done, _ = await asyncio.wait(works, return_when=asyncio.FIRST_COMPLETED)
        for work in done:
            work.result()
    except WebSocketDisconnect:
        pass  # the page has been closed: nobody is left to be told
    finally:
        for work in works:
            work.cancel()
        await asyncio.wait(works)


async def _receive(socket: WebSocket, gateway: Gateway, page: Page) -> None:
    while True:
        message = await socket.receive()
        if message["type"] == "websocket.disconnect":
            return
        data = message.get("bytes") or (message.get("text") or "").encode("utf-8", "replace")
        if len(data) > gateway.settings.max_body_bytes:
            await socket.close(_TOO_LARGE, "The frame is too large")
            return
        page.put_first(await obey(gateway, page, data))
        await page.room()


async def _send(socket: WebSocket, page: Page) -> None:
    while (data := await page.next()) is not None:
        await socket.send_text(data.decode())
    await socket.close(_GOING_AWAY, "Come back and go on where you were")


async def _end_in_time(socket: WebSocket, gateway: Gateway, page: Page) -> None:
    # The end of a session is heard at once, and told apart.
    await (gateway.closing.wait() if page.who.session else gateway.until_over(page.who, socket))
    page.end()
    await asyncio.Event().wait()  # until all has been sent


async def _close_signed_out(socket: WebSocket, gateway: Gateway, page: Page) -> None:
    await gateway.sessions.ended(page.who.session)
    await socket.close(_SIGNED_OUT, "The session has ended: sign in again")
