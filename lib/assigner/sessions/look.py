"""Judges what a pane is doing, by tmux, its processes, its terminal and the cursor's line.

Types nothing.  `unknown` never counts as idle.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from assigner.agents import detect, registry
from assigner.config import Settings
from assigner.errors import SetupError
from assigner.queue import limits
from assigner.sessions import limit_seen
from assigner.sessions.shell_sight import Outside, from_line, of_shell
from assigner.sessions.sight import Key, Known, Shown, Sight
from assigner.shells.dialects import DIALECTS
from assigner.shells.spec import mark
from assigner.store.database import Row, Store
from assigner.store.rows import Session
from assigner.system import processes as system_processes
from assigner.tmux import panes as tmux_panes

if TYPE_CHECKING:
    pass


_BETWEEN = 0.4  # seconds between two looks at a screen
UNREAD = "the agent has not read all of its input"


def look(
    store: Store, wanted: Iterable[tuple[tmux_panes.Pane, Known]], now: float
) -> dict[Key, Sight]:
    """Judge panes at the time `now` (epoch seconds); the results by socket and pane id.

    Runs one tmux client per socket for shells at their prompts and one for agents.  Raises
    NoServer, Unreachable.
    """
    settings = store.settings
    knowns, sights, processes = {}, {}, system_processes.Processes()
    person_active = settings.person_active
    for pane, known in wanted:
        knowns[pane.socket, pane.id] = known
        sights[pane.socket, pane.id] = _from_outside(pane, known, processes)
    for socket, panes in _by_socket(sights, lambda sight: sight.status == "idle").items():
        lines = tmux_panes.cursor_lines(socket, settings.tmux_timeout, panes)
        for pane in panes:
            key = socket, pane.id
            sights[key] = from_line(
                person_active, sights[key], knowns[key], lines.get(pane.id), now
            )
    for socket, panes in _by_socket(sights, lambda sight: sight.agent is not None).items():
        screens = tmux_panes.screens(socket, settings.tmux_timeout, store.instance, panes)
        for pane in panes:
            key = socket, pane.id
            sights[key] = _from_screen(
                settings, sights[key], knowns[key], screens.get(pane.id), now
            )
    _look_again(store, sights, knowns, now)
    held = limits.active(store)
    return {
        key: limit_seen.apply(store, sight, knowns[key], held, now) for key, sight in sights.items()
    }


def _by_socket(
    sights: Mapping[Key, Sight], wanted: Callable[[Sight], bool]
) -> dict[str, list[tmux_panes.Pane]]:
    found: dict[str, list[tmux_panes.Pane]] = {}
    for (socket, _), sight in sights.items():
        if wanted(sight):
            found.setdefault(socket, []).append(sight.pane)
    return found


def shell_of(process: system_processes.Stat) -> str | None:
    """Which of the supported shells a process is, even if it runs as `sh`; None for others."""
    name = system_processes.program(process.pid) if process.comm == "sh" else process.comm
    return name if name in DIALECTS else None


def is_there(session: Session) -> bool:
    """Whether the process of a session's pane is alive, even if its agent has exited."""
    return session["pane_pid"] is not None and system_processes.is_session_leader(
        session["pane_pid"]
    )


def lacks_prompt(session: Row | Session) -> bool:
    """Whether a session is unknown because assigner has not seen its shell's empty prompt."""
    if session["status"] != "unknown" or session["prompt_endings"] != "[]":
        return False
    if session["pane_fingerprint"] is None or detect.is_agent(session["provider"]):
        return False
    process = system_processes.stat(session["pane_pid"])
    at_shell = process is not None and process.foreground == process.pid
    return bool(process and at_shell and shell_of(process))


def _from_outside(
    pane: tmux_panes.Pane, known: Known, processes: system_processes.Processes
) -> Sight:
    """The status without the screen.  `idle` here means: a shell at its prompt.  An agent's status
    is `unknown` until its screen is judged.
    """
    if over := ended(pane):
        return over
    process = system_processes.stat(pane.pid)
    if process is None:
        return Sight(pane, "unknown", f"cannot read process {pane.pid}")
    shell = shell_of(process)
    directory = system_processes.directory(pane.pid)

    def sight(status: str, reason: str) -> Sight:
        return Sight(pane, status, reason, shell, directory)

    try:
        agent = detect.known(known.provider)
    except SetupError as error:
        return sight("unknown", str(error))
    if agent or not known.given:
        front = (
            process if process.foreground == pane.pid else system_processes.stat(process.foreground)
        )
        seen = detect.find(front) if front else None
        if front and seen and (agent is None or not known.given or seen[0] == agent.name):
            return _of_agent(pane, front, *seen)
        if agent and known.preparing:
            return sight("busy", f"preparing the context of {known.prompt}")
        if agent and known.starting:
            return sight("busy", f"starting {agent.name}")
        if agent:
            return _without_agent(pane, agent.name, front, processes)
    if shell is None:
        return sight("unknown", UNKNOWN_PROGRAM.format(process.comm))
    front, name = None, None
    if process.foreground != pane.pid:
        front = system_processes.stat(process.foreground)
        name = front.comm if front else f"process group {process.foreground}"
    editing, echo = system_processes.terminal(pane.tty)
    ours = known.group == process.foreground
    outside = Outside(shell, process.state, name, ours=ours, editing=editing, echo=echo)
    return of_shell(pane, known, outside, lambda: _members(known, pane, processes), directory)


