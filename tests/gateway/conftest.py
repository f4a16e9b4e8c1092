"""The routes are tested on both layouts of the subjects, on a server for each."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from typing import Literal

import pytest

from hubbub import NATSConfig
from hubbub.testing import ServerProcess, nats_server


@pytest.fixture(scope="session")
def secured_server() -> Iterator[ServerProcess]:
    with nats_server() as server:
        yield server


@pytest.fixture(params=["open", "secured"])
def layout(request: pytest.FixtureRequest) -> Literal["open", "secured"]:
    return request.param


@pytest.fixture
def config(
    layout: Literal["open", "secured"],
    shared_server: ServerProcess,
    secured_server: ServerProcess,
) -> NATSConfig:
    server = shared_server if layout == "open" else secured_server
    return NATSConfig(
        nats_url=server.url, layout=layout, max_attempts=1, retry_seconds=0.05, grace_seconds=2
    )


@pytest.fixture
def open_config(shared_server: ServerProcess) -> NATSConfig:
    return NATSConfig(nats_url=shared_server.url, max_attempts=1, grace_seconds=2)


@pytest.fixture
def name() -> Callable[[str], str]:
    mark = secrets.token_hex(4)
    return lambda base: f"{base}-{mark}"
