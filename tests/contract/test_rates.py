"""Rate limits: requests above them are refused at once, and told when to come again."""

from __future__ import annotations

import time
from collections.abc import Callable

import nats
import pytest

import hubbub
from hubbub import Agent, AgentMessage, HubbubError, Mesh, NATSConfig, RateLimited, SettingsError
from hubbub.errors import RemoteError
from hubbub.wire import agent_token

Name = Callable[[str], str]


def _limited(
    name: str, *, rate_limit: float | None = None, sender_rate_limit: float | None = None
) -> tuple[Agent, list[str]]:
    asked = list[str]()
    worker = Agent(name, rate_limit=rate_limit, sender_rate_limit=sender_rate_limit)

    @worker.run
    async def answer(message: AgentMessage) -> str:
        asked.append(message.from_agent)
        return message.text

    return worker, asked


async def _until_refused(mesh: Mesh, agent: str, most: int = 20) -> tuple[int, RateLimited]:
    for number in range(most):
        try:
            await mesh.request_from_agent(agent, "x", timeout=10)
        except RateLimited as error:
            return number, error
    raise AssertionError("it was never refused")


async def test_requests_above_the_limit_are_refused_at_once_and_told_when_to_come_again(
    config: NATSConfig, name: Name
) -> None:
    worker, asked = _limited(name("Worker"), rate_limit=0.5)
    async with hubbub.connect(config=config) as mesh, mesh.serve(worker):
        start = time.monotonic()
        answered, error = await _until_refused(mesh, worker.name)
        assert answered == 1
        assert error.retry_after is not None
        assert 0 < error.retry_after <= 2
        assert worker.name in str(error)
        with pytest.raises(RateLimited):
            _ = [piece async for piece in mesh.stream_from_agent(worker.name, "x", timeout=10)]
        assert time.monotonic() - start < 2
    assert len(asked) == 1


async def test_whoever_waits_as_told_is_answered(config: NATSConfig, name: Name) -> None:
    worker, _ = _limited(name("Worker"), rate_limit=10.0)
    async with hubbub.connect(config=config) as mesh, mesh.serve(worker):
        _, error = await _until_refused(mesh, worker.name, 50)
        assert error.retry_after is not None
        deadline = time.monotonic() + error.retry_after + 0.001
        while (left := deadline - time.monotonic()) > 0:
            with pytest.raises(HubbubError):
                # Waiting for nobody is a wait without a sleep.
                await mesh.request_from_agent(name("Nobody"), "x", wait_for_agent=left)
        await mesh.request_from_agent(worker.name, "x", timeout=10)


async def test_each_sender_has_a_limit_of_its_own(config: NATSConfig, name: Name) -> None:
    worker, asked = _limited(name("Worker"), sender_rate_limit=0.2, rate_limit=100.0)
    async with hubbub.connect(config=config, name=name("Boss")) as mesh, mesh.serve(worker):
        assert (await _until_refused(mesh, worker.name))[0] == 1
        async with hubbub.connect(config=config, name=name("Other")) as other:
            assert (await _until_refused(other, worker.name))[0] == 1
    assert asked == [name("Boss"), name("Other")]


async def test_a_repeated_request_costs_nothing(config: NATSConfig, name: Name) -> None:
    worker, asked = _limited(name("Worker"), rate_limit=0.1)
    async with hubbub.connect(config=config) as mesh, mesh.serve(worker):
        for _ in range(3):
            await mesh.request_from_agent(worker.name, "x", timeout=10, message_id="m-1")
    assert len(asked) == 1


async def test_a_plain_client_sees_it_in_the_headers(config: NATSConfig, name: Name) -> None:
    worker, _ = _limited(name("Worker"), rate_limit=0.5)
    client = await nats.connect(str(config.nats_url))
    subject = f"agents.request.{agent_token(worker.name)}.from.script"
    async with hubbub.connect(config=config) as mesh, mesh.serve(worker):
        replies = [await client.request(subject, b"x", timeout=10) for _ in range(2)]
    headers = replies[1].headers or {}
    assert headers["Nats-Service-Error-Code"] == "429"
    assert headers["Nats-Service-Error"].startswith("RateLimited: ")
    assert 0 < float(headers["Retry-After"]) <= 2
    await client.close()


async def test_a_limit_that_the_handler_itself_met_is_a_remote_error(
    config: NATSConfig, name: Name
) -> None:
    worker = Agent(name("Worker"))

    @worker.run
    async def answer(message: AgentMessage) -> None:
        raise RateLimited("the model server", 3)

    async with hubbub.connect(config=config) as mesh, mesh.serve(worker):
        with pytest.raises(RemoteError, match="the model server is rate limited"):
            await mesh.request_from_agent(worker.name, "x", timeout=10)


@pytest.mark.parametrize("rate", [0, -1, float("inf"), float("nan")])
def test_a_limit_that_is_none_is_refused(rate: float) -> None:
    with pytest.raises(SettingsError, match="rate_limit"):
        Agent("Worker", rate_limit=rate)
    with pytest.raises(SettingsError, match="rate_limit"):
        Agent("Worker", sender_rate_limit=rate)
