"""doctor: its findings in broken installations, its backups, its recoveries."""

import fcntl
import json
import os
import shlex
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from assigner.system import processes
from harness.workplace import PIPES, ROOT, Result, Workplace, interrupted, wait_for

MORTAL = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
needs_mortal = pytest.mark.skipif(
    bool(MORTAL) and not shutil.which("setpriv"), reason="root, and no setpriv(1)"
)
Rows = list[dict[str, str]]
FUTURE = "2199-01-01T00:00:00.000Z"


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A state directory with prompts, of which one has a secret, and what a pass makes."""
    with Workplace(tmp_path_factory.mktemp("template")) as work:
        work.tool("send", "echo hi", "--env", "TOKEN", env={"TOKEN": "hush"})
        work.tool("send", "--jsonl", "-", input='{"content": "echo more"}\n' * 300)
        work.tool("scan")
        yield work.state


@pytest.fixture
def used(work: Workplace, template: Path) -> Workplace:
    """A workplace with a state directory like that."""
    shutil.copytree(template, work.state)
    return work


def contents(work: Workplace) -> dict[str, bytes]:
    found = (path for path in work.state.rglob("*") if path.is_file())
    return {str(path): path.read_bytes() for path in found}


def doctor(work: Workplace, *args: object, status: int | None = 0, **where: Any) -> Rows:
    """Its findings; nothing was changed."""
    before = contents(work)
    result = work.tool("doctor", *args, "--json", status=status, **where)
    rows: Rows = result.json
    assert all(list(row) == ["check", "verdict", "detail", "command"] for row in rows)
    assert {row["verdict"] for row in rows} <= {"ok", "warn", "bad"}
    assert contents(work) == before
    return rows


def found(rows: Rows, check: str, verdict: str) -> dict[str, str]:
    """The one finding of that check that is not well."""
    (row,) = (row for row in rows if row["check"] == check and row["verdict"] != "ok")
    assert row["verdict"] == verdict, row
    return row


def execute(work: Workplace, script: str) -> None:
    """Statements past the triggers, which would not allow them."""
    with closing(sqlite3.connect(work.database, isolation_level=None)) as connection:
        triggers = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
        kept = triggers.fetchall()
        for name, _ in kept:
            connection.execute(f"DROP TRIGGER {name}")
        connection.executescript(script)
        for _, sql in kept:
            connection.execute(sql)


def pages_of(work: Workplace, table: str, kind: int = 0x0D) -> list[int]:
    """Offsets of the table's pages of that kind (0x0d: leaves with rows)."""
    with closing(sqlite3.connect(work.database)) as connection:
        (size,) = connection.execute("PRAGMA page_size").fetchone()
        try:
            rows = connection.execute(
                "SELECT pageno FROM dbstat WHERE name = ? AND pagetype = 'leaf' ORDER BY path",
                (table,),
            ).fetchall()
        except sqlite3.OperationalError:
            pytest.skip("this SQLite has no dbstat, which tells where a table's pages are")
    return [(page - 1) * size for (page,) in rows]


def damage(work: Workplace, offset: int, data: bytes = b"U" * 4096) -> None:
    with work.database.open("r+b") as file:
        file.seek(offset)
        file.write(data)


def test_all_is_well(work: Workplace) -> None:
    work.enrolled("one")
    work.tool("send", "true", "--env", "TOKEN", env={"TOKEN": "hush"})
    work.tick()
    rows = doctor(work)
    assert [row for row in rows if row["verdict"] != "ok"] == []
    assert len(rows) > 20
    lines = work.tool("doctor").out.splitlines()
    assert [line.split()[0] for line in lines] == ["ok"] * len(rows)
    quick = doctor(work, "--quick")
    assert [row["check"] for row in quick] == [row["check"] for row in rows]


def test_nothing_is_there(work: Workplace) -> None:
    rows = doctor(work, status=78)
    assert "no database" in found(rows, "database", "bad")["detail"]
    assert found(rows, "state directory", "warn")["command"] == "assigner scan"
    assert not work.state.exists()
    named = doctor(work, "--db", "/nowhere.db", status=78)
    assert found(named, "database", "bad")["command"] == "assigner scan --db /nowhere.db"


@pytest.mark.parametrize("below", ["", "below/it"])
def test_state_directory_that_is_a_file(work: Workplace, below: str) -> None:
    work.state.touch()
    rows = doctor(work, status=78, env={"ASSIGNER_HOME": str(work.state / below)})
    said = f"'{work.state}' is not a directory: move it away, or set ASSIGNER_HOME"
    assert found(rows, "state directory", "bad")["detail"] == said
    assert found(rows, "database", "bad")["command"] == ""
    assert not [row for row in rows if "Errno" in row["detail"]]


def test_where_it_lies_is_not_known(work: Workplace) -> None:
    """What nobody knows is not judged; what does not depend on it is."""
    for name in ("HOME", "ASSIGNER_HOME"):
        work.environment.pop(name)
    result = work.tool("doctor", "--json", status=78)
    said = "neither HOME nor XDG_STATE_HOME is set: set ASSIGNER_HOME"
    assert found(result.json, "settings", "bad")["detail"] == said
    assert [row["check"] for row in result.json][-1] == "packages"
    assert "its place is unknown" in result.err


# --- the machine ----------------------------------------------------------------------------------


def test_installation_that_is_broken(used: Workplace) -> None:
    """Each of them stops every other tool, or nearly."""
    broken = used.path / "broken"
    broken.mkdir()
    for name in ("tabulate", "sh"):
        (broken / f"{name}.py").write_text("raise ImportError('half installed')")
    rows = doctor(used, status=1, env={"PYTHONPATH": str(broken)})
    assert "half installed" in found(rows, "packages", "bad")["detail"]
    assert found(rows, "git", "bad")["detail"].startswith("cannot be checked")
    nothing = doctor(used, status=1, env={"PATH": "/nowhere"})
    assert found(nothing, "tmux", "bad")["command"] == "make setup"
    bare = [sys.executable, "-I", "-S", str(ROOT / "bin/doctor")]
    done = subprocess.run(bare, **PIPES, cwd="/", timeout=60)
    assert (done.returncode, done.stderr.count("\n")) == (78, 1)
    assert "make setup" in done.stderr


