"""Hostile senders: whatever they do, others are served, and no process grows without bounds."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncGenerator
from typing import Any

import nats
import pytest
from nats.aio.msg import Msg

import hubbub
from hubbub import InboxFull, InvalidMessage, Mesh, RateLimited, TaskState
from hubbub.mesh.janitor.rounds import Janitor
from hubbub.mesh.transport.streams import ensure_streams
from hubbub.testing import ServerProcess

from .conftest import Start
from .kit import Program, until, waiting_for
from .vandal import HEADERS, PAYLOADS, SUBJECTS, Vandal, resident_mib, vandal

pytestmark = pytest.mark.timeout(120)

PATIENCE = 10.0
"""Seconds in which whoever behaves is served while others do not; a busy machine needs some."""

LAYOUTS = pytest.mark.parametrize("layout", ["open", "secured"])


@pytest.fixture(autouse=True)
def quiet_times(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine must not look like a dead worker."""
    monkeypatch.setenv("HUBBUB_LEASE_SECONDS", "10")
    monkeypatch.setenv("HUBBUB_MAX_ATTEMPTS", "1")


@pytest.fixture
async def villain(server: ServerProcess) -> AsyncGenerator[Vandal]:
    async with vandal(server.url) as one:
        yield one


async def target(start: Start, seconds: float = 0.0, slots: int = 1) -> Program:
    program = await start("steady.py", "Target", str(seconds), str(slots))
    await program.told("ready")
    return program


async def is_served(mesh: Mesh, text: str = "fine") -> float:
    """See that a request and a task are worked off; return how long the request took."""
    began = time.monotonic()
    assert (await mesh.request_from_agent("Target", text, timeout=PATIENCE)).text == text
    took = time.monotonic() - began
    handle = await mesh.send_direct_message("Target", text)
    assert await handle.result(timeout=3 * PATIENCE) == text
    return took


async def is_empty(mesh: Mesh, agent: str = "target") -> bool | None:
    return await waiting_for(mesh, agent) == 0 or None


# Malformed


