"""tick: what it costs when there is nothing to do."""

import pytest

from harness.workplace import Workplace, wait_for

# What a pass that finds nothing to do may load of these packages
NEEDED = {
    "assigner.agents": {"detect", "registry"},
    "assigner.cli": {"output", "runner"},
    "assigner.context": {"sync", "worktrees"},
    "assigner.delivery": {"deliver", "stop"},
    "assigner.goals": {"profiles"},
    "assigner.maintenance": {"cleanup", "retention"},
    "assigner.outcomes": {"observe", "reports"},
    "assigner.doctor": set[str](),
}
# What costs milliseconds; filelock loads logging, decimal and secrets, which have no way around
COSTLY = {
    "argcomplete", "asyncio", "ctypes", "difflib", "dotenv", "email", "importlib.metadata", "sh",
    "sqlite_utils", "tabulate", "tempfile", "tomllib", "xml", "zipfile",
}  # fmt: skip


def loaded(work: Workplace) -> set[str]:
    """The modules that a `tick` loads."""
    told = work.tool("tick", env={"PYTHONPROFILEIMPORTTIME": "1"}).err
    return {line.rpartition("|")[2].strip() for line in told.splitlines() if "|" in line}


def unneeded(modules: set[str]) -> set[str]:
    found = modules & COSTLY
    for module in modules:
        package, _, name = module.rpartition(".")
        if (package in NEEDED and name not in NEEDED[package]) or ".agents." in package:
            found.add(module)
    return found


@pytest.mark.parametrize("kind", ["shells", "agents"])
def test_a_pass_with_nothing_to_do_loads_only_what_it_uses(work: Workplace, kind: str) -> None:
    if kind == "shells":
        work.enrolled("one")
    else:
        work.agent("one")
        work.tool("enroll", "one")
    seen: list[set[str]] = []

    def is_spare() -> bool:
        seen.append(loaded(work))
        return not unneeded(seen[-1])

    # the first passes look at a session that has just changed
    wait_for(is_spare, what=lambda: sorted(unneeded(seen[-1])), every=0.3)
    assert {"assigner.sessions.scan", "filelock", "subprocess"} <= seen[-1]
    assert work.row("SELECT status FROM sessions") == {"status": "idle"}
