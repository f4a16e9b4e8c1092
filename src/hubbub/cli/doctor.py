"""`hubbub doctor`: what is wrong, and what to do about it."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import AsyncGenerator
from typing import Annotated

import typer
from rich.text import Text

import hubbub
from hubbub.cli.options import Json
from hubbub.cli.output import console, print_json
from hubbub.cli.running import run_async
from hubbub.errors import ConnectionLost, HubbubError, SettingsError
from hubbub.mesh.diagnosis import Finding, diagnose
from hubbub.mesh.mesh import connect
from hubbub.runtimes import probe
from hubbub.security.credentials import without_secrets
from hubbub.server import find_program, running_server
from hubbub.settings import NATSConfig

__all__ = ["examine", "register"]

_MARKS = {"good": ("✓", "green"), "note": ("·", "yellow"), "bad": ("✗", "red")}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(doctor)


def doctor(
    json: Json = False,
    url: Annotated[
        bool, typer.Option("--url", help="Only print the server's URL, secrets included.")
    ] = False,
) -> None:
    """Say what is wrong and what to do about it."""
    if url:
        sys.stdout.write(_server_url(NATSConfig()) + "\n")
        return
    findings = run_async(_all())
    for finding in findings:
        if json:
            print_json(finding)
        else:
            mark, colour = _MARKS[finding.verdict]
            console.print(Text.assemble((mark, colour), f" {finding.subject}: {finding.told}"))
    if any(finding.verdict == "bad" for finding in findings):
        raise typer.Exit(1)


def _server_url(config: NATSConfig) -> str:
    """Return where plain NATS clients find the mesh.

    Raises:
        ConnectionLost: the settings name no server, and the embedded one does not run.
    """
    if config.nats_url:
        return config.nats_url
    server = running_server(config.data_dir)
    if server is None:
        raise ConnectionLost(
            "No embedded server runs here: start one with `hubbub demo` or `hubbub run`, "
            "or set NATS_URL to the server of a running mesh"
        )
    return server.url


async def _all() -> list[Finding]:
    return [finding async for finding in examine()]


async def examine() -> AsyncGenerator[Finding]:
    """Look at everything a mesh needs, and yield what is found."""
    version = f"{hubbub.__version__}, Python {platform.python_version()}"
    yield Finding("good", "Hubbub", version)
    try:
        config = NATSConfig()
    except SettingsError as error:
        yield Finding("bad", "Settings", str(error))
        return
    yield _embedded(config)
    async for finding in _mesh(config):
        yield finding
    yield await _model(config)
    yield _log_file(config)


def _embedded(config: NATSConfig) -> Finding:
    server = running_server(config.data_dir)
    if server is not None:
        pages = f", monitoring at {server.monitoring_url}" if server.monitoring_url else ""
        where = f"{server.display_url} (process {server.pid}{pages}), store in {config.data_dir}"
        return Finding("good", "Embedded server", f"runs at {where}")
    if config.nats_url:
        return Finding("note", "Embedded server", "does not run; NATS_URL names another server")
    try:
        program = find_program(config.nats_server)
    except HubbubError as error:
        return Finding("bad", "Embedded server", str(error))
    text = f"does not run; it starts when needed, from {program}"
    return Finding("note", "Embedded server", text)


async def _mesh(config: NATSConfig) -> AsyncGenerator[Finding]:
    try:
        async with connect(config=config, start_server=False) as mesh:
            async for finding in diagnose(mesh.connection):
                yield finding
    except HubbubError as error:
        named = f" (NATS_URL is {without_secrets(config.nats_url)})" if config.nats_url else ""
        yield Finding("bad", "NATS server", f"{error}{named}")


async def _model(config: NATSConfig) -> Finding:
    key = config.openai_api_key.get_secret_value() if config.openai_api_key else None
    url = without_secrets(config.openai_base_url)
    models = await probe(config.openai_base_url, api_key=key, timeout=2.0)
    if not models:
        remedy = "start LM Studio or Ollama, or set OPENAI_BASE_URL"
        return Finding("note", "Model server", f"nothing answers at {url}", remedy=remedy)
    if config.model and config.model not in models:
        text = f"{url} has no {config.model!r}; it has: {', '.join(models[:8])}"
        return Finding("bad", "Model server", text)
    return Finding("good", "Model server", f"{url}, {config.model or models[0]}")


def _log_file(config: NATSConfig) -> Finding:
    if config.log_dir is None:
        return Finding("note", "Log file", "off (HUBBUB_LOG_DIR is empty)")
    place = config.log_dir.absolute()
    while not place.exists():
        place = place.parent
    if not place.is_dir() or not os.access(place, os.W_OK):
        remedy = "set HUBBUB_LOG_DIR to another folder"
        return Finding("bad", "Log file", f"{config.log_dir} cannot be written", remedy=remedy)
    return Finding("good", "Log file", str(config.log_dir / "agent_activity.log"))
