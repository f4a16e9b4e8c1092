"""The log file that tells the story of each message by its id: `logs/agent_activity.log`."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Generator
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler
from typing import Any

from hubbub.errors import SettingsError
from hubbub.settings import NATSConfig
from hubbub.wire.envelope import AgentMessage

__all__ = ["ActivityFormatter", "activity_log"]

_FILE_NAME = "agent_activity.log"
_FILE_BYTES = 10_000_000
_FILES = 3

_FACTS = ("task_id", "attempt", "inbox_sequence", "error")


class ActivityFormatter(logging.Formatter):
    """Writes `time level logger event key=value ...`, one line a record."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record."""
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line = f"{at} {record.levelname} {record.name} {record.getMessage()}"
        message: AgentMessage | None = getattr(record, "mesh", None)
        if message is not None:
            line += (
                f" id={message.message_id} type={message.message_type}"
                f" from={message.from_agent!r} to={message.to_agent!r}"
                f" context={message.conversation} hops={message.hops}"
            )
        facts: list[tuple[str, Any]] = [(name, getattr(record, name, None)) for name in _FACTS]
        line += "".join(f" {name}={value!r}" for name, value in facts if value is not None)
        # What others sent must not be able to forge a line.
        line = line.replace("\r", "\\r").replace("\n", "\\n")
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return line


@contextlib.contextmanager
def activity_log(config: NATSConfig) -> Generator[None]:
    """Write what happens on the mesh to the log file while the context lasts.

    Raises:
        SettingsError: the folder cannot be written.
    """
    logger = logging.getLogger("hubbub")
    if config.log_dir is None or any(
        isinstance(handler, RotatingFileHandler) for handler in logger.handlers
    ):
        yield
        return
    try:
        config.log_dir.mkdir(parents=True, exist_ok=True)
        handler = RotatingFileHandler(
            config.log_dir / _FILE_NAME,
            maxBytes=_FILE_BYTES,
            backupCount=_FILES,
            encoding="utf-8",
            errors="backslashreplace",
        )
    except OSError as error:
        raise SettingsError(
            f"HUBBUB_LOG_DIR: cannot write to {str(config.log_dir)!r}: {error.strerror}; "
            "name another folder, or set it empty for no log file"
        ) from None
    handler.setFormatter(ActivityFormatter())
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(config.log_level)
    try:
        yield
    finally:
        logger.setLevel(before)
        logger.removeHandler(handler)
        handler.close()
