"""A kit for tests of programs that use Hubbub."""

from hubbub.testing.cluster import Cluster, nats_cluster
from hubbub.testing.server import ServerProcess, nats_server

__all__ = ["Cluster", "ServerProcess", "nats_cluster", "nats_server"]
