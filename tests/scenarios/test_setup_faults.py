"""Faults of the machine or the setup: one line, exit status 78 or 75, and nothing half done."""

import contextlib
import os
import resource
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from assigner import config
from harness.workplace import PIPES, ROOT, Result, Workplace, wait_for

pytestmark = pytest.mark.real

PASSES = (
    "scan", "keepalive", "sync-context", "observe", "retry-failed", "assign-next", "deliver",
    "tick",
)  # fmt: skip
# What asks to read, to write, and to do both in a pass
READS, WRITES, PASS = ("queue",), ("send", "x"), ("scan",)
EACH = (READS, WRITES, PASS)
# root may do everything: these runs go without that right
MORTAL = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
needs_mortal = pytest.mark.skipif(
    bool(MORTAL) and not shutil.which("setpriv"), reason="root, and no setpriv(1)"
)


def run(work: Workplace, *command: object, under: Sequence[str] = (), **options: object) -> Result:
    """A tool, run under another program, or with options of subprocess.run."""
    name, *args = map(str, command)
    argv = [*under, sys.executable, str(ROOT / "bin" / name), *args]
    given = {"env": work.environment, "cwd": "/", "stdin": subprocess.DEVNULL, "timeout": 60}
    done = subprocess.run(argv, **{**PIPES, **given, **options})  # type: ignore[call-overload]
    return Result(" ".join([name, *args]), done.returncode, done.stdout, done.stderr)


def says(result: Result, status: int, message: str) -> None:
    """The tool ended with that status, and said that in one line, and nothing else."""
    name = result.command.split()[0]
    assert (result.status, result.out) == (status, ""), result
    assert result.err.startswith(f"{name}: "), result
    assert result.err.count("\n") == 1, result
    assert message in result.err, result


@pytest.fixture
def used(work: Workplace) -> Workplace:
    """A workplace with one prompt."""
    work.tool("send", "echo hi")
    return work


