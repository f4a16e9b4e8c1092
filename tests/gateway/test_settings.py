from __future__ import annotations

from pathlib import Path

import pytest

from hubbub.errors import SettingsError
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


@pytest.mark.parametrize(
    "origin",
    ["*", "null", "", "app.example.com", "https://*.example.com", "https://a.b/", "x y://z"],
)
def test_an_origin_is_named_exactly(origin: str) -> None:
    with pytest.raises(SettingsError, match="ALLOWED_ORIGINS"):
        GatewaySettings(allowed_origins=["https://app.example.com:8443", origin])


def test_any_host_is_served_to_those_alone_who_say_who_they_are(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="ALLOWED_HOSTS"):
        GatewaySettings(allowed_hosts=["localhost", "*"])
    GatewaySettings(allowed_hosts=["*"], api_keys_file=tmp_path / "keys.json")


SAFE_SOURCES = [
    "https://id.example.com/keys",
    "https://id.example.com:8443/keys?x=1",
    "HTTPS://ID.EXAMPLE.COM/keys",
    "https://localhost.evil.com/keys",  # TLS tells who it is
    "http://localhost/keys",
    "http://LOCALHOST:9000/keys",
    "http://127.0.0.1:9000/keys",
    "http://127.8.8.8/keys",
    "http://[::1]/keys",
    "http://[::1]:9000/keys",
    "http://[0:0:0:0:0:0:0:1]/keys",
]
UNSAFE_SOURCES = [
    "http://id.example.com/keys",
    "http://localhost.evil.com/keys",
    "http://127.0.0.1.evil.com/keys",
    "http://localhostevil.com/keys",
    "http://localhost@evil.com/keys",
    "http://localhost:80@evil.com/keys",
    "http://127.0.0.1@evil.com/keys",
    "http://user@localhost/keys",
    "https://user:word@id.example.com/keys",
    "http://evil.com#@localhost/keys",
    "http://evil.com/http://localhost/keys",
    "http://evil.com\\@localhost/keys",
    "http://localhost\\.evil.com/keys",
    "http://localhost\t.evil.com/keys",
    "http://localhost .evil.com/keys",
    "http://localhost%2eevil.com/keys",
    "http://localhost./keys",
    "http://127.0.0.1./keys",
    "http://127.1/keys",
    "http://2130706433/keys",
    "http://0x7f.0.0.1/keys",
    "http://0177.0.0.1/keys",
    "http://0.0.0.0/keys",
    "http://0/keys",
    "http://[::]/keys",
    "http://[::ffff:0.0.0.0]/keys",
    "http://[::1%25eth0]/keys",
    "http://[::1/keys",
    "http://[2001:db8::1]/keys",
    "http://10.0.0.1/keys",
    "http://\uff11\uff12\uff17.0.0.1/keys",
    "http://localhost:99999/keys",
    "http://localhost:x/keys",
    "http:///keys",
    "https:///keys",
    "https:id.example.com/keys",
    "file:///etc/keys",
    "ftp://localhost/keys",
    "//localhost/keys",
    "localhost",
]


@pytest.mark.parametrize("url", SAFE_SOURCES)
def test_keys_are_read_over_tls_or_from_this_machine(url: str) -> None:
    settings = GatewaySettings(jwt_jwks_url=url, jwt_issuer="i", jwt_audience="a")
    assert settings.jwt_jwks_url == url


@pytest.mark.parametrize("url", UNSAFE_SOURCES)
def test_keys_are_read_from_nowhere_else(url: str) -> None:
    with pytest.raises(SettingsError, match="JWT_JWKS_URL must be https"):
        GatewaySettings(jwt_jwks_url=url, jwt_issuer="i", jwt_audience="a")
