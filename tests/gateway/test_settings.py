from __future__ import annotations

from pathlib import Path

import pytest

from hubbub.gateway.settings import GatewaySettings

PAGE = Path(__file__).parents[2] / "docs/http.md"


def test_every_setting_is_on_the_page() -> None:
    page = PAGE.read_text("utf-8")
    for name, field in GatewaySettings.model_fields.items():
        (row,) = [line for line in page.splitlines() if line.startswith(f"| `{name.upper()}` |")]
        assert field.description is not None
        assert row.endswith(f"| {field.description} |")


def test_variables_set_them_and_arguments_win(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUBBUB_GATEWAY_PORT", "9000")
    monkeypatch.setenv("HUBBUB_GATEWAY_ALLOWED_HOSTS", '["hub.example.com"]')
    monkeypatch.setenv("HUBBUB_GATEWAY_API_KEYS_FILE", "")
    settings = GatewaySettings()
    assert (settings.port, settings.allowed_hosts) == (9000, ["hub.example.com"])
    assert settings.api_keys_file is None
    assert GatewaySettings(port=1).port == 1


def test_a_secret_is_not_printed() -> None:
    secret = "s3cret" * 8
    settings = GatewaySettings(
        jwt_secret=secret, jwt_algorithms=["HS256"], jwt_issuer="i", jwt_audience="a"
    )
    assert secret not in repr(settings)
    assert settings.takes_tokens