@contextmanager
def database_locked(work: Workplace) -> Iterator[None]:
    with closing(sqlite3.connect(work.database, isolation_level=None)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        yield


# --- the database -----------------------------------------------------------------------------


def make_no_database(path: Path) -> None:
    path.write_bytes(b"all is well " * 1000)


def make_damaged(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[:4096] + b"U" * (len(data) - 4096))


def make_foreign(path: Path) -> None:
    path.unlink()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE songs (title)")


def make_foreign_of_our_version(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
    make_foreign(path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {version}")


def make_newer(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 999")


def make_older(path: Path) -> None:
    """As a version before the first release made the queue, or the goals."""
    path.unlink()
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript("""
            CREATE TABLE _sqlite_migrations (name TEXT PRIMARY KEY, applied_at TEXT);
            INSERT INTO _sqlite_migrations VALUES ('0001-first', '2026-01-02');
            CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
            INSERT INTO meta VALUES ('instance', '12345678');
            CREATE TABLE leases (id INTEGER PRIMARY KEY, tree TEXT NOT NULL) STRICT;
            PRAGMA user_version = 1;
        """)
        table = "tasks" if path.name == "goals.db" else "prompts"
        connection.execute(f"CREATE TABLE {table} (id INTEGER PRIMARY KEY, content TEXT) STRICT")
    path.chmod(0o600)


def make_directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


DATABASES = {
    make_no_database: "is damaged or not a database: file is not a database; run 'assigner doctor'",
    make_damaged: "is damaged or not a database: database disk image is malformed; run 'assigner",
    make_foreign: "is a database of another program",
    make_foreign_of_our_version: "is a database of another program",
    make_newer: "was written by a newer assigner (schema 999, this one knows",
    make_older: "is from before assigner 0.1.0 (schema 1), and this version cannot read it",
    make_directory: "cannot open",
}


@pytest.mark.parametrize("make", DATABASES, ids=lambda make: make.__name__[5:])
def test_database_that_is_not_ours_is_left_alone(used: Workplace, make) -> None:  # type: ignore[no-untyped-def]
    make(used.database)
    before = used.database.read_bytes() if used.database.is_file() else b""
    for command in EACH:
        says(used.tool(*command, status=78), 78, DATABASES[make])
        says(used.tool(*command, status=78), 78, f"'{used.database}'")
    assert (used.database.read_bytes() if used.database.is_file() else b"") == before


def test_goals_from_before_the_first_release_are_left_alone(used: Workplace) -> None:
    goals = used.state / "goals.db"
    used.tool("goals", "init")
    make_older(goals)
    before, message = goals.read_bytes(), f"'{goals}' is from before assigner 0.1.0 (schema 1)"
    for command in (("list",), ("add-task", "x"), ("init",), ("list", "--json")):
        says(used.tool("goals", *command, status=78), 78, message)
    assert goals.read_bytes() == before


@pytest.mark.parametrize("name", ["assigner.db", "goals.db"])
def test_doctor_leaves_a_database_from_before_the_first_release_alone(
    used: Workplace, name: str
) -> None:
    used.tool("goals", "init")
    file = used.state / name
    make_older(file)
    before = file.read_bytes()
    rows = used.tool("doctor", "--json", status=1).json
    check = {"assigner.db": "database", "goals.db": "goals"}[name]
    (row,) = [row for row in rows if row["check"] == check]
    assert row["verdict"] == "bad" and "from before assigner 0.1.0" in row["detail"]
    for options in (["--repair"], ["--repair", "--dry-run"]):
        assert "from before assigner 0.1.0" in used.tool("doctor", *options, status=78).err
    lost = used.tool("doctor", "--recover", used.path / "new", "--json", status=1).json
    assert any("from before assigner 0.1.0" in row["detail"] for row in lost)
    assert file.read_bytes() == before
    assert [file.name for file in used.state.glob("*before-repair*")] == []


def test_database_that_is_named_must_be_there_to_be_read(work: Workplace) -> None:
    for command in (("queue",), ("prompts",), ("show", 1), ("sessions",), ("status",)):
        says(work.tool(*command, "--db", "/nowhere.db", status=78), 78, "no database at '/now")
    says(work.tool("send", "x", "--db", "/no/where.db", status=78), 78, "cannot create")


@pytest.mark.parametrize("empty", [True, False], ids=["empty file", "no file"])
def test_new_database_opened_by_many_at_once(work: Workplace, empty: bool) -> None:
    if empty:
        work.state.mkdir(mode=0o700)
        work.database.touch(mode=0o600)
    senders = [work.start("send", f"echo {n}") for n in range(6)]
    outputs = [sender.communicate(timeout=60) for sender in senders]
    assert [err for _, err in outputs] == [""] * 6
    assert sorted(int(out) for out, _ in outputs) == [1, 2, 3, 4, 5, 6]
    assert work.database.stat().st_mode & 0o777 == 0o600
    assert work.tool("cleanup-stale", "--verify-only").out == ""


@needs_mortal
def test_database_that_is_read_only_can_be_read(used: Workplace) -> None:
    used.database.chmod(0o400)
    for command in (("send", "x"), ("cancel", 1), ("tick",)):
        says(run(used, *command, under=MORTAL), 78, "cannot be written: make it and its dir")
    for command in (("queue",), ("show", "1"), ("status",), ("scan", "--dry-run")):
        assert run(used, *command, under=MORTAL).status == 0
    used.database.chmod(0)
    says(run(used, "queue", under=MORTAL), 78, "make sure that it is a file you can read and write")
    used.database.chmod(0o600)
    used.state.chmod(0o500)  # no journal can be made
    says(run(used, "send", "x", under=MORTAL), 78, "cannot be written")
    used.state.chmod(0o700)
    assert len(used.rows("SELECT id FROM prompts")) == 1


def test_disk_that_is_full(used: Workplace) -> None:
    """First as a limit to the size of a file, which needs no rights."""
    size = used.database.stat().st_size

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    lines = '{"content": "x"}\n' * 2000
    result = run(used, "send", "--jsonl", "-", preexec_fn=limit, stdin=None, input=lines)
    says(result, 1, "disk I/O error: check the disk; nothing was changed")
    assert len(used.rows("SELECT id FROM prompts")) == 1
    assert used.tool("cleanup-stale", "--verify-only").out == ""
    assert used.tool("send", "y").out == "2\n"


def test_disk_that_is_full_for_a_secret(used: Workplace) -> None:
    """A file system of its own, gone with the shell that made it."""
    apart = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--mount", "-r"]
    mount = 'mount -t tmpfs -o size=400k,mode=700 tmpfs "$ASSIGNER_HOME"'
    tried = [*apart, "sh", "-c", mount]
    if not shutil.which("unshare") or subprocess.run(tried, env=used.environment).returncode:
        pytest.skip("no file system of its own may be mounted here")
    script = f"""{mount} && cd "$ASSIGNER_HOME"
        send() {{ {sys.executable} {ROOT}/bin/send "$@"; echo "status $?"; }}
        send one
        cat /dev/zero >fill 2>/dev/null
        send two
        send three --env TOKEN
        ls secrets
        rm fill
        send four"""
    environment = {**used.environment, "TOKEN": "hush"}
    done = subprocess.run([*apart, "sh", "-c", script], env=environment, **PIPES, timeout=60)
    assert done.stdout.split("\n")[:-1] == [
        "1",
        "status 0",
        "status 1",
        "status 1",
        "2",
        "status 0",
    ]
    full, secret = done.stderr.splitlines()
    assert full.endswith("database or disk is full: free some space; nothing was changed")
    assert secret.startswith("send: '") and secret.endswith("': No space left on device")


def open_files(pid: int) -> set[str]:
    """The paths of the files that a process has open at this moment."""
    found = set()
    for file in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            found.add(os.readlink(file))
    return found


def test_database_that_is_busy_for_a_while(used: Workplace) -> None:
    with database_locked(used):
        sender = used.start("send", "x")
        wait_for(lambda: str(used.database) in open_files(sender.pid), what="an open database")
    assert sender.communicate(timeout=60) == ("2\n", "")


def test_database_that_is_busy_for_too_long(used: Workplace) -> None:
    """As long as all of them wait, ten seconds, but at the same time."""
    with database_locked(used):
        started = {" ".join(command): used.start(*command) for command in EACH}
        for command, process in started.items():
            out, err = process.communicate(timeout=60)
            says(Result(command, process.returncode, out, err), 75, "is busy: database is locked")
    assert len(used.rows("SELECT id FROM prompts")) == 1


# --- the state directory ----------------------------------------------------------------------


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o702], ids=oct)
def test_state_directory_that_others_can_write(used: Workplace, mode: int) -> None:
    used.state.chmod(mode)
    for command in EACH:
        says(
            used.tool(*command, status=78),
            78,
            f"other users can write to the state directory '{used.state}'",
        )
    assert used.state.stat().st_mode & 0o777 == mode


def test_state_directory_of_somebody_else(work: Workplace) -> None:
    theirs = Path("/usr")
    if os.geteuid() == 0:
        theirs = work.path / "theirs"
        theirs.mkdir()
        os.chown(theirs, 65534, 65534)
    for command in EACH:
        result = work.tool(*command, status=78, env={"ASSIGNER_HOME": str(theirs)})
        says(result, 78, f"state directory '{theirs}' belongs to another user")


def test_state_directory_that_cannot_be_made(work: Workplace) -> None:
    file, closed = work.path / "file", work.path / "closed"
    file.touch()
    closed.mkdir(mode=0o500)
    for home, reason in (
        (file, f"'{file}' is not a directory: move it away, or set ASSIGNER_HOME"),
        (file / "below", "Not a directory"),
        (Path("/proc/nowhere"), "No such file or directory"),
        (Path("state"), "ASSIGNER_HOME is not an absolute path: 'state'"),
        (Path("/a\nb"), r"ASSIGNER_HOME has a control character or is not UTF-8: '/a\nb'"),
    ):
        for command in EACH:
            says(work.tool(*command, status=78, env={"ASSIGNER_HOME": str(home)}), 78, reason)
    work.environment["ASSIGNER_HOME"] = str(closed / "state")
    if shutil.which("setpriv") or not MORTAL:
        says(run(work, "send", "x", under=MORTAL), 78, f"'{closed}/state': Permission denied")


@pytest.mark.parametrize("name", ["run", "spool", "secrets"])
def test_directories_within_it_are_no_links(used: Workplace, name: str) -> None:
    elsewhere = used.path / "elsewhere"
    elsewhere.mkdir(mode=0o755)
    (used.state / name).rmdir()
    (used.state / name).symlink_to(elsewhere)
    for command in EACH:
        says(
            used.tool(*command, status=78),
            78,
            f"'{used.state}/{name}' is not a directory that you own",
        )
    assert elsewhere.stat().st_mode & 0o777 == 0o755
    (used.state / name).unlink()
    (used.state / name).touch()
    says(used.tool("send", "x", status=78), 78, f"'{used.state}/{name}': File exists")


# --- settings ---------------------------------------------------------------------------------

SETTINGS = {
    "ASSIGNER_BACKOFF_BASE=soon": "ASSIGNER_BACKOFF_BASE is not a number: 'soon'",
    "ASSIGNER_BACKOFF_BASE=-1": "ASSIGNER_BACKOFF_BASE is out of range: '-1'",
    "ASSIGNER_BACKOFF_BASE=nan": "ASSIGNER_BACKOFF_BASE is out of range: 'nan'",
    "ASSIGNER_MAX_CONTENT=1.5": "ASSIGNER_MAX_CONTENT is not a whole number: '1.5'",
    "ASSIGNER_SCORE_BRANCH=much": "ASSIGNER_SCORE_BRANCH is not a whole number: 'much'",
    "ASSIGNER_TMUX_TIMEOUT=0": "ASSIGNER_TMUX_TIMEOUT is out of range: '0'",
    "ASSIGNER_VALIDATE=maybe": "ASSIGNER_VALIDATE is neither yes nor no: 'maybe'",
    "ASSIGNER_TMUX_SOCKETS=/a:b": "ASSIGNER_TMUX_SOCKETS has a path that is not absolute: 'b'",
    "ASSIGNER_TMUX_SOCKETS=:": "ASSIGNER_TMUX_SOCKETS has a path that is not absolute: ''",
    "ASSIGNER_DB=/": "'/' is not a file name: give one to --db or ASSIGNER_DB",
    "ASSIGNER_DB=queue.db": "ASSIGNER_DB is not an absolute path: 'queue.db'",
    "ASSIGNER_PREFERRED_PROVIDER=abacus": "_PROVIDER is unknown: 'abacus' (known: shell,",
    "ASSIGNER_HOST=\udcff": "ASSIGNER_HOST has a control character or is not UTF-8",
    "ASSIGNER_NOW=soon": "ASSIGNER_NOW is not a time: 'soon'",
}


@pytest.mark.parametrize("setting", SETTINGS)
def test_bad_setting(used: Workplace, setting: str) -> None:
    name, _, value = setting.partition("=")
    says(used.tool("scan", status=78, env={name: value}), 78, SETTINGS[setting])


FILES = {
    b"ASSIGNER_BACKOFF_BASE=soon\n": "ASSIGNER_BACKOFF_BASE is not a number: 'soon'",
    b"# mine\n\nASSIGNER_COLOR=1\n": "line 3: unknown setting 'ASSIGNER_COLOR' (.env.example",
    b"PATH=/tmp\n": "line 1: unknown setting 'PATH'",
    b"# mine\n\nall is well\n": "line 3 is not NAME=value",
    b"ASSIGNER_HOST\n": "line 1 is not NAME=value",
    b"ASSIGNER_HOST=\xff\n": "is not valid UTF-8",
}


def env_file(work: Workplace) -> Path:
    file = work.home / ".config/assigner/.env"
    file.parent.mkdir(parents=True)
    return file


@pytest.mark.parametrize("text", FILES)
def test_bad_env_file(used: Workplace, text: bytes) -> None:
    env_file(used).write_bytes(text)
    says(used.tool("queue", status=78), 78, FILES[text])


@needs_mortal
def test_env_file_that_cannot_be_trusted(used: Workplace) -> None:
    file = env_file(used)
    file.write_text("ASSIGNER_BACKOFF_BASE=7\n")
    assert used.tool("queue").err == ""
    for mode in (0o620, 0o602):
        file.chmod(mode)
        says(
            used.tool("queue", status=78),
            78,
            f"other users can write '{file}': chown it to yourself and chmod 600",
        )
    file.chmod(0)
    says(run(used, "queue", under=MORTAL), 78, f"cannot read '{file}': Permission denied")
    file.unlink()
    os.mkfifo(file)
    says(used.tool("queue", status=78), 78, f"'{file}' is not a regular file")


def test_env_file_gives_way_to_the_environment(used: Workplace) -> None:
    env_file(used).write_text("export ASSIGNER_MAX_CONTENT='3' # bytes\nASSIGNER_HOST=\n")
    says(used.tool("send", "four", status=2), 2, "content has 4 bytes, the limit is 3")
    assert used.tool("send", "four", env={"ASSIGNER_MAX_CONTENT": "4"}).out == "2\n"


def test_env_file_in_the_current_directory_is_nobodys(used: Workplace) -> None:
    (used.path / ".env").write_text("ASSIGNER_MAX_CONTENT=3\n")
    used.tool("send", "four", cwd=used.path)


def test_no_home(work: Workplace) -> None:
    work.environment.pop("HOME")
    for command in (["timers", "install", "cron", "--dry-run"], ["manual"]):
        assert work.tool(*command, status=78).err.endswith("_HOME is set: set HOME\n")
    work.environment.pop("ASSIGNER_HOME")
    unknown = "neither HOME nor XDG_STATE_HOME is set: set ASSIGNER_HOME"
    says(work.tool("queue", status=78), 78, unknown)


def test_env_example_has_every_setting() -> None:
    lines = (ROOT / ".env.example").read_text().splitlines()
    assert all(line == "" or line.startswith("#") for line in lines)
    named = [line[1:].partition("=")[0] for line in lines if line.startswith("#ASSIGNER_")]
    assert sorted(named) == sorted(config.KNOWN)


def test_env_example_tells_the_defaults(work: Workplace, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every line that is no example, taken as it stands, changes nothing."""
    monkeypatch.setattr(os, "environ", work.environment)
    default, lines = config.load(), (ROOT / ".env.example").read_text().split("\n\n")
    shown = "\n".join(part for part in lines if "xample:" not in part)
    env_file(work).write_text(shown.replace("#ASSIGNER_", "ASSIGNER_"))
    assert shown.count("#ASSIGNER_") > 10
    assert config.load() == default


# --- tmux -------------------------------------------------------------------------------------


@pytest.fixture
def waiting(work: Workplace) -> Workplace:
    """A prompt that waits for an enrolled session."""
    work.enrolled("one")
    work.tool("send", "true", "--target", "one")
    return work


def status_of(work: Workplace) -> tuple[str, str]:
    row = work.row("SELECT status, status_reason FROM sessions")
    return row["status"], row["status_reason"]


def recovers(work: Workplace) -> None:
    """Nothing was taken from the prompt, and nothing typed: it runs once all is well again."""
    assert work.prompt(1)["status"] == "pending"
    work.tick()
    assert work.prompt(1)["status"] == "completed"
    assert work.prompt(1)["attempts"] == 1


def test_no_tmux(waiting: Workplace) -> None:
    tools = waiting.path / "tools"
    tools.mkdir()
    for name in ("timeout", "sh", "mv", "tee", "git"):
        (tools / name).symlink_to(str(shutil.which(name)))
    for path, message in ((tools, "cannot run 'tmux': install it"), ("/", "cannot find 'timeout'")):
        for command in (("scan",), ("tick",), ("enroll", "one"), ("inspect", "one")):
            says(waiting.tool(*command, status=78, env={"PATH": str(path)}), 78, message)
        waiting.tool("queue", env={"PATH": str(path)})
    recovers(waiting)


def test_server_that_is_gone(waiting: Workplace) -> None:
    waiting.stop_server()
    assert "the tmux server is gone" in waiting.tool("scan").out
    assert waiting.tool("tick").err == ""
    assert status_of(waiting)[0] == "offline"
    assert waiting.prompt(1)["held_by"] == "target missing"
    waiting.enrolled("one")
    recovers(waiting)


def sockets(work: Workplace) -> dict[str, Path]:
    """Paths at which no tmux server listens."""
    stale, file = work.path / "stale", work.path / "file"
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(stale))
    file.touch()
    return {"nothing": work.path / "nowhere", "stale": stale, "file": file}


def test_socket_that_nobody_serves(waiting: Workplace) -> None:
    """It says nothing of sessions that were seen elsewhere."""
    for path in sockets(waiting).values():
        where = {"ASSIGNER_TMUX_SOCKETS": str(path)}
        waiting.tool("scan", env=where)
        seen = ("unknown", f"socket {waiting.socket} is not configured")
        assert status_of(waiting) == seen
        found = waiting.tool("inspect", "one", "--json", env=where).json
        assert (found["status"], found["status_reason"], found["pane"]) == (*seen, None)
    recovers(waiting)


@needs_mortal
def test_socket_of_somebody_else(waiting: Workplace) -> None:
    waiting.socket.parent.chmod(0)
    try:
        for command in ("scan", "tick"):
            result = run(waiting, command, under=MORTAL)
            assert result.status == 1
            assert result.err.endswith("(Permission denied)\n")
            assert result.err.count("\n") == 1
        assert status_of(waiting)[0] == "unknown"
    finally:
        waiting.socket.parent.chmod(0o700)
    recovers(waiting)


def test_server_that_hangs(waiting: Workplace) -> None:
    (server,) = waiting.servers()
    os.kill(server, signal.SIGSTOP)
    answer = "tmux did not answer within 0.3 s"
    patience = {"ASSIGNER_TMUX_TIMEOUT": "0.3"}
    look = waiting.start("inspect", "one", env=patience)
    for command in ("scan", "tick"):
        result = waiting.tool(command, status=1, env=patience)
        assert result.err == f"{command}: {waiting.socket}: {answer}\n"
    assert status_of(waiting) == ("unknown", answer)
    out, err = look.communicate(timeout=30)
    assert (answer in out, err, look.returncode) == (True, "", 0)
    os.kill(server, signal.SIGCONT)
    recovers(waiting)


# --- other passes, and the caller ---------------------------------------------------------------


def test_pass_that_finds_another(used: Workplace) -> None:
    with used.locked():
        for command in (
            *((name,) for name in PASSES),
            ("enroll", "one"),
            ("cleanup-stale", "--apply"),
        ):
            busy = used.tool(*command, "--wait", 0, status=75)
            says(busy, 75, f"cannot lock '{used.state}/lock': another pass is running")
            quiet = used.tool(*command, "--wait", 0.1, "--quiet", "--json", status=75)
            assert (quiet.out, quiet.err) == ("", "")
        for command in (
            ("send", "x"),
            ("queue",),
            ("status",),
            ("cancel", 1),
            ("scan", "--dry-run"),
        ):
            used.tool(*command)
    used.tool("scan", "--wait", 0)


def test_lock_that_is_no_file(used: Workplace) -> None:
    (used.state / "lock").mkdir()
    says(used.tool("scan", status=78), 78, f"cannot lock '{used.state}/lock': Is a directory")


def test_two_ticks_at_once(work: Workplace) -> None:
    work.enrolled("one")
    for number in range(3):
        work.tool("send", f"echo {number} >>{work.path}/ran")
    for _ in range(2):
        ticks = [work.start("tick") for _ in range(3)]
        assert [(tick.communicate(timeout=60)[1], tick.returncode) for tick in ticks] == [
            ("", 0)
        ] * 3
    work.tick()
    assert (work.path / "ran").read_text().split() == ["0", "1", "2"]


def test_reader_that_has_seen_enough(work: Workplace) -> None:
    work.tool("send", "--jsonl", "-", input='{"content": "x"}\n' * 200)
    for command in (("prompts", "--json"), ("prompts",), ("send", "y"), ("assigner",)):
        reader, writer = os.pipe()
        os.close(reader)
        result = run(work, *command, stdout=writer, encoding=None, errors=None)
        os.close(writer)
        assert (result.status in (0, 141), result.err) == (True, b"")
    assert len(work.rows("SELECT id FROM prompts")) == 201


def test_streams_that_are_closed(used: Workplace) -> None:
    closed = ["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh"]
    assert run(used, "queue", under=closed).status == 0
    assert run(used, "send", "x", under=closed).status == 0
    assert run(used, "send", "-", under=closed).status == 2
    assert len(used.rows("SELECT id FROM prompts")) == 2


def test_answer_that_cannot_be_written(used: Workplace) -> None:
    for command in (("queue",), ("queue", "--json"), ("send", "x")):
        with open("/dev/full", "w") as full:
            result = run(used, *command, stdout=full)
        assert result.status == 1
        queued = [row["id"] for row in used.rows("SELECT id FROM prompts WHERE content = 'x'")]
        more = f"; queued: {queued[-1]}" if command[0] == "send" else ""
        end = f"cannot write to standard output: No space left on device{more}\n"
        assert result.err == f"{command[0]}: {end}"


def test_interrupted_by_a_person(used: Workplace) -> None:
    used.tool("send", "true", "--not-before", "+30s")  # so that the tick goes on
    (used.state / "lock").unlink(missing_ok=True)
    tick = used.start("tick", "--until-idle", 60)
    wait_for((used.state / "lock").exists, what="the first pass")
    tick.send_signal(signal.SIGINT)
    assert tick.communicate(timeout=30) == ("", "")
    assert tick.returncode == -signal.SIGINT
    used.tool("tick", "--wait", 0)


def test_without_its_manuals_a_tool_says_so(used: Workplace) -> None:
    says(used.tool("queue", status=78, env={"PYTHONOPTIMIZE": "2"}), 78, "PYTHONOPTIMIZE=2 removes")
