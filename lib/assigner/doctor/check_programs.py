"""doctor: the programs, packages and settings that assigner needs."""

import contextlib
import os
import re
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from importlib import import_module, metadata

from assigner import config
from assigner.agents import registry
from assigner.doctor import case as doctor_case
from assigner.doctor.case import BAD, OK, WARN, Case, Check
from assigner.errors import SetupError
from assigner.store.database import Row
from assigner.system import git
from assigner.tmux import client

# What is imported, by the name of the package that has it
PACKAGES = {
    "argcomplete": "argcomplete",
    "filelock": "filelock",
    "python-dotenv": "dotenv",
    "sh": "sh",
    "sqlite-utils": "sqlite_utils",
    "tabulate": "tabulate",
}


def check_python(case: Case) -> Iterator[Row]:
    version = ".".join(map(str, sys.version_info[:3]))
    good = sys.version_info >= (3, 11)
    detail = f"{version}, {sys.executable}"
    yield doctor_case.finding("python", OK if good else BAD, detail, "" if good else "make setup")


def check_sqlite(case: Case) -> Iterator[Row]:
    if sqlite3.sqlite_version_info >= (3, 37):
        yield doctor_case.finding("sqlite", OK, sqlite3.sqlite_version)
    else:
        detail = f"{sqlite3.sqlite_version}: STRICT tables need 3.37; use a newer Python"
        yield doctor_case.finding("sqlite", BAD, detail)


def check_tmux(case: Case) -> Iterator[Row]:
    if not shutil.which("tmux") or not shutil.which("timeout"):
        missing = "tmux" if not shutil.which("tmux") else "timeout (coreutils)"
        yield doctor_case.finding(
            "tmux", BAD, f"no {missing} on the PATH {os.environ.get('PATH')}", "make setup"
        )
        return
    said = client.client_version()
    match = re.search(r"(\d+)\.(\d+)", said)
    if match and (int(match[1]), int(match[2])) < (3, 3):
        yield doctor_case.finding("tmux", BAD, f"{said}: 3.3 or newer is needed", "make setup")
    else:
        yield doctor_case.finding("tmux", OK, said)


def check_git(case: Case) -> Iterator[Row]:
    if said := git.version():
        yield doctor_case.finding("git", OK, said)
    else:
        yield doctor_case.finding(
            "git", BAD, "git does not run, so no prompt gets its branch", "make setup"
        )


def check_packages(case: Case) -> Iterator[Row]:
    wrong = []
    wanted: dict[str, str] = {}
    with contextlib.suppress(metadata.PackageNotFoundError):
        wanted = {
            found[1]: found[2]
            for line in metadata.requires("assigner") or ()
            if (found := re.match(r"([\w-]+)(?:\[[\w,]+\])?>=([\d.]+)\s*\Z", line))
        }
    for package, module in PACKAGES.items():
        try:
            import_module(module)
            version, least = metadata.version(package), wanted.get(package, "0")
        except (ImportError, metadata.PackageNotFoundError) as error:
            wrong.append(f"{package}: {error}")
            continue
        if _numbers(version) < _numbers(least):
            wrong.append(f"{package} {version} is older than {least}")
    if wrong:
        yield doctor_case.finding("packages", BAD, doctor_case.examples(wrong), "make setup")
    else:
        yield doctor_case.finding("packages", OK, ", ".join(PACKAGES))


def _numbers(version: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", version)][:3]


def check_env_file(case: Case) -> Iterator[Row]:
    """Whether others can write it is a matter of the settings; here, whether they can read it."""
    path = next((path for path in config.env_files() if path.exists()), None)
    if path is None:
        yield doctor_case.finding("env file", OK, "none: the defaults apply")
        return
    status = path.stat()
    if status.st_uid not in (os.geteuid(), 0):
        yield doctor_case.finding(
            "env file", BAD, *doctor_case.of_somebody_else(path, status.st_uid)
        )
    elif status.st_mode & 0o077:
        yield doctor_case.open_to_others("env file", WARN, path, status.st_mode, 0o600)
    else:
        yield doctor_case.finding("env file", OK, str(path))


def check_providers(case: Case) -> Iterator[Row]:
    """Whether every file of rules can be used."""
    unusable: list[SetupError] = []
    known = registry.agents(unusable)
    for error in unusable:
        yield doctor_case.finding("providers", BAD, str(error))
    if not unusable:
        yield doctor_case.finding("providers", OK, ", ".join(known))


PROGRAMS: dict[str, Check] = {
    "env file": check_env_file,
    "providers": check_providers,
    "python": check_python,
    "sqlite": check_sqlite,
    "tmux": check_tmux,
    "git": check_git,
    "packages": check_packages,
}
