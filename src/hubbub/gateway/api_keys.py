"""API keys: `hub_<id>_<secret>`, of which only a hash is kept."""

from __future__ import annotations

import hashlib
import hmac
import logging
import os
import re
import secrets
import tempfile
import time
from pathlib import Path

import msgspec

from hubbub.errors import SettingsError
from hubbub.gateway.identity.principals import Principal, is_user_name, role_of

__all__ = ["ApiKey", "ApiKeys", "new_api_key", "read_api_keys", "write_api_keys"]

_FORM = re.compile(r"hub_([a-z0-9]{4,32})_([A-Za-z0-9-]{16,128})")
_ID = re.compile(r"[a-z0-9]{4,32}")
_HASH = re.compile(r"[0-9a-f]{64}")
_NOBODY = "0" * 64
_LOOK_SECONDS = 1.0

log = logging.getLogger("hubbub.gateway")


class ApiKey(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of a key.

    Attributes:
        id: the part of the key that is no secret.
        sha256: hash of the whole key, in hexadecimal digits.
        user: whose it is.
        role: user, viewer, operator or admin.
    """

    id: str
    sha256: str
    user: str
    role: str = "user"

    def __post_init__(self) -> None:
        if not _ID.fullmatch(self.id):
            raise ValueError(f"the id {self.id!r} must be 4 to 32 small letters and digits")
        if not _HASH.fullmatch(self.sha256):
            raise ValueError(f"the sha256 of {self.id} must be 64 hexadecimal digits")
        if not is_user_name(self.user):
            raise ValueError(f"the user of {self.id} is no user name")
        if role_of(self.role) is None:
            raise ValueError(f"the role of {self.id} must be user, viewer, operator or admin")


def read_api_keys(file: Path) -> list[ApiKey]:
    """Read a file of keys: a JSON list of `ApiKey`.

    Raises:
        SettingsError: it cannot be read, or is none.
    """
    try:
        keys = msgspec.json.decode(file.read_bytes(), type=list[ApiKey])
    except (OSError, msgspec.MsgspecError, ValueError) as error:
        raise SettingsError(f"The file of API keys {file} cannot be used: {error}") from None
    if len({key.id for key in keys}) < len(keys):
        raise SettingsError(f"The file of API keys {file} cannot be used: two have the same id")
    return keys


def write_api_keys(file: Path, keys: list[ApiKey]) -> None:
    """Write a file of keys, at once and for its owner alone: a reader gets the old or the new one.

    Raises:
        SettingsError: it cannot be written.
    """
    data = msgspec.json.format(msgspec.json.encode(keys), indent=1) + b"\n"
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        # Only the owner may read it from its first moment on.
        handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
        try:
            with os.fdopen(handle, "wb") as new:
                new.write(data)
                new.flush()
                os.fsync(new.fileno())
            Path(name).replace(file.resolve())
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise SettingsError(f"The file of API keys {file} cannot be written: {error}") from None


class ApiKeys:
    """The keys that are taken; changes of their file count without a restart.

    Args:
        file: where they are; None if there are none.

    Raises:
        SettingsError: the file cannot be read, or is none.
    """

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._keys: dict[str, ApiKey] = {}
        self._mark = _mark(file)
        self._looked_at = time.monotonic()
        if file is not None:
            self._keys = {key.id: key for key in read_api_keys(file)}

    def _look(self) -> None:
        """Read the file again if it has changed; one that is broken leaves what was."""
        now = time.monotonic()
        if self._file is None or now - self._looked_at < _LOOK_SECONDS:
            return
        self._looked_at = now
        mark = _mark(self._file)
        if mark == self._mark:
            return
        self._mark = mark
        try:
            self._keys = {key.id: key for key in read_api_keys(self._file)}
        except SettingsError as error:
            log.error("The keys stay what they were: %s", error)
        else:
            log.info("There are %d API keys in %s now", len(self._keys), self._file)

    def principal(self, key: str) -> Principal | None:
        """Return whose key it is; None if it is nobody's."""
        known = self.known(key)
        return None if known is None else self.holder(known.id, known.sha256)

    def known(self, key: str) -> ApiKey | None:
        """Return what is kept of a key; None if it is nobody's."""
        self._look()
        match = _FORM.fullmatch(key)
        known = self._keys.get(match[1]) if match else None
        # As slow for an id that is not there as for one that is.
        same = hmac.compare_digest(
            hashlib.sha256(key.encode()).hexdigest(), known.sha256 if known else _NOBODY
        )
        return known if same else None

    def holder(self, key_id: str, sha256: str) -> Principal | None:
        """Return whose key it is, by what is kept of it; None if it is not taken any more."""
        self._look()
        known = self._keys.get(key_id)
        role = role_of(known.role) if known else None
        if known is None or role is None or known.sha256 != sha256:
            return None
        return Principal(known.user, role)


def new_api_key(user: str, role: str = "user") -> tuple[str, ApiKey]:
    """Make a key.

    Args:
        user: whose it is.
        role: user, viewer, operator or admin.

    Returns:
        The key, to be shown once, and what is kept of it.

    Raises:
        ValueError: there is no such role, or nobody can have that name.
    """
    mark = secrets.token_hex(6)
    key = f"hub_{mark}_{secrets.token_hex(24)}"
    kept = ApiKey(id=mark, sha256=hashlib.sha256(key.encode()).hexdigest(), user=user, role=role)
    return key, kept


def _mark(file: Path | None) -> tuple[int, int, int] | None:
    """Return what changes whenever a file does; None if it is not there."""
    try:
        facts = file.stat() if file is not None else None
    except OSError:
        return None
    return None if facts is None else (facts.st_mtime_ns, facts.st_size, facts.st_ino)
