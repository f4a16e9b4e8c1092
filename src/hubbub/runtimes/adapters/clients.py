"""The model clients that a framework uses, made to go through our transport."""

from __future__ import annotations

import asyncio
import importlib
from typing import Any

from hubbub.errors import MissingExtra
from hubbub.runtimes.connections import Lease, lease
from hubbub.runtimes.permitted import require_permitted

__all__ = ["Clients", "package"]


def package(name: str, *, extra: str, feature: str, only: str = "") -> Any:
    """Return a framework's package.

    Args:
        name: the package.
        extra: what brings it.
        feature: what needs it, for the message.
        only: a name it must have; another package may have taken its place.

    Raises:
        MissingExtra: it is not installed.
    """
    try:
        found = importlib.import_module(name)
    except ImportError as error:
        raise MissingExtra(feature, extra) from error
    if only and not hasattr(found, only):
        raise MissingExtra(feature, extra)
    return found


class Clients:
    """Keeps connections between runs; closed by the agent that hosts the runtime."""

    def __init__(self) -> None:
        self._leases: dict[str, Lease] = {}

    def http(self, base_url: str) -> Any:
        """Return the HTTP client of the running loop for a server.

        Raises:
            RealModelForbidden: a test forbids it.
        """
        base_url = base_url.rstrip("/")
        require_permitted(base_url)
        held = self._leases.get(base_url)
        if held is None or held.loop is not asyncio.get_running_loop() or held.client.is_closed:
            held = self._leases[base_url] = lease(base_url)
        return held.client

    async def aclose(self) -> None:
        """Give the connections back; the next run takes them again."""
        held, self._leases = self._leases, {}
        for one in held.values():
            await one.release()
