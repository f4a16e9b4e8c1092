"""Connecting to NATS: until the server has taken us in, or with an error that says what to do."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import ssl
from collections.abc import AsyncGenerator, Callable
from typing import Any

from nats.aio.client import Client
from nats.errors import Error as NATSError

from hubbub.errors import ConnectionLost, HubbubError
from hubbub.mesh.transport.client import SecureClient
from hubbub.mesh.transport.connection import Connection
from hubbub.security.credentials import authentication, server_urls, without_secrets
from hubbub.settings import NATSConfig

__all__ = ["open_connection"]

log = logging.getLogger("hubbub.connection")

_RECONNECT_SECONDS = 0.25
_PING_SECONDS = 15


@contextlib.asynccontextmanager
async def open_connection(
    config: NATSConfig,
    url: str,
    *,
    name: str = "hubbub",
    kind: Callable[[SecureClient, NATSConfig], Connection] = Connection,
) -> AsyncGenerator[Connection]:
    """Connect to the servers at a URL, and close the connection at the end.

    Args:
        config: credentials and time limits.
        url: one URL, or several separated by commas.
        name: how the server's monitoring calls this connection.
        kind: makes the connection; tests have one that can die.

    Raises:
        ConnectionLost: nothing answers there, or it refuses us; names what to do.
        SettingsError: a credential cannot be used.
    """
    client = SecureClient()
    connection = kind(client, config)
    await _connect(connection, url, name)
    try:
        await connection.setup()
        yield connection
    finally:
        await _close(client)


async def _connect(connection: Connection, url: str, name: str) -> None:
    config, client = connection.config, connection.client
    urls = server_urls(url)
    failed: asyncio.Future[Exception] = asyncio.get_running_loop().create_future()
    tried: list[Exception] = []

    async def on_error(error: Exception) -> None:
        if "permissions violation" in str(error).lower():
            connection.refused(str(error))
        elif not client.is_connected and not failed.done():
            tried.append(error)
            if len(tried) >= len(urls):
                failed.set_result(error)
        else:
            log.debug("NATS client: %s", error)

    # nats-py declares these as whole seconds, and takes fractions.
    times: dict[str, Any] = {
        "connect_timeout": config.connection_timeout,
        "reconnect_time_wait": _RECONNECT_SECONDS,
    }
    credentials = authentication(config)

    async def connect() -> None:
        await client.connect(
            servers=urls,
            name=name,
            error_cb=on_error,
            disconnected_cb=connection.disconnected,
            reconnected_cb=connection.reconnected,
            closed_cb=connection.ended,
            max_reconnect_attempts=-1,
            ping_interval=_PING_SECONDS,
            **times,
            **credentials,
        )
        # A server that stalls in authentication leaves the client half connected.
        await client.flush()

    # nats-py tries for ever; the first round of refusals is our answer.
    attempt = asyncio.create_task(connect())
    try:
        await asyncio.wait(
            {attempt, failed},
            timeout=config.connection_timeout,
            return_when=asyncio.FIRST_COMPLETED,
        )
        if attempt.done():
            attempt.result()
            return
        reason: Exception = failed.result() if failed.done() else TimeoutError()
    except Exception as error:  # noqa: BLE001 - nats-py lets through whatever its parts raise
        reason = error
    except asyncio.CancelledError:
        await _give_up(client, attempt)
        raise
    await _give_up(client, attempt)
    raise _explained(reason, without_secrets(url), config) from None


async def _give_up(client: Client, attempt: asyncio.Task[None]) -> None:
    attempt.cancel()
    await asyncio.wait({attempt})
    if not attempt.cancelled():
        attempt.exception()  # is known, or comes too late to matter
    await _close(client)


def _explained(reason: Exception, url: str, config: NATSConfig) -> HubbubError:
    text = str(reason).strip().removeprefix("nats: ").strip("'")
    if "uthorization" in text or "uthentication" in text:
        return ConnectionLost(
            f"The NATS server at {url} refused these credentials: check NATS_USER and "
            "NATS_PASSWORD, NATS_TOKEN, NATS_CREDS or NATS_NKEY_SEED"
        )
    if isinstance(reason, ConnectionRefusedError) or "Connect call failed" in text:
        return ConnectionLost(
            f"No NATS server answers at {url}: start one (`nats-server -js`), correct NATS_URL, "
            "or leave NATS_URL out and Hubbub starts its own"
        )
    if isinstance(reason, socket.gaierror):
        return ConnectionLost(f"The host of {url} is not known: check NATS_URL and the network")
    if isinstance(reason, TimeoutError | asyncio.TimeoutError):
        return ConnectionLost(
            f"No NATS server answered at {url} within {config.connection_timeout:g} s: "
            "check the address in NATS_URL and the network"
        )
    what = text or type(reason).__name__
    if isinstance(reason, ssl.SSLError) or "TLS" in text or "tls://" in url or config.nats_tls_ca:
        what += "; NATS_TLS_CA names whom to trust, NATS_TLS_CERT and NATS_TLS_KEY who we are"
    return ConnectionLost(f"The connection to the NATS server at {url} failed: {what}")


async def _close(client: Client) -> None:
    if client.is_connected:
        # What was published last must reach the server; nats-py's close does not see to it.
        with contextlib.suppress(NATSError, TimeoutError):
            await client.flush(timeout=1)
    with contextlib.suppress(NATSError, OSError):
        await client.close()
