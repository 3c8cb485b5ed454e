"""inspect --record: saves a session's screen for a provider's tests or a bug report.

The names and paths of the machine, and the secrets that assigner knows, are replaced.
"""

import contextlib
import json
import os
import pwd
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from assigner.agents import ansi, detect
from assigner.agents.disguise import Disguise
from assigner.errors import UsageError
from assigner.queue import sessions
from assigner.sessions import known_panes
from assigner.store import secrets
from assigner.store.database import Row, Store
from assigner.store.rows import Session
from assigner.system import private_files, processes
from assigner.tmux import panes as tmux_panes

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}\Z")
_SECRET = re.compile(r"(?i)key|token|secret|pass|auth|cred|cookie")
_OWN = ("pane_title", "pane_current_path", "window_name")  # the variables that tell of a person


def record(store: Store, session_name: str, name: str, directory: Path, *, force: bool) -> Row:
    """Save a session's screen as NAME.ansi and NAME.json.  Returns what was written.

    UsageError if there is no such session, pane or directory, or if a file exists (unless `force`
    is given).  OSError.
    """
    files = {kind: directory / f"{name}.{kind}" for kind in ("ansi", "json")}
    _check(name, directory, [] if force else [*files.values()])
    session = sessions.find(store, session_name)
    pane = _pane(store, session)
    meta, colored = tmux_panes.recording(pane.socket, store.settings.tmux_timeout, pane.id)
    front = processes.front(pane.pid)
    front_process = processes.stat(front) if front else None
    agent = detect.in_front(front_process) if front_process else None
    meta["pane_current_path"] = processes.directory(front or pane.pid) or ""
    private = (_names(store, session), _paths(session, meta), list(_secrets(store, session)))
    status, rule = _verdict(agent, colored, meta)
    for only_in_paths in (False, True):  # a directory can have the name of a word of the agent's
        disguise = Disguise(*private, only_in_paths=only_in_paths)
        screen = disguise.text(colored)
        facts = {
            key: disguise.text(str(value)) if key in _OWN else value for key, value in meta.items()
        }
        judged = _verdict(agent, screen, facts)
        if judged == (status, rule):
            break
    contents = {
        "ansi": f"{screen}\n",
        "json": json.dumps(facts, ensure_ascii=False, indent=1) + "\n",
    }
    for kind, path in files.items():
        _write(path, contents[kind], force=force)
    return {
        "session": session["name"],
        "provider": agent or session["provider"],
        "files": [str(path) for path in files.values()],
        "status": status,
        "rule": rule,
        "judged_alike": judged == (status, rule),
        "replaced": sum(map(str.__ne__, ansi.plain(screen), ansi.plain(colored))),
    }


def _check(name: str, directory: Path, absent: list[Path]) -> None:
    if not _NAME.match(name):
        raise UsageError(f"'{name}' is not a name of files: letters, digits, '_', '.' and '-'")
    if not directory.is_dir():
        raise UsageError(f"'{directory}' is not a directory")
    for path in absent:
        if os.path.lexists(path):
            raise UsageError(f"'{path}' exists: give another name, or --force")


def _pane(store: Store, session: Session) -> tmux_panes.Pane:
    panes, silent = known_panes.list_panes(store)
    place = tmux_panes.PaneId.of(session).place
    for pane in panes:
        if pane.identity.place == place:
            return pane
    answering = {pane.socket: pane.server_pid for pane in panes}
    reason = known_panes.absence(store, session, answering, silent)[1]
    raise UsageError(f"session '{session['name']}' has no screen: {reason}")


def _verdict(
    agent: str | None, colored: str, meta: Mapping[str, object]
) -> tuple[str | None, str | None]:
    """The status by the agent's rules, and the rule; (None, None) for a shell."""
    provider = detect.usable(agent) if agent else None
    if provider is None or isinstance(provider, str):
        return None, None
    from assigner.agents import screen_rules

    found = screen_rules.judge(provider, screen_rules.View.from_colored(colored, meta))
    return found.status, found.rule


def _names(store: Store, session: Session) -> set[str]:
    user, host = pwd.getpwuid(os.geteuid()), os.uname().nodename
    full = user.pw_gecos.partition(",")[0]
    hosts = (host, host.partition(".")[0], store.settings.host)
    return {user.pw_name, full, *full.split(), *hosts, session["name"]}


def _paths(session: Session, meta: Mapping[str, object]) -> list[str]:
    own = (os.environ.get("HOME"), pwd.getpwuid(os.geteuid()).pw_dir, session["current_dir"])
    return [str(path) for path in (*own, meta["pane_current_path"]) if path]


def _secrets(store: Store, session: Session) -> Iterator[str]:
    """The values of the session's and its prompts' variables, and all that are kept as secret."""
    rows = store.rows("prompts/variables_in_session", session=session["name"])
    for variables in (session["env_vars"], *(row["env_vars"] for row in rows)):
        yield from filter(None, json.loads(variables).values())
    settings = store.settings
    environments = {row["environment_file"] for row in store.rows("sessions/list")}
    with contextlib.suppress(FileNotFoundError):
        for entry in os.scandir(settings.secrets):
            with contextlib.suppress(OSError, ValueError):
                for name, value in secrets.load_secrets(settings, entry.name).items():
                    if entry.name not in environments or _SECRET.search(name):
                        yield value


def _write(path: Path, text: str, *, force: bool) -> None:
    """Write a file of mode 0600.  FileExistsError unless `force` is given."""
    if force:
        path.unlink(missing_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    with os.fdopen(private_files.open_own(path, flags), "w", encoding="utf-8") as file:
        os.fchmod(file.fileno(), 0o600)
        file.write(text)
