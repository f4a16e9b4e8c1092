"""`hubbub dead`, as people type it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import hubbub
from hubbub.mesh.tasks.burial import bury
from hubbub.testing import ServerProcess

from .conftest import Run, Start


class Leftover:
    subject, headers = "agents.direct.clerk.2.from.ann", {"X-Note": "a\x1b[31m"}

    def __init__(self, sequence: int, data: bytes) -> None:
        self.sequence, self.data = sequence, data


@pytest.fixture
async def letters(own_server: ServerProcess) -> list[str]:
    """Three dead letters: text, JSON, and bytes that are neither."""
    payloads = [b"hello you", b'{"content": {"n": 1}, "metadata": {"k": 2}}', b"\xff\x00"]
    async with hubbub.connect(own_server.url) as mesh:
        for number, payload in enumerate(payloads, start=1):
            await bury(
                mesh.connection, "clerk", f"t{number}", Leftover(number, payload),
                reason=f"reason {number}\nmore", errors=["first error", "second error"],
            )  # fmt: skip
    return ["t1", "t2", "t3"]


async def listed(run: Run, *arguments: str) -> list[dict[str, Any]]:
    return json.loads((await run("dead", "--json", *arguments)).out)


async def test_letters_are_listed_and_shown(run: Run, letters: list[str]) -> None:
    shown = await run("dead")
    assert shown.code == 0
    assert [line.split()[0] for line in shown.out.splitlines()[1:]] == [
        "clerk/t3", "clerk/t2", "clerk/t1",
    ]  # fmt: skip
    assert "reason 1 more" in shown.out
    newest = await listed(run, "--limit", "1")
    assert newest[0]["task_id"] == "t3"
    assert newest[0]["message"] is None
    assert newest[0]["payload"] == "ff 00"
    older = await listed(run, "--before", str(newest[0]["sequence"]), "--agent", "Clerk")
    assert [one["task_id"] for one in older] == ["t2", "t1"]
    assert older[0]["message"]["content"] == {"n": 1}
    assert await listed(run, "--agent", "nobody") == []

    one = await run("dead", "show", "t2")
    for text in ("reason 2", "first error", "second error", '{"n":1}', '{"k":2}', "X-Note", "ann"):
        assert text in one.out
    assert "ff 00" in (await run("dead", "show", "clerk/t3")).out
    assert json.loads((await run("dead", "show", "t1", "--json")).out)["payload"] == "hello you"

    for command in (["show"], ["retry"], ["discard"], ["edit", "--content", "x"]):
        unknown = await run("dead", command[0], "nothing", *command[1:])
        assert unknown.code == 1
        assert unknown.err.startswith("hubbub: There is no dead letter 'nothing'")
        assert "Traceback" not in unknown.err
    assert (await run("dead", "discard")).code == 2


async def test_letters_are_retried_edited_and_discarded(
    start: Start,
    run: Run,
    agent_file: Path,
    letters: list[str],
    own_server: ServerProcess,
    tmp_path: Path,
) -> None:
    serving = await start("run", f"{agent_file}:echo")
    await serving.until("as Echo-Bot")
    refused = await run("dead", "retry", "t3", "--to", "Echo-Bot")
    assert refused.code == 1
    assert "new content" in refused.err

    stored = await run("dead", "retry", "t1", "--to", "Echo-Bot")
    assert stored.out.startswith("Stored for Echo-Bot: task ")
    assert (await run("dead", "retry", "t1")).code == 1

    editor = tmp_path / "editor"
    editor.write_text("#!/bin/sh\nsed -i 's/1/11/' \"$1\"\n")
    editor.chmod(0o755)
    edited = await run("dead", "edit", "t2", "--to", "echo bot", "--json", EDITOR=str(editor))
    task = json.loads(edited.out)
    async with hubbub.connect(own_server.url) as mesh:
        said = await mesh.task("Echo-Bot", task["task_id"]).result(timeout=20)
        assert said == {"said": '{"n":11}', "metadata": {"k": 2}}
        await bury(mesh.connection, "clerk", "t4", Leftover(4, b"four"), reason="r", errors=[])
        await bury(mesh.connection, "clerk", "t5", Leftover(5, b"five"), reason="r", errors=[])

    same = await run("dead", "edit", "t4", EDITOR="true")
    assert same.code == 1
    assert "Nothing was changed" in same.err
    piped = await run("dead", "edit", "t3", "--content", "-", "--to", "Echo-Bot", stdin="new\n")
    assert piped.code == 0

    assert (await run("dead", "discard", "t4")).out == "Discarded 1 dead letter\n"
    kept = await run("dead", "discard", "--all", "--agent", "Clerk", stdin="n\n")
    assert kept.code == 130
    assert [one["task_id"] for one in await listed(run)] == ["t5"]
    gone = await run("dead", "discard", "--all", "--agent", "Clerk", "--yes", "--json")
    assert json.loads(gone.out) == {"discarded": ["clerk/t5"]}
    assert (await run("dead")).out == "No dead letters\n"
