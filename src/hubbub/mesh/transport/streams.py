"""The streams and buckets of the mesh, declared in one table (DESIGN section 3)."""

from __future__ import annotations

import math
from typing import Any

from hubbub.mesh.transport.answers import APIError
from hubbub.mesh.transport.concurrency import all_of
from hubbub.mesh.transport.connection import Connection
from hubbub.settings import NATSConfig
from hubbub.wire.subjects import Layout

__all__ = [
    "DEAD",
    "FILES",
    "FILES_BUCKET",
    "HISTORY",
    "INBOX",
    "LOCKS_BUCKET",
    "NOTICES",
    "PRESENCE_BUCKET",
    "REGISTRY_BUCKET",
    "SESSIONS_BUCKET",
    "TASKS",
    "WAKE",
    "declarations",
    "ensure_streams",
    "expect_streams",
    "presence_ttl",
    "stored_subjects",
]

INBOX = "INBOX"
NOTICES = "NOTICES"
HISTORY = "HISTORY"
TASKS = "TASKS"
WAKE = "WAKE"
DEAD = "DEAD"
PRESENCE_BUCKET = "presence"
REGISTRY_BUCKET = "registry"
LOCKS_BUCKET = "locks"
SESSIONS_BUCKET = "sessions"
FILES_BUCKET = "files"
FILES = f"OBJ_{FILES_BUCKET}"

HISTORY_PREFIX = "history."

_SECOND = 1_000_000_000
_DAY = 86_400 * _SECOND

_NAME_IN_USE = 10058

# Which setting says what, where it is not the same for all streams.
_OWN_SETTINGS = {
    INBOX: {"inbox_limit": "max_msgs_per_subject"},
    HISTORY: {
        "history_days": "max_age",
        "history_bytes": "max_bytes",
        "history_messages": "max_msgs",
    },
    FILES: {"history_days": "max_age", "files_bytes": "max_bytes"},
}

# The server's default of 1,000 consumers a stream would be the limit of agents in a mesh.
_MAX_CONSUMERS = 100_000


def presence_ttl(config: NATSConfig) -> int:
    """Return after how many seconds without a beat an instance counts as gone."""
    seconds = 2 * config.heartbeat_seconds + min(5.0, config.heartbeat_seconds)
    return max(1, math.ceil(seconds))  # the server counts in whole seconds


def declarations(layout: Layout, config: NATSConfig) -> list[dict[str, Any]]:
    """Return the configuration of every stream, as JetStream's API takes it."""
    common: dict[str, Any] = {
        "storage": "file",
        "num_replicas": config.replicas,
        "max_consumers": _MAX_CONSUMERS,
        "allow_direct": True,
    }
    return [
        {
            **common,
            "name": INBOX,
            "subjects": layout.inbox_subjects,
            "retention": "workqueue",
            # Full means refused, for the one sender on the one lane that is full.
            "discard": "new",
            "discard_new_per_subject": True,
            "max_msgs_per_subject": config.inbox_limit,
            "duplicate_window": 120 * _SECOND,
            "republish": {"src": "agents.direct.>", "dest": f"{HISTORY_PREFIX}agents.direct.>"},
        },
        {
            **common,
            "name": NOTICES,
            "subjects": [layout.done("*")],
            "max_msgs_per_subject": 1_000,
            "max_age": 7 * _DAY,
            "duplicate_window": 120 * _SECOND,
        },
        {
            **common,
            "name": HISTORY,
            "subjects": [
                layout.everybody_filter,
                layout.handoff("*", "*"),
                f"{HISTORY_PREFIX}agents.direct.>",
            ],
            "max_age": round(config.history_days * _DAY),
            "max_msgs": config.history_messages,
            "max_bytes": config.history_bytes,
            "allow_msg_ttl": True,
            "duplicate_window": 120 * _SECOND,
        },
        {
            **common,
            "name": TASKS,
            "subjects": [layout.log("*", "*")],
            # Writes are fenced by sequence, so remembered ids would be memory for nothing.
            "duplicate_window": 100_000_000,
        },
        {
            **common,
            "name": WAKE,
            "subjects": [layout.input("*", "*", "*")],
            "retention": "workqueue",
            "duplicate_window": 120 * _SECOND,
        },
        {
            **common,
            "name": DEAD,
            "subjects": ["dead.>"],
            # Whatever replaces a letter takes its place in one write.
            "max_msgs_per_subject": 1,
            "allow_msg_ttl": True,
            "duplicate_window": 120 * _SECOND,
        },
        {
            **common,
            "name": FILES,
            # As the object store of NATS's clients lays it out.
            "subjects": [f"$O.{FILES_BUCKET}.C.>", f"$O.{FILES_BUCKET}.M.>"],
            "max_age": round(config.history_days * _DAY),
            "max_bytes": config.files_bytes,
            "discard": "new",
            "allow_rollup_hdrs": True,
            "duplicate_window": 120 * _SECOND,
        },
        _bucket(common, PRESENCE_BUCKET),
        _bucket(common, REGISTRY_BUCKET),
        _bucket(common, LOCKS_BUCKET),
        _bucket(common, SESSIONS_BUCKET),
    ]


