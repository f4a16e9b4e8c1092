"""Fixtures for pytest: a server, a mesh, a clock.

Put `pytest_plugins = ["hubbub.testing.fixtures"]` into the `conftest.py` at the top of your tests.
`mesh` needs pytest-asyncio; the others do without any plugin. Tests of anyio open a mesh of their
own with `hubbub.connect(config=mesh_config)`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest

import hubbub
from hubbub import testing

if TYPE_CHECKING:
    from hubbub import Mesh, NATSConfig
    from hubbub.testing import Clock, ServerProcess

__all__ = ["clock", "mesh", "mesh_config", "nats_server", "no_real_models"]


def _async_fixture(function: Any) -> Any:
    """Make a fixture of an async generator, in whichever mode pytest-asyncio runs."""
    try:
        plugin: Any = import_module("pytest_asyncio")
    except ImportError:
        plugin = pytest
    return plugin.fixture(function)


@pytest.fixture(scope="session")
def nats_server() -> Iterator[ServerProcess]:
    """A server that all tests share; the names of their agents keep them apart."""
    with testing.nats_server() as server:
        yield server


@pytest.fixture
def mesh_config(nats_server: ServerProcess) -> NATSConfig:
    """Settings for that server, which let a test wait for nothing long."""
    return hubbub.NATSConfig(
        nats_url=nats_server.url,
        log_dir=None,
        lease_seconds=2,
        retry_seconds=0.05,
        grace_seconds=1,
    )


@_async_fixture
async def mesh(mesh_config: NATSConfig) -> AsyncIterator[Mesh]:
    """A mesh on that server."""
    async with hubbub.connect(config=mesh_config, name="Test") as connected:
        yield connected


@pytest.fixture
def clock() -> Iterator[Clock]:
    """A clock to move; see `hubbub.testing.clock`."""
    with testing.clock() as taken_over:
        yield taken_over


@pytest.fixture
def no_real_models() -> Iterator[None]:
    """Forbid all models but scripted ones; see `hubbub.testing.no_real_models`."""
    with testing.no_real_models():
        yield
