"""Whether those who serve one name are one agent, and all instances understand one another."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from hubbub.mesh.diagnosis.finding import Finding
from hubbub.mesh.presence.cards import PROTOCOL, Instance, one_card
from hubbub.version import __version__

__all__ = ["examine_agents"]

_MOST_NAMES = 20


def examine_agents(instances: Iterable[Instance]) -> Iterator[Finding]:
    """Look at the agents that are online."""
    agents: dict[str, list[Instance]] = {}
    for instance in instances:
        agents.setdefault(instance.token, []).append(instance)
    if not agents:
        remedy = "`hubbub run FILE.py:AGENT` serves one, `hubbub demo` shows three"
        yield Finding("note", "Agents", "none online", {"online": 0}, remedy)
        return
    names = sorted((one_card(one).name for one in agents.values()), key=str.casefold)
    shown = ", ".join(names[:_MOST_NAMES]) + (", ..." if len(names) > _MOST_NAMES else "")
    text = f"{len(names):,} online: {shown}"
    yield Finding("good", "Agents", text, {"online": len(names)})
    for token, those in sorted(agents.items()):
        yield from _duplicates(token, those)
    yield from _versions([one for those in agents.values() for one in those])


def _duplicates(token: str, those: list[Instance]) -> Iterator[Finding]:
    """Find what serves one name and is not the same agent."""
    facts = {"agent": token, "instances": [_place(one) for one in those]}
    spellings = sorted({one.name for one in those})
    if len(spellings) > 1:
        text = f"{' and '.join(spellings)} are one agent, {token}, and share its inbox"
        remedy = "spell the name in one way, or give one of them another name"
        yield Finding("note", "Names", text, facts, remedy)
    versions = sorted({one.version for one in those})
    cards = {(one.description, *sorted(one.capabilities)) for one in those}
    places = ", ".join(facts["instances"])
    if len(cards) > 1 and len(versions) == 1:
        text = f"{token} is served by instances with different cards ({places})"
        remedy = (
            "if these are different programs, each gets a part of the other's messages; "
            "give one another name"
        )
        yield Finding("bad", "Names", text, facts, remedy)
    elif len(versions) > 1:
        shown = ", ".join(version or "none" for version in versions)
        text = f"{token} is served in several versions ({shown}) at {places}"
        remedy = "as it should be while a new one is rolled out, otherwise restart the old ones"
        yield Finding("note", "Names", text, facts, remedy)


def _versions(instances: list[Instance]) -> Iterator[Finding]:
    """Compare what the instances run with one another and with us."""
    protocols: dict[int, list[str]] = {PROTOCOL: []}
    releases: dict[str, list[str]] = {__version__: []}
    for one in instances:
        if one.process.protocol:  # others do not tell
            protocols.setdefault(one.process.protocol, []).append(_place(one))
            releases.setdefault(one.process.hubbub, []).append(_place(one))
    for protocol, places in protocols.items():
        if protocol != PROTOCOL:
            text = (
                f"{', '.join(places)} speak protocol {protocol}, this program {PROTOCOL}, "
                "and do not understand each other"
            )
            facts = {"protocol": protocol, "instances": places}
            remedy = "install one version of Hubbub everywhere"
            yield Finding("bad", "Versions", text, facts, remedy)
    if len(releases) > 1:
        shown = "; ".join(
            f"{release}: {', '.join(places) or 'this program'}"
            for release, places in sorted(releases.items())
        )
        text = f"several versions of Hubbub are in use ({shown})"
        remedy = "update the older ones in time"
        yield Finding("note", "Versions", text, {"versions": releases}, remedy)


def _place(one: Instance) -> str:
    """Return where an instance runs, for people."""
    return f"{one.name} in process {one.process.pid} on {one.process.host or 'an unknown host'}"
