"""Receiving: one agent's inbox, the most urgent message first (DESIGN 5.5).

Each priority is a lane with a consumer of its own, shared by all instances of the agent. A lane
is asked only when something may be in it: after a hint, a plain client's message, a reconnect or
a sweep, which finds what all of these have missed.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass

from nats.aio.msg import Msg

from hubbub.errors import HubbubError
from hubbub.mesh.transport.answers import StreamMissing
from hubbub.mesh.transport.concurrency import Bell, all_of
from hubbub.mesh.transport.connection import Connection
from hubbub.mesh.transport.headers import MESSAGE_ID
from hubbub.mesh.transport.puller import Puller
from hubbub.mesh.transport.replies import NO_RESPONDERS, status_of
from hubbub.mesh.transport.streams import INBOX, WAKE
from hubbub.wire.inputs import is_timer
from hubbub.wire.subjects import LANES, parse

__all__ = ["WAKE_LANE", "Delivery", "Inbox"]

log = logging.getLogger("hubbub.inbox")

_DEFAULT_LANE = 3
WAKE_LANE = 0
"""What wakes tasks that have begun; they come before new ones, the most urgent ones aside."""

_ORDER = (LANES[0], WAKE_LANE, *LANES[1:])
_FORGOTTEN_AFTER = 30 * 86_400 * 1_000_000_000
_PAUSE_SECONDS = 0.5
# By then the sweep of another instance has found what is free.
_SWEPT_SECONDS = 1.5
_NO_MESSAGES = "404"


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message that this process holds the lease of.

    Attributes:
        subject: where it was published.
        data: the payload, not yet decoded.
        headers: its headers.
        sequence: its place in the inbox, the same on every redelivery.
        deliveries: how many times it has been delivered, this one included.
        ack_subject: where the lease is renewed and ended.
    """

    subject: str
    data: bytes
    headers: dict[str, str]
    sequence: int
    deliveries: int
    ack_subject: str

    @property
    def message_id(self) -> str:
        """The id under which it was stored, empty if it had none."""
        return self.headers.get(MESSAGE_ID, "")

    @property
    def lane(self) -> int:
        """Its priority, 1 (most urgent) to 5, or `WAKE_LANE` for the input of a task."""
        address = parse(self.subject)
        if address is None:
            return _DEFAULT_LANE
        return WAKE_LANE if address.kind == "input" else address.priority

    @property
    def is_timer(self) -> bool:
        """Whether it only tells a task that a time has come."""
        address = parse(self.subject)
        return address is not None and address.kind == "input" and is_timer(address.key)

    @property
    def place(self) -> tuple[bool, int]:
        """Where it is stored: whether it is an input, and its sequence."""
        return self.lane == WAKE_LANE, self.sequence

    @classmethod
    def of(cls, message: Msg) -> Delivery:
        """Read a pulled message: `$JS.ACK.<stream>.<consumer>.<deliveries>.<sequence>...`."""
        tokens = message.reply.split(".")
        # Newer servers put a domain and an account hash behind `$JS.ACK`.
        start = 4 if len(tokens) < 11 else 6
        return cls(
            message.subject,
            message.data,
            dict(message.headers or {}),
            sequence=int(tokens[start + 1]),
            deliveries=int(tokens[start]),
            ack_subject=message.reply,
        )


