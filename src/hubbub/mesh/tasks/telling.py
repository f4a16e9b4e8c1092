"""What happens with a task, as the activity log has it."""

from __future__ import annotations

import logging
from typing import Any

from hubbub.mesh.tasks.job import Job

__all__ = ["tell"]

activity_log = logging.getLogger("hubbub.activity")


def tell(job: Job, what: str, **facts: Any) -> None:
    """Write a line about a task into the activity log, if somebody keeps one."""
    if activity_log.isEnabledFor(logging.INFO):
        activity_log.info("%s", what, extra={"mesh": job.message, "task_id": job.task_id, **facts})
