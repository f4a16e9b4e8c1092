"""The conversation read back: in pages from the end, and onwards from any point in time."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import nats
import pytest

import hubbub
from hubbub import (
    Agent,
    AgentMessage,
    HistoryEntry,
    HistoryPage,
    InvalidAgentName,
    InvalidCursor,
    Mesh,
    NATSConfig,
    Task,
)
from hubbub.mesh.history.entries import EntryKind
from hubbub.mesh.transport.streams import ensure_streams
from hubbub.testing import ServerProcess

from .conftest import Layout
from .kit import soon, stored, until

Name = Callable[[str], str]


@pytest.fixture
def own_config(layout: Layout, own_server: ServerProcess) -> NATSConfig:
    """Settings for a server whose history is this test's alone."""
    return NATSConfig(nats_url=own_server.url, layout=layout)


def worker(name: str) -> Agent:
    agent = Agent(name)

    @agent.agentic_run
    async def work(task: Task) -> str:  # pyright: ignore[reportUnusedFunction]
        if task.content == "fail":
            raise hubbub.Reject("no way")
        return f"did {task.content}"

    @agent.run
    async def answer(message: AgentMessage) -> str:  # pyright: ignore[reportUnusedFunction]
        return f"re {message.text}"

    return agent


def told(entries: list[HistoryEntry]) -> list[tuple[str, str]]:
    return [(entry.kind, entry.message.text) for entry in entries]


def texts(entries: list[HistoryEntry]) -> list[str]:
    return [entry.message.text for entry in entries]


async def pages(
    mesh: Mesh,
    agent: str | None = None,
    *,
    limit: int,
    context: str | None = None,
    between: Callable[[], Any] | None = None,
) -> list[HistoryPage]:
    """Read all pages, the newest first."""
    found: list[HistoryPage] = []
    before: str | None = None
    while not found or before is not None:
        page = await mesh.history(agent, context=context, before=before, limit=limit)
        found.append(page)
        before = page.before
        if between is not None:
            await between()
    return found


def in_order(pages: list[HistoryPage]) -> list[HistoryEntry]:
    return [entry for page in reversed(pages) for entry in page.entries]


@contextlib.asynccontextmanager
async def collecting(
    entries: AsyncIterator[HistoryEntry],
) -> AsyncGenerator[asyncio.Queue[HistoryEntry]]:
    """Collect what is followed, in the background, while the context lasts."""
    heard: asyncio.Queue[HistoryEntry] = asyncio.Queue()

    async def collect() -> None:
        async for entry in entries:
            heard.put_nowait(entry)

    task = asyncio.create_task(collect())
    try:
        yield heard
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def collected(heard: asyncio.Queue[HistoryEntry], number: int) -> list[HistoryEntry]:
    return [await soon(heard.get()) for _ in range(number)]


async def copied(mesh: Mesh, number: int, agent: str | None = None) -> None:
    """Wait until the history has so many entries: it is a copy, made a moment later."""

    async def is_there() -> bool:
        return len((await mesh.history(agent, limit=number + 1)).entries) >= number

    await until(is_there)


async def stored_lines(mesh: Mesh, number: int, text: str = "") -> None:
    """Have so many broadcasts in the history, the fast way."""
    subject = mesh.connection.layout.everybody("ann")
    for n in range(number - 1):
        await mesh.connection.publish(subject, f"{text}{n}".encode())
    # The last one is confirmed, and with it all before.
    await mesh.connection.store(subject, f"{text}{number - 1}".encode())


async def plain(config: NATSConfig, *messages: tuple[str, bytes]) -> None:
    """Publish as a plain NATS client."""
    client = await nats.connect(config.nats_url or "")
    for subject, data in messages:
        await client.publish(subject, data)
    await client.drain()


# Pages


