"""Dead letters: listed, looked at, tried again as they are or edited, thrown away."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

import hubbub
from hubbub import (
    Agent,
    AgentMessage,
    DeadLetterNotFound,
    InvalidAgentName,
    InvalidMessage,
    Mesh,
    NATSConfig,
    Task,
    TaskFailed,
    TaskHandle,
)
from hubbub.mesh.tasks.burial import bury
from hubbub.mesh.tasks.outbox import store
from hubbub.wire import agent_token

from .kit import inbox_of, listener, soon, stored, take, until

Name = Callable[[str], str]


async def publish(mesh: Mesh, subject: str, data: bytes, **headers: str) -> None:
    """Store what a plain client sends."""
    await store(mesh.connection, subject, data, headers=headers)


def inbox_subject(mesh: Mesh, agent: str, sender: str = "stranger") -> str:
    return mesh.connection.layout.direct(agent_token(agent), 2, sender)


def moody(name: str) -> tuple[Agent, dict[str, bool]]:
    """Return an agent that fails while it is in a bad mood."""
    agent, mood = Agent(name), {"bad": True}

    @agent.agentic_run
    async def work(task: Task) -> object:
        if mood["bad"]:
            raise ValueError(f"no mood for {task.content}")
        return {
            "content": task.message.content,
            "metadata": task.metadata,
            "hops": task.message.hops,
        }

    return agent, mood


async def failed(mesh: Mesh, agent: Agent, content: str, **sent: object) -> TaskHandle:
    handle = await mesh.send_direct_message(agent.name, content, **sent)  # pyright: ignore
    with pytest.raises(TaskFailed):
        await handle.result(timeout=10)
    await until(lambda: has_letter(mesh, handle.task_id))
    return handle


async def has_letter(mesh: Mesh, letter_id: str) -> bool:
    try:
        await mesh.dead_letter(letter_id)
    except DeadLetterNotFound:
        return False
    return True


async def test_a_failed_task_is_found_with_everything_that_is_known(
    config: NATSConfig, name: Name
) -> None:
    worker, _ = moody(name("Worker"))
    async with hubbub.connect(config=config, name="Ann") as mesh, mesh.serve(worker):
        handle = await failed(mesh, worker, "this", metadata={"k": 1})
        (letter,) = await mesh.dead_letters(worker.name)
        assert letter == await mesh.dead_letter(handle.task_id)
        assert letter == await mesh.dead_letter(letter.id)
    assert letter.id == f"{agent_token(worker.name)}/{handle.task_id}"
    assert (letter.agent, letter.kind) == (agent_token(worker.name), "task")
    assert letter.reason == "ValueError: no mood for this"
    assert letter.errors == ("ValueError: no mood for this",) * 2
    assert letter.subject.endswith(".3.from.ann")
    assert letter.headers["Nats-Msg-Id"] == handle.task_id
    assert letter.message is not None
    assert (letter.message.content, letter.message.metadata) == ("this", {"k": 1})
    assert AgentMessage.from_bytes(letter.payload) == letter.message
    facts = letter.to_builtins()
    assert facts["message"]["content"] == "this"
    assert facts["errors"] == list(letter.errors)


async def test_they_are_listed_newest_first_page_by_page(config: NATSConfig, name: Name) -> None:
    worker, _ = moody(name("Worker"))
    other, _ = moody(name("Other"))
    async with hubbub.connect(config=config) as mesh, mesh.serve(worker, other):
        sent: list[str] = []
        for number in range(5):
            sent.append((await failed(mesh, worker, f"{number}")).task_id)
            await failed(mesh, other, f"{number}")
        first = await mesh.dead_letters(worker.name, limit=2)
        rest = await mesh.dead_letters(worker.name, limit=10, before=first[-1].sequence)
        assert [letter.task_id for letter in first + rest] == sent[::-1]
        assert await mesh.dead_letters(worker.name, before=rest[-1].sequence) == []
        newest = await mesh.dead_letters(limit=2)
        assert newest[0].sequence > newest[1].sequence
        with pytest.raises(InvalidAgentName):
            await mesh.dead_letters("no.name")


async def test_a_retry_is_a_new_task_for_the_same_work(config: NATSConfig, name: Name) -> None:
    worker, mood = moody(name("Worker"))
    boss, heard = listener(name("Boss"))
    async with (
        hubbub.connect(config=config, name=name("Repairer")) as mesh,
        mesh.serve(worker, boss),
    ):
        handle = await boss.send_direct_message(
            worker.name, "this", metadata={"k": 1}, priority=2, context_id="talk"
        )
        with pytest.raises(TaskFailed):
            await handle.result(timeout=10)
        (told,) = await take(heard, 1)
        assert told.metadata["state"] == "failed"
        letter = await mesh.dead_letter(handle.task_id)
        mood["bad"] = False
        again = await letter.retry()
        assert again is not None
        assert again.task_id != handle.task_id
        expected = {"content": "this", "metadata": {"k": 1}, "hops": 0}
        assert await again.result(timeout=10) == expected
        task = await again.snapshot()
        sender = boss.name if config.layout == "open" else mesh.name
        assert task.retry_of == handle.task_id
        assert task.attempts == 1
        message = AgentMessage.from_bytes(AgentMessage(**task.message).to_bytes())
        assert (message.from_agent, message.priority) == (sender, 2)
        assert message.context_id == "talk"
        if config.layout == "open":
            (told,) = await take(heard, 1)
            assert told.in_reply_to == again.task_id
            assert told.metadata["state"] == "completed"
        assert await mesh.dead_letters(worker.name) == []
        with pytest.raises(DeadLetterNotFound, match="meanwhile"):
            await letter.retry()
        with pytest.raises(DeadLetterNotFound, match="meanwhile"):
            await letter.discard()
        with pytest.raises(DeadLetterNotFound):
            await mesh.dead_letter(handle.task_id)


async def test_it_can_be_edited_and_given_to_somebody_else(config: NATSConfig, name: Name) -> None:
    worker, _ = moody(name("Worker"))
    other, mood = moody(name("Other"))
    mood["bad"] = False
    async with hubbub.connect(config=config) as mesh, mesh.serve(worker, other):
        handle = await failed(mesh, worker, "this")
        letter = await mesh.dead_letter(handle.task_id)
        again = await letter.retry(content={"do": "that"}, to_agent=other.name, metadata={"n": 2})
        assert again is not None
        assert again.agent == other.name
        result = await again.result(timeout=10)
    assert result == {"content": {"do": "that"}, "metadata": {"n": 2}, "hops": 0}


async def test_times_of_old_do_not_come_back(config: NATSConfig, name: Name) -> None:
    worker, mood = moody(name("Worker"))
    async with hubbub.connect(config=config) as mesh:
        subject = inbox_subject(mesh, worker.name)
        past = "2020-01-01T00:00:00Z"
        headers = {"Hubbub-Expires": past, "Nats-Msg-Id": name("m"), "traceparent": "00-a-b-01"}
        await publish(mesh, subject, b"late", **headers)
        async with mesh.serve(worker):
            await until(lambda: any_letter(mesh, worker.name))
            (letter,) = await mesh.dead_letters(worker.name)
            assert "expired" in letter.reason
            mood["bad"] = False
            again = await letter.retry()
            assert again is not None
            result = await again.result(timeout=10)
            assert isinstance(result, dict)
            assert result["content"] == "late"


async def test_a_discarded_letter_is_gone_for_good(config: NATSConfig, name: Name) -> None:
    worker, _ = moody(name("Worker"))
    async with hubbub.connect(config=config) as mesh, mesh.serve(worker):
        handle = await failed(mesh, worker, "this")
        letter = await mesh.dead_letter(handle.task_id)
        await letter.discard()
        assert await mesh.dead_letters(worker.name) == []
        with pytest.raises(DeadLetterNotFound):
            await mesh.dead_letter(letter.id)
        await letter.discard()  # does no harm
        with pytest.raises(DeadLetterNotFound):
            await letter.retry()
        # A process that comes back late and repeats the end of the task does not bring it back.
        await bury(
            mesh.connection, letter.agent, letter.task_id, _Leftover(letter.inbox_sequence),
            reason="again", errors=[],
        )  # fmt: skip
        assert await mesh.dead_letters(worker.name) == []


class _Leftover:
    subject, headers, data = "agents.direct.a.3.from.b", dict[str, str](), b"{}"

    def __init__(self, sequence: int) -> None:
        self.sequence = sequence


async def test_two_messages_of_one_id_are_two_letters(config: NATSConfig, name: Name) -> None:
    agent = agent_token(name("Worker"))
    async with hubbub.connect(config=config) as mesh:
        for sequence in (1_000_001, 1_000_002, 1_000_002):
            await bury(mesh.connection, agent, "same", _Leftover(sequence), reason="why", errors=[])
        found = {letter.task_id for letter in await mesh.dead_letters(agent)}
    assert found == {"same", "s1000002"}


async def test_one_id_at_two_agents_has_to_be_told_apart(config: NATSConfig, name: Name) -> None:
    one, two, task = agent_token(name("One")), agent_token(name("Two")), name("same")
    async with hubbub.connect(config=config) as mesh:
        for agent in (one, two):
            await bury(mesh.connection, agent, task, _Leftover(5), reason="why", errors=[])
        with pytest.raises(DeadLetterNotFound, match=f"{one}/{task}"):
            await mesh.dead_letter(task)
        assert (await mesh.dead_letter(f"{two}/{task}")).agent == two
        for wrong in ("nothing-of-the-kind", "", "a/b/c", "*", "x.y", "bob/*"):
            with pytest.raises(DeadLetterNotFound):
                await mesh.dead_letter(wrong)


async def test_what_is_no_message_is_retried_with_other_content_only(
    config: NATSConfig, name: Name
) -> None:
    worker, mood = moody(name("Worker"))
    mood["bad"] = False
    async with hubbub.connect(config=config, name=name("Fixer")) as mesh, mesh.serve(worker):
        await publish(mesh, inbox_subject(mesh, worker.name), b'{"content": 1, "priority": \xff}')
        await mesh.connection.publish(mesh.connection.layout.hint(agent_token(worker.name)), b"2")
        await until(lambda: any_letter(mesh, worker.name))
        (letter,) = await mesh.dead_letters(worker.name)
        assert letter.message is None
        assert letter.text == letter.payload.hex(" ")
        assert letter.to_builtins()["payload"] == letter.text
        with pytest.raises(InvalidMessage, match="new content"):
            await letter.retry()
        again = await letter.retry(content="repaired")
        assert again is not None
        result = await again.result(timeout=10)
        assert isinstance(result, dict)
        assert result["content"] == "repaired"
        assert (await again.snapshot()).message["priority"] == 2


async def any_letter(mesh: Mesh, agent: str) -> bool:
    return bool(await mesh.dead_letters(agent))


async def test_what_was_too_large_to_be_kept_is_retried_with_other_content_only(
    config: NATSConfig, name: Name
) -> None:
    worker, mood = moody(name("Worker"))
    mood["bad"] = False
    async with hubbub.connect(config=config) as mesh, mesh.serve(worker):
        subject = inbox_subject(mesh, worker.name, "anonymous")
        large = b"x" * (mesh.connection.max_payload - 200)
        await publish(mesh, subject, large, **{"X-Large": "y" * 100})
        await publish(mesh, subject, b"\xff", **{"X-Large": '"' * 64_000})
        await mesh.connection.publish(mesh.connection.layout.hint(agent_token(worker.name)), b"2")
        await until(lambda: is_empty(mesh, worker.name))
        letters = await mesh.dead_letters(worker.name)
        assert len(letters) == 2
        for letter in letters:
            assert letter.truncated
            assert large.startswith(letter.payload) or letter.payload == b"\xff"
            with pytest.raises(InvalidMessage, match="new content"):
                await letter.retry()
            again = await letter.retry(content="less")
            assert again is not None
            await again.result(timeout=10)
        assert not await mesh.dead_letters(worker.name)


async def is_empty(mesh: Mesh, agent: str) -> bool:
    return not await inbox_of(mesh, agent)


async def test_a_retry_goes_to_a_name_that_somebody_can_have(
    config: NATSConfig, name: Name
) -> None:
    raw, task = name("Weather-Bot"), name("s7")
    weather, mood = moody(raw)
    mood["bad"] = False
    async with hubbub.connect(config=config) as mesh, mesh.serve(weather):
        await bury(mesh.connection, raw, task, _Leftover(7), reason="no such name", errors=[])
        letter = await mesh.dead_letter(f"-/{task}")
        assert letter.agent == raw
        assert letter in await mesh.dead_letters("-")
        with pytest.raises(InvalidAgentName):
            await letter.retry(content="again", to_agent="_x_")
        again = await letter.retry(content="again")
        assert again is not None
        await again.result(timeout=10)


async def test_a_notice_that_its_listener_fails_on_is_a_letter_and_can_be_told_again(
    config: NATSConfig, name: Name
) -> None:
    worker, mood = moody(name("Worker"))
    mood["bad"] = False
    boss, heard = Agent(name("Boss")), asyncio.Queue[AgentMessage]()
    deaf = True

    @boss.on_message
    async def hear(message: AgentMessage) -> None:
        if deaf:
            raise ValueError("what?")
        heard.put_nowait(message)

    @boss.run
    async def answer(message: AgentMessage) -> None:
        raise AssertionError(message)

    async with hubbub.connect(config=config) as mesh, mesh.serve(worker, boss):
        handle = await boss.send_direct_message(worker.name, "this")
        await until(lambda: any_letter(mesh, boss.name))
        (letter,) = await mesh.dead_letters(boss.name)
        assert letter.kind == "notice"
        assert "ValueError: what?" in letter.reason
        assert letter.message is not None
        assert letter.message.in_reply_to == handle.task_id
        deaf = False
        assert await letter.retry() is None
        assert (await soon(heard.get())).in_reply_to == handle.task_id
        assert not await mesh.dead_letters(boss.name)
        assert not await stored(mesh, "INBOX", f"agents.direct.{agent_token(boss.name)}.>")
