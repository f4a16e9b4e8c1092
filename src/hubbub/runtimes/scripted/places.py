"""Find the place that a question about the weather is about."""

from __future__ import annotations

import re

__all__ = ["find_place", "mentions_rain", "mentions_weather"]

_WEATHER = re.compile(
    r"\b(weather|rain\w*|snow\w*|sunny|cloud\w*|temperature|forecast|umbrella|storm\w*|windy"
    r"|how (?:hot|cold|warm))\b",
    re.IGNORECASE,
)
_RAIN = re.compile(r"\b(rain\w*|shower\w*|drizzl\w*|storm\w*|snow\w*|umbrella)\b", re.IGNORECASE)
# A mark that ends a clause is a word of its own, which no name reaches across.
_WORD = re.compile(r"[^\W\d_](?:[\w'-]|\.(?=\w))*|[.!?,;\n]")
_BEFORE_A_PLACE = {"in", "at", "for", "near", "around", "to", "of", "visit", "visiting"}
_INSIDE_A_NAME = {"de", "da", "do", "del", "der", "di", "la", "le", "el", "am", "an"}
# Words that follow "in" or "for" or begin a sentence, and are no places.
_NO_PLACES = set(
    re.findall(
        r"\S+",
        """
        the a an my our your it this that today tomorrow tonight now me us you all there here
        january february march april may june july august september october november december
        monday tuesday wednesday thursday friday saturday sunday celsius fahrenheit is will what
        whats what's how please plan prepare tell ask does can could should weather rain forecast
        morning afternoon evening week weekend day days trip people agents i english report
        temperature any every one two three advance general detail
        """,
    )
)


def mentions_weather(text: str) -> bool:
    """Tell whether a text is about the weather."""
    return _WEATHER.search(text) is not None


def mentions_rain(text: str) -> bool:
    """Tell whether a text is about rain, or anything else one needs an umbrella for."""
    return _RAIN.search(text) is not None


def find_place(text: str) -> str | None:
    """Return the place a text names: capitalised after a preposition, else anywhere it can be."""
    words = [match[0].rstrip("'-") for match in _WORD.finditer(text)]
    lowered = [word.lower() for word in words]
    after = [at + 1 for at, word in enumerate(lowered[:-1]) if word in _BEFORE_A_PLACE]
    for at in after:
        if words[at][0].isupper() and _may_be_place(words[at]):
            return _name(words, at)
    for at in after:
        # In lower case "to" and "of" lead to too much else.
        if lowered[at - 1] in ("in", "at", "for", "near") and _may_be_place(words[at]):
            return words[at].capitalize() if mentions_weather(text) else None
    for at, word in enumerate(lowered[:-1]):
        # "Lisbon weather", "weather Lisbon"
        if mentions_weather(lowered[at + 1]) and words[at][0].isupper() and _may_be_place(word):
            return words[at]
        if mentions_weather(word) and words[at + 1][0].isupper() and _may_be_place(words[at + 1]):
            return _name(words, at + 1)
    return None


def _may_be_place(word: str) -> bool:
    # A hyphen followed by a capital, as in Weather-Bot, is the name of an agent.
    agent = re.search(r"[-_][A-Z]", word) is not None
    return (
        word[0].isalpha()
        and word.lower() not in _NO_PLACES
        and not agent
        and not mentions_weather(word)
    )


def _name(words: list[str], at: int) -> str:
    """Return the words of a name that begins at a position: `Rio de Janeiro`, `New York`."""
    end = at + 1
    while end < len(words):
        if words[end][0].isupper() and _may_be_place(words[end]):
            end += 1
        elif words[end] in _INSIDE_A_NAME and end + 1 < len(words) and words[end + 1][0].isupper():
            end += 2
        else:
            break
    return " ".join(words[at:end])