async def test_a_conversation_is_read_back_in_the_order_in_which_it_was(
    config: NATSConfig, name: Name
) -> None:
    bob, ann = worker(name("Bob")), name("Ann")
    async with hubbub.connect(name=ann, config=config) as mesh:
        async with mesh.serve(bob):
            await (await mesh.send_direct_message(bob.name, "one")).result(timeout=10)
            await (await mesh.handoff_to_agent(bob.name, "two")).result(timeout=10)
            with pytest.raises(hubbub.TaskFailed):
                await (await mesh.send_direct_message(bob.name, "fail")).result(timeout=10)
            await mesh.request_from_agent(bob.name, "live only")
            await copied(mesh, 7, bob.name)
            await bob.broadcast_message("all")
        await copied(mesh, 9, bob.name)
        page = await mesh.history(bob.name)
    kinds = [entry.kind for entry in page.entries]
    assert kinds[0] == "join"
    assert kinds[-2:] == ["broadcast", "leave"]
    assert kinds.count("handoff") == 1
    work = [entry for entry in page.entries if entry.kind in ("direct", "handoff", "completion")]
    assert sorted(told(work)) == [
        ("completion", "did one"),
        ("completion", "did two"),
        ("completion", "no way"),
        ("direct", "fail"),
        ("direct", "one"),
        ("handoff", "two"),
    ]
    assert [entry.failed for entry in work if entry.kind == "completion"] == [False, False, True]
    assert {entry.to_agent for entry in work} == {bob.name, ann}
    assert [entry.at for entry in page.entries] == sorted(entry.at for entry in page.entries)
    for question, answer in zip(work[::2], work[1::2], strict=True):
        assert answer.message.in_reply_to == question.message.message_id
    assert page.before is None


async def test_pages_hold_every_entry_once_while_new_ones_come_in(
    config: NATSConfig, name: Name
) -> None:
    bob, ann = name("Bob"), name("Ann")
    async with hubbub.connect(name=ann, config=config) as mesh:
        sent = [(await mesh.send_direct_message(bob, f"old {n}")).task_id for n in range(23)]
        await copied(mesh, 23, bob)
        late = iter(range(100))

        async def say_more() -> None:
            for _ in range(3):
                await mesh.send_direct_message(bob, f"new {next(late)}")

        found = await pages(mesh, bob, limit=5, between=say_more)
        assert [entry.message.message_id for entry in in_order(found)] == sent
        assert [len(page.entries) for page in found] == [5, 5, 5, 5, 3]
        # A page that has been read stays what it was.
        again = await mesh.history(bob, before=found[0].before, limit=5)
        assert again.entries == found[1].entries


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 100])
async def test_two_streams_become_one_conversation_however_it_is_cut(
    config: NATSConfig, name: Name, limit: int
) -> None:
    bob = worker(name("Bob"))
    context = name("talk")
    async with hubbub.connect(name=name("Ann"), config=config) as mesh, mesh.serve(bob):
        for n in range(5):
            handle = await mesh.send_direct_message(bob.name, f"{n}", context_id=context)
            await handle.result(timeout=10)

        async def completed() -> bool:
            return len((await mesh.history(context=context)).entries) == 10

        await until(completed)
        whole = (await mesh.history(context=context)).entries
        found = await pages(mesh, context=context, limit=limit)
        assert in_order(found) == whole
        assert {entry.kind for entry in whole} == {"direct", "completion"}
        assert len({entry.cursor for entry in whole}) == 10


