"""The gateway on an address of its own, run by uvicorn."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncGenerator

import uvicorn

from hubbub.errors import SettingsError
from hubbub.gateway.app import create_app
from hubbub.gateway.settings import GatewaySettings
from hubbub.gateway.state import Gateway
from hubbub.mesh.mesh import Mesh
from hubbub.mesh.transport.concurrency import first_of
from hubbub.settings import NATSConfig

__all__ = ["serve"]

_WAITING = 128


class _Server(uvicorn.Server):
    """Tells the streams to end before it waits for them; signals are whoever's who runs it."""

    def __init__(self, config: uvicorn.Config, gateway: Gateway) -> None:
        super().__init__(config)
        self._gateway = gateway
        self.is_up = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen."""
        try:
            await super().startup(sockets)
        except SystemExit:
            self.should_exit = True  # the app does not start; that must not end our whole process
        self.is_up.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop."""
        self._gateway.closing.set()
        await super().shutdown(sockets)


@contextlib.asynccontextmanager
async def serve(
    config: NATSConfig | None = None,
    mesh: Mesh | None = None,
    *,
    settings: GatewaySettings | None = None,
    host: str | None = None,
    port: int | None = None,
) -> AsyncGenerator[str]:
    """Serve the gateway while the context lasts; yields its URL.

    Args:
        config: how to reach the mesh, if it looks for one of its own; it may come later.
        mesh: a mesh that is connected already.
        settings: how it behaves; by default what the environment says.
        host: address to listen on; by default that of the settings.
        port: port to listen on, 0 for a free one; by default that of the settings.

    Raises:
        SettingsError: the address cannot be listened on, or not without authentication; or the
            mesh cannot be reached with these settings.
    """
    settings = settings or GatewaySettings()
    host = settings.host if host is None else host
    port = settings.port if port is None else port
    settings.check_address(host)
    app = create_app(config, mesh, settings=settings)
    gateway: Gateway = app.state.gateway
    with _listen(host, port) as listener:
        server = _Server(
            uvicorn.Config(
                app,
                log_config=None,
                access_log=False,
                server_header=False,
                ws="websockets-sansio",
                ws_max_size=settings.max_body_bytes,
                timeout_graceful_shutdown=max(1, round(settings.shutdown_seconds)),
                lifespan="on",
            ),
            gateway,
        )
        # Its `serve` takes the signals of the process, which are not ours.
        running = asyncio.create_task(server._serve([listener]))  # pyright: ignore[reportPrivateUsage]
        try:
            await first_of(server.is_up.wait(), running)
            if running.done() or server.should_exit:
                raise gateway.failure or SettingsError(
                    "The gateway did not start: its log tells why"
                )
            name = f"[{host}]" if ":" in host else host
            yield f"http://{name}:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            await asyncio.wait({running})
    running.result()


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol named, asyncio sends small writes at once; otherwise each waits for 40 ms.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(_WAITING)
    except OSError as error:
        listener.close()
        raise SettingsError(
            f"HUBBUB_GATEWAY_PORT: {host}:{port} cannot be listened on ({error}): "
            "another program may have it; choose another one with `--port`"
        ) from None
    listener.setblocking(False)
    return listener
