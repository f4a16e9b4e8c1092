"""Agents in these tests live on the shared server, under names of their own."""

from __future__ import annotations

import secrets
from collections.abc import Callable

import pytest

from hubbub import NATSConfig
from hubbub.testing import ServerProcess


@pytest.fixture
def config(shared_server: ServerProcess) -> NATSConfig:
    return NATSConfig(
        nats_url=shared_server.url, max_attempts=2, retry_seconds=0.05, grace_seconds=2
    )


@pytest.fixture
def name() -> Callable[[str], str]:
    """Make names that no other test has on the shared server."""
    mark = secrets.token_hex(4)
    return lambda base: f"{base}-{mark}"