async def test_the_history_is_filtered_by_agent_context_and_kind(
    config: NATSConfig, name: Name
) -> None:
    bob, cid, ann, context = name("Bob"), name("Cid"), name("Ann"), name("talk")
    async with hubbub.connect(name=ann, config=config) as mesh:
        await mesh.send_direct_message(bob, "to bob", context_id=context)
        await mesh.handoff_to_agent(cid, "to cid", context_id=context)
        await mesh.send_direct_message(cid, "aside")
        await mesh.broadcast_message("all")
        await copied(mesh, 4, ann)

        async def found(agent: str | None = None, **filters: Any) -> list[str]:
            return texts((await mesh.history(agent, **filters)).entries)

        assert await found(ann) == ["to bob", "to cid", "aside", "all"]
        assert await found(bob.upper()) == ["to bob"]
        assert await found(cid) == ["to cid", "aside"]
        assert await found(context=context) == ["to bob", "to cid"]
        assert await found(cid, context=context) == ["to cid"]
        assert await found(ann, kind="broadcast") == ["all"]
        assert await found(ann, kind=["handoff", "broadcast"]) == ["to cid", "all"]
        assert await found(ann, kind="completion") == []
        assert await found(ann, kind="request") == []
        with pytest.raises(InvalidAgentName):
            await mesh.history("a.b")
        with pytest.raises(ValueError, match="kinds are join, leave"):
            await mesh.history(kind="shout")  # pyright: ignore[reportArgumentType]
        with pytest.raises(ValueError, match="at least 1"):
            await mesh.history(limit=0)


async def test_the_history_is_read_since_a_point_in_time(config: NATSConfig, name: Name) -> None:
    ann = name("Ann")
    async with hubbub.connect(name=ann, config=config) as mesh:
        await mesh.send_direct_message(name("Bob"), "first")
        await copied(mesh, 1, ann)
        middle = (await mesh.history(ann)).entries[0].at
        await mesh.send_direct_message(name("Bob"), "second")
        await copied(mesh, 2, ann)
        since = datetime.fromisoformat(middle) + timedelta(microseconds=1)
        assert texts((await mesh.history(ann, since=since)).entries) == ["second"]
        assert texts((await mesh.history(ann, since=60)).entries) == ["first", "second"]
        future = datetime.now(UTC) + timedelta(hours=1)
        page = await mesh.history(ann, since=future)
        assert (page.entries, page.before) == ([], None)
        last = await mesh.history(ann, since=60, limit=1)
        assert texts(last.entries) == ["second"]
        page = await mesh.history(ann, since=60, before=last.before)
        assert texts(page.entries) == ["first"]


async def test_heartbeats_are_no_part_of_the_conversation(own_config: NATSConfig) -> None:
    config = own_config.model_copy(update={"heartbeat_seconds": 0.1})
    async with hubbub.connect(config=config) as mesh, mesh.serve(worker("Bob")):

        async def has_beaten() -> bool:
            beats = await stored(mesh, "HISTORY", mesh.connection.layout.everybody_filter)
            return len(beats) > 5

        await until(has_beaten)
        page = await mesh.history()
        assert [entry.kind for entry in page.entries] == ["join"]
        assert page.unreadable == 0


async def test_an_empty_mesh_has_an_empty_history(own_config: NATSConfig) -> None:
    async with hubbub.connect(config=own_config) as mesh:
        page = await mesh.history()
        assert (page.entries, page.before, page.after) == ([], None, "0.0")
        assert [entry async for entry in mesh.follow_history(live=False)] == []
        async with collecting(mesh.follow_history(after=page.after)) as heard:
            await mesh.send_direct_message("Bob", "first of all")
            assert texts(await collected(heard, 1)) == ["first of all"]


@pytest.mark.parametrize("cursor", ["", "1", "1.2.3", "-1.5", "x.y", "1.2\n", "9" * 30 + ".1"])
async def test_what_is_no_cursor_is_refused(config: NATSConfig, cursor: str) -> None:
    async with hubbub.connect(config=config) as mesh:
        with pytest.raises(InvalidCursor, match="is no cursor"):
            await mesh.history(before=cursor)
        with pytest.raises(InvalidCursor, match="is no cursor"):
            await anext(aiter(mesh.follow_history(after=cursor)))


