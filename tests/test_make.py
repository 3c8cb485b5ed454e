"""make, and tools/setup on simulated machines: the PATH holds only what a test puts there."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from harness.workplace import ROOT

TARGETS = {
    "bench", "clean", "crash", "crash-calls", "crash-disks", "crash-faults", "demo",
    "help", "install-cron", "install-systemd", "lint", "man", "model", "night",
    "schema", "setup", "setup-tests", "test", "test-agents", "test-fresh", "test-hostile",
    "test-slow", "test-timers", "test-tmux", "uninstall-cron", "uninstall-systemd",
}  # fmt: skip
SCRIPTS = ["tools/setup", ".ci/run"]
COREUTILS = ["cat", "chmod", "cksum", "cp", "dirname", "mkdir", "rm", "uname"]

NEEDED = ["bash", "git", "tmux", "zsh"]
NEEDED_BY_TESTS = ["dash", "fish", "less", "man", "ps", "strace", "vim"]

# Creates a virtual environment whose python has pip, and pluggy once pip has run.
PYTHON = """#!/bin/sh
case "$*" in
*'-m venv .venv') mkdir -p .venv/bin && cat "$0" >.venv/bin/python && chmod +x .venv/bin/python ;;
*'-m pip install'*) echo WARNING: chatter; [ ! -e pip-fails ] && >>pip-ran ;;
*'import pluggy'*) [ -e pip-ran ] ;;
esac
"""


def test_help_lists_every_target() -> None:
    done = subprocess.run(["make", "-s"], cwd=ROOT, capture_output=True, text=True, check=True)
    listed = re.findall(r"^make (\S+) +\S", done.stdout, re.MULTILINE)
    written = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert sorted(listed) == sorted(written) == sorted(TARGETS)


@pytest.mark.parametrize("script", SCRIPTS)
def test_scripts_are_sound(script: str) -> None:
    path = ROOT / script
    shebang, *lines = path.read_text().splitlines()
    shell = shebang.rpartition("/")[2].rpartition(" ")[2]
    subprocess.run([shell, "-n", path], check=True)
    assert path.stat().st_mode & 0o111
    assert re.search(r"^set -e?u$", "\n".join(lines), re.MULTILINE)
    if shell == "sh":
        bashisms = r"\[\[ |&>|<<<|^\s*(local|source|function) "
        assert not re.search(bashisms, "\n".join(lines), re.MULTILINE)


class Machine:
    """A checkout that holds only setup, with a PATH of its own and nothing of the real one."""

    def __init__(self, path: Path) -> None:
        self.checkout, self.bin = path / "a checkout", path / "bin"
        (self.checkout / "tools").mkdir(parents=True)
        self.bin.mkdir()
        for name in ("tools/setup", "pyproject.toml"):
            shutil.copy(ROOT / name, self.checkout / name)
        for name in COREUTILS:
            (self.bin / name).symlink_to(shutil.which(name) or name)
        for name in (*NEEDED, *NEEDED_BY_TESTS):
            self.program(name)
        self.program("python3", PYTHON)
        self.program("id", "#!/bin/sh\necho 0\n")

    def program(self, name: str, text: str = "#!/bin/sh\n") -> None:
        (self.bin / name).unlink(missing_ok=True)  # else a link's target, the real one, is written
        (self.bin / name).write_text(text)
        (self.bin / name).chmod(0o755)

    def setup(self, *arguments: str) -> tuple[int, str]:
        """Run setup; returns its exit status and its messages."""
        done = subprocess.run(
            ["/bin/sh", self.checkout / "tools/setup", *arguments],
            cwd="/",
            env={"PATH": str(self.bin)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        return done.returncode, done.stdout


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_setup_is_done_once(machine: Machine) -> None:
    status, said = machine.setup()
    assert (status, said.count("\n")) == (0, 2)
    assert "WARNING" not in said
    assert machine.setup() == (0, "")


def test_setup_is_done_again_when_what_it_rests_on_changed(machine: Machine) -> None:
    machine.setup()
    with (machine.checkout / "pyproject.toml").open("a") as file:
        file.write("# changed\n")
    assert machine.setup() == (0, "setup: installing the package and its dependencies into .venv\n")
    (machine.checkout / ".venv/bin/python").unlink()
    assert "setup: making .venv with python3\n" in machine.setup()[1]


def test_setup_tells_why_pip_failed_and_tries_again(machine: Machine) -> None:
    (machine.checkout / "pip-fails").touch()
    status, said = machine.setup()
    assert status == 1
    assert "WARNING: chatter" in said
    (machine.checkout / "pip-fails").unlink()
    assert machine.setup()[0] == 0


def test_setup_passes_by_a_python_that_is_too_old(machine: Machine) -> None:
    old = """#!/bin/sh\ncase "$*" in *"version_info < (3, 11)"*) exit 1 ;; esac\n"""
    machine.program("python3", old + PYTHON)
    machine.program("python3.12", PYTHON)
    status, said = machine.setup()
    assert status == 0
    assert "making .venv with python3.12" in said


