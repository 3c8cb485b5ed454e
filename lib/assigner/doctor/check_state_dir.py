"""doctor: the state directory, the lock and the tmux servers."""

import os
import re
import shlex
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from assigner import clock
from assigner.doctor.case import (
    BAD,
    OK,
    WARN,
    Case,
    Check,
    examples,
    finding,
    of_somebody_else,
    open_to_others,
)
from assigner.store import lock
from assigner.store.database import Row
from assigner.system import processes
from assigner.system.terminal_text import counted
from assigner.tmux import client
from assigner.tmux import panes as tmux_panes

NETWORK = re.compile(r"(nfs|cifs|smb|fuse|9p|ceph|afs|gluster|lustre|ncpfs|virtiofs)")
PASS_SECONDS = 600.0  # a pass should not take that long
ROOM, LITTLE_ROOM = 200_000_000, 20_000_000  # bytes


def _private(check: str, path: Path, kind: Callable[[int], bool], wanted: int) -> Iterator[Row]:
    """Findings about one path that only we may use."""
    what = "directory" if kind is stat.S_ISDIR else "file"
    status = path.lstat()
    if stat.S_ISLNK(status.st_mode):
        detail = f"'{path}' is a symbolic link, not a {what}"
        yield finding(check, BAD, detail, shlex.join(["rm", str(path)]))
    elif not kind(status.st_mode):
        yield finding(check, BAD, f"'{path}' is not a {what}: move it away")
    elif status.st_uid != os.geteuid():
        yield finding(check, BAD, *of_somebody_else(path, status.st_uid))
    elif status.st_mode & 0o077:
        verdict = BAD if status.st_mode & 0o022 else WARN
        yield open_to_others(check, verdict, path, status.st_mode, wanted)
    elif what == "directory" and status.st_mode & 0o700 != 0o700:
        detail = f"'{path}' has mode {stat.S_IMODE(status.st_mode):04o}: its owner cannot use it"
        yield finding(check, BAD, detail, shlex.join(["chmod", "700", str(path)]))


def check_state(case: Case) -> Iterator[Row]:
    home = case.settings.home
    ground = _ground(home)
    if not ground.is_dir():
        detail = f"'{ground}' is not a directory: move it away, or set ASSIGNER_HOME"
        yield finding("state directory", BAD, detail)
        return
    if ground != home:
        detail = f"no '{home}' yet: the first tool creates it"
        yield finding("state directory", WARN, detail, case.command("scan"))
        return
    real = home.resolve()  # a link to it is a person's choice
    wrong = list(_private("state directory", real, stat.S_ISDIR, 0o700))
    missing = []
    for path in (case.settings.run, case.settings.spool, case.settings.secrets):
        try:
            wrong += _private("state directory", path, stat.S_ISDIR, 0o700)
        except FileNotFoundError:
            missing.append(f"'{path}'")
    if missing:
        detail = f"no {', '.join(missing)}: the next tool creates it"
        wrong.append(finding("state directory", WARN, detail, case.command("status")))
    if not wrong and (problem := _unwritable(real)):
        wrong.append(finding("state directory", BAD, problem))
    yield from wrong or [finding("state directory", OK, str(home))]


def _ground(place: Path) -> Path:
    """The place itself, or what is there of the way to it."""
    return next((p for p in (place, *place.parents) if p.exists()), Path("/"))


def _unwritable(place: Path) -> str:
    """Why nothing can be written there; empty where something can be."""
    if os.statvfs(place).f_flag & os.ST_RDONLY:
        return f"'{place}' is on a file system that is mounted read-only"
    return "" if os.access(place, os.W_OK) else f"'{place}' cannot be written"


def check_database_file(case: Case) -> Iterator[Row]:
    check, path = "database file", case.settings.database
    if not path.is_file():
        return  # said when it is opened
    real = path.resolve()
    wrong = list(_private(check, real, stat.S_ISREG, 0o600))
    if (names := real.stat().st_nlink) > 1:
        detail = f"'{path}' has {names} names: a process that uses another one misses its journal"
        command = shlex.join(["find", str(real.parent), "-samefile", str(real)])
        wrong.append(finding(check, BAD, detail, command))
    yield from wrong or [finding(check, OK, str(real))]


def check_files(case: Case) -> Iterator[Row]:
    """Who owns what lies in it, and who can read the secrets."""
    settings = case.settings
    foreign: list[str] = []
    readable: list[str] = []
    number = 0
    for directory in (settings.run, settings.spool, settings.secrets):
        if directory.is_symlink() or not directory.is_dir():
            continue
        for entry in os.scandir(directory):
            try:
                status = entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue  # a pass is at work
            number += 1
            if status.st_uid != os.geteuid() or stat.S_ISLNK(status.st_mode):
                foreign.append(f"'{entry.path}'")
            elif directory == settings.secrets and status.st_mode & 0o077:
                readable.append(f"'{entry.path}'")
    if foreign:
        detail = f"links or files of other users: {examples(foreign)}"
        path = shlex.quote(str(settings.home))
        yield finding("files", BAD, detail, f"find {path} ! -user $(id -u) -o -type l")
    if readable:
        detail = f"other users can read secrets: {examples(readable)}"
        command = f"chmod 600 {shlex.quote(str(settings.secrets))}/*"
        yield finding("files", BAD, detail, command)
    if not foreign and not readable:
        yield finding("files", OK, f"{number} in run, spool and secrets, all yours")


