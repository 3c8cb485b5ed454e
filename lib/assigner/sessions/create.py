"""enroll --create: create sessions that do not exist yet."""

import contextlib
import os
import shutil
import time
from collections.abc import Sequence
from typing import NamedTuple

from assigner.agents import detect, launch
from assigner.agents.hooks import folder_trust, install
from assigner.agents.provider import Provider
from assigner.errors import AssignerError, UsageError
from assigner.queue import sessions
from assigner.sessions import enroll, scan, start
from assigner.sessions.look import shell_of
from assigner.shells.dialects import DIALECTS
from assigner.store import state_dir
from assigner.store.database import Row, Store
from assigner.store.rows import Launch, Session
from assigner.system import processes, terminal_text
from assigner.tmux import client, panes
from assigner.tmux import create as tmux_create

_POLL = 0.05
_PATIENCE, _PATIENCE_AGENT = 5.0, 20.0  # seconds until a new session is ready
_STEADY = 10  # looks in a row that must show the agent's question before it counts


class Wish(NamedTuple):
    """The requested session: its directory (None: the current one), its shell (None: tmux's, or
    for an agent the login shell), and its options of enroll.
    """

    directory: str | None
    shell: str | None
    choice: enroll.Choice = enroll.Choice()


def lacking(store: Store, names: Sequence[str], wish: Wish) -> list[str]:
    """The names of sessions that do not exist yet.

    UsageError for a name that tmux would change, an unusable directory, shell or command, or a
    session that exists but differs from the request.
    """
    enroll.check(wish.choice)
    if agent := detect.known(wish.choice.provider):
        if not (wish.choice.command or agent.start):
            raise UsageError(f"the command that starts {agent.name} is unknown: give --command")
        enroll.check_agent(agent, wish.choice)
    elif wish.choice.trust or wish.choice.auto_approve or wish.choice.respawn:
        raise UsageError("--trust, --respawn and --auto-approve are for agents: give --provider")
    if wish.directory is not None and (problem := state_dir.directory_problem(wish.directory)):
        raise UsageError(problem)
    if wish.shell is not None:
        _known_shell(wish.shell)
    return [name for name in names if _is_missing(store, name, wish)]


def create(
    store: Store, name: str, wish: Wish, *, settle: float | None, silent: str | None
) -> Row | Session:
    """Create a session on the first configured socket and enroll it.  Returns its row.

    Waits at most `settle` seconds for the shell, and as long again for its prompt; or that long for
    an agent's composer.  Enrolls a session that is not ready by then too; its row has the reason.
    `silent` is why the socket does not answer.  AssignerError if no session was created.
    """
    if silent is not None:
        raise AssignerError(f"cannot create session '{name}': {silent}")
    directory = wish.directory or _here()
    agent = detect.known(wish.choice.provider)
    if agent and (missing := _missing(agent, wish)):
        raise missing
    if store.dry:
        provider = wish.choice.provider or ("command" if wish.choice.command else "shell")
        reason = f"would be created in {directory}"
        planned = {"provider": provider, "enrolled": 1, "status": None, "status_reason": reason}
        return {"name": name, **planned}
    if agent:
        patience = _PATIENCE_AGENT if settle is None else settle
        return _create_agent(store, name, agent, directory, wish, patience)
    settle = _PATIENCE if settle is None else settle
    _make(store, name, directory, wish.shell and _known_shell(wish.shell), settle)
    scan.scan(store)
    session = store.one("sessions/get", name=name)
    if session and session["status"] != "offline":
        provider = "command" if wish.choice.command else "shell"
        choice = wish.choice._replace(provider=wish.choice.provider or provider)
        session = enroll.enroll(store, name, choice)
        until = time.monotonic() + settle
        while session["status"] not in ("idle", "offline") and time.monotonic() < until:
            time.sleep(_POLL)
            scan.scan(store)
            session = sessions.find(store, name)
    if session is None or session["status"] == "offline":
        if session and session["enrolled"]:
            enroll.leave(store, name)
        raise AssignerError(f"new session '{name}' ended before it showed a prompt")
    process = processes.stat(session["pane_pid"])
    if process and shell_of(process) is None:  # a shell had started this program, and has exited
        enroll.leave(store, name)
        pane = session["pane_id"], session["pane_pid"]
        tmux_create.discard(session["socket"], store.settings.tmux_timeout, *pane)
        raise _no_shell(process.comm, name)
    return session


def _missing(agent: Provider, wish: Wish) -> AssignerError | None:
    """The error if the agent's program is not installed, else None."""
    program = start.missing(wish.choice.command or agent.start, os.environ.get("PATH"))
    if program is None:
        return None
    return AssignerError(
        f"cannot start {agent.name}: '{program}' is not on the PATH: install it, or give --command"
    )


def _create_agent(
    store: Store, name: str, agent: Provider, directory: str, wish: Wish, settle: float
) -> Session:
    """Create a session that runs an agent, and enroll it.  Returns its row.

    Waits at most `settle` seconds until the agent is ready.
    """
    trusted = (directory, *wish.choice.trust) if agent.launch.trusts else ()
    line = wish.choice.command or agent.start
    choice = wish.choice._replace(command=line, trust=trusted)
    options = install.options(agent, store.settings)
    argv = options.argv + folder_trust.trust(agent, trusted, directory, os.environ)
    as_it_is: Launch = {
        "command": line,
        "auto_approve": choice.auto_approve,
        "resume_conversation": 0,
        "conversation": None,
    }
    plan = start.Plan(
        directory,
        launch.command_line(agent, as_it_is, argv, resumed=False),
        {"PATH": os.environ.get("PATH", os.defpath), **options.variables},
        login=_known_shell(wish.shell) if wish.shell else start.login_shell(),
    )
    with store.transaction():
        sessions.plan(store, name, agent.name)
    session = sessions.find(store, name)
    socket = store.settings.sockets[0]
    try:
        start.start(store, session, plan, socket, stays=True)
    except (client.Unreachable, client.NoServer) as error:
        raise AssignerError(f"cannot create session '{name}' on '{socket}': {error}") from None
    scan.scan(store)
    session = sessions.find(store, name)
    if session["status"] != "offline":
        enroll.enroll(store, name, choice)
        sessions.set_start_directory(store, session, directory)
        session = _watch(store, name, settle)
    if session["status"] == "offline":
        raise _ended(store, session, agent)
    if choice.keepalive:
        enroll.keep_environment(store, session)
    return session


