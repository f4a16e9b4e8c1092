"""Let a test write into the user's text what the scripted model has to answer.

- `[[call NAME {json}]]` calls a tool; several are called one a step, in order;
- `[[par]]` calls them all at once;
- `[[say TEXT]]` is the final answer; without it the results are repeated.
"""

from __future__ import annotations

import re

from hubbub.runtimes.scripted.conversation import Conversation
from hubbub.runtimes.scripted.replies import Reply, ToolCall

__all__ = ["directed"]

_CALL = re.compile(r"\[\[call (\S+?)\s*(\{.*?\})?\s*\]\]", re.DOTALL)
_SAY = re.compile(r"\[\[say (.*?)\]\]", re.DOTALL)


def directed(talk: Conversation) -> Reply | None:
    """Return the answer that the user's text prescribes; None if it prescribes none."""
    calls = [ToolCall(name, given or "{}") for name, given in _CALL.findall(talk.user)]
    said = _SAY.search(talk.user)
    if not calls and said is None:
        return None
    done = len(talk.results)
    todo = calls[done:]
    if todo:
        at_once = "[[par]]" in talk.user and done == 0
        return Reply(calls=tuple(todo if at_once else todo[:1]), first=done)
    if said is not None:
        return Reply(said[1])
    return Reply("ok: " + " | ".join(result.text for result in talk.results))
