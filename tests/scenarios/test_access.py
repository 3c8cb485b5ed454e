"""File modes and owners: files are private, and files of other users are not followed or used."""

import json
import os
import shlex
import shutil
import socket
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from assigner.config import Settings
from assigner.errors import AssignerError, SetupError
from assigner.goals import database as goals_database
from assigner.goals import worklog
from assigner.sessions import environment
from assigner.shells import posix
from assigner.store import database, lock, log, secrets, state_dir
from assigner.system import private_files
from harness.workplace import ROOT, Workplace, wait_for

IS_ROOT = os.geteuid() == 0
NOBODY = 65534


@contextmanager
def umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def open_to_others(root: Path) -> dict[str, str]:
    """What lies below a directory and has another mode than 0700 or, a file, 0600."""
    found = {}
    for path in (root, *root.rglob("*")):
        mode = path.lstat().st_mode
        wanted = 0o700 if stat.S_ISDIR(mode) else 0o600
        if stat.S_IMODE(mode) != wanted and not stat.S_ISLNK(mode):
            found[str(path.relative_to(root))] = oct(stat.S_IMODE(mode))
    return found


# --- what is made -------------------------------------------------------------------------------


@pytest.mark.parametrize("mask", [0, pytest.param(0o777, marks=pytest.mark.slow)], ids=oct)
def test_all_that_is_made_is_for_one_person_alone(work: Workplace, mask: int) -> None:
    """While prompts and a check run, and afterwards: of every file that tools and sessions make."""
    if mask and not IS_ROOT:
        pytest.skip("nobody else can work so")
    work.state = work.path / "far" / "away" / "state"
    work.database = work.state / "assigner.db"
    kept = work.path / "kept"
    work.environment |= {"ASSIGNER_HOME": str(work.state), "XDG_CONFIG_HOME": f"{work.path}/config"}
    top = work.repo()
    seen = f"find {shlex.quote(str(work.state))} -name worktrees -prune -o"
    seen += " ! -type l ! -perm 0700 ! -perm 0600 -print"
    foundation = work.path / "config/assigner/foundation.toml"
    foundation.parent.mkdir(parents=True)
    foundation.write_text(f'[foundation]\nsession = "foundation"\nworking_dir = "{work.home}"\n')
    foundation.chmod(0o600)
    kept.mkdir(mode=0o700)
    with umask(mask):
        work.enrolled("foundation")
        work.shell("once")
        work.tool("enroll", "once", "--command", "sh -c 'cat >/dev/null'")
        spool = shlex.quote(f"{work.state}/spool")
        hook = f"{ROOT}/bin/hook {spool} standin Stop '{{}}'; $ASSIGNER_REPORT progress half"
        jobs: list[dict[str, object]] = [
            {"content": f"{hook}\n{seen}", "target_session": "foundation", "check_command": seen,
             "env_vars": {"A": "1"}},
            {"content": "x", "target_session": "once"},
            {"content": "true", "target_session": "foundation", "working_dir": str(top),
             "git_branch": "feature", "worktree": True},
        ]  # fmt: skip
        lines = "\n".join(map(json.dumps, jobs))
        work.tool("send", "--jsonl", "-", "--env", "TOKEN", input=lines, env={"TOKEN": "hush"})
        work.tool("goals", "add-task", "true")
        work.tool("tick", "--log")
        work.tick(until=40)
        work.tool("foundation-check", status=(0, 1))
        work.tool("hooks", "install", "claude")
        work.tool("doctor", "--backup", kept / "backup.db")
        work.tool("doctor", "--recover", kept / "recovered.db", status=(0, 1))
        work.tool("cleanup-stale", "--apply")
    rows = work.rows("SELECT status, error, response FROM prompts ORDER BY id LIMIT 3")
    assert [row["status"] for row in rows] == ["completed"] * 3, rows
    assert rows[0]["response"] == "", "seen by the prompt"
    (checked,) = work.rows("SELECT output FROM checks")
    assert checked["output"] == "", "seen by the check"
    (own,) = (work.state / "worktrees").iterdir()
    shutil.rmtree(own)  # a tree's files are git's to make, in a directory that is closed
    names = {path.name for path in work.state.iterdir()}
    assert {"assigner.db", "goals.db", "lock", "logs", "spool", "run", "hooks"} <= names
    for root in (work.path / "far", kept, work.home / ".claude"):
        assert open_to_others(root) == {}


