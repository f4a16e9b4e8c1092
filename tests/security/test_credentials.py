"""URLs of servers: what is one, and what may be shown of it."""

from __future__ import annotations

import pytest

from hubbub import NATSConfig, SettingsError
from hubbub.security.credentials import authentication, server_urls, without_secrets


@pytest.mark.parametrize(
    ("text", "urls"),
    [
        ("nats://host:4222", ["nats://host:4222"]),
        ("host", ["nats://host"]),
        ("host:4222", ["nats://host:4222"]),
        (" a:1 , tls://b:2 ", ["nats://a:1", "tls://b:2"]),
        ("nats://user:pass@host", ["nats://user:pass@host"]),
        ("ws://host/path", ["ws://host/path"]),
        ("nats://[::1]:4222", ["nats://[::1]:4222"]),
    ],
)
def test_urls_are_split_and_completed(text: str, urls: list[str]) -> None:
    assert server_urls(text) == urls


@pytest.mark.parametrize(
    "text",
    ["", ",", "http://h", "nats://", "nats://h:x", "nats://h:0", "nats://h:70000", "nats://[::1"],
)
def test_what_is_no_url_of_a_server_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match=r"^NATS_URL: "):
        server_urls(text)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("nats://host:4222", "nats://host:4222"),
        ("nats://secret@host:4222", "nats://host:4222"),
        ("nats://me:secret@host", "nats://host"),
        ("nats://me:se@cret@host", "nats://host"),
        ("me:secret@host", "***@host"),
        ("nats://me:secret@h,tls://secret@i", "nats://h,tls://i"),
        ("nats://me:secret@[::1", "***@[::1"),
    ],
)
def test_what_is_shown_of_a_url_holds_no_secret(url: str, shown: str) -> None:
    assert without_secrets(url) == shown
    assert "secret" not in without_secrets(url)


def test_a_refused_url_is_shown_without_its_secret() -> None:
    with pytest.raises(SettingsError) as refused:
        server_urls("bad://me:secret@host")
    assert "secret" not in str(refused.value)


def test_without_settings_nothing_is_proved() -> None:
    assert authentication(NATSConfig()) == {}
