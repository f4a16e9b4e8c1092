"""The embedded server tells which processes have ended, and keeps everything else as it was."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import nats
import pytest

import hubbub
from hubbub import ConnectionLost
from hubbub.server.process import ServerProcess
from hubbub.server.relay import DISCONNECTS, LIFE_NAME

PATIENCE_SECONDS = 10.0


async def _stored(url: str) -> int:
    client = await nats.connect(url)
    try:
        return (await client.jetstream().stream_info("OLD")).state.messages
    finally:
        await client.close()


async def test_a_store_from_before_opens_with_all_that_is_in_it_and_the_other_way_round(
    tmp_path: Path,
):
    with ServerProcess(tmp_path, token="abc") as before:
        client = await nats.connect(before.url)
        await client.jetstream().add_stream(name="OLD", subjects=["old"])  # pyright: ignore[reportUnknownMemberType]
        await client.jetstream().publish("old", b"kept")
        await client.close()
    with ServerProcess(tmp_path, token="abc", tells_departures=True) as after:
        assert await _stored(after.url) == 1
    with ServerProcess(tmp_path, token="abc") as again:
        assert await _stored(again.url) == 1


async def test_only_the_ends_of_serving_processes_are_told(tmp_path: Path):
    with ServerProcess(tmp_path, token="abc", tells_departures=True) as server:
        heard = asyncio.Queue[dict[str, Any]]()

        async def hear(message: Any) -> None:
            heard.put_nowait(json.loads(message.data)["client"])

        back = asyncio.Event()

        async def on_reconnect() -> None:
            back.set()

        watcher = await nats.connect(server.url, reconnected_cb=on_reconnect, error_cb=_quietly)
        await watcher.subscribe(DISCONNECTS, cb=hear)
        await watcher.flush()
        for name in ("somebody", LIFE_NAME):
            client = await nats.connect(server.url, name=name)
            client_id = client.client_id
            await client.close()
        client = await asyncio.wait_for(heard.get(), PATIENCE_SECONDS)
        assert (client["name"], client["id"]) == (LIFE_NAME, client_id)

        # The relay finds the server again when it comes back.
        server.kill()
        server.start()
        await asyncio.wait_for(back.wait(), PATIENCE_SECONDS)
        await watcher.flush()
        client = await nats.connect(server.url, name=LIFE_NAME)
        await client.close()
        assert (await asyncio.wait_for(heard.get(), PATIENCE_SECONDS))["name"] == LIFE_NAME
        await watcher.close()
        assert heard.empty()


async def test_nobody_gets_in_with_less_than_the_token_and_the_relay_can_only_listen(
    tmp_path: Path,
):
    with ServerProcess(tmp_path, token="abc", tells_departures=True) as server:
        at = f"127.0.0.1:{server.port}"
        for url in (f"nats://{at}", f"nats://abc@{at}", f"nats://hubbub:no@{at}"):
            with pytest.raises(ConnectionLost, match="refused these credentials"):
                async with hubbub.connect(url):
                    pass
        configuration = (tmp_path / "nats-server.conf").read_text()
        assert (tmp_path / "nats-server.conf").stat().st_mode & 0o077 == 0
        password = configuration.partition("user: relay, password: ")[2].split('"')[1]
        refused = asyncio.Queue[str]()

        async def on_error(error: Exception) -> None:
            refused.put_nowait(str(error).lower())

        relay = await nats.connect(f"nats://relay:{password}@{at}", error_cb=on_error)
        await relay.subscribe("$SYS.>")
        await relay.publish("$SYS.REQ.SERVER.PING", b"")
        said = [await asyncio.wait_for(refused.get(), PATIENCE_SECONDS) for _ in range(2)]
        await relay.close()
        assert any("subscription" in text for text in said)
        assert any("publish" in text for text in said)


async def _quietly(error: Exception) -> None:
    assert error
