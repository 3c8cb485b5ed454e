#!/usr/bin/env python3
"""install.py - install the real agents, in the tested versions, into a cache of their own

The directory is $ASSIGNER_AGENTS, which must have the agents already, or `assigner/agents` in
$XDG_CACHE_HOME, into which missing agents are installed from npm.  Prints the agents that are
there, and why the others are not.

exit status: 0 all are there; 1 some are not
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

# The tested versions, by provider
PACKAGES = {
    "claude": ("@anthropic-ai/claude-code", "2.1.332"),
    "codex": ("@openai/codex", "0.171.0"),
    "opencode": ("opencode-ai", "1.18.33"),
}
_MINUTES = 20


class Program(NamedTuple):
    """An agent's program; if there is none, `missing` has the reason."""

    path: Path
    missing: str | None


def directory() -> Path:
    """The directory of the agents."""
    if given := os.environ.get("ASSIGNER_AGENTS"):
        return Path(given).absolute()
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "assigner" / "agents"


def programs() -> dict[str, Program]:
    """The agents by provider; installs missing ones."""
    where = directory()
    wrong = {name: _wrong(where, name) for name in PACKAGES}
    failed = None
    if any(wrong.values()) and "ASSIGNER_AGENTS" not in os.environ:
        failed = _install(where)
        wrong = {name: _wrong(where, name) for name in PACKAGES}
    return {
        name: Program(_program(where, name), why and (failed or why)) for name, why in wrong.items()
    }


def _program(where: Path, name: str) -> Path:
    return where / "node_modules" / ".bin" / name


def _wrong(where: Path, name: str) -> str | None:
    """Why an agent cannot be tried; None if it can."""
    package, version = PACKAGES[name]
    try:
        described = json.loads((where / "node_modules" / package / "package.json").read_text())
    except (OSError, ValueError):
        return f"not in {where}"
    if described.get("version") != version:
        return f"{described.get('version')} in {where} is not {version}"
    with tempfile.TemporaryDirectory(prefix="assigner-agents-", dir="/var/tmp") as home:
        environment = {"HOME": home, "PATH": path(where), "DISABLE_AUTOUPDATER": "1"}
        try:
            done = subprocess.run(
                [_program(where, name), "--version"],
                env=environment, cwd=home, stdin=subprocess.DEVNULL, capture_output=True,
                text=True, timeout=60, check=False,
            )  # fmt: skip
        except (OSError, subprocess.TimeoutExpired) as error:
            return f"does not start: {error}"
    if done.returncode or version not in done.stdout:
        said = " ".join((done.stderr or done.stdout).split())[-200:]
        return f"does not start: status {done.returncode}: {said}"
    return None


def path(where: Path) -> str:
    """The PATH that agents are started with: themselves, node, and what every system has."""
    node = shutil.which("node")
    places = [where / "node_modules" / ".bin", *([Path(node).parent] if node else [])]
    return ":".join([*map(str, places), "/usr/local/bin", "/usr/bin", "/bin"])


def _install(where: Path) -> str | None:
    """Install all of them with npm; returns why that failed, or None."""
    npm = shutil.which("npm")
    if npm is None:
        return "npm is not there to install it"
    try:
        where.mkdir(parents=True, exist_ok=True)
        wanted = {
            "private": True,
            # npm from 11 on runs no package's install script without this, older ones all
            "allowScripts": {package: True for package, _ in PACKAGES.values()},
            "dependencies": dict(PACKAGES.values()),
        }
        (where / "package.json").write_text(json.dumps(wanted, indent=1) + "\n")
        options = ("--no-audit", "--no-fund", "--no-progress", "--ignore-scripts=false")
        done = subprocess.run(
            [npm, "install", *options],
            cwd=where, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=60 * _MINUTES, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"npm install: {error}"
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if "error" in line] or ["?"]
        return f"npm install: status {done.returncode}: {'; '.join(lines[:3])}"
    return None


def main() -> int:
    found = programs()
    for name, program in found.items():
        state = program.missing and f"not installed: {program.missing}"
        print(f"{name} {PACKAGES[name][1]}: {state or program.path}")
    return int(any(program.missing for program in found.values()))


if __name__ == "__main__":
    sys.exit(main())
