"""The model client: which model, how often, how long, and what its errors say."""

from __future__ import annotations

import asyncio
import time
from functools import partial

import pytest

from hubbub.errors import LimitReached
from hubbub.mesh.limits import Budget, Limits
from hubbub.runtimes.breaker import CircuitBreaker, breaker_for
from hubbub.runtimes.connections import proxy_for
from hubbub.runtimes.errors import (
    ModelCircuitOpen,
    ModelError,
    ModelFailed,
    ModelKeyRefused,
    ModelNotFound,
    ModelUnreachable,
)
from hubbub.runtimes.hosting import execute
from hubbub.runtimes.loop import ToolLoop
from hubbub.runtimes.model import ModelClient
from hubbub.runtimes.neutral import RunContext
from hubbub.runtimes.probing import model_ids, probe
from hubbub.runtimes.scripted import MODEL, ScriptedModel
from hubbub.settings import NATSConfig

HELLO = [{"role": "user", "content": "[[say hello]]"}]


async def test_takes_server_key_and_model_from_the_settings() -> None:
    async with ScriptedModel(api_key="s3cret") as server:
        config = NATSConfig(
            openai_base_url=server.base_url, openai_api_key="s3cret", model=f"{MODEL}-think"
        )
        async with ModelClient(config) as client:
            assert (await client.answer(HELLO)).text == "hello"
        assert server.requests[0]["model"] == f"{MODEL}-think"


async def test_without_a_model_the_first_listed_is_used(server: ScriptedModel) -> None:
    async with ModelClient(NATSConfig(model=None), base_url=server.base_url) as client:
        await client.answer(HELLO)
        assert client.model == MODEL


async def test_parameters_are_sent_along(server: ScriptedModel) -> None:
    parameters = {"temperature": 0.1, "extra_body": {"cache_prompt": False}}
    async with ModelClient(base_url=server.base_url, model=MODEL, parameters=parameters) as client:
        await client.answer(HELLO)
    assert server.requests[0]["temperature"] == 0.1
    assert server.requests[0]["cache_prompt"] is False


async def test_clients_share_connections_until_the_last_is_closed(server: ScriptedModel) -> None:
    first = ModelClient(base_url=server.base_url, model=MODEL)
    second = ModelClient(base_url=server.base_url, model=MODEL)
    await first.answer(HELLO)
    await second.answer(HELLO)
    await first.aclose()
    assert (await second.answer(HELLO)).text == "hello"
    await second.aclose()
    assert (await first.answer(HELLO)).text == "hello"
    await first.aclose()


def test_a_client_serves_several_event_loops_in_turn() -> None:
    async def once() -> None:
        async with ScriptedModel() as server:
            client.base_url = server.base_url
            assert (await client.answer(HELLO)).text == "hello"
            await client.aclose()

    client = ModelClient(base_url="http://127.0.0.1:1/v1", model=MODEL)
    asyncio.run(once())
    asyncio.run(once())


async def test_nothing_there_says_what_to_do(unused_port: int) -> None:
    base_url = f"http://user:pass@127.0.0.1:{unused_port}/v1"
    async with ModelClient(base_url=base_url, model="x", attempts=2) as client:
        with pytest.raises(ModelUnreachable) as caught:
            await client.answer(HELLO)
    text = str(caught.value)
    assert text.startswith(f"Nothing answers at http://127.0.0.1:{unused_port}/v1")
    assert "LM Studio or Ollama, or set OPENAI_BASE_URL" in text
    assert "pass@" not in text


async def test_a_refused_key_is_never_shown() -> None:
    async with (
        ScriptedModel(api_key="right") as server,
        ModelClient(base_url=server.base_url, api_key="sk-wrong", model=MODEL) as client,
    ):
        with pytest.raises(ModelKeyRefused) as caught:
            await client.answer(HELLO)
        with pytest.raises(ModelKeyRefused):
            await client.models()
    assert "OPENAI_API_KEY" in str(caught.value)
    assert "sk-wrong" not in str(caught.value)


async def test_a_missing_model_lists_those_there_are(server: ScriptedModel) -> None:
    async with ModelClient(base_url=server.base_url, model="gpt-99") as client:
        with pytest.raises(ModelNotFound) as caught:
            await client.answer(HELLO)
    assert caught.value.available == [MODEL]
    assert str(caught.value).endswith(f"has no model 'gpt-99'. It lists: {MODEL}")


async def test_a_wrong_path_is_told_from_a_missing_model(server: ScriptedModel) -> None:
    base_url = server.base_url.removesuffix("/v1") + "/nowhere"
    async with ModelClient(base_url=f"{base_url}/x?y=", model=MODEL) as client:
        with pytest.raises(ModelError):
            await client.answer(HELLO)


async def test_retries_stay_within_the_time_of_the_run(unused_port: int) -> None:
    base_url = f"http://127.0.0.1:{unused_port}/v1"
    budget = Budget(Limits(seconds=0.3))
    started = time.monotonic()
    async with ModelClient(base_url=base_url, model="x", attempts=50) as client:
        with pytest.raises(LimitReached):
            await client.answer(HELLO, budget=budget)
    assert time.monotonic() - started < 2


async def test_the_server_says_when_to_ask_again(server: ScriptedModel) -> None:
    async with ModelClient(base_url=server.base_url, model=f"{MODEL}-429") as client:
        assert (await client.answer(HELLO)).text == "hello"
    assert len(server.requests) == 2


