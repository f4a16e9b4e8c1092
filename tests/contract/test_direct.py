"""Direct messages: stored, worked on once, and the sender learns how it ended."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

import hubbub
from hubbub import (
    Agent,
    AgentMessage,
    ConnectionLost,
    InvalidMessage,
    NATSConfig,
    RequestTimeout,
    Task,
    TaskFailed,
    TaskState,
)
from hubbub.wire import JSON

from .kit import dead_letters, inbox_of, listener, soon, take, until

Name = Callable[[str], str]


async def test_a_message_to_an_agent_that_is_away_is_stored_before_send_returns(
    config: NATSConfig, name: Name
) -> None:
    worker = Agent(name("Worker"))
    worker.agentic_run(_shout)
    async with hubbub.connect(config=config, name="Boss") as mesh:
        handle = await mesh.send_direct_message(worker.name, "hello")
        (waiting,) = await inbox_of(mesh, worker.name)
        assert AgentMessage.from_bytes(waiting.data).content == "hello"
        assert await handle.state() == TaskState.SUBMITTED
        async with mesh.serve(worker):
            assert await handle.result(timeout=10) == "HELLO"
    async with hubbub.connect(config=config) as mesh:
        assert await mesh.task(worker.name, handle.task_id).result(timeout=10) == "HELLO"


async def test_a_message_stays_in_the_inbox_until_its_handler_has_ended(
    config: NATSConfig, name: Name
) -> None:
    worker, going, finish = Agent(name("Worker")), asyncio.Event(), asyncio.Event()

    @worker.agentic_run
    async def work(task: Task) -> None:
        going.set()
        await finish.wait()

    async with hubbub.connect(config=config) as mesh, mesh.serve(worker):
        handle = await mesh.send_direct_message(worker.name, "long")
        await soon(going.wait())
        assert await handle.state() == TaskState.WORKING
        assert len(await inbox_of(mesh, worker.name)) == 1
        finish.set()
        await handle.result(timeout=10)

        async def is_empty() -> bool:
            return not await inbox_of(mesh, worker.name)

        await until(is_empty)


async def test_the_sender_hears_the_completion_and_is_not_set_to_work_by_it(
    config: NATSConfig, name: Name
) -> None:
    worker = Agent(name("Worker"))
    worker.agentic_run(_shout)
    boss, heard = listener(name("Boss"))
    async with hubbub.connect(config=config) as mesh, mesh.serve(worker, boss):
        handle = await boss.send_direct_message(worker.name, "hello", priority=4)
        (completion,) = await take(heard, 1)
        assert completion.message_type == "response"
        assert completion.content == "HELLO"
        assert completion.from_agent == worker.name
        assert completion.to_agent == boss.name
        assert completion.in_reply_to == handle.task_id
        assert completion.context_id == handle.task_id
        assert completion.metadata == {"task_id": handle.task_id, "state": "completed"}
        # Whatever else is asked of the sender shows that the completion waits in no inbox of it.
        assert not await inbox_of(mesh, boss.name)
        assert not await dead_letters(mesh, boss.name)


async def test_a_sender_that_was_away_hears_the_completion_when_it_is_back(
    config: NATSConfig, name: Name
) -> None:
    worker = Agent(name("Worker"))
    worker.agentic_run(_shout)
    boss, heard = listener(name("Boss"))
    async with hubbub.connect(config=config) as mesh:
        async with mesh.serve(boss):
            handle = await boss.send_direct_message(worker.name, "hello")
        async with mesh.serve(worker):
            await handle.result(timeout=10)
        async with mesh.serve(boss):
            (completion,) = await take(heard, 1)
        assert completion.in_reply_to == handle.task_id
        async with mesh.serve(boss):  # once heard, it is not news any more
            again = await boss.send_direct_message(worker.name, "again")
            async with mesh.serve(worker):
                (completion,) = await take(heard, 1)
            assert completion.in_reply_to == again.task_id


async def test_an_agent_that_starts_and_sends_at_once_misses_no_completion(
    config: NATSConfig, name: Name
) -> None:
    worker = Agent(name("Worker"))
    worker.agentic_run(_shout)
    async with hubbub.connect(config=config) as mesh, mesh.serve(worker):
        for number in range(5):
            boss, heard = listener(name(f"Boss-{number}"))
            async with mesh.serve(boss):
                handle = await boss.send_direct_message(worker.name, "now")
                (completion,) = await take(heard, 1)
                assert completion.in_reply_to == handle.task_id


async def test_a_notice_whose_listener_fails_comes_again(config: NATSConfig, name: Name) -> None:
    worker = Agent(name("Worker"))
    worker.agentic_run(_shout)
    boss, _ = listener(name("Boss"))
    heard = asyncio.Queue[AgentMessage]()

    @boss.on_message
    async def hear(message: AgentMessage) -> None:
        heard.put_nowait(message)
        if heard.qsize() == 1:
            raise ValueError("not now")

    async with hubbub.connect(config=config) as mesh, mesh.serve(worker, boss):
        await boss.send_direct_message(worker.name, "hello")
        await until(lambda: _holds(heard, 2))
        first, second = await take(heard, 2)
        assert first == second


async def test_the_events_of_a_task_are_told_in_order(config: NATSConfig, name: Name) -> None:
    worker = Agent(name("Worker"))

    @worker.agentic_run
    async def work(task: Task) -> str:
        await task.say("one")
        await task.progress("half way", 0.5)
        await task.tool_call("look_up", {"word": "x"}, call_id="1")
        await task.tool_result("look_up", "y", call_id="1")
        await task.record("phase", {"phase": "decide"})
        return "done"

    async with hubbub.connect(config=config) as mesh, mesh.serve(worker):
        handle = await mesh.send_direct_message(worker.name, "go")
        live = [event async for event in handle.events()]
        past = [event async for event in handle.events()]
    assert live == past
    assert [event.kind for event in live] == [
        "claimed",
        "said",
        "progress",
        "tool_call",
        "tool_result",
        "phase",
        "completed",
    ]
    assert live[1].data["text"] == "one"
    assert live[2].data == {"text": "half way", "fraction": 0.5, "key": "progress#1"}
    assert live[-1].data == {"result": "done", "attempt": 1}
    assert live[0].data["attempt"] == 1


async def test_states_go_from_submitted_over_working_to_completed(
    config: NATSConfig, name: Name
) -> None:
    worker, seen = Agent(name("Worker")), list[TaskState]()

    @worker.agentic_run
    async def work(task: Task) -> None:
        seen.append(await handle.state())

    async with hubbub.connect(config=config) as mesh:
        handle = await mesh.send_direct_message(worker.name, "go")
        seen.append(await handle.state())
        async with mesh.serve(worker):
            assert await handle.result(timeout=10) is None
        seen.append(await handle.state())
    assert seen == [TaskState.SUBMITTED, TaskState.WORKING, TaskState.COMPLETED]


async def test_a_message_sent_twice_under_one_id_is_stored_and_worked_on_once(
    config: NATSConfig, name: Name
) -> None:
    worker, worked = Agent(name("Worker")), list[str]()

    @worker.agentic_run
    async def work(task: Task) -> str:
        worked.append(task.content)
        return task.content

    message_id = name("order")
    async with hubbub.connect(config=config) as mesh:
        first = await mesh.send_direct_message(worker.name, "first", message_id=message_id)
        again = await mesh.send_direct_message(worker.name, "again", message_id=message_id)
        assert first.task_id == again.task_id == message_id
        assert len(await inbox_of(mesh, worker.name)) == 1
        async with mesh.serve(worker):
            assert await again.result(timeout=10) == "first"
            # Once it has been worked off, too.
            await mesh.send_direct_message(worker.name, "late", message_id=message_id)
            other = await mesh.send_direct_message(worker.name, "other")
            await other.result(timeout=10)
    assert worked == ["first", "other"]


async def test_metadata_priority_and_context_reach_the_handler(
    config: NATSConfig, name: Name
) -> None:
    worker, given = Agent(name("Worker")), asyncio.Queue[Task]()
    worker.agentic_run(given.put)
    async with hubbub.connect(config=config, name=name("Boss")) as mesh, mesh.serve(worker):
        handle = await mesh.send_direct_message(
            worker.name, {"a": [1, None]}, metadata={"k": "ü"}, priority=5, context_id="talk-1"
        )
        (task,) = await take(given, 1)
    assert task.id == handle.task_id
    assert task.message.content == {"a": [1, None]}
    assert task.content == '{"a":[1,null]}'
    assert task.metadata == {"k": "ü"}
    assert task.message.priority == 5
    assert task.context_id == "talk-1"
    assert task.attempt == 1
    assert task.agent == worker.name
    assert task.message.message_type == "request"
    assert task.message.from_agent == mesh.name
    assert not task.cancelled


@pytest.mark.parametrize(
    "result", ["", "ü\n☃", 0, -1.5, True, None, [], [1, [2, {"a": None}]], {"k": {"l": "m"}}]
)
async def test_any_json_value_is_a_result(config: NATSConfig, name: Name, result: JSON) -> None:
    worker, (boss, heard) = Agent(name("Worker")), listener(name("Boss"))

    @worker.agentic_run
    async def work(task: Task) -> JSON:
        return result

    async with hubbub.connect(config=config) as mesh, mesh.serve(worker, boss):
        handle = await boss.send_direct_message(worker.name, "go")
        returned = await handle.result(timeout=10)
        assert returned == result
        assert type(returned) is type(result)
        (completion,) = await take(heard, 1)
        assert completion.content == result


def _of_two_megabytes() -> str:
    return "x" * 2_000_000


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (lambda: {1, 2}, "set"),
        (lambda: float("nan"), "nan"),
        (lambda: {"deep": [object()]}, "object"),
        (lambda: {1: "a"}, "key 1"),
        (lambda: "\ud800", "JSON"),
        (_of_two_megabytes, "2,000,00"),
    ],
    ids=["set", "nan", "object", "key", "surrogate", "huge"],
)
async def test_a_result_that_cannot_travel_fails_the_task_and_says_why(
    config: NATSConfig, name: Name, make: Callable[[], JSON], what: str
) -> None:
    worker, (boss, heard), calls = Agent(name("Worker")), listener(name("Boss")), list[int]()

    @worker.agentic_run
    async def work(task: Task) -> JSON:
        calls.append(task.attempt)
        return make()

    async with hubbub.connect(config=config) as mesh, mesh.serve(worker, boss):
        handle = await boss.send_direct_message(worker.name, "go")
        with pytest.raises(TaskFailed, match=what) as failed:
            await handle.result(timeout=10)
        assert failed.value.state == "failed"
        (completion,) = await take(heard, 1)
        assert completion.metadata["state"] == "failed"
        assert what in str(completion.content)
        assert calls == [1]  # it would be no better a second time


async def test_waiting_for_a_result_ends_in_time_and_does_not_end_the_task(
    config: NATSConfig, name: Name
) -> None:
    worker, finish = Agent(name("Worker")), asyncio.Event()

    @worker.agentic_run
    async def work(task: Task) -> str:
        await finish.wait()
        return "done"

    async with hubbub.connect(config=config) as mesh, mesh.serve(worker):
        handle = await mesh.send_direct_message(worker.name, "long")
        with pytest.raises(RequestTimeout) as timeout:
            await handle.result(timeout=0.1)
        assert timeout.value.agent == worker.name
        assert timeout.value.seconds == 0.1
        finish.set()
        assert await handle.result(timeout=10) == "done"


async def test_one_instance_works_on_as_many_tasks_at_once_as_it_says(
    config: NATSConfig, name: Name
) -> None:
    worker, together = Agent(name("Worker"), concurrency=3), asyncio.Barrier(3)

    @worker.agentic_run
    async def work(task: Task) -> None:
        await soon(together.wait())

    async with hubbub.connect(config=config) as mesh, mesh.serve(worker):
        handles = [await mesh.send_direct_message(worker.name, str(i)) for i in range(3)]
        for handle in handles:
            await handle.result(timeout=10)


async def test_instances_of_one_name_share_its_tasks(config: NATSConfig, name: Name) -> None:
    together = asyncio.Barrier(2)
    instances = [Agent(name("Worker")), Agent(name("worker"))]

    async def work(task: Task) -> str:
        await soon(together.wait())
        return task.agent

    for instance in instances:
        instance.agentic_run(work)
    async with (
        hubbub.connect(config=config) as one,
        hubbub.connect(config=config) as two,
        one.serve(instances[0]),
        two.serve(instances[1]),
    ):
        handles = [await one.send_direct_message(instances[0].name, str(i)) for i in range(4)]
        results = [await handle.result(timeout=10) for handle in handles]
    assert sorted(map(str, results)) == sorted([i.name for i in instances] * 2)


async def test_a_task_that_its_handler_left_running_spoils_no_log(
    config: NATSConfig, name: Name
) -> None:
    worker, ended = Agent(name("Worker")), asyncio.Event()
    leftovers = list[asyncio.Task[None]]()

    @worker.agentic_run
    async def work(task: Task) -> str:
        async def linger() -> None:
            await ended.wait()
            await task.send_direct_message(name("Other"), "still here")  # is allowed
            await task.say("still here")  # has no place any more

        leftovers.append(asyncio.create_task(linger()))
        return "done"

    async with hubbub.connect(config=config) as mesh, mesh.serve(worker):
        handle = await mesh.send_direct_message(worker.name, "go")
        await handle.result(timeout=10)
        ended.set()
        with pytest.raises(hubbub.HubbubError, match="has ended"):
            await soon(leftovers[0])
        assert await handle.state() == TaskState.COMPLETED
        assert [event.kind async for event in handle.events()][-1] == "completed"
        assert len(await inbox_of(mesh, name("Other"))) == 1


async def test_a_note_whose_writing_is_canceled_does_not_lose_the_task(
    config: NATSConfig, name: Name
) -> None:
    worker = Agent(name("Worker"))

    @worker.agentic_run
    async def work(task: Task) -> str:
        for number in range(3):
            note = asyncio.create_task(task.say(str(number)))
            await asyncio.sleep(0)  # it is under way now
            note.cancel()
        await task.say("kept")
        return "done"

    async with hubbub.connect(config=config) as mesh, mesh.serve(worker):
        handle = await mesh.send_direct_message(worker.name, "go")
        assert await handle.result(timeout=10) == "done"
        events = [event async for event in handle.events()]
        assert "kept" in [event.data.get("text") for event in events]


async def test_after_the_mesh_is_closed_every_verb_says_so(config: NATSConfig, name: Name) -> None:
    async with hubbub.connect(config=config) as mesh:
        handle = await mesh.send_direct_message(name("Worker"), "hello")
    for call in (
        lambda: mesh.send_direct_message("Worker", "x"),
        lambda: mesh.handoff_to_agent("Worker", "x"),
        lambda: mesh.request_from_agent("Worker", "x"),
        lambda: anext(mesh.stream_from_agent("Worker", "x")),
        lambda: mesh.broadcast_message("x"),
        lambda: mesh.list_agents(),
        lambda: handle.state(),
        lambda: handle.result(timeout=5),
        lambda: handle.cancel(),
    ):
        with pytest.raises(ConnectionLost):
            await soon(call())


async def _shout(task: Task) -> str:
    return task.content.upper()


async def _holds(queue: asyncio.Queue[AgentMessage], number: int) -> bool:
    return queue.qsize() >= number


async def test_an_id_that_was_used_for_another_message_is_refused_not_swallowed(
    config: NATSConfig, name: Name
) -> None:
    one, other = Agent(name("One")), Agent(name("Other"))
    one.agentic_run(_shout)
    other.agentic_run(_shout)
    reused = name("id").replace(" ", "-")
    async with hubbub.connect(config=config) as mesh, mesh.serve(one, other):
        first = await mesh.send_direct_message(one.name, "first", message_id=reused)
        assert await first.result(timeout=10)
        again = await mesh.send_direct_message(one.name, "first", message_id=reused)
        assert await again.result(timeout=10)
        with pytest.raises(InvalidMessage, match="an id of its own"):
            await mesh.send_direct_message(other.name, "second", message_id=reused)
    async with hubbub.connect(config=config, name=name("Another")) as mesh:
        with pytest.raises(InvalidMessage, match="an id of its own"):
            await mesh.send_direct_message(one.name, "third", message_id=reused)