# --- what others could have put there -------------------------------------------------------------


def as_settings(work: Workplace) -> Settings:
    return Settings(home=work.state, database=work.database, sockets=(str(work.socket),), host="h")


def use(settings: Settings) -> None:
    """All that a tool opens in the state directory."""
    state_dir.prepare(settings)
    with lock.held(settings, 0.1), ExitStack() as stack:
        stack.callback(database.connect(settings, "test").connection.close)
        stack.callback(goals_database.connect(settings, "test").close)
        worklog.directory(settings)
        try:
            log.write(settings, "tick", ["line"])
        except OSError as error:
            raise SetupError(f"'{settings.logs}/tick.log': {error.strerror}") from None


def opened(work: Workplace) -> None:
    """The same, with what every tool makes of an error of SQLite."""
    try:
        use(as_settings(work))
    except sqlite3.Error as error:
        raise database.failure(work.database, error) from None


def link(path: Path) -> None:
    path.symlink_to(path.parents[1] / "victim")


def foreign_link(path: Path) -> None:
    target = path.parents[1] / "mine"
    target.mkdir(0o700) if "." not in path.name and path.name != "lock" else target.touch(0o600)
    path.symlink_to(target)
    os.lchown(path, NOBODY, NOBODY)


def foreign(path: Path) -> None:
    path.mkdir(0o700) if "." not in path.name and path.name != "lock" else path.touch(0o600)
    os.chown(path, NOBODY, NOBODY)


def writable(path: Path) -> None:
    path.touch()
    path.chmod(0o666)


def other(path: Path) -> None:
    """A directory for a file, a file for a directory."""
    path.touch() if "." not in path.name and path.name != "lock" else path.mkdir()


ATTACKS: dict[str, Callable[[Path], None]] = {
    "link": link,
    "foreign link": foreign_link,
    "foreign": foreign,
    "writable": writable,
    "pipe": lambda path: os.mkfifo(path, 0o600),
    "other": other,
}
FILES = ("assigner.db", "assigner.db-journal", "goals.db", "goals.db-journal", "lock")
DIRECTORIES = ("run", "spool", "secrets", "starts", "logs", "unknown", "worktrees", "foundation")
MENDED = [("logs/tick.log", "writable")]  # our own, to which a mode is given before it is written
PERSONS_OWN = [(name, "link") for name in FILES if name != "lock"]


def cases() -> Iterator[tuple[str, str]]:
    for name in (*FILES, "logs/tick.log"):
        yield from ((name, attack) for attack in ATTACKS)
    for name in DIRECTORIES:
        yield from ((name, attack) for attack in ATTACKS if attack != "writable")


@pytest.mark.parametrize("name", [*FILES, "logs/tick.log", *DIRECTORIES])
def test_what_others_could_have_put_there_is_refused(work: Workplace, name: str) -> None:
    """One line that names it, and neither it nor what it leads to is made, followed or changed."""
    settings = as_settings(work)
    victim = work.path / "victim"
    for where, attack in cases():
        if where != name or (where, attack) in MENDED or ("foreign" in attack and not IS_ROOT):
            continue
        shutil.rmtree(work.state, ignore_errors=True)
        shutil.rmtree(work.path / "mine", ignore_errors=True)
        (work.path / "mine").unlink(missing_ok=True) if (work.path / "mine").is_file() else None
        state_dir.prepare(settings)
        path = work.state / name
        if path.is_dir():
            path.rmdir()
        ATTACKS[attack](path)
        before = path.lstat()
        with pytest.raises(AssignerError) as told:
            opened(work)
        assert told.value.status == 78, (attack, told.value)
        assert str(path.parent) in str(told.value) and "\n" not in str(told.value), attack
        assert not victim.exists(), attack
        after = path.lstat()
        assert (after.st_mode, after.st_size, after.st_uid) == (
            before.st_mode, before.st_size, before.st_uid,
        )  # fmt: skip


def test_each_tool_says_so_in_one_line(work: Workplace) -> None:
    work.tool("send", "x")
    (work.database).chmod(0o666)
    for command in (["send", "y"], ["tick"], ["queue"], ["goals", "list"]):
        result = work.tool(*command, status=(0, 78))
        if command[0] != "goals":
            said = f"{command[0]}: other users can write '{work.database}': chmod 600 it\n"
            assert (result.status, result.out, result.err) == (78, "", said)
    row = work.tool("doctor", "--quick", "--json", status=1).json
    assert any(f"chmod 600 {work.database}" in entry["command"] for entry in row)
    if IS_ROOT:
        work.database.chmod(0o600)
        os.chown(work.database, NOBODY, NOBODY)
        said = f"queue: '{work.database}' belongs to another user\n"
        assert work.tool("queue", status=78).err == said