async def test_cursors_of_what_has_been_discarded_lead_to_what_is_left(
    own_config: NATSConfig,
) -> None:
    async with hubbub.connect(name="Ann", config=own_config) as mesh:
        for n in range(40):
            await mesh.send_direct_message("Bob", f"{n}")
        await copied(mesh, 40)
        first, last = await mesh.history(limit=5), await mesh.history(limit=40)
        gone = last.entries[9].cursor
        await mesh.connection.api("STREAM.PURGE.HISTORY", {"seq": 31})
        assert texts(in_order(await pages(mesh, limit=3))) == [f"{n}" for n in range(30, 40)]
        page = await mesh.history(before=first.before)
        assert texts(page.entries) == [f"{n}" for n in range(30, 35)]
        assert page.before is None
        page = await mesh.history(before=gone)
        assert (page.entries, page.before) == ([], None)
        async with collecting(mesh.follow_history(after=gone)) as heard:
            assert texts(await collected(heard, 10)) == [f"{n}" for n in range(30, 40)]
        page = await mesh.history(before="9000000000000000000.9000000000000000000")
        assert len(page.entries) == 10


async def test_holes_in_the_stream_are_passed_over(own_config: NATSConfig) -> None:
    async with hubbub.connect(name="Ann", config=own_config) as mesh:
        everybody = mesh.connection.layout.everybody("ann")
        await mesh.send_direct_message("Bob", "before")
        await stored_lines(mesh, 3_000, "noise ")
        await mesh.send_direct_message("Bob", "after")
        await copied(mesh, 3_002)
        await mesh.connection.api("STREAM.PURGE.HISTORY", {"filter": everybody})
        assert texts((await mesh.history()).entries) == ["before", "after"]
        assert texts((await mesh.history(limit=1)).entries) == ["after"]
        assert texts(in_order(await pages(mesh, limit=1))) == ["before", "after"]


async def test_a_long_search_can_be_done_in_parts(own_config: NATSConfig) -> None:
    async with hubbub.connect(name="Ann", config=own_config) as mesh:
        await mesh.send_direct_message("Bob", "needle", context_id="hay")
        await copied(mesh, 1)
        await stored_lines(mesh, 1_000, "straw ")
        page = await mesh.history(context="hay", look_at=200)
        assert page.entries == []
        assert page.before is not None
        parts = 1
        while page.before is not None and not page.entries:
            page = await mesh.history(context="hay", look_at=200, before=page.before)
            parts += 1
        assert texts(page.entries) == ["needle"]
        assert parts == 6


async def test_pages_of_large_messages_are_short(own_config: NATSConfig) -> None:
    async with hubbub.connect(name="Ann", config=own_config) as mesh:
        for n in range(36):
            await mesh.send_direct_message("Bob", f"{n}" + " " * 1_000_000)

        async def is_copied() -> bool:
            last = (await mesh.history(limit=1)).entries
            return [text.strip() for text in texts(last)] == ["35"]

        await until(is_copied)
        found = await pages(mesh, limit=100)
        assert [text.strip() for text in texts(in_order(found))] == [f"{n}" for n in range(36)]
        assert [len(page.entries) for page in found] == [17, 17, 2]
        nobody = await mesh.history(context="nobody")
        assert (nobody.entries, nobody.before) == ([], None)


# What others write


