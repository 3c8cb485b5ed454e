"""The place into which an agent's text is pasted, recorded so that it is pasted nowhere else."""

from typing import Any

from assigner.delivery.keystrokes import Job
from assigner.sessions.look import Sight
from assigner.system import processes


def place_of(job: Job, sight: Sight) -> dict[str, Any]:
    """The agent's process and directory, for which the text is made."""
    return {"directory": sight.directory, "front": processes.front(job.pane.pid)}