def test_settings_that_are_bad(used: Workplace) -> None:
    rows = doctor(used, status=1, env={"ASSIGNER_BACKOFF_BASE": "soon"})
    assert "ASSIGNER_BACKOFF_BASE is not a number" in found(rows, "settings", "bad")["detail"]
    assert [row for row in rows if row["check"] == "integrity" and row["verdict"] == "ok"]
    file = used.home / ".config/assigner/.env"
    file.parent.mkdir(parents=True)
    file.write_text("ASSIGNER_HOST=here\n")
    file.chmod(0o644)
    assert found(doctor(used), "env file", "warn")["command"] == f"chmod 600 {file}"
    file.chmod(0o666)
    assert "other users can write" in found(doctor(used, status=1), "settings", "bad")["detail"]


def secret(work: Workplace) -> Path:
    (path,) = (work.state / "secrets").iterdir()
    return path


MODES: dict[str, tuple[Callable[[Workplace], Path], int, str, str, str]] = {
    "state": (lambda work: work.state, 0o777, "state directory", "bad", "700"),
    "state to be read": (lambda work: work.state, 0o755, "state directory", "warn", "700"),
    "spool": (lambda work: work.state / "spool", 0o770, "state directory", "bad", "700"),
    "database": (lambda work: work.database, 0o644, "database file", "warn", "600"),
    "secret": (secret, 0o640, "files", "bad", "600"),
}


@pytest.mark.parametrize("case", MODES)
def test_modes_that_let_others_in(used: Workplace, case: str) -> None:
    path, mode, check, verdict, wanted = MODES[case]
    path(used).chmod(mode)
    row = found(doctor(used, status=int(verdict == "bad")), check, verdict)
    assert row["command"].startswith(f"chmod {wanted} ")
    subprocess.run(row["command"], shell=True, check=True)
    doctor(used)


def test_files_that_are_not_ours(used: Workplace) -> None:
    shutil.rmtree(used.state / "run")
    (used.state / "run").symlink_to("/tmp")
    (used.state / "secrets/link").symlink_to("/etc/passwd")
    rows = doctor(used, status=1)
    assert "is a symbolic link" in found(rows, "state directory", "bad")["detail"]
    assert "secrets/link" in found(rows, "files", "bad")["detail"]
    used.path.joinpath("other").hardlink_to(used.database)
    assert "has 2 names" in found(doctor(used, status=1), "database file", "bad")["detail"]
    (used.path / "other").unlink()
    if os.geteuid() == 0:
        os.chown(used.database, 65534, 65534)
        row = found(doctor(used, status=1), "database file", "bad")
        assert row["command"].startswith("chown 0 ")


def apart(work: Workplace, script: str) -> subprocess.CompletedProcess[str]:
    """A shell script with mounts of its own, which says by status 99 that it may make none."""
    unshare = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["-r"])]
    may = shutil.which("unshare") and not subprocess.run([*unshare, "true"], **PIPES).returncode
    argv = [*unshare, "sh", "-c", script] if may else ["sh", "-c", "exit 99"]
    done = subprocess.run(argv, env=work.environment, **PIPES, timeout=60)
    if done.returncode == 99:
        pytest.skip("no file system of its own may be mounted here")
    return done


def test_disk_that_is_nearly_full(used: Workplace) -> None:
    script = f"""mount -t tmpfs -o size=440k,mode=700 tmpfs "$ASSIGNER_HOME" || exit 99
        cp {used.path}/kept.db "$ASSIGNER_HOME/assigner.db"
        cd "$ASSIGNER_HOME" && {sys.executable} {ROOT}/bin/doctor; echo "status $?"
        {sys.executable} {ROOT}/bin/doctor --backup "$ASSIGNER_HOME/copy.db"; echo "status $?"
        {sys.executable} {ROOT}/bin/doctor --recover "$ASSIGNER_HOME/copy.db"; echo "status $?"
        ls -A"""
    shutil.copy(used.database, used.path / "kept.db")
    done = apart(used, script)
    assert "\nbad   disk" in done.stdout
    assert done.stdout.endswith("status 1\nstatus 1\nstatus 1\nassigner.db\n")
    backup, recovery = done.stderr.splitlines()
    assert "cannot write" in backup and "full" in backup
    assert "cannot write" in recovery and "full" in recovery


def test_state_directory_that_can_only_be_read(used: Workplace) -> None:
    script = f"""mount --bind "$ASSIGNER_HOME" "$ASSIGNER_HOME" || exit 99
        mount -o remount,ro,bind "$ASSIGNER_HOME" || exit 99
        {sys.executable} {ROOT}/bin/send x; echo "status $?"
        {sys.executable} {ROOT}/bin/doctor --json"""
    done = apart(used, script)
    send, rows = done.stdout.split("\n", 1)
    assert (send, done.returncode) == ("status 78", 1)
    for check in ("state directory", "disk"):
        assert "is mounted read-only" in found(json.loads(rows), check, "bad")["detail"]


@needs_mortal
def test_database_in_a_directory_that_may_not_be_written(used: Workplace) -> None:
    closed = used.path / "closed"
    closed.mkdir()
    shutil.copy(used.database, closed / "a.db")
    closed.chmod(0o500)
    argv = [*MORTAL, sys.executable, str(ROOT / "bin/doctor"), "--db", str(closed / "a.db")]
    done = subprocess.run(argv, env=used.environment, **PIPES, timeout=60)
    assert done.returncode == 1
    assert f"'{closed}' cannot be written" in done.stdout


def test_lock_that_somebody_holds(used: Workplace) -> None:
    script = "import fcntl, sys; f = open(sys.argv[1]); fcntl.flock(f, 2); print(1); input()"
    argv = [sys.executable, "-uc", script, str(used.state / "lock")]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, **{**PIPES, "stderr": None}) as holder:
        try:
            assert holder.stdout and holder.stdout.readline()
            (row,) = (row for row in doctor(used) if row["check"] == "lock")
            assert f"held by process {holder.pid}" in row["detail"]
            assert "running since 2" in row["detail"]
            holder.send_signal(signal.SIGSTOP)
            wait_for(lambda: "T" in Path(f"/proc/{holder.pid}/stat").read_text().split()[2])
            row = found(doctor(used, status=1), "lock", "bad")
            assert row["command"] == f"kill -CONT {holder.pid}"
        finally:
            holder.kill()
    assert [row["detail"] for row in doctor(used) if row["check"] == "lock"] == ["free"]


