"""make demo, as in a fresh clone."""

import importlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from harness.workplace import PATH, PIPES, ROOT, Workplace


class Newcomer:
    """An empty home and an empty directory for temporary files."""

    def __init__(self, place: Path) -> None:
        self.place, self.home, self.temporary = place, place / "home", place / "tmp"
        self.home.mkdir()
        self.temporary.mkdir()

    def starts_the_demo(self, path: str = PATH, **more: str) -> subprocess.Popen[str]:
        bare = {"HOME": str(self.home), "PATH": path, "TMPDIR": str(self.temporary)}
        return subprocess.Popen(
            [sys.executable, ROOT / "demo/demo.py"],
            env=bare | more,
            cwd="/",
            start_new_session=True,  # with the group that Ctrl-C would reach
            **PIPES,
        )

    def finds_nothing_left(self) -> bool:
        return not (
            [*self.home.iterdir(), *self.temporary.iterdir()]
            or [pid for pid in processes() if bytes(self.place) in told_of(pid)]
        )


def processes() -> list[Path]:
    return list(Path("/proc").glob("[0-9]*"))


def told_of(process: Path) -> bytes:
    """The arguments and environment of a process; empty if it has ended, or is another user's."""
    with suppress(OSError):
        return (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
    return b""


@pytest.fixture
def newcomer() -> Iterator[Newcomer]:
    # Not below pytest's directory: the path of a socket in it would be too long.
    with TemporaryDirectory(prefix="newcomer-", dir="/tmp") as place:
        yield Newcomer(Path(place))


def test_the_demo_keeps_its_promises_and_leaves_nothing(newcomer: Newcomer) -> None:
    out, err = (demo := newcomer.starts_the_demo()).communicate(timeout=60)
    assert (demo.returncode, err) == (0, ""), out
    verdict = "10 of 10 prompts ended as expected; 4 of 4 other expectations met"
    assert out.splitlines()[-1] == verdict
    seen = out.replace(str(newcomer.temporary), "/tmp").replace(str(ROOT), "~/assigner")
    assert [line for line in seen.splitlines() if len(line) > 100] == []
    assert newcomer.finds_nothing_left()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_the_demo_leaves_nothing_when_it_is_interrupted(newcomer: Newcomer, number: int) -> None:
    with newcomer.starts_the_demo() as demo:
        assert demo.stdout
        assert any(line.startswith("$ tick") for line in demo.stdout)
        assert not newcomer.finds_nothing_left()
        os.killpg(demo.pid, number)
        _, err = demo.communicate(timeout=20)
    assert (demo.returncode, err) == (130, "demo: interrupted\n")
    assert newcomer.finds_nothing_left()


def test_the_demo_tells_what_went_wrong(newcomer: Newcomer, tmp_path: Path) -> None:
    """Without zsh, with an `uniq` that fails, and in the middle of a real queue's settings."""
    for directory in PATH.split(":"):
        for program in Path(directory).iterdir():
            if program.name not in ("zsh", "uniq"):
                with suppress(FileExistsError):
                    (tmp_path / program.name).symlink_to(program)
    (tmp_path / "uniq").symlink_to(tmp_path / "false")
    real = tmp_path / "real.db"
    demo = newcomer.starts_the_demo(path=str(tmp_path), ASSIGNER_DB=str(real))
    out, err = demo.communicate(timeout=60)
    assert demo.returncode == 1, err
    assert "There is no zsh on this machine" in out
    assert "prompt 9: unexpected result" in out
    assert "8 of 10 prompts ended as expected" in out.splitlines()[-1]
    assert not real.exists()
    assert newcomer.finds_nothing_left()


def test_what_the_demo_advises_works(work: Workplace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT / "demo")
    play = importlib.import_module("demo").PLAY
    advice = [line[4:] for line in play.splitlines() if line.startswith("    ")]
    start, *lines = [line for line in advice[advice.index("tmux new-session -d -s work") :] if line]
    schedule = "* * * * * "
    timer = [line.removeprefix(schedule) for line in lines if line.startswith(schedule)]
    typed = [line for line in lines if not line.startswith(schedule)]
    work.repo("home/project")
    work.shell(start.split()[-1])
    for script in ("\n".join(typed), *timer):
        subprocess.run(["bash", "-ec", script], env=work.environment, cwd="/", check=True)
    assert work.prompt(1)["status"] == "completed"
    assert len(timer) == 1