def test_a_link_of_ones_own_is_a_persons_choice(work: Workplace) -> None:
    real = work.path / "real"
    real.mkdir(mode=0o700)
    work.state.symlink_to(real)
    work.tool("send", "x")
    (real / "assigner.db").rename(work.path / "elsewhere.db")
    (real / "assigner.db").symlink_to(work.path / "elsewhere.db")
    assert work.tool("send", "y").out == "2\n"
    if IS_ROOT:
        os.lchown(work.state, NOBODY, NOBODY)
        said = f"queue: state directory '{work.state}' belongs to another user\n"
        assert work.tool("queue", status=78).err == said


# --- the spool ------------------------------------------------------------------------------------

NAMES = (
    "1.said.ok.5", "1.begun.5", "1.started", "1.exit.0", "2.checked.exit.0",
    "hook.standin.Stop.1.1.1.1", "hook.claude.SessionStart.1.1.1.1", "garbage",
)  # fmt: skip


def strangers(spool: Path) -> None:
    """Have everything in the spool that is no report of a session."""
    kinds: list[Callable[[str], object]] = [
        os.mkdir,
        os.mkfifo,
        lambda path: os.symlink("/etc/passwd", path),
        lambda path: os.symlink("/nowhere", path),
        lambda path: os.symlink(path, path),
        lambda path: socket.socket(socket.AF_UNIX).bind(path),
    ]
    if IS_ROOT:
        kinds.append(lambda path: (Path(path).write_text("{}"), os.chown(path, NOBODY, NOBODY)))
    number = 0
    here = os.open(spool, os.O_RDONLY)
    before = os.open(".", os.O_RDONLY)
    os.fchdir(here)  # a socket's path is short
    for name in NAMES:
        for make in kinds:
            number += 1
            make(f"{name}{number}")
    os.fchdir(before)
    os.close(before)
    os.close(here)
    start = json.dumps({"session_id": "s", "source": "startup"})
    for odd in (
        "hook.claude.SessionStart." + "9" * 100 + ".1.1.1",
        "hook.claude.SessionStart.1." + "9" * 100 + ".1.1",
        "hook.nobody.SessionStart.1.1.1.1",
        "9" * 18 + ".said.ok.1",
        "9" * 30 + ".said.ok.1",
        "\u0661.said.ok.1",
        "1.said.ok.1\udcff",
        ("x" * 255),
    ):
        (spool / odd).write_text(start)
    (spool / "hook.claude.SessionStart.1.1.3.1").write_bytes(os.urandom(2_000_000))
    for moment in (-(10**12), 10**12, 10**17):
        for name in ("hook.claude.SessionStart.1.1.2.", "1.said.progress."):
            path = spool / f"{name}{abs(moment)}{int(moment > 0)}"
            path.write_text(start)
            os.utime(path, (moment, moment))


def test_no_stranger_in_the_spool_holds_up_a_pass(work: Workplace) -> None:
    work.enrolled("one")
    work.tool("send", "echo ran")
    strangers(work.state / "spool")
    work.tick()
    assert work.prompt(1)["response"] == "ran"
    old = 10 * 86400
    for path in (work.state / "spool").iterdir():
        os.utime(path, (old, old), follow_symlinks=False)
    assert work.tool("cleanup-stale", "--apply").err == ""
    assert list((work.state / "spool").iterdir()) == []
    assert Path("/etc/passwd").exists()