class Inbox:
    """Pulls one agent's messages.

    Args:
        connection: the mesh.
        agent: the agent's token.
        lease_seconds: how long a message stays ours without a sign of life.
        hinted: set whenever something came that another instance may take.

    Attributes:
        on_notes: called with the subjects of all notes that a sweep has found.
    """

    def __init__(
        self, connection: Connection, agent: str, *, lease_seconds: float, hinted: asyncio.Event
    ) -> None:
        self._connection = connection
        self._agent = agent
        self._lease_seconds = lease_seconds
        self._hinted = hinted
        self._bell = Bell()
        # Lanes that may hold something, each with the number of the news that said so.
        self._maybe: dict[int, int] = {}
        self._news = 0
        self._consumers: set[int] = set()
        self._held: set[tuple[bool, int]] = set()
        # What comes again at a known time, by its place in the inbox.
        self._put_off: dict[tuple[bool, int], asyncio.TimerHandle] = {}
        self._timers: set[tuple[bool, int]] = set()
        self._stored = 0
        self._free = 0
        self.on_notes: Callable[[list[str]], None] | None = None

    @property
    def agent(self) -> str:
        """The token of the agent whose inbox this is."""
        return self._agent

    @property
    def stored(self) -> int:
        """How many messages the inbox holds, those being worked on included, as last seen."""
        return self._stored

    @property
    def held(self) -> int:
        """How many of them are in the hands of this instance."""
        return len(self._held)

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncGenerator[None]:
        """Set the consumers up and listen for hints while the context lasts."""
        layout = self._connection.layout
        await all_of(self._create_consumer(lane) for lane in (_DEFAULT_LANE, WAKE_LANE))
        async with contextlib.AsyncExitStack() as stack:
            await stack.enter_async_context(
                self._connection.subscription(layout.hint(self._agent), self._on_hint)
            )
            for subject in layout.plain_wakeups(self._agent):
                await stack.enter_async_context(
                    self._connection.subscription(subject, self._on_plain)
                )
            stack.enter_context(self._connection.on_reconnect(self.look_everywhere))
            self._note(_DEFAULT_LANE, WAKE_LANE)
            yield

    # What may be waiting

    async def _on_hint(self, message: Msg) -> None:
        lane = message.data.decode("ascii", "replace")
        if lane in ("0", "1", "2", "3", "4", "5"):
            self.look_into(int(lane))
        else:
            self.look_everywhere()

    async def _on_plain(self, message: Msg) -> None:
        address = parse(message.subject)
        if address is not None and address.kind == "direct":
            self.look_into(address.priority)

    def look_into(self, lane: int) -> None:
        """Let a free slot ask one lane."""
        self._note(lane)
        self._hinted.set()
        self._bell.ring()

    def look_everywhere(self) -> None:
        """Let a free slot ask all lanes that were ever used."""
        self._note(*self._consumers)
        self._bell.ring()

    def found(self, stored: dict[int, int], *, timers: int = 0, notes: Sequence[str] = ()) -> bool:
        """Take in what a sweep found; tell whether some of it is not in our hands.

        Args:
            stored: how many messages each lane holds, those being worked on included.
            timers: how many of them only tell, at their time, that it has come.
            notes: the subjects of those that are notes to tasks.

        Returns:
            Whether it is worth looking again soon: there is more than we hold, and a free slot.
        """
        if self.on_notes is not None:
            self.on_notes(list(notes))
        self._stored = sum(count for lane, count in stored.items() if lane != WAKE_LANE)
        there = sum(stored.values())
        elsewhere = there > len(self._held)
        if elsewhere:
            self._note(*stored)
            self._bell.ring()
        # What was put off is known to come later. That it is still there is not: a time that
        # nobody waits for any more is removed.
        known = timers + sum(place not in self._timers for place in self._put_off)
        return there > len(self._held) + known and self._free > 0

    def _on_due(self, place: tuple[bool, int], lane: int) -> None:
        self._put_off.pop(place, None)
        self._timers.discard(place)
        self.look_into(lane)

    def _note(self, *lanes: int) -> None:
        self._news += 1
        self._maybe.update(dict.fromkeys(lanes, self._news))

    # Taking

    async def next(self, puller: Puller) -> Delivery | None:
        """Wait for the most urgent message and take it under lease; None after `close`.

        It is ended by `close`, not by cancellation: a message that is under way when a pull is
        cancelled would lie idle until its lease runs out.
        """
        self._free += 1
        try:
            while not self._bell.closed:
                try:
                    delivery = await self.take(puller)
                except TimeoutError:
                    continue  # the server is away or frozen
                except HubbubError as error:
                    if self._connection.client.is_closed:
                        raise
                    log.info("%s cannot ask for messages: %s", self._agent, error)
                    await asyncio.sleep(_PAUSE_SECONDS)
                    continue
                if delivery is not None:
                    return delivery
                await self._bell.wait()
            return None
        finally:
            self._free -= 1

    def close(self) -> None:
        """Let everybody who waits for a message go."""
        self._bell.close()
        for due in self._put_off.values():
            due.cancel()

    @property
    def is_closed(self) -> bool:
        """Whether nobody is to take a message any more."""
        return self._bell.closed

    async def take(self, puller: Puller, *, before: int = LANES[-1] + 1) -> Delivery | None:
        """Take the most urgent message if there is one.

        Args:
            puller: asks the server.
            before: only lanes that are more urgent than this one.

        Raises:
            TimeoutError: the server does not answer.
            HubbubError: it refuses us.
        """
        for lane in _ORDER:
            if lane == before:
                break
            if lane in self._maybe:
                delivery = await self._pull(puller, lane)
                if delivery is not None:
                    self._held.add(delivery.place)
                    self._bell.ring()  # where one is, there may be more
                    return delivery
        return None

    async def _pull(self, puller: Puller, lane: int) -> Delivery | None:
        known = self._maybe.get(lane)
        for _ in range(2):
            if lane not in self._consumers:
                await self._create_consumer(lane)
            message = await puller.pull(_stream(lane), self._consumer(lane))
            if status_of(message) != NO_RESPONDERS:
                break
            # The consumer is gone, or the whole of the server's store.
            self._consumers.discard(lane)
        else:
            raise StreamMissing(f"no server leads the consumer {self._consumer(lane)} just now")
        if not status_of(message):
            return Delivery.of(message)
        # A hint that came while we asked is news.
        if status_of(message) == _NO_MESSAGES and self._maybe.get(lane) == known:
            self._maybe.pop(lane, None)
        return None

    def _consumer(self, lane: int) -> str:
        return f"{self._agent}-{lane}" if lane != WAKE_LANE else self._agent

    async def _create_consumer(self, lane: int) -> None:
        name, layout = self._consumer(lane), self._connection.layout
        config = {
            "durable_name": name,
            "name": name,
            "ack_policy": "explicit",
            "ack_wait": int(self._lease_seconds * 1e9),
            # Attempts are counted in the task's log; the server only redelivers.
            "max_deliver": -1,
            "max_ack_pending": 100_000,
            "max_waiting": 4_096,
            "inactive_threshold": _FORGOTTEN_AFTER,
            "filter_subjects": (
                [layout.input_filter(self._agent)]
                if lane == WAKE_LANE
                else layout.lane_filters(self._agent, lane)
            ),
        }
        stream = _stream(lane)
        await self._connection.api(
            f"CONSUMER.CREATE.{stream}.{name}", {"stream_name": stream, "config": config}
        )
        self._consumers.add(lane)

    # Giving back

    async def acknowledge(self, delivery: Delivery) -> None:
        """Remove a message from the inbox: it has been worked off."""
        await self._end(delivery, b"+ACK")
        if delivery.lane != WAKE_LANE:
            self._stored = max(0, self._stored - 1)

    async def give_back(
        self, delivery: Delivery, *, after: float = 0.0, rather_elsewhere: bool = False
    ) -> None:
        """Hand a message back, to be delivered again after some seconds.

        Args:
            delivery: the message.
            after: how many seconds.
            rather_elsewhere: whether another instance is to find it before this one looks again.
        """
        lane = delivery.lane
        if after:
            await self._end(delivery, f'-NAK {{"delay":{int(after * 1e9)}}}'.encode())
            pause = after + (_SWEPT_SECONDS if rather_elsewhere else 0.005)
            due = asyncio.get_running_loop().call_later(pause, self._on_due, delivery.place, lane)
            self._put_off[delivery.place] = due
            if delivery.is_timer:
                self._timers.add(delivery.place)
        else:
            await self._end(delivery, b"-NAK")
            # Other instances need not wait for their next sweep.
            await self._connection.publish(
                self._connection.layout.hint(self._agent), str(lane).encode()
            )

    def abandon(self, delivery: Delivery) -> None:
        """Leave a message to its lease: it comes again, here or elsewhere."""
        self._held.discard(delivery.place)

    async def _end(self, delivery: Delivery, answer: bytes) -> None:
        self._held.discard(delivery.place)
        await self._connection.publish(delivery.ack_subject, answer)


def _stream(lane: int) -> str:
    return WAKE if lane == WAKE_LANE else INBOX
