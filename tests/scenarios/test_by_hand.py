"""Tools of a checkout, started without its virtual environment."""

import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from harness.workplace import PIPES, ROOT

TOOLS = sorted(path.name for path in (ROOT / "bin").glob("[!._]*") if not path.suffix)
IN_PYTHON = [name for name in TOOLS if "python" in (ROOT / "bin" / name).read_text()[:30]]


@pytest.fixture
def path(tmp_path: Path) -> str:
    """A PATH whose python3 has no package of ours."""
    (tmp_path / "path").mkdir()
    (tmp_path / "path/python3").symlink_to(os.path.realpath(sys.executable))
    return str(tmp_path / "path")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The tools of a checkout in which `make setup` has not been run."""
    place = tmp_path / "a checkout"
    shutil.copytree(ROOT / "bin", place / "bin", ignore=shutil.ignore_patterns("__pycache__"))
    return place


def run(path: str, tool: Path, *args: str, cwd: Path | str = "/") -> tuple[int, str, str]:
    """Start a tool as a shell does, by its first line -> its status, output and errors."""
    done = subprocess.run([tool, *args], env={"PATH": path}, cwd=cwd, timeout=60, **PIPES)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("name", ["send", "assigner", "doctor"])
def test_a_tool_finds_the_virtual_environment_of_its_checkout(path: str, name: str) -> None:
    status, out, err = run(path, ROOT / "bin" / name, "--help")
    assert (status, out.startswith("usage: "), err) == (0, True, "")


def test_a_link_to_a_tool_or_to_their_directory_does(path: str, tmp_path: Path) -> None:
    (tmp_path / "queue a prompt").symlink_to(ROOT / "bin" / "send")
    (tmp_path / "tools").symlink_to(ROOT / "bin")
    for tool in (tmp_path / "queue a prompt", tmp_path / "tools" / "send"):
        assert run(path, tool, "--help")[::2] == (0, "")
    assert run(path, Path("tools/send"), "--help", cwd=tmp_path)[::2] == (0, "")


def test_the_tool_is_started_again_as_it_was_called(path: str, checkout: Path) -> None:
    python = checkout / ".venv/bin/python"
    python.parent.mkdir(parents=True)
    python.write_text("#!/bin/sh\nprintf '%s\\n' \"$@\"\nexit 7\n")
    python.chmod(0o755)
    tool = checkout / "bin/send"
    assert run(path, tool, "", "a b", "*") == (7, f"{tool}\n\na b\n*\n", "")


@pytest.mark.parametrize("name", IN_PYTHON)
def test_without_a_virtual_environment_one_line_says_so(
    path: str, checkout: Path, name: str
) -> None:
    said = f"{name}: assigner is not installed: run 'make setup' in '{checkout}'\n"
    assert run(path, checkout / "bin" / name) == (78, "", said)


@pytest.mark.parametrize("kind", ["gone", "empty"])
def test_neither_with_one_that_is_of_no_use(path: str, checkout: Path, kind: str) -> None:
    if kind == "empty":
        venv.create(checkout / ".venv", symlinks=True)
    else:
        (checkout / ".venv/bin").mkdir(parents=True)
        (checkout / ".venv/bin/python").symlink_to("/nowhere/python3")
    status, out, err = run(path, checkout / "bin/send")
    assert (status, out, err.count("\n")) == (78, "", 1)
    assert "'make setup'" in err


def test_a_package_that_is_broken_is_not_taken_for_none(path: str, checkout: Path) -> None:
    """Else it would be started again, or `make setup` be advised in vain."""
    package = checkout / "bin" / ".." / "lib" / "assigner"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("import nothing_of_that_name\n")
    tool, env = checkout / "bin/send", {"PATH": path, "PYTHONPATH": str(checkout / "lib")}
    done = subprocess.run([tool], env=env, timeout=60, **PIPES)
    assert done.returncode == 1
    assert "No module named 'nothing_of_that_name'" in done.stderr


def test_what_stands_beside_the_tools_is_not_one(path: str) -> None:
    listed = run(path, ROOT / "bin/assigner")[1]
    names = [line.split()[0] for line in listed.splitlines()[2:] if line.startswith("  ")]
    assert sorted(names) == [name for name in TOOLS if name != "assigner"]
