"""What is wrong with a mesh, as typed findings; `hubbub doctor` and the console show them."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from hubbub.mesh.diagnosis.agents import examine_agents
from hubbub.mesh.diagnosis.backlog import examine_backlog, examine_dead_letters
from hubbub.mesh.diagnosis.clocks import examine_clocks, server_ahead
from hubbub.mesh.diagnosis.finding import Finding
from hubbub.mesh.diagnosis.runs import examine_inputs, examine_runs
from hubbub.mesh.diagnosis.server import examine_server
from hubbub.mesh.diagnosis.streams import examine_streams, stream_states
from hubbub.mesh.presence.cards import Instance, list_instances
from hubbub.mesh.transport.connection import Connection
from hubbub.mesh.transport.streams import DEAD, INBOX, PRESENCE_BUCKET, TASKS, WAKE

__all__ = ["Finding", "diagnose"]


async def diagnose(connection: Connection) -> AsyncGenerator[Finding]:
    """Look at everything that the server knows about a mesh, and yield what is found.

    It only looks: nothing is created, changed or taken.

    Raises:
        HubbubError: the server does not answer, or does not let us look.
    """
    yield examine_server(connection)
    states = await stream_states(connection)
    for finding in examine_streams(connection, states):
        yield finding
    instances: list[Instance] = []
    if f"KV_{PRESENCE_BUCKET}" in states:
        instances = await list_instances(connection)
    for finding in examine_agents(instances):
        yield finding
    if INBOX not in states:
        return
    ahead, within = await server_ahead(connection, INBOX)
    for finding in examine_clocks(ahead, within, instances):
        yield finding
    served: dict[str, list[Instance]] = {}
    for instance in instances:
        served.setdefault(instance.token, []).append(instance)
    async for finding in examine_backlog(connection, set(served), server_ahead=ahead):
        yield finding
    if WAKE in states and TASKS in states:
        async for finding in examine_inputs(connection, served, server_ahead=ahead):
            yield finding
        async for finding in examine_runs(connection, served):
            yield finding
    if DEAD in states:
        async for finding in examine_dead_letters(connection):
            yield finding