def test_setup_says_what_to_install(machine: Machine) -> None:
    (machine.bin / "tmux").unlink()
    (machine.bin / "zsh").unlink()
    said = "setup: please install: tmux zsh (Python: 3.11 or newer, with venv)\n"
    assert machine.setup() == (78, said)
    assert not (machine.checkout / ".venv").exists()


def test_setup_asks_no_password(machine: Machine) -> None:
    (machine.bin / "zsh").unlink()
    machine.program("id", "#!/bin/sh\necho 1000\n")
    machine.program("dnf", "#!/bin/sh\nexit 9\n")
    assert machine.setup() == (78, "setup: please run as root: dnf install -y zsh\n")
    machine.program("sudo", "#!/bin/sh\nexit 1\n")
    assert machine.setup() == (78, "setup: please run: sudo dnf install -y zsh\n")


def test_what_only_tests_use_is_asked_for_by_tests_only(machine: Machine) -> None:
    for name in NEEDED_BY_TESTS:
        (machine.bin / name).unlink()
    assert machine.setup()[0] == 0
    machine.program("uname", "#!/bin/sh\necho Linux x86_64\n")
    machine.program("id", "#!/bin/sh\necho 1000\n")
    machine.program("apt-get", "#!/bin/sh\nexit 9\n")
    status, said = machine.setup("tests")
    assert status == 78
    packages = "dash fish less man-db procps strace vim-tiny"
    asked = f"apt-get install -y --no-install-recommends {packages}"
    assert re.sub(" tzdata", "", said) == f"setup: please run as root: {asked}\n"


def test_another_vim_will_do_and_where_nothing_can_be_traced_no_strace(machine: Machine) -> None:
    (machine.bin / "vim").rename(machine.bin / "vi")
    (machine.bin / "strace").unlink()
    machine.program("uname", "#!/bin/sh\necho Linux aarch64\n")
    assert machine.setup("tests")[0] == 0


def test_setup_refuses_what_it_does_not_know(machine: Machine) -> None:
    assert machine.setup("test")[0] == 2


def test_setup_uses_sudo_that_asks_nothing(machine: Machine) -> None:
    (machine.bin / "zsh").unlink()
    machine.program("id", "#!/bin/sh\necho 1000\n")
    machine.program("sudo", '#!/bin/sh\n[ "$1" = -n ] && shift && "$@"\n')
    machine.program("true")
    machine.program("dnf", f"#!/bin/sh\ncp '{machine.bin}/tmux' '{machine.bin}/zsh'\n")
    assert machine.setup()[0] == 0


@pytest.mark.parametrize("manager", ["apt-get", "dnf", "apk", "pacman", "brew"])
def test_setup_installs_what_is_missing(machine: Machine, manager: str) -> None:
    (machine.bin / "zsh").unlink()
    stub = f"""case "$*" in *" zsh") cp '{machine.bin}/tmux' '{machine.bin}/zsh' ;; esac"""
    machine.program(manager, f"#!/bin/sh\n{stub}\n")
    status, said = machine.setup()
    assert status == 0
    assert said.startswith(f"setup: installing zsh: {manager} ")
    assert machine.setup() == (0, "")


def test_setup_does_not_believe_the_manager(machine: Machine) -> None:
    (machine.bin / "zsh").unlink()
    machine.program("apk")
    status, said = machine.setup()
    assert status == 78
    assert said.endswith("setup: still missing: zsh (Python: 3.11 or newer, with venv)\n")
