"""What people do at the questions of a task: heard by all pages, and kept nowhere.

It travels on a subject of the task's own, so that the pages of every gateway hear it.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from hubbub.gateway.live.happenings import Happening, QuestionsSeen
from hubbub.mesh.mesh import Mesh
from hubbub.wire.clock import now
from hubbub.wire.codec import encode
from hubbub.wire.names import agent_token

__all__ = ["Look", "LookState", "of_people", "tell_answered", "tell_look"]

LookState = Literal["looking", "typing", "left"]

_Text = Annotated[str, Meta(max_length=200)]


class Look(msgspec.Struct, frozen=True, kw_only=True, tag_field="k", tag="look"):
    """Somebody looks at a question.

    Attributes:
        question_id: which.
        user: who.
        page: which of their pages.
        state: `looking`, `typing`, or `left` if they do so no more.
        at: since when, ISO 8601.
    """

    question_id: _Text
    user: _Text
    page: _Text
    state: LookState
    at: _Text


class _Given(msgspec.Struct, frozen=True, kw_only=True, tag_field="k", tag="answered"):
    """Somebody's answer to a question has been stored; its task may not have taken it in yet."""

    id: _Text
    by: _Text
    at: _Text
    context_id: _Text


_decoder = msgspec.json.Decoder(Look | _Given)


async def tell_look(mesh: Mesh, agent: str, task_id: str, look: Look) -> None:
    """Tell all pages that somebody looks at a question of a task.

    Raises:
        ConnectionLost: the connection is closed.
    """
    subject = mesh.connection.layout.people(agent_token(agent), task_id)
    await mesh.connection.publish(subject, encode(look))


async def tell_answered(
    mesh: Mesh, agent: str, task_id: str, context_id: str, question_id: str, by: str
) -> None:
    """Tell all pages that a question of a task has been answered.

    Raises:
        ConnectionLost: the connection is closed.
    """
    subject = mesh.connection.layout.people(agent_token(agent), task_id)
    given = _Given(id=question_id, by=by, at=now(), context_id=context_id)
    await mesh.connection.publish(subject, encode(given))


def of_people(agent: str, task_id: str, data: bytes, seen: QuestionsSeen) -> Happening | None:
    """Return what people do; None if it cannot be read, or is older than what is known."""
    try:
        done = _decoder.decode(data)
    except msgspec.MsgspecError:
        return None
    slices = {"all", "tasks", f"agent:{agent}", f"task:{task_id}"}
    body: dict[str, Any]
    if isinstance(done, Look):
        body = {**msgspec.to_builtins(done), "task_id": task_id, "agent": agent}
    else:
        if seen.is_answered(done.id):
            return None
        slices.add(f"context:{done.context_id}")
        body = {
            "k": "answer",
            "task_id": task_id,
            "agent": agent,
            "context_id": done.context_id,
            "kind": "answered",
            "at": done.at,
            "data": {"id": done.id, "by": done.by, "at": done.at},
            "pending": True,
        }
    return Happening(
        slices=frozenset(slices), body=msgspec.json.encode(body), task_id=task_id, owner=None
    )
