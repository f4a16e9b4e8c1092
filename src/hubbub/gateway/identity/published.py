"""The public keys that an identity provider publishes (RFC 7517), fetched before they are missed.

Nobody with a token of a known key waits for them: old keys count while new ones are fetched.
"""

from __future__ import annotations

import asyncio
import importlib
import logging
import time
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from joserfc.errors import JoseError
from joserfc.jwk import KeySet, import_key

from hubbub.errors import InvalidMessage
from hubbub.wire.codec import decode_object

if TYPE_CHECKING:
    import httpx2

__all__ = ["PublishedKeys"]

log = logging.getLogger("hubbub.gateway")

_FRESH_SECONDS = 300.0
# Anybody may send tokens of keys that nobody has; they do not make us ask more often than this.
_AGAIN_SECONDS = 30.0
_AGAIN_WITHOUT_KEYS_SECONDS = 2.0
_FETCH_SECONDS = 5.0
_LARGEST = 1 << 20
_PUBLIC = frozenset({"RSA", "EC", "OKP"})


class PublishedKeys:
    """The keys at an address; one fetch at a time, whoever waits for it.

    Args:
        url: where they are.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._keys: KeySet | None = None
        self._begun_at: float | None = None
        self._fetching: asyncio.Task[None] | None = None

    async def current(self) -> KeySet | None:
        """Return the keys as they are known; waits for the first ones alone, for 5 s at the most.

        None if they cannot be read.
        """
        if self._keys is None:
            await self._fetched(_AGAIN_WITHOUT_KEYS_SECONDS)
        elif self._is_older_than(_FRESH_SECONDS):
            self._begin()
        return self._keys

    async def newer(self) -> KeySet | None:
        """Return the keys for a token that those of now do not fit: new ones, if that is due."""
        await self._fetched(_AGAIN_SECONDS)
        return self._keys

    async def close(self) -> None:
        """Stop fetching."""
        if self._fetching is not None:
            self._fetching.cancel()
            await asyncio.wait({self._fetching})
            self._fetching = None

    def _is_older_than(self, seconds: float) -> bool:
        return self._begun_at is None or time.monotonic() - self._begun_at >= seconds

    def _begin(self) -> asyncio.Task[None]:
        if self._fetching is None or self._fetching.done():
            self._begun_at = time.monotonic()
            self._fetching = asyncio.create_task(self._fetch(), name="keys of bearer tokens")
        return self._fetching

    async def _fetched(self, again_seconds: float) -> None:
        """Wait for the fetch that runs, or for one that is due now."""
        running = self._fetching is not None and not self._fetching.done()
        if running or self._is_older_than(again_seconds):
            # Whoever leaves does not take the keys from all the others.
            await asyncio.wait({self._begin()})

    async def _fetch(self) -> None:
        httpx2 = await asyncio.to_thread(importlib.import_module, "httpx2")
        try:
            async with asyncio.timeout(_FETCH_SECONDS):
                self._keys = _read(await _load(self._url))
        except TimeoutError:
            log.warning("The keys of bearer tokens did not come within %g s", _FETCH_SECONDS)
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError, ValueError, InvalidMessage) as error:
            # Those that we have may still do.
            log.warning("The keys of bearer tokens cannot be read: %s", error)


async def _load(url: str) -> bytes:
    import httpx2

    # What is not encrypted goes to this machine, and through nobody's proxy.
    client = httpx2.AsyncClient(trust_env=urlsplit(url).scheme == "https", timeout=_FETCH_SECONDS)
    async with client, client.stream("GET", url, headers={"accept-encoding": "identity"}) as answer:
        return await _whole(answer)


async def _whole(answer: httpx2.Response) -> bytes:
    if answer.status_code != 200:  # nobody is followed to another address
        raise ValueError(f"the server answered with {answer.status_code}")
    data = bytearray()
    async for piece in answer.aiter_raw():
        data += piece
        if len(data) > _LARGEST:
            raise ValueError(f"they have more than {_LARGEST:,} bytes")
    return bytes(data)


def _read(data: bytes) -> KeySet:
    """Read the keys that can be used; those of kinds that we do not know are passed over.

    Raises:
        InvalidMessage: it is no JSON object.
        ValueError: there is no key that can be used.
    """
    listed = decode_object(data).get("keys")
    found: list[Any] = []
    for key in cast("list[Any]", listed) if isinstance(listed, list) else []:
        try:
            if key["kty"] in _PUBLIC:
                found.append(import_key(key))
        except (JoseError, ValueError, TypeError, KeyError) as error:
            log.info("A key of bearer tokens cannot be used: %s", type(error).__name__)
    if not found:
        raise ValueError("there is no public key among them")
    return KeySet(found)
