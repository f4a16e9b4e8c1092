"""Runs the commands that the pages show: for real where that is possible.

What cannot run in a test is in `NOT_RUN`, with what is checked instead.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shlex
import shutil
import signal
import sys
import sysconfig
import tomllib
from collections.abc import AsyncGenerator, Awaitable, Callable
from pathlib import Path

import nats

import hubbub
from hubbub import NATSConfig
from hubbub.gateway.settings import GatewaySettings

from .pages import ROOT, Command

__all__ = ["NOT_RUN", "Console", "console"]

PATIENCE = 45.0

# The beginning of a line, and why it does not run here. Each is checked in another way.
NOT_RUN = {
    "make ": "sets up an environment or runs this very suite; the target must exist",
    "source .venv/bin/activate": "the tests run inside that environment",
    "export ": "would point the tests elsewhere; the variable must be one that we read",
    "pip install ": "the tests do not install packages; the extra must exist",
    "hubbub model pull": "fetches a gigabyte; the command must exist",
    "python -m hubbub.runtimes.local serve": "needs that gigabyte; the options must exist",
    "docker ": "there is no engine here; tests/deploy checks the file",
    "kubectl ": "there is no cluster here; tests/deploy checks the file",
}

_VARIABLES = {
    *(NATSConfig.variable(name) for name in NATSConfig.model_fields),
    *(f"HUBBUB_GATEWAY_{name.upper()}" for name in GatewaySettings.model_fields),
    "NATS_STORE",  # our configurations of the NATS server read it
}

_WORKFLOW = re.compile(r'register\((?:name="([^"]+)")?[^)]*\)\nasync def (\w+)')
_AGENT = re.compile(r'^(\w+) = \w+\(\s*"([^"]+)"', re.MULTILINE)


class Console:
    """A terminal in a folder. What stays in the foreground there, stays in the background here."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._running: list[asyncio.subprocess.Process] = []

    async def block(self, commands: list[Command]) -> None:
        """Run the commands of one block, one after the other."""
        before = len(self._running)
        for command in commands:
            # To type the next command one has to end the last.
            await self._end(self._running[before:])
            await self._run(command)

    async def _run(self, command: Command) -> None:
        line = command.line
        words = shlex.split(line)
        match words:
            case ["make", target]:
                assert f"\n{target}:" in (ROOT / "Makefile").read_text(), target
            case ["source", ".venv/bin/activate"]:
                pass
            case ["export", assignment]:
                variable = assignment.partition("=")[0]
                assert variable in _VARIABLES, variable
            case ["pip", "install", "-e", what]:
                project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
                assert what.strip(".[]") in project["optional-dependencies"], what
            case ["hubbub", "model", "pull"]:
                await self._finished(command, [*words, "--help"])
            case ["python", "-m", "hubbub.runtimes.local", "serve", *options]:
                out = await self._output([*words[:3], "--help"], 0)
                assert all(option in out for option in options if option.startswith("-")), out
            case ["docker" | "kubectl", *parts]:
                files = [ROOT / part for part in parts if part.startswith("deploy/")]
                assert all(file.is_file() for file in files), files
                assert files or "-f" not in parts, command.line
            case ["cd", where]:
                shutil.copytree(ROOT / where, self.folder / where)
                self.folder /= where
            case ["hubbub", "run", *targets]:
                await self._start(words)
                await self._online(targets)
            case ["hubbub", "up", *targets]:
                up = await self._start([*words, "--port", "0"])
                await self._said(up, "Ctrl-C ends it.")
                await self._online(targets)
            case ["hubbub", "start", *_]:
                # On a terminal it would ask.
                await self._finished(command, [*words, "--detach"])
            case ["uvicorn", *options]:
                server = await self._start(["uvicorn", *_without_port(options), "--port", "0"])
                await self._said(server, "Application startup complete")
            case ["python", "sink.py"]:
                await self._said(await self._start([*words, "0"]), "Mails go to port")
            case ["hubbub", "tail", *options] if "--no-follow" not in options:
                tail = await self._start(words)
                await self._heard(tail)
            case ["python", "-m", "hubbub.runtimes.scripted", "--port", port]:
                assert port.isdecimal()
                scripted = await self._start([*words[:-1], "0"])
                await self._said(scripted, "answers at")
            case ["python", "worker.py"]:
                await self._start(words)
                await self._online(["worker.py"])
            case ["nats-server", "-c", file]:
                near = [folder / file for folder in (self.folder, command.block.page.parent, ROOT)]
                found = next(path for path in near if path.is_file())
                out = await self._output(["nats-server", "-t", "-c", str(found)], 0)
                assert "is valid" in out, out
            case ["nats-server", *_]:
                server = await self._start([*words, "--addr", "127.0.0.1", "--port", "-1"])
                await self._said(server, "Server is ready")
            case ["nats", verb, subject, *rest]:
                await self._nats(verb, subject, rest)
            case _:
                await self._finished(command, words)

    # Commands that end

    async def _finished(self, command: Command, words: list[str]) -> None:
        fails = command.shown.startswith("hubbub: ")
        out = await self._output(words, 3 if fails else 0)
        if command.shown:
            parts = [re.escape(part) for part in _tidy(command.shown).split("...")]
            assert re.fullmatch(".*?".join(parts), _tidy(out), re.DOTALL), (
                f"{command.block}: {command.line}\n{out}"
            )

    async def _output(self, words: list[str], code: int) -> str:
        process = await self._process(words)
        try:
            async with asyncio.timeout(PATIENCE):
                out, _ = await process.communicate()
        except BaseException:
            process.kill()
            await process.wait()
            raise
        text = out.decode()
        assert process.returncode == code, f"{shlex.join(words)}: {process.returncode}\n{text}"
        return text

    async def _process(self, words: list[str]) -> asyncio.subprocess.Process:
        program, *arguments = words
        path = Path(sysconfig.get_path("scripts")) / program
        return await asyncio.create_subprocess_exec(
            sys.executable if program == "python" else str(path),
            *arguments,
            cwd=self.folder,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            # What the configurations in `deploy` read; clients of the tests' own server do not.
            env={**os.environ, "NATS_STORE": "store", "NATS_PASSWORD": "s3cret"}
            if program == "nats-server"
            else None,
        )

    # Commands that stay

    async def _start(self, words: list[str]) -> asyncio.subprocess.Process:
        process = await self._process(words)
        self._running.append(process)
        return process

    async def _said(self, process: asyncio.subprocess.Process, text: str) -> None:
        assert process.stdout is not None
        heard = ""
        async with asyncio.timeout(PATIENCE):
            while text not in heard:
                line = await process.stdout.readline()
                assert line, f"it ended without saying {text!r}:\n{heard}"
                heard += line.decode()

    async def _online(self, targets: list[str]) -> None:
        """Wait until the agents of some targets are in the list, in all their processes."""
        wanted: set[str] = set()
        for file, _, variable in (target.partition(":") for target in targets if ".py" in target):
            text = (self.folder / file).read_text()
            agents = dict(_AGENT.findall(text))
            workflows = {name or function for name, function in _WORKFLOW.findall(text)}
            wanted |= {agents[variable]} if variable in agents else {*agents.values(), *workflows}
        processes = int(targets[-1]) if "--processes" in targets else 1
        assert wanted, targets

        async def there() -> bool:
            cards = {card.name: card.instances for card in await mesh.list_agents()}
            return all(cards.get(name, 0) >= processes for name in wanted)

        async with hubbub.connect() as mesh:
            await _until(there)

    async def _heard(self, tail: asyncio.subprocess.Process) -> None:
        """Say something, again and again, until it has been heard."""
        text = "Is anybody watching?"
        heard = asyncio.create_task(self._said(tail, text))

        async def said() -> bool:
            await mesh.broadcast_message(text)
            return heard.done()

        async with hubbub.connect(name="Weather-Bot") as mesh:
            await _until(said)
        await heard

    async def _end(self, processes: list[asyncio.subprocess.Process]) -> None:
        for process in processes:
            self._running.remove(process)
            if process.returncode is None:
                process.send_signal(signal.SIGINT)
        for process in processes:
            try:
                async with asyncio.timeout(PATIENCE):
                    await process.communicate()
            except BaseException:
                process.kill()
                await process.wait()
                raise

    async def aclose(self) -> None:
        """End whatever still runs."""
        await self._end(list(reversed(self._running)))

    # The `nats` command line, which is not ours to install: the same done with nats-py

    async def _nats(self, verb: str, subject: str, rest: list[str]) -> None:
        client = await nats.connect(NATSConfig().nats_url or "")
        try:
            match verb, rest:
                case "req", [body, *_]:
                    answer = await client.request(subject, body.encode(), timeout=10)
                    assert b"Hello, Ada!" in answer.data, answer.data
                case "pub", [body]:
                    heard = await client.subscribe("agents.>")
                    await client.publish(subject, body.encode())
                    # A message opens a task that completes; a broadcast is heard by everybody.
                    wanted = b"Hello" if subject.startswith("agents.direct") else body.encode()
                    while wanted not in (await heard.next_msg(timeout=10)).data:
                        pass
                case "sub", []:
                    await client.subscribe(subject)
                    await client.flush()
                case _:
                    raise AssertionError(f"nats {verb} {rest} is not known here")
        finally:
            await client.close()


def _without_port(options: list[str]) -> list[str]:
    """Return the options of uvicorn without the port, which may be taken here."""
    if "--port" not in options:
        return options
    at = options.index("--port")
    return [*options[:at], *options[at + 2 :]]


def _tidy(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.strip().splitlines())


async def _until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not await condition():  # noqa: ASYNC110 - nobody tells us
            await asyncio.sleep(0.05)


@contextlib.asynccontextmanager
async def console(folder: Path) -> AsyncGenerator[Console]:
    """A console whose processes end with the context."""
    terminal = Console(folder)
    try:
        yield terminal
    finally:
        await terminal.aclose()
