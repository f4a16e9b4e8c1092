"""Meshes in these tests live on the shared server, under names of their own."""

from __future__ import annotations

import gc
import logging
import secrets
from collections.abc import Callable, Iterator

import pytest

from hubbub import NATSConfig
from hubbub.testing import ServerProcess


@pytest.fixture
def config(shared_server: ServerProcess) -> NATSConfig:
    return NATSConfig(nats_url=shared_server.url, grace_seconds=2)


@pytest.fixture
def name() -> Callable[[str], str]:
    """Make names that no other test has on the shared server."""
    mark = secrets.token_hex(4)
    return lambda base: f"{base}-{mark}"


@pytest.fixture(autouse=True)
def no_unheard_errors(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Fail a test that lets asyncio report an error nobody has seen."""
    yield
    gc.collect()
    unheard = [
        record.getMessage()
        for phase in ("setup", "call", "teardown")
        for record in caplog.get_records(phase)
        if record.name == "asyncio" and record.levelno >= logging.ERROR
    ]
    assert not unheard, unheard
