"""The configurations of the NATS server: valid, and started for real."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from pathlib import Path

import httpx
import pytest
import websockets

import hubbub
from hubbub import NATSConfig, PermissionDenied
from hubbub.server import find_program

from .kit import DEPLOY, PASSWORD, Ports, nats_from

SINGLE, CLUSTER = DEPLOY / "nats/nats-server.conf", DEPLOY / "nats/cluster.conf"


def _cluster_environment(number: int, ports: list[int]) -> dict[str, str]:
    routes = {
        f"NATS_ROUTE_{at}": f"nats://route:an0ther@127.0.0.1:{port}"
        for at, port in enumerate(ports, 1)
    }
    return {
        "NATS_PASSWORD": PASSWORD,
        "NATS_ROUTE_PASSWORD": "an0ther",
        "NATS_SERVER_NAME": f"mesh-{number}",
        **routes,
    }


async def _checked(config: Path, environment: dict[str, str]) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        str(find_program()),
        "-t",
        "-c",
        str(config),
        env={**os.environ, **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await process.communicate()
    return process.returncode or 0, out.decode()


async def test_each_configuration_is_valid_and_needs_its_password(tmp_path: Path) -> None:
    given = {**_cluster_environment(1, [1, 2, 3]), "NATS_STORE": str(tmp_path)}
    for config in (SINGLE, CLUSTER):
        code, said = await _checked(config, given)
        assert code == 0, said
        without = {name: value for name, value in given.items() if name != "NATS_PASSWORD"}
        code, said = await _checked(config, without)
        assert code != 0
        assert "NATS_PASSWORD" in said


async def test_one_server_with_user_and_password(tmp_path: Path) -> None:
    environment = {"NATS_PASSWORD": PASSWORD}
    async with nats_from(SINGLE, tmp_path / "nats", environment) as server:
        config = NATSConfig(nats_url=server.url, nats_user="hubbub", nats_password=PASSWORD)
        async with hubbub.connect(config=config, start_server=False) as mesh:
            await mesh.send_direct_message("Nobody-Yet", "wait")
        for wrong in (
            NATSConfig(nats_url=server.url),
            NATSConfig(nats_url=server.url, nats_user="hubbub", nats_password="guessed"),
        ):
            with pytest.raises((PermissionDenied, hubbub.ConnectionLost)):
                async with hubbub.connect(config=wrong, start_server=False):
                    pass
        async with httpx.AsyncClient() as client:
            for question in ("", "?js-enabled-only=true", "?js-server-only=true"):
                health = await client.get(f"{server.monitoring}/healthz{question}")
                assert health.json() == {"status": "ok"}
        async with websockets.connect(server.websocket, proxy=None) as browser:
            hello = await browser.recv()
            assert (hello if isinstance(hello, bytes) else hello.encode()).startswith(b"INFO ")


async def test_three_servers_keep_three_copies(tmp_path: Path) -> None:
    ports = _free_ports(3)
    async with contextlib.AsyncExitStack() as stack:
        servers = list[Ports]()
        for number, port in enumerate(ports, 1):
            server = nats_from(
                CLUSTER,
                tmp_path / f"mesh-{number}",
                _cluster_environment(number, ports),
                route_port=port,
            )
            servers.append(await stack.enter_async_context(server))
        config = NATSConfig(
            nats_url=",".join(server.url for server in servers),
            nats_user="hubbub",
            nats_password=PASSWORD,
            replicas=3,
        )
        async with hubbub.connect(config=config, start_server=False) as mesh:
            await mesh.send_direct_message("Nobody-Yet", "wait")
            info = await mesh.connection.api("STREAM.INFO.INBOX")
            assert info["config"]["num_replicas"] == 3
            assert len(info["cluster"]["replicas"]) == 2


def _free_ports(number: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(number)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