@LAYOUTS
async def test_malformed_messages_on_every_subject_disturb_nobody(
    start: Start, server: ServerProcess, layout: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HUBBUB_LAYOUT", layout)
    program = await target(start)
    async with hubbub.connect(name="Boss") as mesh, vandal(server.url) as villain:
        for subject in SUBJECTS:
            replies = subject.startswith(("agents.request", "agents.recall"))
            reply = "nobody.hears" if replies else ""
            for headers in HEADERS.values():
                await villain.publish(subject, b"x", headers, reply=reply)
                await villain.publish(subject, PAYLOADS["a response"], headers, reply=reply)
            await villain.publish_all(subject, PAYLOADS.values(), reply=reply)
            assert await villain.answer() == b"PONG\r\n"
            await is_served(mesh)
        await until(lambda: is_empty(mesh))
        # Whoever reads what was said and done can do so, the janitor included.
        assert "Target" in [card.name for card in await mesh.list_agents(include_offline=True)]
        await mesh.history(limit=1_000)
        assert (await mesh.tasks("Target", limit=1_000)).tasks
        assert await mesh.dead_letters("Target")
        janitor = Janitor(mesh.connection)
        await janitor.make_round()
        await janitor.close()
        if layout == "open":
            assert await mesh.dead_letters("-")
            assert await waiting_for(mesh, "Weather-Bot") == 0
    assert program.is_running


async def test_headers_that_cannot_be_read_end_nobodys_connection(
    start: Start, mesh: Mesh, villain: Vandal
) -> None:
    await target(start)
    link = mesh.connection.link
    async with mesh.connection.subscription("agents.all", _pass_over):
        for headers in HEADERS.values():
            await villain.publish("agents.all", b"x", headers)
            await villain.answer()
            assert await is_served(mesh) < PATIENCE
    assert mesh.connection.link == link


async def _pass_over(_: Msg) -> None: ...


@pytest.mark.parametrize(
    "reply",
    [
        "$JS.API.STREAM.PURGE.INBOX",
        "$KV.presence.target.x",
        "agents.direct.boss",
        "agents.request.boss",
        "tasks.target.x.in.cancel",
        "dead.target.x",
    ],
)
async def test_an_agent_lends_its_voice_to_nobody_by_a_reply_subject(
    start: Start, mesh: Mesh, villain: Vandal, reply: str
) -> None:
    await target(start)
    heard: list[str] = []

    async def hear(message: Msg) -> None:
        heard.append(message.subject)

    async with mesh.connection.subscription(reply, hear):
        await mesh.connection.flush()
        for subject in ("agents.request.target", "agents.recall.target.from.vandal"):
            await villain.publish(subject, b"{}", reply=reply)
            await villain.publish(subject, b"x", reply=reply)
        await villain.answer()
        await is_served(mesh)
    assert not heard


# Oversized


@LAYOUTS
async def test_what_is_as_large_as_the_server_takes_is_worked_off_or_kept(
    start: Start, server: ServerProcess, layout: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HUBBUB_LAYOUT", layout)
    await target(start)
    async with hubbub.connect(name="Boss") as mesh, vandal(server.url) as villain:
        limit = mesh.connection.max_payload
        headers = b"NATS/1.0\r\nX: " + b"h" * 100_000 + b"\r\n\r\n"
        subject = "agents.direct.target.3.from.vandal"
        for data, head in (
            (b"x" * limit, b""),
            (b"x" * (limit - len(headers)), headers),
            (b'{"content":"' + b"x" * (limit - 14) + b'"}', b""),
            (b"\xff" * limit, b""),
        ):
            await villain.publish(subject, data, head)
            await villain.publish("agents.request.target.from.vandal", data, head, reply="none")
            assert await villain.answer() == b"PONG\r\n"
        await is_served(mesh)
        await until(lambda: is_empty(mesh))
        letters = await mesh.dead_letters("Target")
        assert len(letters) >= 1
        with pytest.raises(InvalidMessage, match="this mesh takes"):
            await mesh.send_direct_message("Target", "x" * limit)
        # One byte more, and the server shows the sender the door; it stays with that.
        await villain.publish(subject, b"x" * (limit + 1))
        with contextlib.suppress(ConnectionError):
            assert await villain.answer() != b"PONG\r\n"
        await is_served(mesh)


# Flooding


async def test_a_full_inbox_is_full_for_the_flooding_sender_alone(
    start: Start, mesh: Mesh, server: ServerProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HUBBUB_INBOX_LIMIT", "200")
    program = await target(start, 0.005)
    async with hubbub.connect(name="Flood") as flood:
        flooding = asyncio.Event()

        async def pour() -> None:
            while True:
                try:
                    await flood.send_direct_message("Target", "tell water")
                except InboxFull:
                    flooding.set()
                    await asyncio.sleep(0)

        pouring = [asyncio.create_task(pour()) for _ in range(4)]
        try:
            await asyncio.wait_for(flooding.wait(), PATIENCE)
            for number in range(5):
                before = len(program.all_told("started", sender="Flood"))
                handle = await mesh.send_direct_message("Target", f"tell {number}")
                assert await handle.result(timeout=3 * PATIENCE) == f"tell {number}"
                # No more than what lay there before it, and what is told late.
                assert len(program.all_told("started", sender="Flood")) - before <= 2 * 200
                urgent = await mesh.send_direct_message("Target", "now", priority=1)
                assert await urgent.result(timeout=PATIENCE) == "now"
                await mesh.request_from_agent("Target", "here?", timeout=PATIENCE)
        finally:
            for one in pouring:
                one.cancel()
            await asyncio.wait(pouring)


async def test_thousands_of_requests_keep_nobody_elses_from_being_answered(
    start: Start, mesh: Mesh, villain: Vandal
) -> None:
    program = await target(start, 0.05)
    await is_served(mesh)
    before = resident_mib(program.pid)
    # Sixteen slots would need a minute for them.
    await villain.publish_all(
        "agents.request.target.from.flood", [b"x" * 200] * 20_000, reply="nobody.waits"
    )
    await villain.answer()
    took = [await is_served(mesh) for _ in range(5)]
    assert max(took) < PATIENCE
    # Behind the flood, it would be the turn of those that came later after twenty seconds.
    assert min(took) < 2.0
    assert resident_mib(program.pid) - before < 128


async def test_a_sender_of_too_many_requests_is_refused_and_another_is_not(
    start: Start, mesh: Mesh, server: ServerProcess
) -> None:
    await target(start, 600)
    client = await nats.connect(server.url)
    refused = asyncio.Queue[Msg]()
    try:
        await client.subscribe("answers", cb=refused.put)
        for number in range(6_000):
            await client.publish(
                "agents.request.target.from.flood", b"%d" % number, reply="answers"
            )
        async with asyncio.timeout(PATIENCE):
            first = await refused.get()
    finally:
        await client.close()
    assert first.headers is not None
    assert first.headers["Nats-Service-Error-Code"] == "429"
    assert float(first.headers["Retry-After"]) > 0
    with pytest.raises(hubbub.RequestTimeout):  # taken in, and not refused
        await mesh.request_from_agent("Target", "x", timeout=0.5)


async def test_large_requests_do_not_fill_the_memory(
    start: Start, mesh: Mesh, villain: Vandal
) -> None:
    program = await target(start, 0.5)
    before, most = resident_mib(program.pid), 0.0
    for _ in range(600):
        await villain.publish(
            "agents.request.target.from.flood", b"x" * 1_000_000, reply="nobody.waits"
        )
        most = max(most, resident_mib(program.pid))
    await villain.answer()
    # The server may cut off who cannot read so fast; it is back in a moment.
    with contextlib.suppress(RateLimited):
        await mesh.request_from_agent("Target", "x", timeout=30, wait_for_agent=30)
    most = max(most, resident_mib(program.pid))
    assert most - before < 350


@LAYOUTS
async def test_floods_of_hints_heartbeats_and_broadcasts_leave_others_served(
    start: Start, server: ServerProcess, layout: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HUBBUB_LAYOUT", layout)
    program = await target(start, 0.05)
    said = b'{"message_type":"announcement","from_agent":"Agent-%d","content":"x","metadata":{}}'
    beat = said.replace(b"announcement", b"heartbeat")
    everybody = "agents.all.from.agent_%d" if layout == "secured" else "agents.all"
    async with hubbub.connect(name="Boss") as mesh, vandal(server.url) as villain:
        await is_served(mesh)
        before = resident_mib(program.pid)
        await villain.publish_all("agents.hint.target", [b"1", b"3", b"", b"5"] * 5_000)
        await villain.answer()
        assert await is_served(mesh) < PATIENCE
        for number in range(1_000):
            for kind in (beat, said, beat, said, said):
                subject = everybody % number if "%" in everybody else everybody
                await villain.publish(subject, kind % number)
        await villain.answer()
        assert await is_served(mesh) < PATIENCE
        await villain.publish_all("agents.cancel.target.from.flood", [b"made-up"] * 20_000)
        await villain.publish_all("agents.recall.target.from.flood", [b"no"] * 20_000, reply="x")
        await villain.answer()
        assert await is_served(mesh) < PATIENCE
        assert resident_mib(program.pid) - before < 64
        assert [card.name for card in await mesh.list_agents()] == ["Target"]


# Replayed


async def test_what_was_recorded_and_is_replayed_opens_nothing_anew(
    start: Start, mesh: Mesh, server: ServerProcess
) -> None:
    program = await target(start)
    spy = await nats.connect(server.url)
    recorded: list[Msg] = []

    async def record(message: Msg) -> None:
        if message.subject.startswith(("agents.", "tasks.", "$KV.")):
            recorded.append(message)

    try:
        await spy.subscribe(">", cb=record)
        await spy.flush()
        handle = await mesh.send_direct_message("Target", "tell once")
        await handle.result(timeout=PATIENCE)
        await program.told("started")
        await handle.cancel()  # too late, and recorded, too
        await mesh.broadcast_message("hello")

        async def has_completion() -> bool | None:
            return any(one.subject == "agents.direct.boss.done" for one in recorded) or None

        await until(has_completion)
        await until(lambda: is_empty(mesh))
        await _forget_ids(mesh)
        events = [event.kind async for event in handle.events()]
        tape = list(recorded)
        for _ in range(3):
            for one in tape:
                await spy.publish(one.subject, one.data, reply=one.reply, headers=one.headers)
            await spy.flush()
            await asyncio.sleep(0.15)  # the server's memory of ids is that short now
    finally:
        await spy.close()
    await until(lambda: is_empty(mesh))
    assert len(program.all_told("started")) == 1
    assert await handle.state() is TaskState.COMPLETED
    assert [event.kind async for event in handle.events()] == events
    assert not await mesh.dead_letters("Target")
    await is_served(mesh)


async def _forget_ids(mesh: Mesh) -> None:
    """Let the server remember ids for a moment only, as if two minutes had passed."""
    for stream in ("INBOX", "NOTICES", "WAKE"):
        answer = await mesh.connection.api(f"STREAM.INFO.{stream}")
        config: dict[str, Any] = {**answer["config"], "duplicate_window": 100_000_000}
        await mesh.connection.api(f"STREAM.UPDATE.{stream}", config)
    await asyncio.sleep(0.3)


async def test_a_foreign_cancel_ends_a_running_task_in_the_open_layout_and_no_finished_one(
    start: Start, mesh: Mesh, villain: Vandal
) -> None:
    program = await target(start, 0.2, 2)
    done = await mesh.send_direct_message("Target", "tell done")
    await done.result(timeout=PATIENCE)
    running = await mesh.send_direct_message("Target", "tell running")
    other = await mesh.send_direct_message("Target", "tell other")
    await program.told("started", times=3)
    for handle in (done, running):
        await villain.publish(f"tasks.target.{handle.task_id}.in.cancel", b"replayed")
    await villain.answer()
    with pytest.raises(hubbub.TaskCanceled):
        await running.result(timeout=PATIENCE)
    assert await other.result(timeout=PATIENCE) == "tell other"
    assert await done.state() is TaskState.COMPLETED


async def test_forged_completions_change_no_result(
    start: Start, mesh: Mesh, villain: Vandal
) -> None:
    await target(start, 0.2)
    handle = await mesh.send_direct_message("Target", "true")
    forged = (
        b'{"message_type":"response","from_agent":"Target","to_agent":"Boss","content":"false",'
        b'"in_reply_to":"%s","metadata":{"state":"completed"}}' % handle.task_id.encode()
    )
    await villain.publish_all("agents.direct.boss.done", [forged] * 2_000)
    await villain.answer()
    assert await handle.result(timeout=PATIENCE) == "true"
    notices = await mesh.connection.read_back("NOTICES", "agents.direct.boss.done")
    assert len(notices) <= 1_010  # read in pieces, while the true one came


async def test_one_id_for_many_contents_is_one_task(start: Start, mesh: Mesh) -> None:
    await ensure_streams(mesh.connection)
    handles = [
        await mesh.send_direct_message("Target", f"tell {n}", message_id="always-the-same")
        for n in range(20)
    ]
    program = await target(start)
    assert Counter([await one.result(timeout=PATIENCE) for one in handles]) == {"tell 0": 20}
    assert len(program.all_told("started")) == 1
