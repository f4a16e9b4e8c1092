"""Look whether a model server is there, and which models it has."""

from __future__ import annotations

import asyncio

from hubbub.runtimes.shapes import as_list, as_text, object_in

__all__ = ["model_ids", "probe"]

_PROBE_SECONDS = 0.5


def model_ids(listing: object) -> list[str]:
    """Return the names in a server's listing of its models."""
    listed = object_in(listing)
    entries = as_list(listed.get("data")) or as_list(listed.get("models"))
    names = (as_text(object_in(one).get("id") or object_in(one).get("name")) for one in entries)
    return [name for name in names if name]


async def probe(
    base_url: str, *, api_key: str | None = None, timeout: float = _PROBE_SECONDS
) -> list[str]:
    """Return the models a server lists; none if nothing usable answers in time.

    Args:
        base_url: the server, ending in `/v1`.
        api_key: the key, if the server wants one.
        timeout: seconds the whole look may take.
    """
    import httpx2

    from hubbub.runtimes.connections import proxy_for

    headers = {"authorization": f"Bearer {api_key}"} if api_key else {}
    transport = httpx2.AsyncHTTPTransport(proxy=proxy_for(base_url))
    try:
        async with (
            asyncio.timeout(timeout),
            httpx2.AsyncClient(transport=transport, headers=headers) as client,
        ):
            answer = await client.get(f"{base_url.rstrip('/')}/models")
            return model_ids(answer.json()) if answer.status_code == 200 else []
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError, ValueError):
        return []
