"""A kit for tests of programs that use Hubbub."""

from hubbub.testing.server import ServerProcess, nats_server

__all__ = ["ServerProcess", "nats_server"]