def _watch(store: Store, name: str, settle: float) -> Session:
    """Wait until a new session's agent is ready, asks a question or has ended.  Returns its row."""
    until = time.monotonic() + settle
    asked = 0
    while True:
        scan.scan(store)
        session = sessions.find(store, name)
        asked = asked + 1 if session["status"] == "waiting" else 0
        ready = session["status"] in ("idle", "offline") or asked >= _STEADY
        if ready or time.monotonic() > until:
            return session
        time.sleep(_POLL)


def _ended(store: Store, session: Session, agent: Provider) -> AssignerError:
    """Remove the session of an agent that has ended.  Returns the error with its last output."""
    name, said = session["name"], ""
    if session["pane_id"]:
        said = " ".join(_shown(store, session)[-3:])
        pane = session["pane_id"], session["pane_pid"]
        with contextlib.suppress(client.NoServer, client.Unreachable):
            tmux_create.discard(session["socket"], store.settings.tmux_timeout, *pane)
    start.forget(store, name)
    if session["enrolled"]:
        enroll.leave(store, name)
    reason = said or session["status_reason"]
    return AssignerError(f"new session '{name}' ended before {agent.name} was ready: {reason}")


def _shown(store: Store, session: Session) -> list[str]:
    """The nonempty lines on a session's screen; [] if it cannot be read."""
    pane = session["pane_id"]
    try:
        texts = panes.history(session["socket"], store.settings.tmux_timeout, [pane])
    except (client.NoServer, client.Unreachable):
        return []
    lines = [
        line.strip(" │┃|╭╮╰╯─━") for line in terminal_text.clean(texts.get(pane, "")).split("\n")
    ]
    return [line for line in lines if line and not line.startswith("Pane is dead")]


def _make(store: Store, name: str, directory: str, shell: str | None, settle: float) -> None:
    """Create a tmux session, and wait at most `settle` seconds until a known shell runs in it.

    Removes the session again if it raises AssignerError.
    """
    socket, timeout = store.settings.sockets[0], store.settings.tmux_timeout
    try:
        pane, pid = tmux_create.create(
            socket, timeout, name, directory, [shell, "-l"] if shell else []
        )
        program = _shown_shell(pid, settle)
        if program and shell_of(program):
            return
        tmux_create.discard(socket, timeout, pane, pid)
    except client.Unreachable as error:
        raise AssignerError(f"cannot create session '{name}' on '{socket}': {error}") from None
    except client.NoServer:
        program = None  # the server exited with its last session
    if program is None:
        raise AssignerError(f"new session '{name}' ended immediately")
    raise _no_shell(program.comm, name)


def _no_shell(program: str, name: str) -> AssignerError:
    return AssignerError(
        f"assigner cannot type prompts to '{program}', which ran in new session '{name}':"
        f" give --shell ({', '.join(DIALECTS)})"
    )


def _shown_shell(pid: int, settle: float) -> processes.Stat | None:
    """The process of a new pane, once it is a known shell or the time is up; None if it ended."""
    until = time.monotonic() + settle
    while True:
        process = processes.stat(pid)
        if process is None or process.state in "ZX":
            return None
        if shell_of(process) or time.monotonic() > until:
            return process
        time.sleep(_POLL)


def _is_missing(store: Store, name: str, wish: Wish) -> bool:
    """Whether the session must be created; UsageError if it cannot be, or differs."""
    row = store.one("sessions/get", name=name)
    if (row is None or row["status"] == "offline") and not sessions.parts_of(store, name):
        if not enroll.PLAIN_NAME.match(name):
            raise UsageError(
                f"'{name}' is not a name for a new session: use letters, digits, _, - (at most 64)"
            )
        return True
    session = sessions.find(store, name)
    process = processes.stat(session["pane_pid"])
    if wish.shell is not None and process and process.comm != os.path.basename(wish.shell):
        raise UsageError(f"session '{name}' exists, but runs {process.comm}, not '{wish.shell}'")
    if wish.directory is not None:
        found = processes.directory(session["pane_pid"])
        if found != os.path.realpath(wish.directory):
            place = f"'{found}'" if found else "an unknown directory"
            raise UsageError(
                f"session '{name}' exists, but is in {place}, not in '{wish.directory}'"
            )
    return False


def _here() -> str:
    try:
        return os.getcwd()
    except OSError:
        raise UsageError("the current directory no longer exists: give --workdir") from None


def _known_shell(shell: str) -> str:
    """The absolute path of a shell that assigner can type to.  UsageError."""
    path = shutil.which(os.path.expanduser(shell))
    if path is None:
        raise UsageError(f"cannot run shell '{shell}': no such program")
    if os.path.basename(path) not in DIALECTS:
        raise UsageError(
            f"assigner cannot type prompts to '{shell}' (known shells: {', '.join(DIALECTS)})"
        )
    return os.path.abspath(path)