def test_file_systems_are_told_apart() -> None:
    mounts = (
        "22 1 8:1 / / rw shared:1 - ext4 /dev/sda1 rw\n"
        "30 22 0:30 / /home rw - nfs4 server:/home rw\n"
        "31 30 0:31 / /home/me/my\\040disk rw - tmpfs tmpfs rw\n"
        "32 22 0:32 / /home rw - fuse.sshfs other: rw\n"
    )
    places = {
        "/": "ext4",
        "/homes": "ext4",
        "/home/you": "fuse.sshfs",
        "/home/me/my disk/x": "tmpfs",
    }
    assert {p: processes.file_system(Path(p), mounts) for p in places} == places


# --- tmux -----------------------------------------------------------------------------------------


def test_servers_that_do_not_answer(work: Workplace) -> None:
    work.enrolled("one")
    stale, plain = work.path / "stale", work.path / "plain"
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(stale))
    plain.touch()
    for path, verdict, words in (
        (stale, "warn", "no server listens"),
        (plain, "bad", "is not a socket"),
        (work.path / "nowhere", "warn", "no server"),
    ):
        sockets = {"ASSIGNER_TMUX_SOCKETS": f"{work.socket}:{path}"}
        rows = doctor(work, status=int(verdict == "bad"), env=sockets)
        assert words in found(rows, "tmux server", verdict)["detail"]
        assert [row for row in rows if row["check"] == "tmux server" and row["verdict"] == "ok"]
    (server,) = work.servers()
    os.kill(server, signal.SIGSTOP)
    rows = doctor(work, status=1, env={"ASSIGNER_TMUX_TIMEOUT": "0.3"})
    assert found(rows, "tmux server", "bad")["command"] == f"kill -CONT {server}"
    os.kill(server, signal.SIGCONT)
    doctor(work)


def test_session_that_was_never_ready(work: Workplace) -> None:
    work.shell("odd", rc="PS1='what now '", prompt="what now ")
    work.tool("enroll", "odd", status=1)
    row = found(doctor(work), "session", "warn")
    assert "was never ready" in row["detail"]
    assert row["command"] == "assigner enroll odd --at-prompt"
    _, *command = shlex.split(row["command"])
    work.tool(*command)
    assert not [r for r in doctor(work) if r["check"] == "session" and r["verdict"] != "ok"]


def advised(work: Workplace, **where: Any) -> dict[str, str]:
    """By session, what is to be done about those of which there is something to say."""
    rows = [row for row in doctor(work, **where) if row["check"] == "session"]
    rows = [row for row in rows if row["verdict"] != "ok"]
    return {row["detail"].split("'")[1]: row["command"] for row in rows}


def test_agent_at_its_composer_is_ready(work: Workplace) -> None:
    """No shell's prompt was ever seen there."""
    work.agent("one", direct=True)
    work.tool("enroll", "one")
    assert work.row("SELECT status, prompt_endings FROM sessions") == {
        "status": "idle", "prompt_endings": "[]",
    }  # fmt: skip
    assert advised(work) == {}


def test_sessions_that_are_gone(work: Workplace) -> None:
    """Each is mended by the command that is told."""
    gone, agent, _ = work.enrolled("gone"), work.agent("agent"), work.enrolled("two")
    work.tmux("split-window", "-t", "two", "sh")
    work.tool("scan")
    work.tool("enroll", "two:0.1", "agent", status=None)
    work.tmux("kill-pane", "-t", "two:0.1")
    gone.kill()
    agent.keys("C-d")
    agent.wait_for_prompt()
    work.tool("scan")
    found = advised(work)
    assert found == {
        "agent": "assigner inspect agent",
        "gone": f"tmux -S {work.socket} new-session -d -s gone",
        "two:0.1": "assigner enroll --remove two:0.1",
    }
    elsewhere = advised(work, env={"ASSIGNER_TMUX_SOCKETS": "/other"})
    assert elsewhere["gone"] == "tmux -S /other new-session -d -s gone"
    work.tmux(*shlex.split(found["gone"])[3:])
    work.tool(*shlex.split(found["two:0.1"])[1:])
    work.tool("scan")
    assert "two:0.1" not in advised(work)


# --- the database ---------------------------------------------------------------------------------


def make_directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


def make_foreign(path: Path) -> None:
    path.unlink()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE songs (title)")
    path.chmod(0o600)


def make_pragma(text: str) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute(f"PRAGMA {text}")

    return make


FILES: dict[str, tuple[Callable[[Path], object], int, str, str]] = {
    "no database": (lambda p: p.write_bytes(b"all is well " * 9999), 78, "bad", "not a database"),
    "a directory": (make_directory, 78, "bad", "is not a file"),
    "somebody else's": (make_foreign, 78, "bad", "not one of assigner"),
    "no schema": (
        lambda p: p.write_bytes(p.read_bytes()[:100] + bytes(p.stat().st_size - 100)),
        78, "bad", "cannot be read",
    ),
    "newer": (make_pragma("user_version = 999"), 1, "bad", "update assigner"),
    "older": (make_pragma("user_version = 6"), 1, "bad", "before assigner 0.1.0"),
    "WAL": (make_pragma("journal_mode = WAL"), 1, "bad", "WAL mode"),
    "empty": (lambda p: p.write_bytes(b""), 0, "warn", "is empty"),
    "cut": (lambda p: os.truncate(p, p.stat().st_size - 8192), 78, "bad", "ends early"),
}  # fmt: skip


@pytest.mark.parametrize("case", FILES)
def test_database_file(used: Workplace, case: str) -> None:
    make, status, verdict, words = FILES[case]
    make(used.database)
    rows = doctor(used, status=status)
    assert [r for r in rows if r["check"] == "database" and words in r["detail"]]
    assert {row["verdict"] for row in rows if row["check"] == "database"} == {verdict}


@needs_mortal
def test_database_that_may_not_be_read(used: Workplace) -> None:
    used.database.chmod(0)
    argv = [*MORTAL, sys.executable, str(ROOT / "bin/doctor")]
    done = subprocess.run(argv, env=used.environment, **PIPES, timeout=60)
    assert done.returncode == 78
    assert f"'{used.database}' cannot be read  -> chmod 600" in done.stdout


