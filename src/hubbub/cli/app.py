"""The commands put together, and errors turned into a sentence and an exit code."""

from __future__ import annotations

import io
import os
import sys

import typer
from typer.exceptions import TyperException

from hubbub.cli import agents, dead, demo, doctor, keys, models, serve, start, tail, talk, tasks, up
from hubbub.cli.output import safe
from hubbub.errors import (
    AgentUnavailable,
    ConnectionLost,
    HubbubError,
    InvalidAgentName,
    SettingsError,
)

__all__ = ["app", "run"]

DONE, FAILED, WRONG_USAGE, NOT_REACHABLE, TIMED_OUT, INTERRUPTED = 0, 1, 2, 3, 4, 130

app = typer.Typer(
    name="hubbub",
    help="A message mesh for AI agents and their workflows, on NATS.",
    epilog="Exit codes: 0 done, 1 failed, 2 wrong usage, 3 not reachable, 4 timed out, "
    "130 interrupted.",
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
for register in (
    demo.register,
    up.register,
    serve.register,
    agents.register,
    talk.register,
    start.register,
    tail.register,
    tasks.register,
    dead.register,
    doctor.register,
    keys.register,
    models.register,
):
    register(app)


def run() -> None:
    """Run the command line and exit."""
    _mend_standard_streams()
    try:
        code = app(standalone_mode=False)
    except TyperException as error:
        text = error.format_message()
        if text:
            _complain(text)
        code = error.exit_code
    except HubbubError as error:
        _complain(str(error))
        code = _exit_code(error)
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has gone; Python would complain once more when it exits.
        sys.stdout = None
        code = DONE
    except OSError as error:
        _complain(f"{error.strerror or error}")
        code = FAILED
    sys.exit(code if isinstance(code, int) else DONE)


def _mend_standard_streams() -> None:
    """Make up for streams that were closed, and for terminals that cannot show every character."""
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(number)
        except OSError:
            # The lowest free number is this one; the event loop must not get it for a socket.
            opened = os.open(os.devnull, os.O_RDWR)
            setattr(sys, name, os.fdopen(opened, mode))
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def _complain(text: str) -> None:
    sys.stderr.write(f"hubbub: {safe(text)}\n")


def _exit_code(error: HubbubError) -> int:
    if isinstance(error, SettingsError | InvalidAgentName):
        return WRONG_USAGE
    if isinstance(error, AgentUnavailable | ConnectionLost):
        return NOT_REACHABLE
    if isinstance(error, TimeoutError):
        return TIMED_OUT
    return FAILED
