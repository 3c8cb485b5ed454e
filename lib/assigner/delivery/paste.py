"""The place into which an agent's text is pasted, recorded so that it is pasted nowhere else."""

from typing import TypedDict

from assigner.delivery.keystrokes import Job
from assigner.sessions.sight import Sight
from assigner.system import processes


class Place(TypedDict):
    """Keys of the turn's facts (store/rows.py)."""

    directory: str | None
    agent_pid: int | None


def place_of(job: Job, sight: Sight) -> Place:
    """The agent's process and directory, for which the text is made."""
    return {"directory": sight.directory, "agent_pid": processes.front(job.pane.pid)}
