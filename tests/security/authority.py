"""Keys, tokens and certificates for the tests, made the way their owners would."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import time
from pathlib import Path
from typing import Any, NamedTuple

import nkeys

__all__ = ["Certificates", "Pair", "account_server", "make_certificates"]


class Pair(NamedTuple):
    """A public key and its seed."""

    public: str
    seed: str

    @classmethod
    def make(cls, prefix: int = nkeys.PREFIX_BYTE_USER) -> Pair:
        seed = nkeys.encode_seed(os.urandom(32), prefix)
        public: Any = nkeys.from_seed(bytearray(seed)).public_key  # a bytes, whatever its type says
        return cls(public.decode(), seed.decode())

    def sign(self, subject: str, name: str, facts: dict[str, Any]) -> str:
        """Return a NATS JWT about a subject, issued by this pair."""
        claims = {
            "jti": base64.b32encode(os.urandom(32)).decode().rstrip("="),
            "iat": int(time.time()),
            "iss": self.public,
            "sub": subject,
            "name": name,
            "nats": {"version": 2, **facts},
        }
        header = {"typ": "JWT", "alg": "ed25519-nkey"}
        body = f"{_encoded(header)}.{_encoded(claims)}"
        key = nkeys.from_seed(bytearray(self.seed.encode()))
        return f"{body}.{_base64(key.sign(body.encode()))}"


def account_server(folder: Path) -> tuple[str, Path]:
    """Make an operator, an account and a user.

    Returns:
        Lines for the server's configuration, and the user's credentials file.
    """
    operator = Pair.make(nkeys.PREFIX_BYTE_OPERATOR)
    account, system = (Pair.make(nkeys.PREFIX_BYTE_ACCOUNT) for _ in range(2))
    user = Pair.make()
    limited = (
        "subs conn leaf imports exports data payload mem_storage disk_storage streams consumer"
    )
    no_limits = dict.fromkeys(limited.split(), -1)
    limits = {"limits": {**no_limits, "wildcards": True}}
    system_limits = {"limits": {n: v for n, v in limits["limits"].items() if "storage" not in n}}
    accounts = {
        account.public: operator.sign(account.public, "mesh", {"type": "account", **limits}),
        system.public: operator.sign(system.public, "SYS", {"type": "account", **system_limits}),
    }
    operator_facts = {"type": "operator", "system_account": system.public}
    config = [
        f"operator: {operator.sign(operator.public, 'operator', operator_facts)}",
        f"system_account: {system.public}",
        "resolver: MEMORY",
        "resolver_preload: {",
        *(f"  {public}: {token}" for public, token in accounts.items()),
        "}",
    ]
    no_limits = {"subs": -1, "data": -1, "payload": -1}
    facts: dict[str, Any] = {"type": "user", "pub": {}, "sub": {}, **no_limits}
    creds = folder / "user.creds"
    creds.write_text(
        f"-----BEGIN NATS USER JWT-----\n{account.sign(user.public, 'user', facts)}\n"
        f"------END NATS USER JWT------\n\n"
        f"-----BEGIN USER NKEY SEED-----\n{user.seed}\n------END USER NKEY SEED------\n"
    )
    return "\n".join(config), creds


class Certificates(NamedTuple):
    """What an authority has issued, as files."""

    ca: Path
    server: Path
    server_key: Path
    client: Path
    client_key: Path

    def server_config(self, more: str = "") -> str:
        return (
            f'tls {{ cert_file: "{self.server}", key_file: "{self.server_key}", '
            f'ca_file: "{self.ca}", {more} }}'
        )


def make_certificates(folder: Path) -> Certificates:
    """Make an authority of our own, a server certificate for 127.0.0.1, and one for a client."""
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    openssl("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=ca")
    for name, extension in (
        ("server", "subjectAltName=IP:127.0.0.1,DNS:localhost\nextendedKeyUsage=serverAuth"),
        ("client", "subjectAltName=email:a@example.com\nextendedKeyUsage=clientAuth"),
    ):
        (folder / f"{name}.ext").write_text(extension)
        request = [*key[:-2], "-keyout", f"{name}.key", "-out", f"{name}.csr"]
        openssl("req", "-new", *request, "-subj", f"/CN={name}")
        openssl(
            *("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key"),
            *("-CAcreateserial", "-days", "2", "-extfile", f"{name}.ext", "-out", f"{name}.pem"),
        )
    files = ("ca.pem", "server.pem", "server.key", "client.pem", "client.key")
    return Certificates(*(folder / file for file in files))


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _encoded(value: object) -> str:
    return _base64(json.dumps(value).encode())
