"""The contract runs on both layouts of the subjects, on a server for each."""

from __future__ import annotations

import logging
import secrets
from collections.abc import AsyncGenerator, Callable, Iterator
from typing import Literal

import pytest

import hubbub
from hubbub import NATSConfig
from hubbub.testing import ServerProcess, nats_server

from .flows import Flow

Layout = Literal["open", "secured"]


@pytest.fixture(scope="session")
def secured_server() -> Iterator[ServerProcess]:
    """The streams of the two layouts differ, so each has a server of its own."""
    with nats_server() as server:
        yield server


@pytest.fixture(params=["open", "secured"])
def layout(request: pytest.FixtureRequest) -> Layout:
    return request.param


@pytest.fixture
def config(
    layout: Layout, shared_server: ServerProcess, secured_server: ServerProcess
) -> NATSConfig:
    """Settings for the shared server of a layout; two quick attempts at a task."""
    server = shared_server if layout == "open" else secured_server
    return NATSConfig(
        nats_url=server.url, layout=layout, max_attempts=2, retry_seconds=0.05, grace_seconds=2
    )


@pytest.fixture
def name() -> Callable[[str], str]:
    """Make names that no other test has on the shared servers."""
    mark = secrets.token_hex(4)
    return lambda base: f"{base}-{mark}"


@pytest.fixture
async def flow(config: NATSConfig, name: Callable[[str], str]) -> AsyncGenerator[Flow]:
    """A workflow to be served, and a mesh to start it from."""
    async with hubbub.connect(config=config, name=name("Boss")) as mesh:
        yield Flow(mesh, name("flow"))


@pytest.fixture(autouse=True)
def no_unheard_errors(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Fail a test that lets asyncio report an error nobody has seen."""
    yield
    unheard = [
        record.getMessage()
        for phase in ("setup", "call")
        for record in caplog.get_records(phase)
        if record.name == "asyncio" and record.levelno >= logging.ERROR
    ]
    assert not unheard, unheard
