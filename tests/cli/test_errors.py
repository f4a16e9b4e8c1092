"""What goes wrong is one sentence and an exit code, never a traceback."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from .conftest import Run, Start


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["request", "Nobody", "hi"], 3, "No agent named 'Nobody' is online"),
        (["request", "a.b", "hi"], 2, "is not an agent name"),
        (["send", "*", "hi"], 2, "is not an agent name"),
        (["send", "X", "hi", "--as", ">"], 2, "is not an agent name"),
        (["send", "X", "hi", "--priority", "9"], 2, "--priority"),
        (["send", "X", "hi", "--metadata", "novalue"], 2, "must look like key=value"),
        (["send", "X"], 2, "Missing argument"),
        (["sing"], 2, "No such command"),
        (["run", "nothing.py:agent"], 2, "There is no file 'nothing.py'"),
        (["run", "no_such_module:agent"], 2, "There is no module 'no_such_module'"),
        (["run", "my_agents.py:missing"], 2, "it has:"),
        (["run", "my_agents.py:Plain"], 2, "is a class"),
        (["run", "my_agents.py:number"], 2, "is no agent"),
        (["run", "my_agents.py:number", "--processes", "2"], 2, "is no agent"),
    ],
)
async def test_a_mistake_is_named(
    run: Run, agent_file: Path, arguments: list[str], code: int, told: str
) -> None:
    assert agent_file.exists()
    outcome = await run(*arguments)
    assert told in outcome.err
    assert outcome.err.startswith("hubbub: ")
    assert "Traceback" not in outcome.err
    assert outcome.code == code


async def test_an_absent_server_is_named_with_what_to_do(run: Run) -> None:
    outcome = await run("agents", NATS_URL="nats://user:secret@127.0.0.1:1")
    assert outcome.code == 3
    assert "nats://127.0.0.1:1" in outcome.err
    assert "secret" not in outcome.err
    assert "nats-server -js" in outcome.err


async def test_a_wrong_setting_is_named(run: Run) -> None:
    outcome = await run("agents", HUBBUB_MAX_HOPS="many")
    assert outcome.code == 2
    assert "HUBBUB_MAX_HOPS" in outcome.err


async def test_an_agent_that_does_not_answer_in_time_is_exit_code_four(
    start: Start, run: Run, tmp_path: Path
) -> None:
    path = tmp_path / "slow.py"
    path.write_text(
        "import asyncio\nfrom hubbub import Agent\nslow = Agent('Slow-Bot')\n\n"
        "@slow.run\nasync def answer(message):\n    await asyncio.Event().wait()\n"
    )
    serving = await start("run", f"{path}:slow")
    await serving.until("as Slow-Bot")
    outcome = await run("request", "Slow-Bot", "hi", "--timeout", "0.3")
    assert outcome.code == 4
    assert "within 0.3 s" in outcome.err


async def test_doctor_finds_a_mesh_in_order_and_a_server_that_is_not_there(run: Run) -> None:
    good = await run("doctor")
    assert good.code == 0
    assert "JetStream on" in good.out
    bad = await run("doctor", NATS_URL="nats://127.0.0.1:1")
    assert bad.code == 1
    assert "✗ NATS server" in bad.out


async def test_closed_streams_and_full_disks_are_survived(environment: dict[str, str]) -> None:
    program = f"{sys.executable} -m hubbub.cli agents"
    for redirection, code in ((">&-", 0), ("<&-", 0), ("2>&-", 0), (">/dev/full", 1)):
        process = await asyncio.create_subprocess_shell(
            f"{program} --json {redirection}",
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            env=environment,
        )
        _, err = await process.communicate()
        assert process.returncode == code, redirection
        assert b"Traceback" not in err


async def test_an_unknown_setting_in_a_file_is_named(run: Run, tmp_path: Path) -> None:
    (tmp_path / "hubbub.toml").write_text("bogus = 1\n")
    outcome = await run("agents")
    assert outcome.code == 2
    assert "there is no setting 'bogus'" in outcome.err


async def test_a_file_that_cannot_be_loaded_shows_the_users_own_lines(
    run: Run, tmp_path: Path
) -> None:
    (tmp_path / "broken.py").write_text("import nothing_of_that_name\n")
    outcome = await run("run", "broken.py:agent")
    assert outcome.code == 2
    assert "No module named 'nothing_of_that_name'" in outcome.err
    assert "hubbub/cli" not in outcome.err