def check_disk(case: Case) -> Iterator[Row]:
    seen = set()
    for place in dict.fromkeys((case.settings.home, case.settings.database.parent)):
        existing = _ground(place)
        if problem := _unwritable(existing):
            yield finding("disk", BAD, problem)
            continue
        device = existing.stat().st_dev
        if device in seen:
            continue
        seen.add(device)
        room = os.statvfs(existing)
        free = room.f_bavail * room.f_frsize
        no_names = room.f_files > 0 and room.f_favail < 100
        verdict = OK if free > ROOM else WARN if free > LITTLE_ROOM else BAD
        detail = f"{free / 1e6:,.0f} MB free at '{existing}'"
        if no_names:
            verdict, detail = BAD, f"no inodes left at '{existing}'"
        yield finding("disk", verdict, detail, "" if verdict == OK else "df -h; df -i")


def check_lock(case: Case) -> Iterator[Row]:
    path = case.settings.home / "lock"
    try:
        pid = lock.holder(path)
    except FileNotFoundError:
        yield finding("lock", OK, "no pass has run yet")
        return
    except IsADirectoryError:
        yield finding("lock", BAD, f"'{path}' is a directory", shlex.join(["rmdir", str(path)]))
        return
    except NotADirectoryError:
        return  # said of the state directory
    if pid is None:
        yield finding("lock", OK, "free")
        return
    words, start, process = processes.arguments(pid), processes.started(pid), processes.stat(pid)
    name = shlex.join([os.path.basename(words[1]), *words[2:]]) if len(words) > 1 else "unknown"
    since = f", running since {clock.text(start)}" if start else ""
    detail = f"held by process {pid or '(not visible here)'}: {name}{since}"
    if process and process.state in "Tt":
        yield finding("lock", BAD, f"{detail}, and is stopped", f"kill -CONT {pid}")
    elif start and time.time() - start > PASS_SECONDS and "--until-idle" not in words:
        yield finding("lock", WARN, f"{detail}: a pass should not take that long", f"kill {pid}")
    else:
        yield finding("lock", OK, detail)


def check_file_system(case: Case) -> Iterator[Row]:
    """Locks of a network file system are not to be relied on (flock(2), sqlite.org/faq.html#q5)."""
    wrong = []
    for place in dict.fromkeys((case.settings.home, case.settings.database.parent)):
        kind = processes.file_system(place)
        if NETWORK.match(kind):
            wrong.append(f"'{place}' is on {kind}, where locks are unreliable")
    if wrong:
        detail = f"{examples(wrong)}: set ASSIGNER_HOME to a local directory"
        yield finding("file system", WARN, detail)
    else:
        yield finding("file system", OK, processes.file_system(case.settings.home) or "unknown")


def check_sockets(case: Case) -> Iterator[Row]:
    for socket in case.settings.sockets:
        yield from _check_socket(case, socket)


def _check_socket(case: Case, socket: str) -> Iterator[Row]:
    check = "tmux server"
    start = shlex.join(["tmux", "-S", socket, "new-session", "-d"])
    try:
        status = os.stat(socket)
    except (FileNotFoundError, NotADirectoryError):
        yield finding(check, *_without_socket(case, socket, f"no server at '{socket}'", start))
        return
    except OSError as error:
        yield finding(check, BAD, f"'{socket}' cannot be reached: {error.strerror}")
        return
    if not stat.S_ISSOCK(status.st_mode):
        yield finding(check, BAD, f"'{socket}' is not a socket: correct ASSIGNER_TMUX_SOCKETS")
        return
    if status.st_uid != os.geteuid():
        detail = f"{of_somebody_else(Path(socket), status.st_uid)[0]}, who can read what is typed"
        yield finding(check, BAD, f"{detail}: correct ASSIGNER_TMUX_SOCKETS")
        return
    try:
        version, panes = tmux_panes.server(socket, case.settings.tmux_timeout)
    except client.NoServer:
        gone = f"no server listens at '{socket}' any more"
        yield finding(check, *_without_socket(case, socket, gone, start))
        return
    except client.Unreachable as error:
        pid = processes.listener(socket)
        process = processes.stat(pid) if pid else None
        if process and process.state in "Tt":
            detail = f"the server at '{socket}', process {pid}, is stopped"
            yield finding(check, BAD, detail, f"kill -CONT {pid}")
        else:
            look = f"ps -lp {pid}" if pid else ""
            yield finding(check, BAD, f"'{socket}', process {pid or 'unknown'}: {error}", look)
        return
    ours = client.client_version().removeprefix("tmux ")
    if not version:
        detail = f"the server at '{socket}' does not understand this tmux ({ours}): restart it"
        yield finding(check, BAD, detail)
    elif version != ours:
        detail = f"the server at '{socket}' is {version}, the client {ours}: restart it soon"
        yield finding(check, WARN, detail)
    else:
        yield finding(check, OK, f"{version} at '{socket}', {counted(panes, 'pane')}")


def _without_socket(case: Case, socket: str, detail: str, start: str) -> tuple[str, str, str]:
    """Verdict, detail and command for a socket at which nobody listens.

    Its server may be alive, and makes its socket again when it gets SIGUSR1 (tmux(1)).
    """
    rows = case.store.rows("sessions/list") if case.store else []
    for pid in sorted({row["server_pid"] or 0 for row in rows if row["socket"] == socket}):
        if pid and processes.is_tmux(pid):
            return BAD, f"{detail}, but process {pid} still runs sessions", f"kill -USR1 {pid}"
    directory = os.path.dirname(socket)
    if not os.path.isdir(directory):
        start = f"{shlex.join(['mkdir', '-m', '700', '-p', directory])} && {start}"
    return WARN, detail, start


SURROUNDINGS: dict[str, Check] = {
    "state directory": check_state,
    "files": check_files,
    "database file": check_database_file,
    "disk": check_disk,
    "file system": check_file_system,
    "lock": check_lock,
}
SERVERS: dict[str, Check] = {"tmux server": check_sockets}
