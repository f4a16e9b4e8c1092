"""`hubbub agents`: who is there."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Annotated

import typer
from rich.live import Live
from rich.table import Table
from rich.text import Text

from hubbub.cli.options import Json
from hubbub.cli.output import console, print_json, safe
from hubbub.cli.running import on_mesh, run_async
from hubbub.mesh.mesh import Mesh
from hubbub.mesh.presence.departures import watch_departures
from hubbub.wire.card import AgentCard, AgentStatus

__all__ = ["register", "table"]

_REFRESH_SECONDS = 1.0
_COLOURS = {
    AgentStatus.ONLINE: "green",
    AgentStatus.BUSY: "yellow",
    AgentStatus.DRAINING: "yellow",
    AgentStatus.OFFLINE: "dim",
}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(agents)


def agents(
    capability: Annotated[str | None, typer.Option(help="Only agents that offer this.")] = None,
    everyone: Annotated[
        bool, typer.Option("--all", help="Also agents that were there once.")
    ] = False,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Go on showing it.")] = False,
    json: Json = False,
) -> None:
    """Show who is there and what they can do."""
    run_async(_agents(capability, everyone, watch, json))


async def _agents(capability: str | None, everyone: bool, watch: bool, json: bool) -> None:
    async with on_mesh() as mesh:
        if watch:
            # Also when nobody else is left to notice that an agent has died.
            async with watch_departures(mesh.connection):
                await _watch(mesh, capability, everyone, json)
            return
        cards = await mesh.list_agents(capability, include_offline=everyone)
        if json:
            print_json(cards)
        elif cards:
            console.print(table(cards))
        else:
            console.print("Nobody is here. `hubbub run FILE.py:AGENT` serves one of yours.")


async def _watch(mesh: Mesh, capability: str | None, everyone: bool, json: bool) -> None:
    if console.is_terminal and not json:
        with Live(console=console, auto_refresh=False) as live:
            while True:
                cards = await mesh.list_agents(capability, include_offline=everyone)
                live.update(table(cards), refresh=True)
                await asyncio.sleep(_REFRESH_SECONDS)
    shown: list[tuple[str, AgentStatus, int]] | None = None
    while True:
        # In a pipe only what has changed is news.
        cards = await mesh.list_agents(capability, include_offline=everyone)
        now = [(card.name, card.status, card.instances) for card in cards]
        if now != shown:
            shown = now
            if json:
                print_json(cards)
            else:
                console.print(table(cards))
        await asyncio.sleep(_REFRESH_SECONDS)


def table(cards: Iterable[AgentCard]) -> Table:
    """Return the table of some agents."""
    grid = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("AGENT", "STATUS", "LOAD", "QUEUED", "PROCESSES"):
        grid.add_column(column, overflow="fold")
    for column in ("CAPABILITIES", "DESCRIPTION"):
        grid.add_column(column, overflow="fold")
    for card in cards:
        grid.add_row(
            Text(card.name),
            Text(str(card.status), style=_COLOURS[card.status]),
            str(card.running),
            str(card.queued),
            str(card.instances),
            Text(safe(", ".join(card.capabilities))),
            Text(safe(card.description)),
        )
    return grid
