"""The nats-py client, made not to tell anything in plain text where TLS was asked for."""

from __future__ import annotations

from nats.aio.client import Client
from nats.errors import Error as NATSError

__all__ = ["SecureClient"]


class SecureClient(Client):
    """Connects as `Client` does, and gives up before it says who it is if there is no TLS.

    Otherwise it would go on in plain text with any server that does not insist on TLS, such as
    one that somebody put in between.
    """

    def _connect_command(self) -> bytes:
        server = self._current_server
        asked_for = "tls" in self.options or (server is not None and server.uri.scheme == "tls")
        if asked_for and not self._server_info.get("tls_required"):
            raise NATSError("the server offers no TLS")
        return super()._connect_command()
