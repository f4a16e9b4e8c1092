"""From settings to the options that nats-py connects with: every usual way to prove who one is."""

from __future__ import annotations

import re
import ssl
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from hubbub.errors import SettingsError
from hubbub.settings import NATSConfig

if TYPE_CHECKING:
    from pydantic import SecretStr

__all__ = ["authentication", "server_urls", "without_secrets"]

_SCHEMES = frozenset({"nats", "tls", "ws", "wss"})


def server_urls(text: str) -> list[str]:
    """Split and check a comma-separated list of server URLs.

    Raises:
        SettingsError: one of them is no URL of a NATS server.
    """
    urls: list[str] = []
    for part in filter(None, (item.strip() for item in text.split(","))):
        url = part if "://" in part else f"nats://{part}"
        try:
            parts = urlsplit(url)
            usable = parts.scheme in _SCHEMES and parts.hostname and parts.port != 0
        except ValueError:
            usable = False
        if not usable:
            raise SettingsError(
                f"NATS_URL: {without_secrets(part)!r} must look like nats://host:4222 "
                "(or tls://, ws://, wss://)"
            )
        urls.append(url)
    if not urls:
        raise SettingsError("NATS_URL: it is empty; it must look like nats://host:4222")
    return urls


def without_secrets(url: str) -> str:
    """Return a URL, or several separated by commas, without user, password and token."""
    return ",".join(_without_secrets(part) for part in url.split(","))


def _without_secrets(url: str) -> str:
    if "@" not in url:
        return url
    try:
        parts = urlsplit(url)
    except ValueError:
        return "***@" + url.rpartition("@")[2]
    if "@" not in parts.netloc:
        return "***@" + url.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def authentication(config: NATSConfig) -> dict[str, Any]:
    """Return the `nats.connect` options that say who we are and whom we trust.

    Raises:
        SettingsError: a named file is not there, or two settings contradict each other.
    """
    options: dict[str, Any] = {}
    if config.nats_creds is not None:
        options["user_credentials"] = str(_credentials(config.nats_creds))
    if config.nats_nkey_seed is not None:
        options["nkeys_seed_str"] = _seed(config.nats_nkey_seed)
    if config.nats_user is not None:
        if config.nats_password is None:
            raise SettingsError("NATS_PASSWORD: it is missing, although NATS_USER is set")
        options["user"] = config.nats_user
        options["password"] = config.nats_password.get_secret_value()
    if config.nats_token is not None:
        options["token"] = config.nats_token.get_secret_value()
    tls = _tls(config)
    if tls is not None:
        options["tls"] = tls
    return options


def _existing(variable: str, path: Path) -> Path:
    if not path.is_file():
        raise SettingsError(f"{variable}: there is no file {str(path)!r}")
    return path


def _credentials(path: Path) -> Path:
    import nkeys

    text = _read("NATS_CREDS", path)
    token = re.search(r"-BEGIN NATS USER JWT-+\s+(\S+)\s+-", text)
    seed = re.search(r"-BEGIN USER NKEY SEED-+\s+(SU\S+)\s+-", text)
    try:
        nkeys.from_seed(bytearray((seed[1] if token and seed else "").encode()))
    except Exception:  # noqa: BLE001 - nkeys raises whatever its parts raise, the seed included
        raise SettingsError(
            f"NATS_CREDS: {str(path)!r} is no credentials file, with a user's JWT and seed"
        ) from None
    return path


def _read(variable: str, path: Path) -> str:
    try:
        return _existing(variable, path).read_text()
    except (OSError, UnicodeDecodeError):
        raise SettingsError(f"{variable}: {str(path)!r} cannot be read") from None


def _seed(setting: SecretStr) -> str:
    import nkeys

    text = setting.get_secret_value().strip()
    if not text.startswith("S"):
        text = _read("NATS_NKEY_SEED", Path(text)).strip()
    try:
        nkeys.from_seed(bytearray(text.encode()))
    except Exception:  # noqa: BLE001 - nkeys raises whatever its parts raise, the seed included
        raise SettingsError(
            "NATS_NKEY_SEED: it must be a user seed (SU...) or a file that holds one"
        ) from None
    return text


def _tls(config: NATSConfig) -> ssl.SSLContext | None:
    if config.nats_tls_ca is None and config.nats_tls_cert is None:
        return None
    try:
        context = ssl.create_default_context(
            cafile=str(_existing("NATS_TLS_CA", config.nats_tls_ca)) if config.nats_tls_ca else None
        )
    except ssl.SSLError as error:
        raise SettingsError(f"NATS_TLS_CA: not a usable certificate: {error.reason}") from None
    if config.nats_tls_cert is not None:
        certificate = _existing("NATS_TLS_CERT", config.nats_tls_cert)
        key = _existing("NATS_TLS_KEY", config.nats_tls_key) if config.nats_tls_key else None
        try:
            context.load_cert_chain(certificate, key)
        except ssl.SSLError as error:
            raise SettingsError(
                f"NATS_TLS_CERT: not a usable certificate and key: {error.reason}"
            ) from None
    return context