async def test_garbage_is_counted_and_passed_over(own_config: NATSConfig) -> None:
    secured = own_config.layout == "secured"
    everybody = "agents.all.from.mallory" if secured else "agents.all"
    inbox = "agents.direct.bob.3.from.mallory"
    garbage = [
        b"\xff\xfe",
        b"{",
        b'{"content":' + b"[" * 5_000,
        b'{"content":"x","from_agent":"a.b.>"}',
        b'{"message_type":"shout","content":"x"}',
        b'{"content":"x","timestamp":"once"}',
    ]
    odd = [b'{"content":"odd","message_type":"announcement","metadata":{"event":["join"]}}']
    async with hubbub.connect(name="Ann", config=own_config) as mesh:
        await ensure_streams(mesh.connection)
        async with collecting(mesh.follow_history(since=60)) as heard:
            await mesh.send_direct_message("Bob", "before")
            assert texts(await collected(heard, 1)) == ["before"]
            await plain(own_config, *[(everybody, data) for data in garbage + odd])
            await plain(own_config, *[(inbox, data) for data in garbage])
            await mesh.send_direct_message("Bob", "after")
            assert texts(await collected(heard, 2)) == ["odd", "after"]
        page = await mesh.history()
        assert texts(page.entries) == ["before", "odd", "after"]
        assert page.unreadable == 2 * len(garbage)
        parts = await pages(mesh, limit=1)
        assert texts(in_order(parts)) == ["before", "odd", "after"]
        assert sum(part.unreadable for part in parts) == 2 * len(garbage)


async def test_a_plain_clients_message_has_the_id_of_the_task_that_it_opens(
    own_config: NATSConfig,
) -> None:
    if own_config.layout == "secured":
        pytest.skip("plain clients have no place there")
    async with hubbub.connect(name="Ann", config=own_config) as mesh:
        async with mesh.serve(worker("Bob")):
            await plain(
                own_config,
                ("agents.direct.bob", b"text"),
                ("agents.direct.bob.1", b'{"content":"json","from_agent":"Zoe"}'),
            )

            async def completed() -> bool:
                return len((await mesh.history(kind="completion")).entries) == 2

            await until(completed)
        entries = (await mesh.history(kind=["direct", "completion"])).entries
        ids = {entry.message.text: entry.message.message_id for entry in entries}
        answers = {
            entry.message.text: entry.message.in_reply_to
            for entry in entries
            if entry.kind == "completion"
        }
        assert answers == {"did text": ids["text"], "did json": ids["json"]}
        for text in ("text", "json"):
            assert await mesh.task("Bob", ids[text]).state() == "completed"
            page = await mesh.history(context=ids[text])
            assert sorted(texts(page.entries)) == [f"did {text}", text]
        # Filed under no sender, it is found by it nevertheless.
        assert "json" in texts((await mesh.history("Zoe")).entries)
        replayed = [entry async for entry in mesh.follow_history(kind="direct", live=False)]
        assert {entry.message.text: entry.message.message_id for entry in replayed} == {
            text: ids[text] for text in ("text", "json")
        }


async def test_in_the_secured_layout_nobody_is_quoted_falsely(own_config: NATSConfig) -> None:
    lie = AgentMessage(message_type="announcement", from_agent="Ann", content="I quit")
    async with hubbub.connect(name="Ann", config=own_config) as mesh:
        await ensure_streams(mesh.connection)
        await plain(own_config, ("agents.all.from.mallory", lie.to_bytes()))

        async def has_come() -> bool:
            return len(await stored(mesh, "HISTORY", "agents.all.>")) == secured

        secured = own_config.layout == "secured"
        await until(has_come)
        page = await mesh.history()
        assert page.entries == []
        assert page.unreadable == secured


# Onwards


