"""The HTTP client that all model clients of an event loop share."""

from __future__ import annotations

import asyncio
import ipaddress
import urllib.request
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

import httpx2

from hubbub.runtimes.normalise.recording import RecordingTransport
from hubbub.runtimes.normalise.transport import NormalisingTransport

__all__ = ["Lease", "lease", "proxy_for"]


@dataclass(slots=True)
class _Shared:
    client: httpx2.AsyncClient
    leases: int = 0


# Connections belong to the loop they were opened in, and each proxy needs its own transport.
_shared: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str | None, _Shared]] = (
    WeakKeyDictionary()
)


class Lease(NamedTuple):
    """The right to use the shared client; the last one to be returned closes it."""

    client: httpx2.AsyncClient
    loop: asyncio.AbstractEventLoop
    proxy: str | None

    async def release(self) -> None:
        """Give the client back."""
        shared = _shared.get(self.loop, {}).get(self.proxy)
        if shared is None or asyncio.get_running_loop() is not self.loop:
            return
        shared.leases -= 1
        if shared.leases == 0:
            del _shared[self.loop][self.proxy]
            await shared.client.aclose()


def lease(base_url: str) -> Lease:
    """Return the running loop's client for a server, made at the first call."""
    loop = asyncio.get_running_loop()
    proxy = proxy_for(base_url)
    clients = _shared.setdefault(loop, {})
    if proxy not in clients:
        # Given a transport of its own, httpx2 leaves the proxies of the environment alone.
        inner = httpx2.AsyncHTTPTransport(
            proxy=proxy, limits=httpx2.Limits(max_connections=None, max_keepalive_connections=50)
        )
        transport = RecordingTransport(NormalisingTransport(inner))
        clients[proxy] = _Shared(httpx2.AsyncClient(transport=transport))
    clients[proxy].leases += 1
    return Lease(clients[proxy].client, loop, proxy)


def proxy_for(base_url: str) -> str | None:
    """Return the proxy the environment names for a URL; servers on this machine need none."""
    parts = urlsplit(base_url)
    host = parts.hostname or ""
    if host == "localhost" or _is_loopback(host) or urllib.request.proxy_bypass(host):
        return None
    proxies = urllib.request.getproxies()
    return proxies.get(parts.scheme) or proxies.get("all")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
