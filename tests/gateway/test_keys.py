"""The file of API keys: changed while the gateway runs."""

from __future__ import annotations

import asyncio
import stat
from pathlib import Path

import httpx
import pytest

from hubbub import NATSConfig
from hubbub.errors import SettingsError
from hubbub.gateway.api_keys import new_api_key, read_api_keys, write_api_keys

from .kit import PATIENCE, events, gateway


async def until(client: httpx.AsyncClient, status: int, key: str) -> None:
    async with asyncio.timeout(PATIENCE):
        while (await client.get("/api/agents", headers={"X-API-Key": key})).status_code != status:
            pass


async def test_changes_of_the_file_count_without_a_restart(
    open_config: NATSConfig, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "keys.json"
    async with (
        gateway(open_config, tmp_path, requests_per_second=1e6, request_burst=10**6) as door,
        door.client("ada") as ada,
        door.client(None) as client,
    ):
        key, kept = new_api_key("eve", "viewer")
        await until(client, 401, key)
        write_api_keys(file, [*read_api_keys(file), kept])
        await until(client, 200, key)
        file.write_text("[")
        async with asyncio.timeout(PATIENCE):
            while "The keys stay what they were" not in caplog.text:
                await until(client, 200, key)
        task = await ada.post("/api/tasks", json={"agent": "Nobody-Keys", "content": "x"})
        path = f"/api/tasks/{task.json()['id']}/events"
        async with asyncio.timeout(PATIENCE), ada.stream("GET", path) as response:
            assert response.status_code == 200
            write_api_keys(file, [kept])
            # Who has no key any more is not told what happens any more.
            assert [event async for event in events(response)] == []
        await until(client, 401, door.keys["ada"])
        await until(client, 200, key)


def test_the_file_is_for_its_owner_alone_and_replaced_at_once(tmp_path: Path) -> None:
    file = tmp_path / "new" / "keys.json"
    kept = new_api_key("eve")[1]
    write_api_keys(file, [kept])
    write_api_keys(file, [kept])
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [one.name for one in file.parent.iterdir()] == ["keys.json"]
    assert read_api_keys(file) == [kept]
    write_api_keys(file, [kept, kept])
    with pytest.raises(SettingsError, match="the same id"):
        read_api_keys(file)
    with pytest.raises(SettingsError, match="cannot be written"):
        write_api_keys(file / "below" / "keys.json", [kept])