# The names that `hook` and `report` will use are known to who becomes them by exec
SCRIPTS = {
    "hook": ("hook.standin.Stop.-.-.$PPID.$$", "hook {spool} standin Stop <payload"),
    "hook, argument": ("hook.standin.Stop.-.-.$PPID.$$", "hook {spool} standin Stop '{{}}'"),
    "report": ("7.said.ok.$$", "report --spool {spool} --attempt 7 ok"),
}


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_writes_nowhere_but_into_the_spool(work: Workplace, script: str) -> None:
    name, command = SCRIPTS[script]
    spool, victim = work.path / "spool", work.path / "victim"
    victim.mkdir()
    (victim / "file").write_text("as it was")
    (work.path / "payload").write_text("{}")
    line = f"exec {ROOT}/bin/{command.format(spool=spool)}"
    for target in (f"{victim}/file", f"{victim}/new"):
        shutil.rmtree(spool, ignore_errors=True)
        spool.mkdir(0o700)
        links = f'ln -s {target} "{spool}/.{name}"; ln -s {victim} "{spool}/{name}"'
        subprocess.run(["sh", "-c", f"{links}; {line}"], cwd=work.path, check=True, timeout=20)
        (report,) = [path for path in spool.iterdir() if not path.is_symlink()]
        assert stat.S_IMODE(report.stat().st_mode) == 0o600
        assert [path.name for path in victim.iterdir()] == ["file"]
        assert (victim / "file").read_text() == "as it was"
    if IS_ROOT:
        shutil.rmtree(spool)
        spool.mkdir(0o777)
        os.chown(spool, NOBODY, NOBODY)
        done = subprocess.run(["sh", "-c", line], cwd=work.path, capture_output=True, timeout=20)
        assert list(spool.iterdir()) == []
        if script == "report":
            assert done.returncode == 78
            assert done.stderr.decode() == f"report: spool '{spool}' belongs to another user\n"


def test_a_hook_takes_no_more_than_it_keeps_and_lets_nobody_wait(work: Workplace) -> None:
    work.tool("send", "x")
    process = subprocess.run(
        [ROOT / "bin/hook", work.state / "spool", "claude", "Stop"],
        input=b"x" * 40_000_000, check=True, timeout=60,
    )  # fmt: skip
    (kept,) = (work.state / "spool").iterdir()
    assert (process.returncode, kept.stat().st_size) == (0, 1 << 20)


@pytest.mark.parametrize(
    "args", [["--\x1b[31m\x9b"], ["\x1b]0;x\x07"], ["--attempt", "\r1", "ok"],
             ["--attempt", "1", "--spool", "/\x1b[2J", "ok"], ["--attempt", "007", "ok"]],
)  # fmt: skip
def test_report_says_nothing_that_a_terminal_obeys(work: Workplace, args: list[str]) -> None:
    result = work.tool("report", *args, status=(2, 78))
    assert result.err.startswith("report: ") and result.err.endswith("\n")
    assert result.err[:-1].isprintable()


# --- a process's environment ----------------------------------------------------------------------


def test_what_is_exported_is_no_command(work: Workplace) -> None:
    """Names that sh cannot export, as those of exported functions, and values of any bytes."""
    odd = {
        b"A;touch marker;B": b"x", b"$(touch marker)": b"x", b"BASH_FUNC_f%%": b"() { :; }",
        b"GOOD": b"$(touch marker)'\xff\n`touch marker`",
    }  # fmt: skip
    settings = as_settings(work)
    store = database.connect(settings, "test") if state_dir.prepare(settings) is None else None
    assert store
    with subprocess.Popen(["sleep", "60"], env=odd) as process:
        # the kernel tells of an environment a moment after exec
        kept = wait_for(lambda: environment.keep(store, "nobody", process.pid))
        process.kill()
    store.connection.close()
    assert kept == {"GOOD": os.fsdecode(odd[b"GOOD"])}
    (file,) = settings.secrets.iterdir()
    again = secrets.load_secrets(settings, file.name)
    script = settings.starts / "one.1"
    line = f"{shlex.quote(sys.executable)} -c 'import os; os.write(1, os.environb[b\"GOOD\"])'"
    state_dir.write(script, posix.starter(again, "/", line, file=str(script), rm="/bin/rm"))
    done = subprocess.run(["sh", script], cwd=work.path, capture_output=True, timeout=20)
    assert done.stdout == odd[b"GOOD"], done.stderr
    assert not list(work.path.rglob("marker")) and not Path("/marker").exists()


def test_access_makes_what_is_missing_above(tmp_path: Path) -> None:
    with umask(0):
        private_files.make_private(tmp_path / "a/b/c")
    assert open_to_others(tmp_path / "a") == {}
    (tmp_path / "file").touch()
    with pytest.raises(FileExistsError):
        private_files.make_private(tmp_path / "file")
    with pytest.raises(NotADirectoryError):
        private_files.make_private(tmp_path / "file/below")
