"""The time zone of a process: agents state times in their own zone."""

from datetime import tzinfo

from assigner.system import processes

_SYSTEM = "/etc/localtime"
_DATA = "/zoneinfo/"


def of_process(pid: int | None) -> tzinfo | None:
    """The zone of a process by its TZ, or the machine's zone if it has none (tzset(3)).

    None, which means our own local time, if the zone is unknown.
    """
    variables = processes.environment(pid) if pid else {}
    return _zone(variables.get("TZ", "")) if variables else None


def _zone(name: str) -> tzinfo | None:
    """The zone named by a value of TZ; an empty value means the machine's."""
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError  # 3 ms, and limits are rare

    name = name.removeprefix(":")
    if _DATA in name:
        name = name.rpartition(_DATA)[2]
    try:
        if name:
            return ZoneInfo(name)
        with open(_SYSTEM, "rb") as file:
            return ZoneInfo.from_file(file)
    except (ZoneInfoNotFoundError, OSError, ValueError):
        return None


def of_front(pid: int) -> tzinfo | None:
    """The zone of the program in front of a pane's terminal; `pid` is the pane's process."""
    return of_process(processes.front(pid)) or of_process(pid)
