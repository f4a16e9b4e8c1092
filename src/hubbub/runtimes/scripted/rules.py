"""What the scripted model does first: answer, call a tool, or pass the work on."""

from __future__ import annotations

import json
import re

from hubbub.runtimes.scripted.conversation import Conversation
from hubbub.runtimes.scripted.lessons import lesson
from hubbub.runtimes.scripted.places import find_place, mentions_weather
from hubbub.runtimes.scripted.replies import Reply, ToolCall
from hubbub.runtimes.scripted.summaries import HONEST, plan, summary
from hubbub.runtimes.shapes import object_in

__all__ = ["answer"]

_SELF = re.compile(r"(?:you are|your name is)\s+(?:the |an? )?([^.,;:\n]+)", re.IGNORECASE)
_ROUTES = re.compile(r"coordinat|rout|dispatch|delegat", re.IGNORECASE)
_PLANS = re.compile(
    r"\b(plan|prepar|organi[sz]|arrang|writ|draft|report|summar|research|compar|review|schedul"
    r"|itinerar|trip)\w*",
    re.IGNORECASE,
)
_AGENT = r"[A-Z]\w*(?:-[A-Z]\w*)+"
_WHO = re.compile(
    r"\b(who (?:is|else)|which agents|what agents|list (?:the |all )?agents)\b", re.IGNORECASE
)
_EVERYONE = re.compile(
    r"\b(?:broadcast|(?:tell|greet|inform) (?:everyone|everybody|all))\b", re.IGNORECASE
)
_ASK = re.compile(rf"\b[Aa]sk\s+({_AGENT})[,:]?\s*(?:to |about |for )?(.*)", re.DOTALL)
_TELL = re.compile(
    rf"\b(?:[Tt]ell|[Mm]essage|[Ii]nform|[Ss]end)\s+({_AGENT})[,:]?\s*(?:that |to )?(.*)", re.DOTALL
)
_HAND = re.compile(rf"\b[Hh]and\b.*?\bto\s+({_AGENT})[,:]?\s*(.*)", re.DOTALL)
_SMALL_TALK = re.compile(
    r"^\W*(hi|hello|hey|good (?:morning|day|evening)|thanks?|thank you|how are you|who are you)\b",
    re.IGNORECASE,
)
ASK_TOOLS = ("request_from_agent", "ask_agent")


def answer(talk: Conversation) -> Reply:
    """Return the answer to a conversation by the rules of the demo.

    A weather question calls `get_weather` where that is offered. Otherwise a coordinator asks the
    weather agent or hands the work to an assistant, and anyone else who may ask agents asks the
    weather agent and makes a plan of its answer. Students and teachers hold a lesson. What fits no
    rule gets an honest plain answer.
    """
    if talk.results:
        return Reply(summary(talk, wants_plan=_wants_plan(talk)))
    return (
        _weather_lookup(talk) or _explicit(talk) or _delegated(talk) or lesson(talk) or _plain(talk)
    )


def _weather_lookup(talk: Conversation) -> Reply | None:
    if "get_weather" not in talk.names or not mentions_weather(talk.user):
        return None
    place = find_place(talk.user)
    if place is None:
        return Reply("For which place would you like to know the weather?")
    properties = object_in(talk.parameters["get_weather"].get("properties"))
    return _call("get_weather", {next(iter(properties), "city"): place})


def _explicit(talk: Conversation) -> Reply | None:
    """Do what the user says in so many words: ask, tell, hand over, broadcast, list."""
    if "broadcast_message" in talk.names and _EVERYONE.search(talk.user):
        _, colon, text = talk.user.partition(":")
        return _call("broadcast_message", {"content": text.strip() if colon else talk.user})
    if "list_agents" in talk.names and _WHO.search(talk.user):
        return _call("list_agents", {})
    ask = next((name for name in ASK_TOOLS if name in talk.names), "")
    tools = (("handoff_to_agent", _HAND), (ask, _ASK), ("send_direct_message", _TELL))
    for tool, pattern in tools:
        said = pattern.search(talk.user)
        if said and tool in talk.names and said[1] != _own_name(talk):
            content = said[2].strip() or talk.user
            return _to(tool, said[1], content[:1].upper() + content[1:])
    return None


def _delegated(talk: Conversation) -> Reply | None:
    ask = next((name for name in ASK_TOOLS if name in talk.names), None)
    weather = mentions_weather(talk.user)
    if _routes(talk) and not _SMALL_TALK.search(talk.user):
        if "handoff_to_agent" in talk.names and (not weather or _wants_plan(talk)):
            return _to("handoff_to_agent", _peer(talk, "assist", "General-Assistant"), talk.user)
        if weather and ask:
            return _to(ask, _peer(talk, "weather", "Weather-Bot"), talk.user)
    if weather and ask:
        place = find_place(talk.user)
        question = f"What is the weather in {place}?" if place else talk.user
        return _to(ask, _peer(talk, "weather", "Weather-Bot"), question)
    return None


def _plain(talk: Conversation) -> Reply:
    if _wants_plan(talk):
        return Reply(f"{plan(talk.user, None)}\n{HONEST}")
    return Reply(f"Hello! {HONEST}" if _SMALL_TALK.search(talk.user) else HONEST)


def _wants_plan(talk: Conversation) -> bool:
    return _PLANS.search(talk.user) is not None


def _own_name(talk: Conversation) -> str:
    found = _SELF.search(talk.system)
    return found[1].split()[0] if found else ""


def _routes(talk: Conversation) -> bool:
    found = _SELF.search(talk.system)
    return _ROUTES.search(found[1] if found else talk.system) is not None


def _peer(talk: Conversation, word: str, default: str) -> str:
    """Return the agent whose name has a word in it, if any text mentions one."""
    names = re.findall(_AGENT, f"{talk.system}\n{talk.user}")
    own = _own_name(talk)
    return next((name for name in names if word in name.lower() and name != own), default)


def _to(tool: str, agent: str, content: str) -> Reply:
    return _call(tool, {"to_agent": agent, "content": content})


def _call(tool: str, arguments: dict[str, str]) -> Reply:
    return Reply(calls=(ToolCall(tool, json.dumps(arguments, ensure_ascii=False)),))
