"""The package, installed from a checkout by pipx and by uv, with its data files."""

import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from assigner.cli import registry
from harness.workplace import PATH, PIPES, ROOT

# The tests do not look at the user's own crontab and units.
STAND_INS = {"crontab": "echo no crontab for tester >&2; exit 1", "systemctl": "", "loginctl": ""}


@pytest.fixture(scope="module", params=[pytest.param("pipx", marks=pytest.mark.slow), "uv"])
def installed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command `assigner` of an installation, in a home of its own."""
    home = tmp_path_factory.mktemp("home")
    program = shutil.which(request.param)
    if program is None:
        venv.create(home / "installer", with_pip=True, symlinks=True)
        command = [home / "installer/bin/python", "-m", "pip", "install", "-q", request.param]
        if subprocess.run(command, **PIPES).returncode:
            pytest.skip(f"{request.param} is not installed, and pip cannot install it")
        program = str(home / "installer/bin" / request.param)
    places = {
        "PIPX_HOME": home / "pipx", "PIPX_BIN_DIR": home / "bin", "PIPX_MAN_DIR": home / "man",
        "UV_TOOL_DIR": home / "uv", "UV_TOOL_BIN_DIR": home / "bin", "UV_CACHE_DIR": home / "cache",
        "UV_PYTHON": sys.executable,
    }  # fmt: skip
    words = ["tool", "install"] if request.param == "uv" else ["install"]
    with pytest.MonkeyPatch.context() as patch:
        for name, value in places.items():
            patch.setenv(name, str(value))
        done = subprocess.run([program, *words, ROOT], **PIPES)
    assert done.returncode == 0, done.stderr
    return home / "bin" / "assigner"


def test_an_installation_has_all_that_a_checkout_has(installed: Path, tmp_path: Path) -> None:
    environment = {"HOME": str(tmp_path), "PATH": f"{tmp_path}:{installed.parent}:{PATH}"}
    for name, text in STAND_INS.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o755)

    def run(*arguments: str) -> str:
        done = subprocess.run([installed, *arguments], env=environment, cwd="/", **PIPES)
        assert done.returncode == 0 and "Traceback" not in done.stderr, done
        return str(done.stdout)

    listed = run()
    for name in registry.names():
        assert f"  {name} " in listed
    package = installed.resolve().parents[1]
    assert not list(package.rglob("_bin/assigner.py"))
    for place in ("_env.example", "_systemd/assigner.service", "templates/*.toml"):
        assert list(package.rglob(f"assigner/**/{place}")), place
    assert "claude" in run("providers")
    assert run("send", "echo hello") == "1\n"
    assert "echo hello" in run("queue")
    run("goals", "list", "tasks")
    assert "assigner-send.1" in run("manual", "--dir", str(tmp_path / "man"))
    for kind in ("cron", "systemd"):
        assert f"{installed.resolve()} tick" in run("timers", "install", kind, "--dry-run")
