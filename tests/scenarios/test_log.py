"""--log: the log that the passes of a timer write."""

import fcntl
import re
import subprocess
import sys
from pathlib import Path

import pytest

from assigner.config import Settings
from assigner.store import log
from harness.workplace import Workplace, wait_for

LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (.*)")


def logged(work: Workplace, name: str = "tick") -> list[str]:
    """The lines of that log, without their times."""
    found = []
    for line in (work.state / "logs" / f"{name}.log").read_text().splitlines():
        match = LINE.fullmatch(line)
        assert match, line
        found.append(match[1])
    return found


def test_what_happens_is_logged_and_not_printed(work: Workplace) -> None:
    work.enrolled("one")
    work.tool("send", "exit 3", "--max-attempts", 1)

    def failed() -> bool:
        result = work.tool("tick", "--quiet", "--log")
        assert (result.out, result.err) == ("", "")
        return bool(work.prompt(1)["status"] == "failed")

    wait_for(failed)
    of = "prompt=1 attempt=1 session=one"
    assert logged(work) == [
        f'tick: pass=assign-next {of} action=claimed reason="score 0"',
        f"tick: pass=deliver {of} action=typed",
        f"tick: pass=observe {of} action=failed" + ' reason="exit_status: 3"',
    ]
    assert (work.state / "logs").stat().st_mode & 0o777 == 0o700
    assert (work.state / "logs/tick.log").stat().st_mode & 0o777 == 0o600


def test_where_nothing_happened_no_log_is_made(work: Workplace) -> None:
    for name in ("tick", "scan"):
        result = work.tool(name, "--log")
        assert (result.out, result.err) == ("", "")
    assert list((work.state / "logs").iterdir()) == []


def test_failures_are_logged_with_their_status(work: Workplace) -> None:
    work.tool("send", "x")
    with work.locked():
        assert work.tool("tick", "--quiet", "--wait", 0, "--log", status=75).err == ""
        assert not (work.state / "logs/tick.log").exists()  # which is nothing to tell
        work.tool("tick", "--wait", 0, "--log", status=75)
    work.socket.mkdir()
    assert work.tool("tick", "--log", status=(0, 1)).err == ""
    work.database.write_bytes(b"no database")
    assert work.tool("tick", "--quiet", "--log", status=78).err == ""
    lines = logged(work)
    assert lines[0].startswith("tick: cannot lock ")
    assert lines[1] == "tick: exit status 75"
    assert "is damaged or not a database" in lines[-2]
    assert lines[-1] == "tick: exit status 78"


def test_nothing_that_a_terminal_obeys_is_logged(work: Workplace) -> None:
    odd = work.path / "odd\n\x1b[31m\u202e"
    odd.mkdir()
    work.enrolled("one")
    work.tool("send", "x", "--workdir", odd / "missing")
    work.tool("tick", "--log")
    assert r"odd\n\x1b[31m\u202e/missing" in logged(work)[-1].replace("\\\\", "\\")


def test_log_that_cannot_be_written_is_told(work: Workplace) -> None:
    work.enrolled("one")
    work.tool("send", "true")
    (work.state / "logs/tick.log").symlink_to(work.path / "elsewhere")
    result = work.tool("tick", "--log")
    said = f"tick: cannot write the log in '{work.state}/logs': Too many levels of symbolic links\n"
    assert result.err == said
    assert "typed" in result.out
    assert not (work.path / "elsewhere").exists()
    work.state.chmod(0o777)
    assert (
        "other users can write to the state directory" in work.tool("tick", "--log", status=78).err
    )


@pytest.mark.parametrize("option", ["--json", "--dry-run"])
def test_log_is_for_what_is_done_and_read_later(work: Workplace, option: str) -> None:
    said = work.tool("tick", "--log", option, status=2).err
    assert said.startswith("tick: --log excludes --json and --dry-run; ")


@pytest.mark.parametrize(("files", "names"), [(2, ["", ".1", ".2"]), (0, [""])])
def test_log_is_rotated(work: Workplace, files: int, names: list[str]) -> None:
    work.environment |= {"ASSIGNER_LOG_SIZE": "300", "ASSIGNER_LOG_FILES": str(files)}
    work.tool("send", "x")
    with work.locked():
        for _ in range(12):
            work.tool("tick", "--wait", 0, "--log", status=75)
    logs = sorted((work.state / "logs").iterdir())
    assert [path.name for path in logs] == [f"tick.log{name}" for name in names]
    assert all(0 < path.stat().st_size <= 300 for path in logs)
    assert {path.stat().st_mode & 0o777 for path in logs} == {0o600}
    text = "".join(path.read_text() for path in reversed(logs))
    times = [line.split()[0] for line in text.splitlines()]
    assert times == sorted(times)


WRITER = """
import sys
from pathlib import Path
from assigner.config import Settings
from assigner.store import log
home = Path(sys.argv[1])
log._PATIENCE = 60  # on a machine that is very busy
settings = Settings(home, home / "x.db", (), "here", log_size=2000, log_files=1000)
for n in range(200):
    log.write(settings, "many", [f"{sys.argv[2]} {n}", "second"])
"""


def test_writers_at_once_lose_no_line_while_it_is_rotated(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    command = [sys.executable, "-c", WRITER, tmp_path]
    writers = [subprocess.Popen([*command, str(who)]) for who in range(4)]
    assert [writer.wait(timeout=60) for writer in writers] == [0] * 4
    logs = list((tmp_path / "logs").iterdir())
    assert len(logs) > 10
    assert all(path.stat().st_size <= 2000 for path in logs)
    lines = [line.split(" ", 1)[1] for path in logs for line in path.read_text().splitlines()]
    assert len(lines) == 4 * 200 * 2
    firsts = {line for line in lines if line != "second"}
    assert firsts == {f"{who} {n}" for who in range(4) for n in range(200)}


def test_a_file_that_others_fill_while_it_is_rotated_is_rotated_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(tmp_path, tmp_path / "x.db", (), "here", log_size=30, log_files=9)
    file, rotate = tmp_path / "tick.log", log._rotate

    def rotate_late(path: Path, kept: int) -> None:
        rotate(path, kept)
        monkeypatch.setattr(log, "_rotate", rotate)
        log.append(settings, file, ["c" * 20])

    monkeypatch.setattr(log, "_rotate", rotate_late)
    log.append(settings, file, ["a" * 20])
    log.append(settings, file, ["b" * 20])
    assert [path.stat().st_size for path in tmp_path.iterdir()] == [21] * 3


def test_a_writer_that_cannot_wait_rotates_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever holds the lock may be rotating: two who do would lose a file."""
    monkeypatch.setattr(log, "_PATIENCE", 0)
    settings = Settings(tmp_path, tmp_path / "x.db", (), "here", log_size=10, log_files=3)
    file = tmp_path / "tick.log"
    log.append(settings, file, ["held by somebody"])
    with file.open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        log.append(settings, file, ["late"])
    assert file.read_text() == "held by somebody\nlate\n"
    log.append(settings, file, ["in time"])
    assert file.read_text() == "in time\n"
    assert file.with_name("tick.log.1").read_text() == "held by somebody\nlate\n"