UNKNOWN_PROGRAM = "no provider knows '{}'"


def ended(pane: tmux_panes.Pane) -> Sight | None:
    """The result for a pane whose program has ended; None if it runs."""
    if not pane.dead:
        return None
    status = f" with status {pane.dead_status}" if pane.dead_status else ""
    return Sight(pane, "offline", f"its program has exited{status}")


def _members(
    known: Known, pane: tmux_panes.Pane, processes: system_processes.Processes
) -> list[system_processes.Stat]:
    if known.group is None or known.attempt is None:
        return []
    return processes.members(known.group, pane.pid, mark(known.attempt))


def _of_agent(pane: tmux_panes.Pane, front: system_processes.Stat, agent: str, pid: int) -> Sight:
    directory = system_processes.directory(front.pid)
    from assigner.agents import version as agents_version  # only for agents

    version = agents_version.of_process(pid)
    if pane.input_off:
        return Sight(pane, "occupied", "input is switched off", None, directory)
    return Sight(pane, "unknown", "not judged yet", None, directory, agent=agent, version=version)


def _without_agent(
    pane: tmux_panes.Pane,
    agent: str,
    front: system_processes.Stat | None,
    processes: system_processes.Processes,
) -> Sight:
    """Judge a pane in which something other than its agent runs."""
    if front is None:
        return Sight(pane, "unknown", f"cannot read the foreground process of {agent}'s session")
    if shell := shell_of(front):
        if any(detect.in_front(process) == agent for process in processes.stopped(pane.pid)):
            return Sight(pane, "waiting", f"{agent} is stopped: fg or kill it")
        return Sight(pane, "offline", f"exited: {agent} has exited to {shell}")
    return Sight(pane, "unknown", f"the foreground program is '{front.comm}', not {agent}")


def _look_again(
    store: Store, sights: dict[Key, Sight], knowns: Mapping[Key, Known], now: float
) -> None:
    """Compare the screens of agents that look idle, and wrote a moment ago, with a second look.

    An agent whose hooks or transcript have reported the end of its turn needs none.
    """
    settings = store.settings

    def is_doubtful(sight: Sight) -> bool:
        known = knowns[sight.pane.socket, sight.pane.id]
        fresh = now - sight.pane.activity < settings.quiet
        idle = sight.shown is not None and sight.status == "idle"
        return idle and fresh and known.wants_prompts and not witnesses.consents(sight, known)

    if not any(sight.shown for sight in sights.values()):
        return
    from assigner.agents import screen_rules
    from assigner.sessions import witnesses

    doubtful = _by_socket(sights, is_doubtful)
    if doubtful:
        time.sleep(_BETWEEN)

    for socket, panes in doubtful.items():
        screens = tmux_panes.screens(socket, settings.tmux_timeout, store.instance, panes)
        for pane in panes:
            sight, again = sights[socket, pane.id], screens.get(pane.id)
            provider = registry.agent(sight.agent or "")
            if again is None or sight.shown is None:
                continue
            view = screen_rules.View.from_colored(again.colored, sight.shown.view.meta)
            if screen_rules.body(provider, view) != screen_rules.body(provider, sight.shown.view):
                changing = "its screen is still changing"
                sights[socket, pane.id] = sight._replace(status="busy", reason=changing)


def _from_screen(
    settings: Settings, sight: Sight, known: Known, shown: tmux_panes.Screen | None, now: float
) -> Sight:
    """Judge an agent by its screen and its provider's rules, and by its other witnesses."""
    if shown is None:
        return sight._replace(reason="cannot read the screen", agent=None)
    try:
        provider = registry.agent(sight.agent or "")
    except SetupError as error:
        return sight._replace(reason=str(error))
    if sight.version:
        from assigner.agents import version as agents_version

        untested = agents_version.is_newer(sight.version, provider.recorded)
        sight = sight._replace(is_untested=untested)
    meta = {
        "pane_current_command": shown.command,
        "pane_current_path": sight.directory or "",
        "pane_title": shown.title,
        "pane_in_mode": int(shown.in_mode),
        "cursor": f"{shown.cursor_x},{shown.cursor_y}",
        "cursor_flag": shown.cursor_flag,
    }
    from assigner.agents import screen_rules  # a pass over shells alone does not need them
    from assigner.sessions import witnesses

    view = screen_rules.View.from_colored(shown.colored, meta)
    verdict = witnesses.judge(settings, provider, view, sight, known, now)
    status, reason = verdict.status, verdict.reason
    pane = sight.pane
    if status == "offline":  # a stroke depends on the program that tmux shows
        reason = f"'{shown.command}' hides {sight.agent} from tmux: start it with exec"
        status = "unknown"
    if status == "idle" and pane.attached and now - pane.client_activity < settings.person_active:
        status, reason = "occupied", "a person is at its keyboard"
    if status == "idle" and system_processes.unread(pane.tty):
        status, reason = "occupied", UNREAD
    return sight._replace(status=status, reason=reason, shown=Shown(shown, view, verdict))