def test_pass_that_was_killed(used: Workplace) -> None:
    interrupted(used)
    row = found(doctor(used), "database", "warn")
    assert "was killed while writing" in row["detail"]
    result = used.tool("doctor", "--recover", used.path / "new.db", "--json")
    assert {row["lost"] for row in result.json} == {0}
    assert (used.state / "assigner.db-journal").exists()
    used.tool("doctor", "--backup", used.path / "copy.db")
    for name in ("new.db", "copy.db", "state/assigner.db"):
        with closing(sqlite3.connect(used.path / name)) as connection:
            rows = connection.execute("SELECT content FROM prompts WHERE content LIKE 'half%'")
            assert rows.fetchall() == [], name


def test_database_that_somebody_keeps_locked(used: Workplace) -> None:
    with closing(sqlite3.connect(used.database, isolation_level=None)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        result = used.tool("doctor", "--json", status=1)
        row = found(result.json, "database", "bad")
        assert f"was locked for 10 s by process {os.getpid()}" in row["detail"]


INSIDE = {
    "counts": ("UPDATE prompt_counts SET prompts = 7", "counts", "bad", "7 prompts stored"),
    "no attempt": (
        """UPDATE prompts SET status = 'in_progress', assigned_session = 'x' WHERE id = 2;
        DELETE FROM prompt_counts;
        INSERT INTO prompt_counts SELECT host, status, count(*) FROM prompts GROUP BY 1, 2""",
        "prompts", "bad", "prompt 2 is in_progress without a live attempt",
    ),
    "held": (
        "UPDATE prompts SET held_by = 'dependency', held_on = 'prompt 1' WHERE id = 3",
        "held", "warn", "prompt 3 is held by a dependency",
    ),
    "lease": (
        """INSERT INTO tree_leases (host, tree, taken_at)
        SELECT host, '/tree', created_at FROM prompts LIMIT 1""",
        "left over", "warn", "/tree: no prompt runs there",
    ),
    "text": (
        "UPDATE prompts SET content = CAST(x'ff' AS TEXT) WHERE id = 4", "integrity", "bad", "UTF-8"
    ),
    "future": (f"UPDATE prompts SET created_at = '{FUTURE}' WHERE id = 1", "clock", "warn", FUTURE),
    "reference": ("DELETE FROM prompts WHERE id = 1", "counts", "bad", "there are 300"),
}  # fmt: skip


@pytest.mark.parametrize("case", INSIDE)
def test_what_no_constraint_can_say(used: Workplace, case: str) -> None:
    script, check, verdict, words = INSIDE[case]
    execute(used, script)
    row = found(doctor(used, status=int(verdict == "bad")), check, verdict)
    assert words in row["detail"]
    assert row["command"] or check == "clock"


def test_trigger_that_is_gone(used: Workplace) -> None:
    with closing(sqlite3.connect(used.database)) as connection:
        connection.execute("DROP TRIGGER attempts_claim")
    bad = found(doctor(used, status=1), "schema", "bad")
    assert "trigger attempts_claim is missing" in bad["detail"]


def test_index_that_is_damaged(used: Workplace) -> None:
    damage(used, pages_of(used, "prompts_open")[1])
    row = found(doctor(used, status=1), "integrity", "bad")
    assert row["command"] == "assigner doctor --repair"
    quick = doctor(used, "--quick", "--db", used.database, status=None)
    assert "integrity" not in [row["check"] for row in quick if row["verdict"] == "bad"]
    found(quick, "timers", "warn")


def test_secret_that_is_lost(used: Workplace) -> None:
    secret(used).unlink()
    row = found(doctor(used, status=1), "secrets", "bad")
    assert row["command"] == "assigner cancel 1"


def test_passes_that_do_not_run(used: Workplace) -> None:
    late = {"ASSIGNER_NOW": FUTURE}
    rows = doctor(used, env=late)
    timers = found(rows, "timers", "warn")
    assert timers["command"] == "assigner timers install cron"
    assert "assign-next, deliver have not run since 2" in timers["detail"]
    execute(used, "DELETE FROM heartbeats")
    rows = doctor(used)
    assert found(rows, "timers", "warn")["detail"].endswith("assign-next, deliver never ran")
    assert found(rows, "clean-up", "warn")["detail"] == "cleanup-stale has never run"
    report = used.state / "spool/9.exit.0"
    report.touch()
    assert "1 report unread" in found(doctor(used, status=1, env=late), "reports", "warn")["detail"]
    used.tool("tick")
    assert not [r for r in doctor(used) if r["check"] == "timers" and r["verdict"] != "ok"]


# --- a backup ------------------------------------------------------------------------------------


def test_database_that_was_put_back(work: Workplace) -> None:
    """Its ids were given out before: nothing could ever be typed, until the instance is new."""
    pane = work.enrolled("one")
    copy = work.path / "copy.db"
    work.tool("doctor", "--backup", copy)
    for _ in range(2):
        work.tool("send", "true")
    work.tick()
    copy.replace(work.database)
    row = found(doctor(work, status=1), "instance", "bad")
    assert "the database knows only attempts up to 0, but pane" in row["detail"]
    work.tool("send", f"touch {work.path}/ran")
    before = contents(work)
    for tool in ("tick", "assign-next", "deliver", "cleanup-stale"):
        refused = work.tool(tool, status=78)
        assert "knows attempts up to 0, but attempt 2 was claimed" in refused.err
        assert "run 'assigner doctor --renew-instance'" in refused.err
    assert contents(work) == before
    with (work.state / "lock").open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        work.tool("doctor", "--renew-instance", "--wait", 0, status=75)
    before = contents(work)
    work.tool("doctor", "--renew-instance", "--dry-run")
    assert contents(work) == before
    instance = "SELECT value FROM meta WHERE name = 'instance'"
    old = work.row(instance)["value"]
    renewed = work.tool("doctor", "--renew-instance", "--json").json
    assert renewed == {"instance": work.row(instance)["value"], "next_attempt": 3}
    assert renewed["instance"] != old
    assert doctor(work)
    work.tick()
    assert work.prompt(1)["status"] == "completed", pane.screen()
    assert work.row("SELECT max(id) AS id FROM attempts")["id"] == 3


def whole(path: Path) -> int:
    """How many prompts a sound database has, which only its owner can read."""
    assert path.stat().st_mode & 0o777 == 0o600
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        counted = "SELECT sum(prompts), (SELECT count(*) FROM prompts) FROM prompt_counts"
        counts, rows = connection.execute(counted).fetchone()
        assert counts == rows
        return int(rows)


def test_backup_while_others_write(used: Workplace) -> None:
    senders = [used.start("send", f"echo {n}") for n in range(6)]
    copies = [used.start("doctor", "--backup", used.path / f"{n}.db", "--json") for n in range(4)]
    for process in (*senders, *copies):
        _, err = process.communicate(timeout=60)
        assert (process.returncode, err) == (0, "")
    assert all(301 <= whole(used.path / f"{n}.db") <= 307 for n in range(4))
    rows = doctor(used, "--db", used.path / "0.db")
    assert not [row for row in rows if row["verdict"] == "bad"]


def test_backup_that_is_put_back_goes_on(work: Workplace) -> None:
    """It is made while prompts are sent and run; what waited in it runs once, what had run does not
    run again.
    """
    log = work.path / "log"
    work.enrolled("one")
    work.enrolled("two")
    work.tool("pause", "two")
    for name in ("one", "two"):
        lines = [json.dumps({"content": f"echo {name} {n} >>{log}"}) for n in range(5)]
        work.tool("send", "--jsonl", "-", "--target", name, input="\n".join(lines))
    copy = work.path / "copy.db"
    ticks = work.start("tick", "--until-idle", 20)
    wait_for(log.exists)
    sender = work.start("send", f"echo late >>{log}", "--target", "two")
    work.tool("doctor", "--backup", copy)
    ran_before = log.read_text().count("one")
    for process in (sender, ticks):
        process.communicate(timeout=60)
    ran = log.read_text().splitlines()
    assert len(ran) == 5 and ran_before
    copy.replace(work.database)

    work.tool("tick", status=78)
    waiting = work.rows(
        "SELECT id FROM prompts WHERE target_session = 'one' AND status = 'pending'"
    )
    if waiting:  # in the backup they had not run
        work.tool("cancel", *[row["id"] for row in waiting])
    live = [row["prompt_id"] for row in work.rows("SELECT * FROM attempts WHERE outcome IS NULL")]
    work.tool("doctor", "--renew-instance")
    for prompt in live:
        assert work.prompt(prompt)["error"].startswith("unverified: the database was restored")
    work.tool("resume", "two")
    work.tick(until=20)
    assert not [r for r in doctor(work, status=None) if r["verdict"] == "bad"]
    late = work.rows("SELECT id FROM prompts WHERE content LIKE 'echo late%'")
    wanted = [f"two {n}" for n in range(5)] + ["late"] * len(late)
    assert sorted(log.read_text().splitlines()) == sorted([*ran, *wanted])


def refused(work: Workplace, message: str, *args: object, status: int = 2) -> Result:
    before, around = contents(work), sorted(work.path.rglob("*"))
    result = work.tool("doctor", *args, status=status)
    assert (result.out, result.err.count("\n")) == ("", 1), result
    assert message in result.err
    assert (contents(work), sorted(work.path.rglob("*"))) == (before, around)
    return result


@pytest.mark.parametrize("option", ["--backup", "--recover"])
def test_places_that_are_refused(used: Workplace, option: str) -> None:
    soft, hard, pipe = used.path / "soft", used.path / "hard", used.path / "pipe"
    soft.symlink_to(used.database)
    os.mkfifo(pipe)
    database = used.database
    for target, message in (
        (database, "is the database itself"),
        (soft, "is the database itself"),
        (f"{database}-journal", "belongs to it"),
        (used.state / "lock", "belongs to it"),
        (used.path, "is a directory"),
        (pipe, "is not a file"),
        ("", "is empty"),
    ):
        force = ["--force"] if option == "--backup" else []
        refused(used, message, option, target, *force)
    hard.hardlink_to(database)
    refused(used, "is the database itself", option, hard)
    hard.unlink()
    (used.path / "there").write_text("mine")
    hint = ", or give --force" if option == "--backup" else ""
    taken = f"already exists: name another file{hint}\n"
    refused(used, taken, option, used.path / "there")
    (used.path / "new.db-journal").touch()
    refused(used, "exists beside it", option, used.path / "new.db")
    refused(used, "No such file or directory", option, used.path / "no/new.db", status=1)
    refused(used, "no database at", option, used.path / "x", "--db", "/nowhere.db", status=78)
    refused(used, "--force goes with --backup", "--recover", "x", "--force")
    assert (used.path / "there").read_text() == "mine"


@pytest.mark.parametrize("option", ["--backup", "--recover"])
def test_directory_that_is_gone(used: Workplace, option: str) -> None:
    tool = f"mkdir gone && cd gone && rmdir ../gone && {sys.executable} {ROOT}/bin/doctor"
    done = subprocess.run(
        [f"{tool} {option} b.db"], shell=True, cwd=used.path, env=used.environment, **PIPES,
        timeout=60,
    )  # fmt: skip
    assert done.stderr == "doctor: the current directory is gone: give an absolute path\n"
    assert done.returncode == 2


@needs_mortal
def test_directory_that_may_not_be_written(used: Workplace) -> None:
    closed = used.path / "closed"
    closed.mkdir(mode=0o500)
    argv = [*MORTAL, sys.executable, str(ROOT / "bin/doctor"), "--backup", str(closed / "x.db")]
    done = subprocess.run(argv, env=used.environment, **PIPES, timeout=60)
    said = f"doctor: cannot write '{closed}/x.db': Permission denied\n"
    assert (done.returncode, done.stderr, list(closed.iterdir())) == (1, said, [])


@pytest.mark.parametrize("table", ["prompts", "prompts_open"])
def test_backup_of_what_is_damaged_keeps_the_old_one(used: Workplace, table: str) -> None:
    copy = used.path / "copy.db"
    used.tool("doctor", "--backup", copy)
    if table == "prompts":
        damage(used, pages_of(used, table)[1])
    else:  # which can be read, and is wrong
        damage(used, pages_of(used, table)[1] + 4093, b"\1\1\1")
    old = copy.read_bytes()
    refused(used, "is damaged, no backup was made", "--backup", copy, "--force", status=1)
    assert copy.read_bytes() == old


def test_backup_replaces_only_if_told(used: Workplace) -> None:
    real, link = used.path / "real.db", used.path / "link.db"
    link.symlink_to(real)
    told = used.tool("doctor", "--backup", link).out
    assert "301 prompts, " in told and "the secrets of 1 prompt are not in it" in told
    used.tool("send", "one more")
    used.tool("doctor", "--backup", link, "--dry-run", "--force")
    assert whole(real) == 301
    used.tool("doctor", "--backup", link, "--force")
    assert (whole(real), link.is_symlink()) == (302, True)


def test_backup_that_is_ended_leaves_nothing(used: Workplace) -> None:
    used.tool("send", "--jsonl", "-", input='{"content": "echo much"}\n' * 20_000)
    place = used.path / "backups"
    place.mkdir()
    for number in (signal.SIGTERM, signal.SIGINT):
        backup = used.start("doctor", "--backup", place / "x.db")
        wait_for(lambda: list(place.iterdir()), what="the beginning of the copy")
        backup.send_signal(number)
        backup.communicate(timeout=60)
        left = list(place.iterdir())
        assert left == [] if backup.returncode == -number else left == [place / "x.db"]
        (place / "x.db").unlink(missing_ok=True)


# --- a recovery -----------------------------------------------------------------------------------


@pytest.fixture
def running(used: Workplace) -> Iterator[Workplace]:
    """Prompt 1 runs in a session."""
    used.enrolled("one")
    used.tool("send", "sleep 1000", "--priority", 9)
    used.run_until(lambda: used.prompt(302)["status"] == "in_progress")
    yield used


def recover(work: Workplace, **lost: int) -> dict[str, Any]:
    """By table, what was recovered into new.db, which is sound; the old one is as it was."""
    new = work.path / "new.db"
    before = contents(work)
    dry = work.tool("doctor", "--recover", new, "--dry-run", "--json", status=None)
    assert not new.exists()
    result = work.tool("doctor", "--recover", new, "--json", status=1 if any(lost.values()) else 0)
    assert result.json == dry.json
    assert contents(work) == before
    assert sorted(path.name for path in work.path.iterdir() if path.name[0] == ".") == []
    assert f"mv {new} {work.database}" in result.err
    whole(new)
    rows = doctor(work, "--db", new, status=int(bool(lost.get("instance"))))
    assert not [r for r in rows if r["verdict"] == "bad" and r["check"] != "instance"]
    report = {row["table"]: row for row in result.json}
    lost.pop("instance", None)
    assert {name: row["lost"] for name, row in report.items() if row["lost"]} == lost
    return report


def test_recovery_of_what_is_whole(running: Workplace) -> None:
    assert recover(running)["prompts"]["salvaged"] == 302
    shutil.copy(running.path / "new.db", running.database)
    running.tool("cancel", 302)
    running.run_until(lambda: running.prompt(302)["status"] == "cancelled")


def test_recovery_of_the_rows_around_damaged_pages(used: Workplace) -> None:
    leaves = pages_of(used, "prompts")
    kept = used.rows("SELECT count(*) AS n FROM prompts")[0]["n"]
    with closing(sqlite3.connect(used.database)) as connection:
        rows = connection.execute("SELECT ncell FROM dbstat WHERE name = 'prompts'"
            " AND pagetype = 'leaf' ORDER BY path").fetchall()  # fmt: skip
    for leaf in (leaves[2], leaves[5]):
        damage(used, leaf)
    lost = rows[2][0] + rows[5][0]
    report = recover(used, prompts=lost)
    assert report["prompts"]["salvaged"] == kept - lost
    assert "from id " in report["prompts"]["detail"]


@pytest.mark.parametrize("offset", [0, 18, 100, 4096 * 10])
def test_recovery_without_header_or_schema(used: Workplace, offset: int) -> None:
    damage(used, offset, b"U" * (4096 if offset >= 100 else 60))
    assert recover(used)["prompts"]["salvaged"] == 301


def test_recovery_of_what_is_in_wal_mode(used: Workplace) -> None:
    with closing(sqlite3.connect(used.database, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("UPDATE prompts SET content = 'in the log' WHERE id = 1")
        recover(used)
    with closing(sqlite3.connect(used.path / "new.db")) as connection:
        (content,) = connection.execute("SELECT content FROM prompts WHERE id = 1").fetchone()
        assert content == "in the log"
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)


def test_recovery_of_what_was_cut(used: Workplace) -> None:
    """What was behind the cut is lost, and counted where an index is left that tells."""
    os.truncate(used.database, used.database.stat().st_size * 7 // 8)
    result = used.tool("doctor", "--recover", used.path / "new.db", "--json", status=1)
    (prompts,) = (row for row in result.json if row["table"] == "prompts")
    assert whole(used.path / "new.db") == prompts["salvaged"] > 100


def test_recovery_without_the_live_attempt(running: Workplace) -> None:
    """What may have run does not run again by itself."""
    for table in ("attempts", "sqlite_sequence"):
        (leaf,) = pages_of(running, table)
        damage(running, leaf)
    recover(running, attempts=1)
    with closing(sqlite3.connect(running.path / "new.db")) as connection:
        connection.row_factory = sqlite3.Row
        prompt = connection.execute("SELECT * FROM prompts WHERE id = 302").fetchone()
        assert (prompt["status"], prompt["retry_at"]) == ("failed", None)
        assert prompt["error"].startswith("unverified: its attempt was lost")
        (sequence,) = connection.execute(
            "SELECT seq FROM sqlite_sequence WHERE name = 'attempts'"
        ).fetchone()
        assert sequence == 1
        assert connection.execute("SELECT current_task_id FROM sessions").fetchone()[0] is None


def test_recovery_without_sessions_and_instance(running: Workplace) -> None:
    """What refers to a lost session keeps its history."""
    for table in ("sessions", "meta"):
        (leaf,) = pages_of(running, table)
        damage(running, leaf)
    recover(running, sessions=1, meta=1)
    with closing(sqlite3.connect(running.path / "new.db")) as connection:
        row = connection.execute("SELECT name, status, enrolled FROM sessions").fetchone()
        assert row == ("one", "offline", 0)
        (name,) = connection.execute("SELECT value FROM meta").fetchone()
        assert len(name) == 8


def test_recovery_drops_events_of_unknown_types(running: Workplace) -> None:
    """The types are written by the migrations again, and an event refers to one of them."""
    with closing(sqlite3.connect(running.database)) as connection, connection:
        connection.execute("UPDATE task_events SET type = 'odd' WHERE id IN (1, 2)")
        connection.execute("DELETE FROM event_types WHERE type = 'prompt.pending'")
    recover(running, task_events=2)
    with closing(sqlite3.connect(running.path / "new.db")) as connection:
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []


def test_recovery_of_what_is_not_ours(used: Workplace) -> None:
    make_pragma("user_version = 999")(used.database)
    refused(used, "was written by a newer assigner", "--recover", used.path / "x", status=78)
    make_foreign(used.database)
    refused(used, "not one of assigner", "--recover", used.path / "x", status=78)
    used.database.write_bytes(os.urandom(100_000))
    result = used.tool("doctor", "--recover", used.path / "x", "--json", status=(1, 78))
    assert result.status == 78 or not any(row["salvaged"] for row in result.json)


# --- goals ---------------------------------------------------------------------------------------


def goals_of(work: Workplace) -> Path:
    """A database of goals with a task."""
    work.tool("goals", "add-task", "something")
    return work.state / "goals.db"


def in_goals(work: Workplace, script: str) -> None:
    with closing(sqlite3.connect(work.state / "goals.db")) as connection, connection:
        connection.executescript(script)


BROKEN_GOALS: dict[str, tuple[str, str, Callable[[Workplace, Path], object]]] = {
    "well": ("ok", "1 task, 1 pending, schema 101", lambda work, path: None),
    "gone": ("ok", "no goals yet", lambda work, path: path.unlink()),
    "a directory": ("bad", "is not a file", lambda work, path: (path.unlink(), path.mkdir())),
    "empty": ("warn", "is empty", lambda work, path: path.write_bytes(b"")),
    "garbage": ("bad", "is not a database", lambda work, path: path.write_bytes(b"garbage" * 999)),
    "cut": ("bad", "disk image is malformed", lambda work, path: os.truncate(path, 9000)),
    "open": ("bad", "has mode 0666: other users can", lambda work, path: path.chmod(0o666)),
    "the queue": (
        "bad", "is the queue", lambda work, path: shutil.copy(work.database, path),
    ),
    "newer": (
        "bad", "schema 999", lambda work, path: in_goals(work, "PRAGMA user_version = 999"),
    ),
    "older": (
        "bad", "before assigner 0.1.0",
        lambda work, path: in_goals(work, "PRAGMA user_version = 2"),
    ),
    "no index": (
        "bad", "index tasks_pending is missing",
        lambda work, path: in_goals(work, "DROP INDEX tasks_pending"),
    ),
    "no goal": (
        "bad", "tasks row 1 refers to a missing goals",
        lambda work, path: in_goals(
            work, "PRAGMA foreign_keys = OFF; UPDATE tasks SET goal_id = 7"
        ),
    ),
    "no prompt": (
        "warn", "in progress, but no prompt in the queue runs it: task 1",
        lambda work, path: in_goals(work, "UPDATE tasks SET status = 'in_progress'"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BROKEN_GOALS)
def test_database_of_goals(used: Workplace, case: str) -> None:
    verdict, detail, change = BROKEN_GOALS[case]
    change(used, goals_of(used))
    rows = doctor(used, status=int(verdict == "bad"))
    (row,) = [row for row in rows if row["check"] == "goals" and row["verdict"] != "ok"] or [
        row for row in rows if row["check"] == "goals"
    ]
    assert (row["verdict"], detail in row["detail"]) == (verdict, True), row
    assert "doctor" not in row["detail"]
    if case == "no prompt":
        for command in row["command"].split(" && "):
            used.tool(*command.split()[1:])
        assert used.tool("goals", "list", "--json").json[0]["status"] == "pending"


@pytest.fixture
def many_goals(used: Workplace) -> Workplace:
    """Tasks on many pages, one of them given to a session, each with the one before it."""
    used.tool("goals", "add-vision", "all")
    used.tool("goals", "add-goal", "a goal", "--vision", 1)
    used.tool("goals", "add-task", "the first", "--goal", 1)
    text = "do this " * 100
    values = ", ".join(
        f"({n}, 'task {n} {text}', 'foundation', {n - 1}, 't', 't', 't')" for n in range(2, 41)
    )
    in_goals(
        used,
        "INSERT INTO tasks (id, content, project, after_id, created_at, updated_at, updated_by)"
        f" VALUES {values}",
    )
    return used


def goals_pages(work: Workplace, name: str) -> list[int]:
    """Numbers of the leaf pages of a table or an index of the goals."""
    with closing(sqlite3.connect(work.state / "goals.db")) as connection:
        try:
            found = connection.execute(
                "SELECT pageno FROM dbstat WHERE name = ? AND pagetype = 'leaf' ORDER BY path",
                (name,),
            ).fetchall()
        except sqlite3.OperationalError:
            pytest.skip("this SQLite has no dbstat, which tells where a table's pages are")
    return [page for (page,) in found]


def overwrite_goals(work: Workplace, *pages: int) -> bytes:
    """Overwrite whole pages; the file as it is then."""
    path = work.state / "goals.db"
    with path.open("r+b") as file:
        for page in pages:
            file.seek((page - 1) * 4096)
            file.write(b"U" * 4096)
    return path.read_bytes()


def goals_report(work: Workplace, *args: object, status: Any) -> dict[str, Any]:
    rows = work.tool("doctor", "--recover", work.path / "new.db", *args, "--json", status=status)
    return {row["table"]: row for row in rows.json if row["database"] == "goals"}


def rows_of(path: Path, text: str) -> list[Any]:
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        return connection.execute(text).fetchall()


def test_recovery_of_damaged_goals(many_goals: Workplace) -> None:
    """The rows around a damaged page are kept; a task that waits for a lost one has failed."""
    page = goals_pages(many_goals, "tasks")[2]
    path, new = many_goals.state / "goals.db", many_goals.path / "new.db.goals"
    whole_rows = dict(rows_of(path, "SELECT id, content FROM tasks"))
    damaged = overwrite_goals(many_goals, page)
    row = found(doctor(many_goals, status=1), "goals", "bad")
    assert row["command"] == f"assigner doctor --recover {many_goals.database}.new"
    dry = goals_report(many_goals, "--dry-run", status=1)
    assert not new.exists()
    report = goals_report(many_goals, status=1)
    assert report == dry
    assert (path.read_bytes(), new.stat().st_mode & 0o777) == (damaged, 0o600)
    kept = dict(rows_of(new, "SELECT id, content FROM tasks"))
    lost = whole_rows.keys() - kept.keys()
    assert kept.items() <= whole_rows.items()
    assert 0 < len(lost) < 10
    assert (report["tasks"]["salvaged"], report["tasks"]["lost"]) == (len(kept), len(lost))
    waiting = rows_of(new, "SELECT id, status FROM tasks WHERE status <> 'pending'")
    assert waiting == [(max(lost) + 1, "failed")]
    whole(many_goals.path / "new.db")
    new.replace(path)
    assert [r for r in doctor(many_goals) if r["check"] == "goals" and r["verdict"] == "ok"]
    many_goals.tool("goals", "add-task", "another")
    assert max(rows_of(path, "SELECT id FROM tasks")) == (41,)


@pytest.mark.parametrize("offset", [0, 1])
def test_recovery_of_goals_without_header_or_schema(many_goals: Workplace, offset: int) -> None:
    path = many_goals.state / "goals.db"
    with path.open("r+b") as file:
        file.seek(offset * 100)
        file.write(b"U" * (100 if offset == 0 else 3996))
    found(doctor(many_goals, status=1), "goals", "bad")
    assert goals_report(many_goals, status=0)["tasks"]["salvaged"] == 40
    assert rows_of(many_goals.path / "new.db.goals", "SELECT count(*) FROM tasks") == [(40,)]


def test_recovery_of_goals_keeps_the_key_by_which_the_queue_knows_them(used: Workplace) -> None:
    """With another key a task that the queue has already would be given out again."""
    goals_of(used)
    (key,) = rows_of(used.state / "goals.db", "SELECT value FROM meta WHERE name = 'instance'")
    execute(
        used,
        "INSERT INTO profile_work (prompt_id, host, session, kind, title, goals, task, number,"
        " assigned_at) SELECT 2, host, 'one', 'goal', 'x', '" + key[0] + "', '7', 1, created_at"
        " FROM prompts WHERE id = 2",
    )  # fmt: skip
    in_goals(used, "DELETE FROM meta")
    goals_report(used, status=0)
    new = used.path / "new.db.goals"
    assert rows_of(new, "SELECT value FROM meta WHERE name = 'instance'") == [key]
    new.replace(used.state / "goals.db")
    assert used.tool("goals", "add-task", "another").out == "8\n"


def test_recovery_where_nothing_can_be_read_of_the_goals(used: Workplace) -> None:
    goals_of(used).write_bytes(b"U" * 40960)
    report = goals_report(used, status=1)
    assert (report[""]["salvaged"], report[""]["lost"]) == (0, 1)
    assert whole(used.path / "new.db") == 301
    assert not (used.path / "new.db.goals").exists()


def test_backup_has_the_goals(many_goals: Workplace) -> None:
    copy = many_goals.path / "copy.db"
    row = many_goals.tool("doctor", "--backup", copy, "--json").json
    second = Path(row["goals"])
    assert (second, row["tasks"]) == (many_goals.path / "copy.db.goals", 40)
    assert {file.stat().st_mode & 0o777 for file in (copy, second)} == {0o600}
    assert rows_of(second, "SELECT count(*) FROM tasks") == [(40,)]
    refused(many_goals, "already exists", "--backup", copy)
    copy.unlink()
    refused(many_goals, "already exists", "--backup", copy)
    refused(many_goals, "is the database itself", "--backup", many_goals.state / "goals.db")
    old = second.read_bytes()
    overwrite_goals(many_goals, goals_pages(many_goals, "tasks")[1])
    refused(many_goals, "goals.db' is damaged", "--backup", copy, "--force", status=1)
    assert (second.read_bytes(), copy.exists()) == (old, False)


def test_goals_of_another_program_are_not_saved(used: Workplace) -> None:
    path = used.path / "theirs.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE tasks (title, status, project, priority, created_at)")
    theirs = {"ASSIGNER_GOALS": str(path)}
    before = path.read_bytes()
    row = used.tool("doctor", "--backup", used.path / "b.db", "--json", env=theirs).json
    assert row["goals"] is None
    rows = used.tool("doctor", "--recover", used.path / "r.db", "--json", env=theirs).json
    assert {row["database"] for row in rows} == {"queue"}
    used.tool("doctor", "--repair", env=theirs, status=None)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("columns", "verdict", "detail"),
    [
        ("title, status, project, priority, created_at", "ok", "another program's, 1 task"),
        ("title, status, project, created_at", "bad", "has no column priority"),
    ],
)
def test_goals_of_another_program(used: Workplace, columns: str, verdict: str, detail: str) -> None:
    path = used.path / "theirs.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(f"CREATE TABLE tasks ({columns})")
        connection.execute("INSERT INTO tasks (title, status) VALUES ('x', 'pending')")
    before = path.read_bytes()
    rows = doctor(used, status=int(verdict == "bad"), env={"ASSIGNER_GOALS": str(path)})
    (row,) = [row for row in rows if row["check"] == "goals"]
    assert (row["verdict"], detail in row["detail"]) == (verdict, True), row
    assert path.read_bytes() == before
    assert [file.name for file in used.path.glob("theirs*")] == ["theirs.db"]


def test_profiles_of_sessions_that_are_not_there(used: Workplace) -> None:
    file = used.home / ".config/assigner/foundation.toml"
    file.parent.mkdir(parents=True)
    file.write_text('[a]\nsession = "nobody"\n')
    file.chmod(0o600)
    row = found(doctor(used), "profiles", "warn")
    assert row["command"] == "assigner enroll nobody"
    file.write_text("[a]\n")
    assert "session is missing" in found(doctor(used, status=1), "profiles", "bad")["detail"]
