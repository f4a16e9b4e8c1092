"""What `hubbub run` tells on the terminal while it serves: a short line for each thing."""

from __future__ import annotations

import logging

from hubbub.cli.output import console, safe
from hubbub.cli.traces import users_trace
from hubbub.settings import NATSConfig
from hubbub.wire.envelope import AgentMessage

__all__ = ["log_to_console"]

_STYLES = {logging.WARNING: "yellow", logging.ERROR: "red", logging.CRITICAL: "red"}


def log_to_console(config: NATSConfig) -> None:
    """Show what the mesh does, from the configured level up."""
    logger = logging.getLogger("hubbub")
    logger.setLevel(config.log_level)
    logger.addHandler(_ConsoleHandler())
    # They tell of every retry of a model call, which we name ourselves if it matters.
    for chatty in ("stamina", "httpx2", "openai"):
        logging.getLogger(chatty).setLevel(logging.ERROR)


class _ConsoleHandler(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        try:
            console.print(safe(_line(record)), style=_STYLES.get(record.levelno))
        except OSError:
            # A terminal that has gone is no reason to stop serving.
            logging.getLogger("hubbub").removeHandler(self)


def _line(record: logging.LogRecord) -> str:
    at = logging.Formatter().formatTime(record, "%H:%M:%S")
    text = record.getMessage()
    message: AgentMessage | None = getattr(record, "mesh", None)
    if message is not None:
        text = f"{message.to_agent or 'everybody'} ← {message.from_agent}  {text}"
        for fact in ("task_id", "error"):
            value = getattr(record, fact, None)
            text += f"  {value}" if value else ""
    if record.exc_info and record.exc_info[1] is not None:
        text += "\n" + users_trace(record.exc_info[1])
    return f"{at}  {text}"
