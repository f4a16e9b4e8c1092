"""Whether the streams are there, as they are declared, and in good health."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hubbub.mesh.diagnosis.finding import Finding, Verdict, counted, size
from hubbub.mesh.transport.answers import APIError
from hubbub.mesh.transport.connection import Connection
from hubbub.mesh.transport.streams import FILES, HISTORY, INBOX, declarations
from hubbub.settings import NATSConfig

__all__ = ["differences", "examine_streams", "stream_states"]

_STREAM_NOT_FOUND = 10059
_LAGGING_MESSAGES = 1_000

# What whoever made the stream may have set otherwise than we.
_BY_SETTING = {
    "num_replicas": "replicas",
    f"{INBOX}.max_msgs_per_subject": "inbox_limit",
    f"{HISTORY}.max_age": "history_days",
    f"{HISTORY}.max_bytes": "history_bytes",
    f"{HISTORY}.max_msgs": "history_messages",
    f"{FILES}.max_age": "history_days",
    f"{FILES}.max_bytes": "files_bytes",
}


async def stream_states(connection: Connection) -> dict[str, dict[str, Any]]:
    """Return what the server says about each stream of the mesh that is there, by name.

    Raises:
        HubbubError: the server does not answer.
    """
    states: dict[str, dict[str, Any]] = {}
    for declaration in declarations(connection.layout, connection.config):
        try:
            name = str(declaration["name"])
            states[name] = await connection.api(f"STREAM.INFO.{name}")
        except APIError as error:
            if error.error_code != _STREAM_NOT_FOUND:
                raise
    return states


def examine_streams(connection: Connection, states: dict[str, dict[str, Any]]) -> Iterator[Finding]:
    """Compare the streams with what is declared, and look at their copies."""
    declared = declarations(connection.layout, connection.config)
    missing = [str(one["name"]) for one in declared if one["name"] not in states]
    if missing:
        text = f"{', '.join(missing)} not there yet"
        remedy = "nothing to do: the first agent creates them"
        yield Finding("note", "Streams", text, {"missing": missing}, remedy)
    else:
        yield Finding("good", "Streams", "all there")
    for declaration in declared:
        name = str(declaration["name"])
        if name in states:
            yield _examine(name, declaration, states[name], connection.config)


def _examine(
    name: str, declaration: dict[str, Any], info: dict[str, Any], config: NATSConfig
) -> Finding:
    state, there = info["state"], info["config"]
    cluster: dict[str, Any] = info.get("cluster") or {}
    facts: dict[str, Any] = {
        "messages": state["messages"],
        "bytes": state["bytes"],
        "consumers": state["consumer_count"],
        "replicas": there.get("num_replicas", 1),
    }
    text = ", ".join(
        [
            counted(facts["messages"], "message"),
            size(facts["bytes"]),
            counted(facts["consumers"], "consumer"),
        ]
    )
    verdict: Verdict = "good"
    if cluster.get("replicas"):
        facts["leader"] = cluster.get("leader", "")
        text += f", {facts['replicas']} replicas, leader {facts['leader'] or 'none'}"
    troubles: list[str] = []
    remedies: dict[str, None] = {}
    for trouble, remedy in _copies(cluster):
        verdict = "bad"
        troubles.append(trouble)
        remedies[remedy] = None
    for field, have, want in differences(declaration, there):
        facts.setdefault("differs", []).append(field)
        setting = _BY_SETTING.get(f"{name}.{field}") or _BY_SETTING.get(field)
        if setting is not None:
            verdict = "note" if verdict == "good" else verdict
            variable = config.variable(setting)
            troubles.append(f"{field} is {have!r}, here {variable} says {want!r}")
            remedies[f"set {variable} alike everywhere: whoever sets it decides for all"] = None
            continue
        verdict = "bad"
        remedy = (
            "compare HUBBUB_LAYOUT of all programs"
            if field == "subjects"
            else "the next agent that starts brings it to the declared form; if it comes back, "
            "somebody runs another version of Hubbub"
        )
        troubles.append(f"{field} is {have!r}, declared {want!r}")
        remedies[remedy] = None
    told = "; ".join([text, *troubles])
    return Finding(verdict, f"Stream {name}", told, facts, "; ".join(remedies))


def differences(
    declaration: dict[str, Any], there: dict[str, Any]
) -> Iterator[tuple[str, object, object]]:
    """Yield the fields in which a stream is not as declared: field, what it is, what was declared.

    The server leaves out what has its default, and orders lists as it likes.
    """
    for field, want in declaration.items():
        have = there.get(field)
        if isinstance(want, list) and isinstance(have, list):
            if sorted(map(str, want)) != sorted(map(str, have)):  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
                yield field, have, want  # pyright: ignore[reportUnknownArgumentType]
        elif isinstance(want, dict) and isinstance(have, dict):
            known: dict[str, Any] = have  # pyright: ignore[reportUnknownVariableType]
            for key, value in want.items():  # pyright: ignore[reportUnknownVariableType]
                if known.get(str(key)) != value:  # pyright: ignore[reportUnknownArgumentType]
                    yield f"{field}.{key}", known.get(str(key)), value  # pyright: ignore[reportUnknownArgumentType]
        elif (have or None) != (want or None):  # pyright: ignore[reportUnknownVariableType]
            yield field, have, want  # pyright: ignore[reportUnknownArgumentType]


def _copies(cluster: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with the copies of a stream in a cluster, and what helps."""
    replicas: list[dict[str, Any]] = cluster.get("replicas") or []
    if replicas and not cluster.get("leader"):
        yield "it has no leader", "start the servers of the cluster that are down"
    for replica in replicas:
        name, lag = replica.get("name", "?"), int(replica.get("lag", 0))
        if replica.get("offline"):
            yield f"its copy on {name} is offline", f"start the server {name}"
        elif not replica.get("current", True) or lag > _LAGGING_MESSAGES:
            yield (
                f"its copy on {name} lags by {lag:,}",
                f"look into the log of {name} if it stays so",
            )