def _bucket(common: dict[str, Any], name: str) -> dict[str, Any]:
    return {
        **common,
        "name": f"KV_{name}",
        "subjects": [f"$KV.{name}.>"],
        "max_msgs_per_subject": 1,
        "discard": "new",
        "allow_rollup_hdrs": False,
        # Each key says how long it lasts, for agents may beat at different paces.
        "allow_msg_ttl": True,
        "duplicate_window": 120 * _SECOND,
    }


async def ensure_streams(connection: Connection) -> None:
    """Create what is missing, and bring what is there to the declared form.

    Raises:
        APIError: the server refuses a stream.
        PermissionDenied: we may not create streams, and they are not there.
        ConnectionLost: the server does not answer.
    """
    await all_of(
        _ensure(connection, declaration)
        for declaration in declarations(connection.layout, connection.config)
    )
    connection.has_streams = True


async def expect_streams(connection: Connection) -> None:
    """See once for each connection that the streams are there, and create them if not.

    Whoever watches the subjects of an absent stream would take the server's place: a publish
    would then wait for an answer that nobody gives.

    Raises:
        APIError: the server refuses a stream.
        ConnectionLost: the server does not answer.
    """
    if connection.has_streams:
        return
    try:
        await connection.api(f"STREAM.INFO.{INBOX}")
        connection.has_streams = True
    except APIError:
        await ensure_streams(connection)


async def stored_subjects(connection: Connection, stream: str, subject: str) -> dict[str, int]:
    """Return how many messages a stream holds on each of its subjects.

    Args:
        connection: the mesh.
        stream: its name.
        subject: only what is on it; may hold wildcards.

    Raises:
        APIError: the server refuses, such as when there is no such stream.
        ConnectionLost: the server does not answer.
    """
    counts: dict[str, int] = {}
    offset, total = 0, 1
    while offset < total:
        answer = await connection.api(
            f"STREAM.INFO.{stream}", {"subjects_filter": subject, "offset": offset}
        )
        some: dict[str, int] = answer["state"].get("subjects") or {}
        counts |= some
        total = int(answer.get("total", 0))
        offset += max(len(some), 1)
    return counts


async def _ensure(connection: Connection, declaration: dict[str, Any]) -> None:
    name = declaration["name"]
    try:
        await connection.api(f"STREAM.CREATE.{name}", declaration)
    except APIError as error:
        if error.error_code != _NAME_IN_USE:
            raise
        answer = await connection.api(f"STREAM.INFO.{name}")
        kept = _settled(name, answer["config"], connection.config)
        await connection.api(f"STREAM.UPDATE.{name}", {**declaration, **kept})


def _settled(name: str, there: dict[str, Any], config: NATSConfig) -> dict[str, Any]:
    """Return what stays as it is: a default does not undo what somebody else has set."""
    settings = {"replicas": "num_replicas"}
    settings |= _OWN_SETTINGS.get(name, {})
    return {
        field: there[field]
        for setting, field in settings.items()
        if setting not in config.model_fields_set and field in there
    }