async def test_the_past_is_replayed_and_then_goes_on_without_a_gap(
    config: NATSConfig, name: Name
) -> None:
    bob, number = name("Bob"), 300
    async with hubbub.connect(name=name("Ann"), config=config) as mesh:
        started = asyncio.Event()

        async def talk() -> None:
            for n in range(number):
                await mesh.send_direct_message(bob, f"{n}", message_id=name(f"m{n}"))
                if n == number // 3:
                    started.set()

        async with asyncio.TaskGroup() as group:
            group.create_task(talk())
            await soon(started.wait())
            async with collecting(mesh.follow_history(bob, since=60)) as heard:
                entries = await collected(heard, number)
        assert texts(entries) == [f"{n}" for n in range(number)]
        middle = entries[number // 2]
        rest = mesh.follow_history(bob, after=middle.cursor, live=False)
        assert [entry async for entry in rest] == entries[number // 2 + 1 :]
        page = await mesh.history(bob, before=middle.cursor)
        assert page.entries[-1] == middle
        assert page.entries == entries[number // 2 - 99 : number // 2 + 1]


async def test_following_begins_now_unless_told_otherwise(config: NATSConfig, name: Name) -> None:
    bob = name("Bob")
    async with hubbub.connect(name=name("Ann"), config=config) as mesh:
        await mesh.send_direct_message(bob, "old")
        await copied(mesh, 1, bob)
        page = await mesh.history(bob)
        await mesh.send_direct_message(bob, "newer")
        async with collecting(mesh.follow_history(bob, after=page.after)) as heard:
            assert texts(await collected(heard, 1)) == ["newer"]
            async with collecting(mesh.follow_history(bob)) as from_now:
                # Nobody tells when it has begun: so say something until it is heard.
                async def is_heard() -> bool:
                    await mesh.send_direct_message(bob, "now")
                    return not from_now.empty()

                await until(is_heard)
                assert from_now.get_nowait().message.text == "now"


async def test_requests_and_replies_are_live_only(config: NATSConfig, name: Name) -> None:
    bob = worker(name("Bob"))
    kinds: list[EntryKind] = ["request", "reply", "direct"]
    async with hubbub.connect(name=name("Ann"), config=config) as mesh, mesh.serve(bob):
        await mesh.send_direct_message(bob.name, "stored")
        following = mesh.follow_history(bob.name, kind=kinds, since=60, requests=True)
        async with collecting(following) as heard:
            assert told(await collected(heard, 1)) == [("direct", "stored")]
            await mesh.request_from_agent(bob.name, "live")
            question, answer = await collected(heard, 2)
            assert told([question, answer]) == [("request", "live"), ("reply", "re live")]
            assert answer.message.in_reply_to == question.message.message_id
            await mesh.send_direct_message(bob.name, "again")
            assert told(await collected(heard, 1)) == [("direct", "again")]
        entries = [e async for e in mesh.follow_history(bob.name, kind=kinds, live=False)]
        assert told(entries) == [("direct", "stored"), ("direct", "again")]
        # A cursor of what is not stored leads on all the same.
        rest = mesh.follow_history(bob.name, kind=kinds, after=answer.cursor, live=False)
        assert told([entry async for entry in rest]) == [("direct", "again")]


async def test_following_goes_on_after_the_server_was_killed(
    own_config: NATSConfig, own_server: ServerProcess
) -> None:
    async with hubbub.connect(name="Ann", config=own_config) as mesh:
        await mesh.send_direct_message("Bob", "0")
        async with collecting(mesh.follow_history(since=60)) as heard:
            assert texts(await collected(heard, 1)) == ["0"]
            for outage in range(2):
                own_server.kill()
                await asyncio.to_thread(own_server.start)
                sent = [f"{outage} {n}" for n in range(20)]
                for text in sent:
                    await mesh.send_direct_message("Bob", text)
                assert texts(await collected(heard, 20)) == sent
        assert heard.empty()


async def test_following_goes_on_when_the_server_forgets_its_reader(
    own_config: NATSConfig,
) -> None:
    async with hubbub.connect(name="Ann", config=own_config) as mesh:
        await mesh.send_direct_message("Bob", "one")
        async with collecting(mesh.follow_history(since=60)) as heard:
            assert texts(await collected(heard, 1)) == ["one"]
            for stream in ("HISTORY", "NOTICES"):
                for consumer in (await mesh.connection.api(f"CONSUMER.NAMES.{stream}"))[
                    "consumers"
                ]:
                    await mesh.connection.api(f"CONSUMER.DELETE.{stream}.{consumer}")
            await mesh.send_direct_message("Bob", "two")
            assert texts(await collected(heard, 1)) == ["two"]


async def test_whoever_stops_following_leaves_nothing_at_the_server(
    own_config: NATSConfig,
) -> None:
    async with hubbub.connect(name="Ann", config=own_config) as mesh:
        await mesh.send_direct_message("Bob", "one")
        async for entry in mesh.follow_history(since=60):
            assert entry.message.text == "one"
            break

        async def nobody_reads() -> bool:
            answers = [
                await mesh.connection.api(f"CONSUMER.NAMES.{stream}")
                for stream in ("HISTORY", "NOTICES")
            ]
            return not any(answer["consumers"] for answer in answers)

        await until(nobody_reads)


async def test_a_long_past_is_replayed_whole_and_in_order(own_config: NATSConfig) -> None:
    async with hubbub.connect(name="Ann", config=own_config) as mesh:
        await ensure_streams(mesh.connection)
        await stored_lines(mesh, 3_000)
        entries = [entry async for entry in mesh.follow_history(live=False)]
        assert texts(entries) == [f"{n}" for n in range(3_000)]


async def test_what_is_discarded_while_the_past_is_replayed_is_not_waited_for(
    own_config: NATSConfig,
) -> None:
    async with hubbub.connect(name="Ann", config=own_config) as mesh:
        await ensure_streams(mesh.connection)
        await stored_lines(mesh, 3_000)
        entries = mesh.follow_history(live=False)
        assert (await soon(anext(entries))).message.text == "0"
        await mesh.connection.api("STREAM.PURGE.HISTORY")
        async with asyncio.timeout(5):
            rest = [entry async for entry in entries]
        assert len(rest) < 2_000
        assert texts(rest) == [f"{n}" for n in range(1, len(rest) + 1)]


# Retention


async def kept(mesh: Mesh) -> tuple[float, int, int]:
    config = (await mesh.connection.api("STREAM.INFO.HISTORY"))["config"]
    return config["max_age"] / 86_400e9, config["max_bytes"], config["max_msgs"]


async def test_age_and_size_of_the_history_are_settings(own_config: NATSConfig) -> None:
    async with hubbub.connect(config=own_config) as mesh:
        await ensure_streams(mesh.connection)
        assert await kept(mesh) == (7, 1 << 30, 1_000_000)
    chosen = NATSConfig(
        nats_url=own_config.nats_url, layout=own_config.layout, history_days=0.5,
        history_bytes=1 << 20, history_messages=5_000,
    )  # fmt: skip
    async with hubbub.connect(config=chosen) as mesh:
        await ensure_streams(mesh.connection)
        assert await kept(mesh) == (0.5, 1 << 20, 5_000)
    # A program that sets nothing leaves it as it is; one that sets something sets only that.
    async with hubbub.connect(config=own_config) as mesh:
        await ensure_streams(mesh.connection)
        assert await kept(mesh) == (0.5, 1 << 20, 5_000)
    days = NATSConfig(nats_url=own_config.nats_url, layout=own_config.layout, history_days=30)
    async with hubbub.connect(config=days) as mesh:
        await ensure_streams(mesh.connection)
        assert await kept(mesh) == (30, 1 << 20, 5_000)


async def test_above_its_size_the_history_forgets_the_oldest(own_config: NATSConfig) -> None:
    small = NATSConfig(
        nats_url=own_config.nats_url, layout=own_config.layout, history_bytes=100_000
    )
    async with hubbub.connect(name="Ann", config=small) as mesh:
        for n in range(30):
            await mesh.send_direct_message("Bob", f"{n}" + " " * 10_000)

        async def is_copied() -> bool:
            last = (await mesh.history(limit=1)).entries
            return texts(last) == ["29" + " " * 10_000]

        await until(is_copied)
        entries = in_order(await pages(mesh, limit=4))
        numbers = [int(text) for text in texts(entries)]
        assert 5 <= len(numbers) < 12
        assert numbers == list(range(30 - len(numbers), 30))
