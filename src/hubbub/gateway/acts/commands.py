"""What a live page asks for: frames from it, read strictly."""

from __future__ import annotations

import contextlib
from typing import Any, cast, get_args

import msgspec
from pydantic import ValidationError

from hubbub.errors import ConnectionLost, HubbubError, InvalidMessage
from hubbub.gateway.acts.actions import answer_question, cancel_task, send_message
from hubbub.gateway.identity.ownership import visible_task
from hubbub.gateway.live.page import Page
from hubbub.gateway.live.people import Look, LookState, tell_look
from hubbub.gateway.problems import Refusal, problem_of
from hubbub.gateway.records import models
from hubbub.gateway.state import Gateway
from hubbub.wire.clock import now
from hubbub.wire.codec import decode_object

__all__ = ["look_away", "obey"]

_MOST_SLICES = 100
_LONGEST_SLICE = 100
_LONGEST_TEXT = 200
_MOST_LOOKS = 100
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
            return {"seq": await gateway.hub.subscribe(page, slices, after), "page": page.id}
        case "unsub":
            page.slices -= _slices(fields)
            return {}
        case "answer":
            task_id = _text(fields, "task_id")
            given = models.Answer.model_validate(fields)
            return (await answer_question(gateway, page.who, task_id, given)).model_dump()
        case "send":
            said = models.MessageIn.model_validate(fields)
            return (await send_message(gateway, page.who, said)).model_dump()
        case "cancel":
            task = await cancel_task(gateway, page.who, _text(fields, "task_id"))
            return {"task_id": task.id, "state": task.state}
        case "look":
            await _look(gateway, page, fields)
            return {}
        case _:
            raise Refusal(
                422, "invalid-frame", "`op` must be sub, unsub, answer, send, cancel or look"
            )


async def _look(gateway: Gateway, page: Page, fields: dict[str, Any]) -> None:
    task_id, question_id = _text(fields, "task_id"), _text(fields, "question_id")
    state = _state(fields)
    mesh, key = gateway.mesh, (task_id, question_id)
    agent = page.looks.pop(key, None)
    if agent is None:
        # Who may see a task may be seen to look at it; asked once, for it is said again and again.
        agent = (await visible_task(mesh, page.who, task_id)).agent
    if state != "left":
        page.looks[key] = agent
        if len(page.looks) > _MOST_LOOKS:
            del page.looks[next(iter(page.looks))]
    await tell_look(mesh, agent, task_id, _look_of(page, question_id, state))


async def look_away(gateway: Gateway, page: Page) -> None:
    """Tell that a page that has been closed looks at nothing any more.

    If the mesh is away, the others forget it by themselves.
    """
    looks, page.looks = page.looks, {}
    with contextlib.suppress(ConnectionLost):
        for (task_id, question_id), agent in looks.items():
            await tell_look(gateway.mesh, agent, task_id, _look_of(page, question_id, "left"))


def _look_of(page: Page, question_id: str, state: LookState) -> Look:
    return Look(question_id=question_id, user=page.who.user, page=page.id, state=state, at=now())


def _state(fields: dict[str, Any]) -> LookState:
    state = fields.get("state")
    if state not in get_args(LookState):
        raise Refusal(422, "invalid-frame", "`state` must be looking, typing or left")
    return cast("LookState", state)


def _text(fields: dict[str, Any], name: str) -> str:
    text = fields.pop(name, None)
    if not isinstance(text, str) or len(text) > _LONGEST_TEXT:
        raise Refusal(422, "invalid-frame", f"`{name}` must be a text")
    return text


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
