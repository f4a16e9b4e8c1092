"""Answering: requests to one agent, shared by its instances, in one reply or in pieces.

A request is known by its sender and its message id. One that comes again is not begun again: it
joins the run that is under way, or gets the answer that was given.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

from nats.aio.msg import Msg

from hubbub.errors import HubbubError, InvalidMessage, RateLimited
from hubbub.mesh.activity import Activity, act_for
from hubbub.mesh.complaints import text_of
from hubbub.mesh.limits import Budget
from hubbub.mesh.requests.answering import Answering, RequestKey
from hubbub.mesh.requests.crowd import Crowd
from hubbub.mesh.requests.pieces import PieceSender
from hubbub.mesh.requests.refusal import GoingAway, refusal
from hubbub.mesh.requests.remembered import Remembered
from hubbub.mesh.requests.slots import Slots
from hubbub.mesh.service import Request, Service
from hubbub.mesh.transport.connection import Connection
from hubbub.mesh.transport.headers import DEFAULT_TIMEOUT_SECONDS, KNOWN, OWNER, STREAM, TIMEOUT
from hubbub.wire.codec import JSON
from hubbub.wire.draft import Draft
from hubbub.wire.envelope import AgentMessage, read_plain
from hubbub.wire.ids import new_id
from hubbub.wire.names import ANONYMOUS, agent_token
from hubbub.wire.subjects import parse

__all__ = ["Responder"]

activity_log = logging.getLogger("hubbub.activity")
log = logging.getLogger("hubbub.requests")

_OUR_REPLIES = "agents.reply."
_NOT_FOR_REPLIES = ("$", "agents.", "tasks.", "dead.", "history.")

_CROWDED_SECONDS = 1.0
"""After how long whoever was refused because too many wait may try again."""

_MOST_REPLIES = 100
"""At how many places the answer to one request is waited for; others ask again."""


class Responder:
    """Answers the requests to one agent in this process.

    Attributes:
        running: how many requests are being answered.
        waiting: how many requests wait for a free slot.
    """

    def __init__(self, connection: Connection, service: Service) -> None:
        self._connection = connection
        self._service = service
        self._id = new_id().encode()
        self._name = service.card.name
        self._slots = Slots(service.request_concurrency)
        self._runs: dict[RequestKey, Answering] = {}
        self._crowd = Crowd()
        self._answers = Remembered()
        self._asides = contextlib.AsyncExitStack()

    @property
    def running(self) -> int:
        """How many requests are being answered."""
        return min(len(self._runs), self._service.request_concurrency)

    @property
    def waiting(self) -> int:
        """How many requests wait for a free slot."""
        return max(0, len(self._runs) - self._service.request_concurrency)

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncGenerator[None]:
        """Take requests while the context lasts; none that the server gave to us is lost."""
        agent, layout = self._service.card.token, self._connection.layout
        try:
            for subject, callback in (
                (layout.cancel_filter(agent), self._on_cancel),
                (layout.recall_filter(agent), self._on_recall),
            ):
                heard = self._connection.subscription(subject, callback)
                await self._asides.enter_async_context(heard)
            subjects = layout.request_filters(agent)
            async with self._connection.membership(subjects, self._take, queue=agent):
                yield
        finally:
            if not self._runs:  # else until the last of them has ended, see `finish`
                await self._asides.aclose()

    async def finish(self, grace_seconds: float) -> None:
        """Let running answers end, stop those that take too long, and wait until all have ended.

        Requests that have not been begun by then are handed back: whoever asked turns to another
        instance.
        """
        async with self._asides:
            try:
                await self._all_ended(within=grace_seconds)
            finally:
                for run in tuple(self._runs.values()):
                    run.stop("leaving")
                await self._all_ended()

    async def _all_ended(self, *, within: float | None = None) -> None:
        tasks = {run.task for run in self._runs.values() if run.task is not None}
        if tasks:
            await asyncio.wait(tasks, timeout=within)

    # What comes in

    async def _take(self, raw: Msg) -> None:
        if not raw.reply:
            log.warning("A request on %s has no reply subject and is passed over", raw.subject)
            return
        if not _is_for_replies(raw.reply):
            log.warning(
                "A request on %s wants its reply on %s: passed over", raw.subject, raw.reply
            )
            return
        sender = _sender_of(raw)
        try:
            message = self._read(raw, sender)
        except InvalidMessage as error:
            unread = AgentMessage(message_type="request", from_agent=sender, content="")
            await self._fail(raw.reply, unread, error)
            return
        headers = raw.headers
        streamed = headers is not None and STREAM in headers
        sender = agent_token(message.from_agent)
        key = (sender, message.message_id, raw.reply if streamed else "")
        timeout = None if streamed else _timeout(raw)
        run = self._runs.get(key)
        if run is not None:
            self._join(run, raw.reply)
            run.wait_for(timeout)
            return
        if not streamed and (known := self._answers.get((sender, message.message_id))):
            await self._connection.publish(raw.reply, known)
            return
        size = len(raw.data)
        if not self._crowd.has_room(sender, size):
            _tell(message, "request refused", error="too many wait")
            await self._fail(
                raw.reply,
                message,
                RateLimited(f"{self._name}, where too many requests wait,", _CROWDED_SECONDS),
                limited_for=_CROWDED_SECONDS,
            )
            return
        if delay := self._service.rates.delay_for(sender):
            _tell(message, "request refused", error=f"rate limit, again in {delay:.3f} s")
            await self._fail(raw.reply, message, RateLimited(self._name, delay), limited_for=delay)
            return
        owner = "" if headers is None else headers.get(OWNER, "")
        deadlines = self._connection.deadlines
        self._runs[key] = run = Answering(
            deadlines, key, message, [raw.reply], streamed, timeout, size, owner
        )
        self._crowd.come(sender, size)
        # Not in a task group, which costs as much as the task: `finish` waits for them all.
        run.task = self._connection.loop.create_task(self._answer(run))

    def _read(self, raw: Msg, sender: str) -> AgentMessage:
        message = read_plain(raw.data, to_agent=self._name, from_agent=sender)
        if self._connection.layout.secured and agent_token(message.from_agent) != sender:
            raise InvalidMessage(f"it says it is from {message.from_agent!r}, not {sender}")
        return message

    def _join(self, run: Answering, reply: str) -> None:
        if reply not in run.replies and len(run.replies) < _MOST_REPLIES:
            run.replies.append(reply)

    async def _on_recall(self, raw: Msg) -> None:
        """Answer whether this instance knows a request that is about to be repeated."""
        if not raw.reply or not _is_for_replies(raw.reply):
            return
        sender, message_id = _sender_of(raw), raw.data.decode("ascii", "replace")
        run = self._runs.get((sender, message_id, "")) or self._runs.get(
            (sender, message_id, raw.reply)
        )
        if run is not None:
            self._join(run, raw.reply)
            await self._connection.publish(raw.reply, self._id, headers={KNOWN: "1"})
        elif known := self._answers.get((sender, message_id)):
            await self._connection.publish(raw.reply, known)
        else:
            await self._connection.publish(raw.reply, self._id, headers={KNOWN: "0"})

    async def _on_cancel(self, raw: Msg) -> None:
        """Stop answering a request that nobody waits for any more."""
        sender, message_id = _sender_of(raw), raw.data.decode("ascii", "replace")
        for key in ((sender, message_id, ""), (sender, message_id, raw.reply)):
            run = self._runs.get(key)
            if run is None:
                continue
            if raw.reply in run.replies:
                run.replies.remove(raw.reply)
            if not run.replies or not raw.reply:
                run.stop("canceled")

    # One request

    async def _answer(self, run: Answering) -> None:
        message, sent, activity = run.message, False, None
        run.wait_for(run.timeout)
        run.started = True
        try:
            if run.stopped:
                raise asyncio.CancelledError
            if not self._slots.take_now():
                await self._slots.take(run.key[0])
            try:
                run.begun = True
                _tell(message, "request received")
                limits = self._service.limits
                budget = None if limits is None else Budget(limits)
                activity = Activity(self._name, message, None, owner=run.owner, budget=budget)
                act_for(activity)
                await (self._stream(run) if run.streamed else self._reply(run))
                sent = True
            finally:
                self._slots.give_back()
                if activity is not None:
                    activity.subject = None  # which knows its activity
            _tell(message, "request answered")
        except asyncio.CancelledError:
            if sent:
                return
            current = asyncio.current_task()
            from_outside = current is not None and current.cancelling() > 0 and not run.stopped
            await self._stopped(run, from_outside=from_outside)
            if from_outside:
                raise
        except Exception as error:  # noqa: BLE001 - a handler may raise anything
            if run.stopped in ("expired", "canceled"):
                await self._stopped(run, from_outside=False)
                return
            reason = text_of(error)
            _tell(message, "request failed", error=reason)
            log.warning("%s failed to answer %s: %s", self._name, message.from_agent, reason)
            await self._fail_all(run, error)
        finally:
            run.wait_for(None)
            del self._runs[run.key]
            self._crowd.go(run.key[0], run.size)

    async def _stopped(self, run: Answering, *, from_outside: bool) -> None:
        """Tell whoever still waits that a request was stopped."""
        if run.stopped == "expired":
            _tell(run.message, "request given up", error=f"no answer within {run.timeout:g} s")
        elif run.stopped == "canceled":
            _tell(run.message, "request canceled")
        elif run.stopped == "leaving" or from_outside:
            _tell(run.message, "request handed back" if not run.begun else "request stopped")
            await self._fail_all(run, GoingAway(begun=run.begun))
        else:
            await self._fail_all(run, HubbubError("the handler canceled itself"))

    async def _reply(self, run: Answering) -> None:
        message = run.message
        answer = await self._service.answer(Request(message, False, run.timeout))
        if type(answer) is not str and isinstance(answer, AsyncIterator):
            answer = "".join([str(piece) async for piece in answer])
        data = self._response(message, answer).to_bytes()
        for reply in run.replies:
            await self._connection.publish(reply, data)
        self._answers.put((run.key[0], run.key[1]), data)

    async def _stream(self, run: Answering) -> None:
        message = run.message
        cancel_subject = f"_INBOX.{self._connection.id}.cancel.{message.message_id}"

        def written(content: JSON) -> bytes:
            return self._response(message, content).to_bytes()

        async def on_cancel(_: Msg) -> None:
            run.stop("canceled")

        pieces = PieceSender(self._connection, run.replies[0], cancel_subject, written)
        async with self._connection.subscription(cancel_subject, on_cancel):
            await pieces.send_all(self._service.answer(Request(message, True)))

    # What goes out

    def _response(self, message: AgentMessage, content: JSON, **metadata: Any) -> Draft:
        return Draft(
            message_type="response",
            from_agent=self._name,
            to_agent=message.from_agent,
            content=content,
            metadata=metadata,
            in_reply_to=message.message_id,
            priority=message.priority,
            context_id=message.context_id or message.message_id,
            hops=message.hops,
        )

    async def _fail_all(self, run: Answering, error: Exception) -> None:
        for reply in run.replies:
            await self._fail(reply, run.message, error)

    async def _fail(
        self, reply: str, message: AgentMessage, error: Exception, *, limited_for: float = 0.0
    ) -> None:
        headers, kind, reason = refusal(error, limited_for=limited_for)
        response = self._response(message, reason, error={"type": kind, "message": reason})
        try:
            await self._connection.publish(reply, response.to_bytes(), headers=headers)
        except HubbubError as lost:
            log.warning("%s could not tell %s: %s", self._name, message.from_agent, lost)


def _is_for_replies(subject: str) -> bool:
    """Tell whether we may publish there for a stranger, with the rights that we have.

    A reply on any other subject of the mesh or of the server would be our own word there.
    """
    return subject.startswith(_OUR_REPLIES) or not subject.startswith(_NOT_FOR_REPLIES)


def _sender_of(raw: Msg) -> str:
    address = parse(raw.subject)
    return address.sender if address is not None and address.sender else ANONYMOUS


def _timeout(raw: Msg) -> float | None:
    """Return how long the requester waits, None if it does not say so in a usable way."""
    text = raw.headers.get(TIMEOUT) if raw.headers is not None else None
    if text is None:
        return DEFAULT_TIMEOUT_SECONDS if raw.reply.startswith(_OUR_REPLIES) else None
    try:
        seconds = float(text)
    except ValueError:
        return None
    return seconds if 0 < seconds < math.inf else None


def _tell(message: AgentMessage, what: str, **facts: Any) -> None:
    if activity_log.isEnabledFor(logging.INFO):
        activity_log.info("%s", what, extra={"mesh": message, **facts})
