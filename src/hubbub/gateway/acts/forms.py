"""Parameters, checked against what an agent says it takes, before anything is stored."""

from __future__ import annotations

from typing import Any

from hubbub.gateway.problems import Refusal
from hubbub.mesh.mesh import Mesh
from hubbub.mesh.presence.cards import find_card
from hubbub.wire.codec import JSON
from hubbub.wire.names import agent_token
from hubbub.wire.schemas import misfits

__all__ = ["check_parameters"]


async def check_parameters(
    mesh: Mesh, agent: str, content: JSON, metadata: dict[str, Any], *, field: str = "params"
) -> None:
    """Refuse parameters that an agent's `input_schema` does not allow.

    An agent that nobody knows yet, or that has no schema, takes anything. Text or a list in place
    of parameters is the agent's to read.

    Args:
        mesh: where the agent is.
        agent: its name.
        content: what it is told; without parameters an object in it stands for them.
        metadata: holds them as `params`.
        field: how the client calls them.

    Raises:
        Refusal: 422; names each field that is wrong.
        InvalidAgentName: the name cannot be an agent's.
        ConnectionLost: the server does not answer.
    """
    given = metadata.get("params")
    if given is None:
        if isinstance(content, dict):
            given, field = content, "content"
        elif content is None or (isinstance(content, str) and not content.strip()):
            given = {}
        else:
            return
    card = await find_card(mesh.connection, agent_token(agent))
    schema = card.input_schema if card is not None else None
    if card is None or schema is None:
        return
    errors = [
        {"field": f"body.{field}{one.path and f'.{one.path}'}", "problem": one.reason}
        for one in misfits(given, schema)
    ]
    if errors:
        wrong = "; ".join(f"{one['field']} {one['problem']}" for one in errors)
        raise Refusal(
            422,
            "invalid-params",
            f"{card.name} does not take this: {wrong}. Its `input_schema` tells what it takes: "
            f"GET /api/agents/{card.token}",
            facts={"errors": errors},
        )
