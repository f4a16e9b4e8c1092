"""API keys: `hub_<id>_<secret>`, of which only a hash is kept."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from pathlib import Path

import msgspec

from hubbub.errors import SettingsError
from hubbub.gateway.principals import Principal, is_user_name, role_of

__all__ = ["ApiKey", "ApiKeys", "new_api_key"]

_FORM = re.compile(r"hub_([a-z0-9]{4,32})_([A-Za-z0-9-]{16,128})")
_ID = re.compile(r"[a-z0-9]{4,32}")
_HASH = re.compile(r"[0-9a-f]{64}")
_NOBODY = "0" * 64


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


class ApiKeys:
    """The keys that are taken."""

    def __init__(self, keys: list[ApiKey]) -> None:
        self._keys = {key.id: key for key in keys}

    @classmethod
    def read(cls, file: Path) -> ApiKeys:
        """Read a file of keys: a JSON list of `ApiKey`.

        Raises:
            SettingsError: it cannot be read, or is none.
        """
        try:
            keys = msgspec.json.decode(file.read_bytes(), type=list[ApiKey])
        except (OSError, msgspec.MsgspecError, ValueError) as error:
            raise SettingsError(f"HUBBUB_GATEWAY_API_KEYS_FILE: {file}: {error}") from None
        return cls(keys)

    def principal(self, key: str) -> Principal | None:
        """Return whose key it is; None if it is nobody's."""
        known = self.known(key)
        return None if known is None else self.holder(known.id, known.sha256)

    def known(self, key: str) -> ApiKey | None:
        """Return what is kept of a key; None if it is nobody's."""
        match = _FORM.fullmatch(key)
        known = self._keys.get(match[1]) if match else None
        # As slow for an id that is not there as for one that is.
        same = hmac.compare_digest(
            hashlib.sha256(key.encode()).hexdigest(), known.sha256 if known else _NOBODY
        )
        return known if same else None

    def holder(self, key_id: str, sha256: str) -> Principal | None:
        """Return whose key it is, by what is kept of it; None if it is not taken any more."""
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
