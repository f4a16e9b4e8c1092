"""What a live page asks for: frames from it, read strictly."""

from __future__ import annotations

from typing import Any

import msgspec
from pydantic import ValidationError

from hubbub.errors import HubbubError, InvalidMessage
from hubbub.gateway import models
from hubbub.gateway.actions import answer_question, send_message
from hubbub.gateway.live.page import Page
from hubbub.gateway.problems import Refusal, problem_of
from hubbub.gateway.state import Gateway
from hubbub.wire.codec import decode_object

__all__ = ["obey"]

_MOST_SLICES = 100
_LONGEST_SLICE = 100
_NAMES = ("all", "agents", "messages", "tasks", "dead")
_PREFIXES = ("agent:", "task:", "context:")


async def obey(gateway: Gateway, page: Page, data: bytes) -> bytes:
    """Do what a frame of a page asks for, and return what it is told.

    The answer repeats the frame's `id`, so that the page knows what it is about.
    """
    mark: Any = None
    try:
        fields = _read(data)
        mark = fields.pop("id", None)
        if not isinstance(mark, str) or len(mark) > _LONGEST_SLICE:
            mark = None
            raise Refusal(422, "invalid-frame", "A frame needs an `id`, a text of its own")
        facts = await _done(gateway, page, fields)
        return msgspec.json.encode({"re": mark, "ok": True, **facts})
    except HubbubError as error:
        refusal = problem_of(error)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        refusal = Refusal(422, "invalid-frame", f"{where}: {first['msg']}")
    except Refusal as error:
        refusal = error
    problem = {"status": refusal.status_code, "code": refusal.code, "detail": refusal.detail}
    return msgspec.json.encode({"re": mark, "ok": False, "problem": {**problem, **refusal.facts}})


async def _done(gateway: Gateway, page: Page, fields: dict[str, Any]) -> dict[str, Any]:
    gateway.rate.take(page.who.user)
    op = fields.pop("op", None)
    match op:
        case "sub":
            after = fields.get("after_seq")
            if after is not None and not isinstance(after, str):
                raise Refusal(422, "invalid-frame", "after_seq must be the `seq` of a frame")
            slices = _slices(fields)
            if len(page.slices | slices) > _MOST_SLICES:
                raise Refusal(422, "too-many-slices", f"A page has {_MOST_SLICES} at the most")
            return {"seq": await gateway.hub.subscribe(page, slices, after)}
        case "unsub":
            page.slices -= _slices(fields)
            return {}
        case "answer":
            task_id = fields.pop("task_id", None)
            if not isinstance(task_id, str):
                raise Refusal(422, "invalid-frame", "An answer needs a `task_id`")
            given = models.Answer.model_validate(fields)
            return (await answer_question(gateway, page.who, task_id, given)).model_dump()
        case "send":
            said = models.MessageIn.model_validate(fields)
            return (await send_message(gateway, page.who, said)).model_dump()
        case _:
            raise Refusal(422, "invalid-frame", "`op` must be sub, unsub, answer or send")


def _read(data: bytes) -> dict[str, Any]:
    try:
        return decode_object(data)
    except InvalidMessage as error:
        raise Refusal(400, "invalid-json", f"The frame cannot be read: {error}") from None


def _slices(fields: dict[str, Any]) -> frozenset[str]:
    wanted = fields.get("slices")
    if not isinstance(wanted, list) or not all(map(_is_slice, wanted)):  # pyright: ignore[reportUnknownArgumentType]
        raise Refusal(
            422,
            "invalid-frame",
            f"slices must be a list of {', '.join(_NAMES)}, agent:NAME, task:ID or context:ID",
        )
    return frozenset(map(str, wanted))  # pyright: ignore[reportUnknownArgumentType]


def _is_slice(name: object) -> bool:
    if not isinstance(name, str) or len(name) > _LONGEST_SLICE:
        return False
    return name in _NAMES or name.startswith(_PREFIXES)
