"""What the scripted model says once it has the results of its tools."""

from __future__ import annotations

import json
import re
from typing import Any

from hubbub.runtimes.scripted.conversation import Conversation, Result
from hubbub.runtimes.scripted.places import find_place, mentions_rain, mentions_weather
from hubbub.runtimes.shapes import JsonObject, as_list, as_object, object_in

__all__ = ["HONEST", "plan", "summary"]

HONEST = (
    "I am a scripted stand-in, not a real model: I can look up the weather and pass work on to "
    "other agents, and little else. Start LM Studio or Ollama, or set OPENAI_BASE_URL, "
    "for real answers."
)
_FAILED = re.compile(r"failed:|No agent named|did not answer|^Invalid arguments|^No tool ")
_CONDITION_KEYS = ("condition", "conditions", "summary", "description", "weather", "forecast")
_TEMPERATURE_KEYS = ("temperature", "temp", "temperature_c", "temperature_celsius", "celsius")
_PLACE_KEYS = ("city", "place", "location")


def summary(talk: Conversation, *, wants_plan: bool) -> str:
    """Return one or a few sentences made of the results.

    Args:
        talk: the conversation, with at least one result.
        wants_plan: whether the user asked for a plan or a report, not just an answer.
    """
    last = talk.results[-1]
    given = _value(last.arguments)
    agent = str(object_in(given).get("to_agent") or "the other agent")
    if _FAILED.search(last.text):
        return f"That did not work. {_sentence(last.text)}"
    match last.name:
        case "get_weather":
            return " ".join(
                _weather(result, talk.user) for result in talk.results if result.name == last.name
            )
        case "request_from_agent" | "ask_agent" if wants_plan:
            return plan(talk.user, last.text)
        case "request_from_agent" | "ask_agent":
            return f"{agent} says: {_sentence(last.text)}"
        case "handoff_to_agent":
            return f"I handed this over to {agent}, who works on it and reports back."
        case "send_direct_message":
            return f"I passed this on to {agent}."
        case "broadcast_message":
            return "I told everyone."
        case "list_agents":
            return _agents(last.text)
        case _ if mentions_weather(talk.user):
            return _weather(last, talk.user)
        case _:
            return "Here is what I found: " + " | ".join(one.text for one in talk.results)


def plan(task: str, weather: str | None) -> str:
    """Return a short plan for a task, fitting the weather if that is known."""
    place = find_place(task)
    where = f" for {place}" if place else ""
    if weather is None:
        steps = ["Settle what is to be done and by when.", "Share out the work.", "Report back."]
    elif mentions_rain(weather) and not re.search(r"\bno (?:rain|umbrella)", weather):
        steps = [
            f"Weather: {_sentence(weather)}",
            "Spend the day indoors: a museum in the morning, a long lunch.",
            "Take an umbrella for the way, and look again in the evening.",
        ]
    else:
        steps = [
            f"Weather: {_sentence(weather)}",
            "Spend the morning outside: a walk through the old town, lunch in the open.",
            "Keep the museum for the afternoon, in case the weather turns.",
        ]
    return "\n".join(
        [f"A short plan{where}:", *(f"{at}. {step}" for at, step in enumerate(steps, 1))]
    )


def _weather(result: Result, question: str) -> str:
    value = _value(result.text)
    report = as_object(value)
    given = object_in(_value(result.arguments))
    place = str(next(iter(given.values()), None) or find_place(question) or "there")
    if report is not None:
        text = _report(report, place)
    else:
        text = _told(value if isinstance(value, str) else result.text, place)
    if mentions_rain(question) and "umbrella" not in text:
        text += " Take an umbrella." if mentions_rain(text) else " No umbrella is needed."
    return text


def _report(report: JsonObject, place: str) -> str:
    place = str(_first(report, _PLACE_KEYS) or place)
    condition, temperature = _first(report, _CONDITION_KEYS), _first(report, _TEMPERATURE_KEYS)
    if condition is None and temperature is None:
        facts = ", ".join(f"{key} {value}" for key, value in report.items())
        return f"The weather in {place}: {facts}."
    degrees = f"{temperature} °C" if isinstance(temperature, int | float) else temperature
    parts = [part for part in (str(condition).lower() if condition else None, degrees) if part]
    return f"In {place} it is {' at '.join(map(str, parts))}."


def _told(text: str, place: str) -> str:
    """Make a sentence of a result that is text: `sunny, 22 °C`, `Lisbon: sunny`, a sentence."""
    text = text.strip()
    head, colon, rest = text.partition(": ")
    if colon and head.lower() == place.lower():
        return _sentence(f"In {head} it is {rest}")
    if place.lower() in text.lower():
        return _sentence(text)
    if len(text.split()) <= 8:
        return _sentence(f"In {place} it is {text[:1].lower()}{text[1:]}")
    return _sentence(f"The weather in {place}: {text}")


def _agents(text: str) -> str:
    found = [str(object_in(entry).get("name") or entry) for entry in as_list(_value(text))]
    return f"These agents are here: {', '.join(found)}." if found else _sentence(text)


def _first(report: JsonObject, keys: tuple[str, ...]) -> Any:
    return next((report[key] for key in keys if report.get(key) is not None), None)


def _sentence(text: str) -> str:
    text = text.strip()
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None
