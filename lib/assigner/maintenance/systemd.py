"""The user's own systemd units: a timer and the pass that it starts."""

import contextlib
import os
import pwd
from collections.abc import Iterator, Mapping
from pathlib import Path

from assigner.errors import AssignerError, SetupError
from assigner.system import private_files, programs, resources, user_config

ROOT = resources.data("systemd")

TIMER = "assigner.timer"
NAMES = ("assigner.service", TIMER)


def directory() -> Path:
    """The directory of the user's units, systemd.unit(5)."""
    return user_config.xdg("XDG_CONFIG_HOME", ".config") / "systemd" / "user"


def units(command: str, environment: Mapping[str, str]) -> dict[str, str]:
    """The text of each unit; `command` is a line of systemd.service(5)."""
    settings = "".join(
        f'Environment="{name}={escaped(value)}"\n' for name, value in environment.items()
    )
    found = {}
    for name in NAMES:
        lines = (ROOT / name).read_text(encoding="utf-8").splitlines(keepends=True)
        for number, line in enumerate(lines):
            if line.startswith("Environment="):
                lines[number] = settings
            elif line.startswith("ExecStart="):
                lines[number] = f"ExecStart={command}\n"
        found[name] = "".join(lines)
    return found


def escaped(text: str) -> str:
    """Text escaped for double quotes in a unit, where % starts a specifier."""
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")


def installed() -> dict[str, str]:
    """The text of each unit that `timers install` wrote."""
    found = {}
    for name in NAMES:
        if (text := _ours(directory() / name)) is not None:
            found[name] = text
    return found


def foreign() -> list[Path]:
    """Files that have the name of one of assigner's units, but that assigner did not write."""
    paths = [directory() / name for name in NAMES]
    return [path for path in paths if os.path.lexists(path) and _ours(path) is None]


def install(texts: Mapping[str, str]) -> bool:
    """Write the units and start the timer.  Returns whether anything changed.

    Raises SetupError or AssignerError, with the units restored.
    """
    if strangers := foreign():
        raise SetupError(f"'timers install' did not create '{strangers[0]}': move it away")
    _ask_manager()
    before = installed()
    changed = before != texts
    with _restored(before, if_changed=changed):
        if changed:
            _write(texts)
            _systemctl("daemon-reload")
        was_on = _is("is-enabled") and _is("is-active")
        _systemctl("enable", TIMER)
        _systemctl("restart" if changed else "start", TIMER)
    return changed or not was_on


def uninstall() -> str | None:
    """Stop the timer and remove the units.  Returns the error of the systemd manager, or None."""
    ours, problem = installed(), None
    try:
        _ask_manager()
        if TIMER in ours:
            _systemctl("disable", "--now", TIMER)
    except AssignerError as error:
        problem = str(error)
    _write({}, remove=ours)
    if TIMER in ours:  # the link that disable would have removed
        (directory() / "timers.target.wants" / TIMER).unlink(missing_ok=True)
    if ours and problem is None:
        _systemctl("daemon-reload")
    return problem


def lingering() -> str:
    """The command that keeps the user's manager running."""
    try:
        return f"sudo loginctl enable-linger {pwd.getpwuid(os.getuid()).pw_name}"
    except KeyError:
        return f"sudo loginctl enable-linger {os.getuid()}"


def lingers() -> bool | None:
    """Whether the user's manager runs without a login; None if that is unknown."""
    try:
        done = programs.run("loginctl", "show-user", str(os.getuid()), "-p", "Linger", "--value")
    except programs.NotInstalled:
        return None
    if done.status:  # the user is not logged in, so logind has no record
        return None
    return done.out.strip() == b"yes"


def _ours(path: Path) -> str | None:
    """The text of the file if its first line shows that assigner wrote it, else None."""
    try:
        if path.is_symlink():
            return None
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None
    marker = (ROOT / TIMER).read_text(encoding="utf-8").partition("\n")[0]
    return text if text.partition("\n")[0] == marker else None


def _write(texts: Mapping[str, str], *, remove: Mapping[str, str] | None = None) -> None:
    """Write files, each atomically, and remove those that are only in `remove`."""
    place = directory()
    if texts:
        private_files.make_private(place)
    for name, text in texts.items():
        aside = place / f".{name}.{os.getpid()}"
        try:
            aside.write_text(text, encoding="utf-8")
            aside.chmod(0o644)
            aside.replace(place / name)
        finally:
            aside.unlink(missing_ok=True)
    for name in set(remove or {}) - set(texts):
        (place / name).unlink(missing_ok=True)


@contextlib.contextmanager
def _restored(before: Mapping[str, str], *, if_changed: bool) -> Iterator[None]:
    """On a failure, restore the units."""
    try:
        yield
    except BaseException:
        if if_changed:
            _write(before, remove=dict.fromkeys(NAMES, ""))
            with contextlib.suppress(AssignerError):
                _systemctl("daemon-reload")
        raise


def _ask_manager() -> None:
    """SetupError if the user's systemd manager does not answer."""
    try:
        done = programs.run("systemctl", "--user", "show", "-p", "Version")
    except programs.NotInstalled:
        raise SetupError(
            "cannot find 'systemctl': use cron instead: 'assigner timers install cron'"
        ) from None
    if done.status:
        raise SetupError(
            f"your systemd manager does not answer: {done.problem};"
            f" log in as yourself, not through su or sudo, or keep it running with"
            f" '{lingering()}'"
        )


def _is(question: str) -> bool:
    return programs.run("systemctl", "--user", question, "--quiet", TIMER).status == 0


def _systemctl(*arguments: str) -> None:
    done = programs.run("systemctl", "--user", "--quiet", *arguments)
    if done.status:
        raise AssignerError(f"'systemctl --user {' '.join(arguments)}' failed: {done.problem}")
