"""What models cost, as whoever runs the gateway says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hubbub import NATSConfig
from hubbub.errors import SettingsError
from hubbub.gateway.settings import GatewaySettings
from hubbub.gateway.state import Gateway

from .kit import gateway

PRICES = {"small": {"input": 0.5, "output": 2.0}}


def test_prices_are_read_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "prices.json"
    file.write_text(json.dumps(PRICES))
    read = Gateway(GatewaySettings(prices_file=file)).prices
    assert {model: price.model_dump() for model, price in read.items()} == PRICES


@pytest.mark.parametrize("text", ["[]", '{"small": {"input": -1, "output": 0}}', "no JSON", None])
def test_a_file_that_is_none_is_told(text: str | None, tmp_path: Path) -> None:
    file = tmp_path / "prices.json"
    if text is not None:
        file.write_text(text)
    with pytest.raises(SettingsError, match="HUBBUB_GATEWAY_PRICES_FILE"):
        Gateway(GatewaySettings(prices_file=file))


async def test_without_a_file_nothing_has_a_price(open_config: NATSConfig, tmp_path: Path) -> None:
    async with gateway(open_config, tmp_path) as door, door.client("ada") as ada:
        answer = await ada.get("/api/prices")
        assert (answer.status_code, answer.json()) == (200, {"prices": {}})