async def test_after_the_last_attempt_the_failure_is_told(server: ScriptedModel) -> None:
    async with ModelClient(base_url=server.base_url, model=f"{MODEL}-flaky", attempts=2) as client:
        with pytest.raises(ModelFailed, match="failed with HTTP 500: boom"):
            await client.answer(HELLO)


async def test_a_server_that_keeps_failing_gets_a_pause(server: ScriptedModel) -> None:
    async with ModelClient(
        base_url=server.base_url, model=f"{MODEL}-garbage", attempts=1
    ) as client:
        for _ in range(5):
            with pytest.raises(ModelFailed):
                await client.answer(HELLO)
        with pytest.raises(ModelCircuitOpen) as caught:
            await client.answer(HELLO)
    assert len(server.requests) == 5
    assert 0 < caught.value.retry_after <= 10


async def test_a_user_error_does_not_open_the_circuit(server: ScriptedModel) -> None:
    async with ModelClient(base_url=server.base_url, model="gpt-99") as client:
        for _ in range(6):
            with pytest.raises(ModelNotFound):
                await client.answer(HELLO)


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def fail(breaker: CircuitBreaker, error: BaseException) -> None:
    with pytest.raises(type(error)), breaker.guard():
        raise error


refuse = partial(ModelCircuitOpen, "http://x/v1")


def test_the_circuit_opens_and_lets_one_call_try() -> None:
    clock = Clock()
    breaker = CircuitBreaker(
        partial(ModelCircuitOpen, "http://x/v1"), threshold=2, pause_seconds=5, clock=clock
    )
    fail(breaker, ValueError())
    assert breaker.state == "closed"
    fail(breaker, ValueError())
    assert breaker.state == "open"
    fail(breaker, ModelCircuitOpen("", 0, 0))
    clock.now = 5
    assert breaker.state == "half-open"
    with breaker.guard():
        fail(breaker, ModelCircuitOpen("", 0, 0))
    assert breaker.state == "closed"


def test_a_failed_try_opens_the_circuit_again() -> None:
    clock = Clock()
    breaker = CircuitBreaker(
        partial(ModelCircuitOpen, "http://x/v1"), threshold=1, pause_seconds=5, clock=clock
    )
    fail(breaker, ValueError())
    clock.now = 5
    fail(breaker, ValueError())
    assert breaker.state == "open"


def test_a_cancelled_try_leaves_the_next_one_free() -> None:
    clock = Clock()
    breaker = CircuitBreaker(
        partial(ModelCircuitOpen, "http://x/v1"), threshold=1, pause_seconds=5, clock=clock
    )
    fail(breaker, ValueError())
    clock.now = 5
    fail(breaker, asyncio.CancelledError())
    assert breaker.state == "half-open"


def test_success_forgets_the_failures() -> None:
    breaker = CircuitBreaker(refuse, threshold=2)
    fail(breaker, ValueError())
    with breaker.guard():
        pass
    fail(breaker, ValueError())
    assert breaker.state == "closed"


def test_clients_of_one_server_share_its_circuit() -> None:
    def counts(_error: BaseException) -> bool:
        return True

    assert breaker_for("http://a.example/v1", counts) is breaker_for("http://a.example/v1", counts)


async def test_probing_finds_a_server(server: ScriptedModel) -> None:
    assert await probe(server.base_url) == [MODEL]


async def test_probing_gives_up_quickly(unused_port: int) -> None:
    started = time.monotonic()
    assert await probe(f"http://127.0.0.1:{unused_port}/v1") == []
    assert await probe("not a url") == []
    async with ScriptedModel(api_key="k") as server:
        assert await probe(server.base_url) == []
        assert await probe(server.base_url, api_key="k") == [MODEL]
    assert time.monotonic() - started < 5


async def test_probing_a_server_that_hangs_ends() -> None:
    writers: list[asyncio.StreamWriter] = []

    def hang(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)

    async with await asyncio.start_server(hang, "127.0.0.1", 0) as hanging:
        port = hanging.sockets[0].getsockname()[1]
        assert await probe(f"http://127.0.0.1:{port}/v1", timeout=0.3) == []
        for writer in writers:
            writer.close()
            await writer.wait_closed()


def test_listings_of_all_kinds_are_read() -> None:
    assert model_ids({"data": [{"id": "a"}, {"id": ""}, "x"]}) == ["a"]
    assert model_ids({"models": [{"name": "b"}]}) == ["b"]
    assert model_ids("nonsense") == []


def test_servers_on_this_machine_are_reached_without_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://proxy.example:3128")
    monkeypatch.delenv("no_proxy", raising=False)
    assert proxy_for("http://127.0.0.1:1234/v1") is None
    assert proxy_for("http://localhost:1234/v1") is None
    assert proxy_for("http://models.example/v1") == "http://proxy.example:3128"


async def test_an_error_event_carries_the_kind_of_error(unused_port: int) -> None:
    seen: list[str] = []
    client = ModelClient(base_url=f"http://127.0.0.1:{unused_port}/v1", model="x", attempts=1)
    async with client:
        ctx = RunContext(on_event=lambda event: seen.append(event.data.get("kind", event.kind)))
        with pytest.raises(ModelUnreachable):
            await execute(ToolLoop(client), "hi", ctx)
    assert seen == ["usage", "ModelUnreachable"]
