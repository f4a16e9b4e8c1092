"""Requests: answered while the caller waits, or an honest error in time."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable

import pytest

import hubbub
from hubbub import (
    Agent,
    AgentMessage,
    AgentUnavailable,
    Mesh,
    NATSConfig,
    RemoteError,
    RequestTimeout,
)
from hubbub.wire import JSON

from .kit import soon

Name = Callable[[str], str]


async def test_a_request_is_answered(config: NATSConfig, name: Name) -> None:
    worker, asked = Agent(name("Worker")), list[AgentMessage]()

    @worker.run
    async def answer(message: AgentMessage) -> str:
        asked.append(message)
        return f"{message.content}!"

    async with hubbub.connect(config=config, name=name("Boss")) as mesh, mesh.serve(worker):
        reply = await mesh.request_from_agent(worker.name, "hello", metadata={"k": 1}, timeout=10)
    (message,) = asked
    assert message.message_type == "request"
    assert message.from_agent == mesh.name
    assert message.to_agent == worker.name
    assert message.metadata == {"k": 1}
    assert reply.message_type == "response"
    assert reply.content == "hello!"
    assert reply.from_agent == worker.name
    assert reply.to_agent == mesh.name
    assert reply.in_reply_to == message.message_id
    assert reply.context_id == message.context_id


@pytest.mark.parametrize("value", ["", "ü\n☃", 0, True, None, [], [1, {"a": None}], {"k": "v"}])
async def test_any_json_value_is_asked_and_answered(
    config: NATSConfig, name: Name, value: JSON
) -> None:
    worker = Agent(name("Worker"))

    @worker.run
    async def answer(message: AgentMessage) -> JSON:
        return message.content

    async with hubbub.connect(config=config) as mesh, mesh.serve(worker):
        reply = await mesh.request_from_agent(worker.name, value, timeout=10)
    assert reply.content == value
    assert type(reply.content) is type(value)


async def test_an_answer_that_does_not_come_in_time_is_a_timeout_with_the_facts(
    config: NATSConfig, name: Name
) -> None:
    worker = Agent(name("Worker"))

    @worker.run
    async def answer(message: AgentMessage) -> None:
        await asyncio.Event().wait()

    quick = config.model_copy(update={"grace_seconds": 0.0, "message_timeout": 0.2})
    async with hubbub.connect(config=quick) as mesh, mesh.serve(worker):
        for timeout in (0.1, None):
            with pytest.raises(RequestTimeout) as raised:
                await mesh.request_from_agent(worker.name, "hello", timeout=timeout)
            assert raised.value.agent == worker.name
            assert raised.value.seconds == (timeout or 0.2)
            assert raised.value.subject.startswith("agents.request.worker_")
            assert isinstance(raised.value, TimeoutError)


async def test_an_agent_that_nobody_serves_is_unavailable_at_once(
    config: NATSConfig, name: Name
) -> None:
    async with hubbub.connect(config=config) as mesh:
        start = time.monotonic()
        with pytest.raises(AgentUnavailable) as raised:
            await mesh.request_from_agent(name("Nobody"), "hello", timeout=30)
        with pytest.raises(AgentUnavailable):
            await anext(mesh.stream_from_agent(name("Nobody"), "hello", timeout=30))
        assert time.monotonic() - start < 1
    assert raised.value.agent == name("Nobody")
    assert raised.value.subject.startswith("agents.request.nobody_")


async def test_an_agent_that_has_left_is_unavailable_and_one_that_comes_is_not(
    config: NATSConfig, name: Name
) -> None:
    worker = Agent(name("Worker"))
    worker.run(_echo)
    async with hubbub.connect(config=config) as mesh, hubbub.connect(config=config) as other:
        for _ in range(3):
            async with other.serve(worker):
                assert (await mesh.request_from_agent(worker.name, "x", timeout=10)).content == "x"
            with pytest.raises(AgentUnavailable):
                await mesh.request_from_agent(worker.name, "x", timeout=10)


@pytest.mark.parametrize(
    "reason",
    ["plain", "two\nlines\r\n", "ünïcödé ☃", "", "x" * 10_000, "a lone \ud800", "Nats: 1\x00"],
    ids=["plain", "lines", "unicode", "empty", "long", "surrogate", "control"],
)
@pytest.mark.parametrize("kind", ["async", "sync"])
async def test_a_failing_handler_is_a_remote_error_with_its_message(
    config: NATSConfig, name: Name, reason: str, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("CRITICAL", "hubbub")  # pytest cannot carry lone surrogates in its reports
    worker = Agent(name("Worker"))

    async def fail(message: AgentMessage) -> None:
        raise KeyError(reason) if reason == "plain" else ValueError(reason)

    def fail_in_a_thread(message: AgentMessage) -> None:
        raise KeyError(reason) if reason == "plain" else ValueError(reason)

    worker.run(fail if kind == "async" else fail_in_a_thread)
    async with hubbub.connect(config=config) as mesh, mesh.serve(worker):
        with pytest.raises(RemoteError) as raised:
            await mesh.request_from_agent(worker.name, "hello", timeout=10)
        error = raised.value
        assert error.agent == worker.name
        assert error.kind == ("KeyError" if reason == "plain" else "ValueError")
        if reason == "plain":
            assert error.reason == "'plain'"
        elif not reason:
            assert error.reason == "ValueError"
        else:
            assert error.reason == reason.replace("\ud800", "?")[:2_000]
        # The agent lives on.
        with pytest.raises(RemoteError):
            await mesh.request_from_agent(worker.name, "again", timeout=10)


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (lambda: {1}, "set"),
        (lambda: float("nan"), "nan"),
        (lambda: "x" * 2_000_000, "2,000,"),
        (lambda: "\ud800", "JSON"),
    ],
    ids=["set", "nan", "huge", "surrogate"],
)
async def test_an_answer_that_cannot_travel_is_a_remote_error(
    config: NATSConfig, name: Name, make: Callable[[], JSON], what: str
) -> None:
    worker = Agent(name("Worker"))

    @worker.run
    async def answer(message: AgentMessage) -> JSON:
        return make()

    async with hubbub.connect(config=config) as mesh, mesh.serve(worker):
        with pytest.raises(RemoteError, match=what):
            await mesh.request_from_agent(worker.name, "hello", timeout=10)


async def test_two_instances_share_the_requests_and_both_serve(
    config: NATSConfig, name: Name
) -> None:
    served = set[int]()
    one, two = _numbered([Agent(name("Worker")) for _ in range(2)], served)
    async with (
        hubbub.connect(config=config) as mesh,
        hubbub.connect(config=config) as other,
        mesh.serve(one),
        other.serve(two),
    ):
        for number in range(200):  # the server picks one of them at random
            await mesh.request_from_agent(one.name, str(number), timeout=10)
            if len(served) == 2:
                break
    assert served == {0, 1}


async def test_two_instances_on_one_connection_share_them_as_well(
    config: NATSConfig, name: Name
) -> None:
    served = set[int]()
    instances = [Agent(name("Worker")) for _ in range(2)]

    async with hubbub.connect(config=config) as mesh, mesh.serve(*_numbered(instances, served)):
        for number in range(200):
            await mesh.request_from_agent(instances[0].name, str(number), timeout=10)
            if len(served) == 2:
                break
        (card,) = [c for c in await mesh.list_agents() if c.name == instances[0].name]
        assert card.instances == 2
    assert served == {0, 1}


async def test_sync_handlers_run_at_the_same_time_and_do_not_block_the_loop(
    config: NATSConfig, name: Name
) -> None:
    worker, together = Agent(name("Worker")), threading.Barrier(2)

    @worker.run
    def answer(message: AgentMessage) -> str:
        together.wait(10)
        return threading.current_thread().name

    async with hubbub.connect(config=config) as mesh, mesh.serve(worker):
        replies = await asyncio.gather(
            *(mesh.request_from_agent(worker.name, "x", timeout=10) for _ in range(2))
        )
    names = {str(reply.content) for reply in replies}
    assert len(names) == 2
    assert threading.current_thread().name not in names


async def test_no_more_requests_run_at_once_than_the_agent_allows(
    config: NATSConfig, name: Name
) -> None:
    worker, running, most = Agent(name("Worker"), request_concurrency=2), 0, 0

    @worker.run
    async def answer(message: AgentMessage) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.01)
        running -= 1

    async with hubbub.connect(config=config) as mesh, mesh.serve(worker):
        calls = (mesh.request_from_agent(worker.name, "x", timeout=10) for _ in range(20))
        await asyncio.gather(*calls)
    assert most == 2


async def test_a_request_that_nobody_waits_for_any_more_is_given_up(
    config: NATSConfig, name: Name
) -> None:
    worker, given_up = Agent(name("Worker")), asyncio.Event()

    @worker.run
    async def answer(message: AgentMessage) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            given_up.set()

    async with hubbub.connect(config=config) as mesh, mesh.serve(worker):
        with pytest.raises(RequestTimeout):
            await mesh.request_from_agent(worker.name, "x", timeout=0.2)
        await soon(given_up.wait())


async def test_a_request_at_an_agent_that_leaves_is_told_so(config: NATSConfig, name: Name) -> None:
    worker, going = Agent(name("Worker")), asyncio.Event()

    @worker.run
    async def answer(message: AgentMessage) -> None:
        going.set()
        await asyncio.Event().wait()

    quick = config.model_copy(update={"grace_seconds": 0.1})
    async with hubbub.connect(config=quick) as mesh:
        async with mesh.serve(worker):
            request = asyncio.create_task(
                mesh.request_from_agent(worker.name, "x", timeout=60), name="request"
            )
            await soon(going.wait())
        with pytest.raises(RemoteError, match="going away"):
            await soon(request)


async def _echo(message: AgentMessage) -> JSON:
    return message.content


def _numbered(instances: list[Agent], served: set[int]) -> list[Agent]:
    for number, instance in enumerate(instances):

        @instance.run
        async def answer(message: AgentMessage, number: int = number) -> None:
            served.add(number)

    return instances


async def test_instances_that_come_and_go_under_load_lose_no_request(
    config: NATSConfig, name: Name
) -> None:
    agents = [Agent(name("Worker"), request_concurrency=4) for _ in range(3)]
    for agent in agents:
        agent.run(_echo)
    ending = False

    async def ask(mesh: Mesh, number: int) -> None:
        while not ending:
            reply = await mesh.request_from_agent(agents[0].name, number, timeout=5)
            assert reply.content == number

    async with (
        hubbub.connect(config=config) as mesh,
        hubbub.connect(config=config) as steady,
        hubbub.connect(config=config) as other,
        steady.serve(agents[0]),
        asyncio.TaskGroup() as group,
    ):
        for number in range(64):
            group.create_task(ask(mesh, number))
        for _ in range(5):
            for agent in agents[1:]:
                async with other.serve(agent):
                    pass
        ending = True


@pytest.mark.parametrize("seconds", [float("nan"), float("inf"), -1.0])
async def test_what_is_no_length_of_time_is_refused(config: NATSConfig, seconds: float) -> None:
    async with hubbub.connect(config=config) as mesh:
        with pytest.raises(hubbub.InvalidMessage, match="timeout is"):
            await mesh.request_from_agent("Nobody", "hello", timeout=seconds)
        with pytest.raises(hubbub.InvalidMessage, match="wait_for_agent is"):
            await mesh.request_from_agent("Nobody", "hello", wait_for_agent=seconds)
        with pytest.raises(hubbub.InvalidMessage, match="timeout is"):
            await mesh.task("Nobody", "t1").result(timeout=seconds)
