"""Timers that run the passes: cron or systemd, and the environment that they need.

A timer starts with a bare environment.  The variables of the user's own environment that change
what a pass sees are stored with the command: the PATH, the settings, the tmux servers.
"""

import os
import pwd
import re
import shlex
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from assigner import config
from assigner.errors import SetupError
from assigner.maintenance import cron, systemd
from assigner.store import state_dir
from assigner.system import processes, resources

# Never stored in a crontab or unit: passes read these from .env
_SECRET = re.compile(r"(TOKEN|SECRET|PASSWORD|KEY)S?$")
_STANDARD = ("/usr/local/bin", "/usr/bin", "/bin")
# cron's own limit of a command, in bytes (MAX_COMMAND of Vixie cron)
_LONGEST = 990
_CRONS = {"cron", "crond", "fcron", "cronie", "dcron"}


def install(kind: str, database: str | None, *, dry: bool) -> tuple[str, dict[str, bytes]]:
    """Let cron or systemd run the passes.  Returns the outcome, and the new contents by place.

    Raises SetupError if the other one already does.
    """
    _refuse_second(kind)
    known = environment(database)
    if not dry:
        state_dir.prepare(config.load(database))
    if kind == "cron":
        old, new = cron.update(cron_block(known), dry=dry)
        return "unchanged" if old == new else "installed", {"crontab": new}
    texts = systemd.units(_systemd_command(), {"PATH": search_path(), **known})
    changed = systemd.installed() != texts if dry else systemd.install(texts)
    return "installed" if changed else "unchanged", _placed(texts)


def uninstall(kind: str, *, dry: bool) -> tuple[str, dict[str, bytes], list[str]]:
    """Undo install.  Returns the outcome, the contents by place, and problems."""
    if kind == "cron":
        old, new = cron.update(None, dry=dry)
        return "not installed" if old == new else "removed", {"crontab": new}, []
    ours = systemd.installed()
    problems = [
        f"'timers install' did not create '{path}': it was kept" for path in systemd.foreign()
    ]
    if ours and not dry and (problem := systemd.uninstall()):
        problems.append(f"the files were removed, but the timer may still be running: {problem}")
    return "removed" if ours else "not installed", _placed(dict.fromkeys(ours, "")), problems


def warnings(kind: str) -> list[str]:
    """Why the timer may not run, or see other sessions than the user; and what to do."""
    found = []
    if kind == "cron":
        if not processes.running() & _CRONS:
            found.append("no cron is seen running: start it, e.g. 'sudo service cron start'")
    elif systemd.lingers() is False:
        always = f"to keep it running: '{systemd.lingering()}'"
        found.append(f"the timer stops when you log out; {always}")
    if here := _socket_here(config.load()):
        remedy = "set ASSIGNER_TMUX_SOCKETS in .env, so that your own commands do so too"
        found.append(f"passes also look at the tmux server '{here[0]}': {remedy}")
    return found


def environment(database: str | None) -> dict[str, str]:
    """The variables that a timer's pass needs to see the same settings and sockets."""
    settings = config.load(database)
    file = config.env_file()
    known = {
        name: value
        for name in sorted(config.KNOWN)
        if (value := os.environ.get(name)) and not _SECRET.search(name)
    }
    if database:
        known["ASSIGNER_DB"] = str(settings.database)
    for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME"):
        if (value := os.environ.get(name, "")).startswith("/"):
            known[name] = value
    if zone := os.environ.get("TZ"):
        known["TZ"] = zone
    home = os.environ.get("HOME")
    if home and home != _home():  # a timer gets the HOME in the password database
        known.setdefault("XDG_CONFIG_HOME", f"{home}/.config")
        if "ASSIGNER_HOME" not in file:
            known.setdefault("ASSIGNER_HOME", str(settings.home))
    if "ASSIGNER_TMUX_SOCKETS" not in {**file, **known}:
        sockets = list(dict.fromkeys((*settings.sockets, *_socket_here(settings))))
        if sockets != [config.socket_below("/tmp")]:  # noqa: S108 - where tmux looks, tmux(1)
            known["ASSIGNER_TMUX_SOCKETS"] = ":".join(sockets)
    for name, value in known.items():
        if not value.isprintable():
            raise SetupError(f"{name} has a control character: {value!a}")
    return known


def search_path(longest: int = 10_000) -> str:
    """A PATH on which a timer finds the same programs as the user."""
    given = os.environ.get("PATH", "").split(":")
    usable = [e for e in given if e.startswith("/") and e.isprintable() and os.path.isdir(e)]
    whole = ":".join(dict.fromkeys((*usable, *_STANDARD)))
    if len(whole.encode()) <= longest:
        return whole
    found = (shutil.which(name) for name in ("tmux", "git"))
    needed = {str(Path(program).parent) for program in found if program}
    return ":".join(dict.fromkeys((*(e for e in usable if e in needed), *_STANDARD)))


def cron_block(known: Mapping[str, str]) -> str:
    """The lines for a crontab.

    A setting in a crontab applies to all lines below it, also to the user's own: so only
    ASSIGNER_ variables become settings, the others go into the command.  /bin/sh runs the
    command, whatever SHELL is set above.
    """
    tick = shlex.join(_tick())
    rest = {name: value for name, value in known.items() if not name.startswith("ASSIGNER_")}
    for longest in (400, 0):
        variables = {"PATH": search_path(longest), **rest}
        exports = " ".join(f"{name}={shlex.quote(value)}" for name, value in variables.items())
        loop = f"for i in 1 2 3 4 5 6; do sleep 10 & {tick}; wait; done"
        script = f"exec >/dev/null 2>&1; export {exports}; {loop}"
        line = f"/bin/sh -c {shlex.quote(script)}"
        if "\\" in line or not line.isprintable():
            raise SetupError(f"a path has a character that a crontab cannot hold: {line!a}")
        line = line.replace("%", "\\%")
        if len(line.encode()) <= _LONGEST:
            break
    else:
        raise SetupError(f"the command is too long for a crontab: '{line}'")
    about = (
        "# `assigner timers uninstall cron` removes these lines; see logs/tick.log for their log"
    )
    settings = [f"{n}={_setting(n, v)}" for n, v in known.items() if n.startswith("ASSIGNER_")]
    return "\n".join([about, *settings, f"* * * * * {line}", ""])


def _setting(name: str, value: str) -> str:
    """A value for crontab(5): quoted if it has blanks or quotes."""
    if not re.search(r"""[\s'"#]""", value):
        return value
    for quote in ('"', "'"):
        if quote not in value:
            return f"{quote}{value}{quote}"
    raise SetupError(f"{name} has both kinds of quotes, which a crontab cannot hold: '{value}'")


def _tick() -> list[str]:
    """The command of a pass of this installation, by absolute paths."""
    assigner = Path(sys.executable).with_name("assigner")
    if os.access(assigner, os.X_OK):
        return [str(assigner), "tick", "--quiet", "--log"]
    return [sys.executable, str(resources.data("bin") / "tick"), "--quiet", "--log"]


def _systemd_command() -> str:
    words = []
    for word in _tick():
        if not word.isprintable():
            raise SetupError(f"a path has a character that a unit cannot hold: {word!a}")
        plain = re.fullmatch(r"[A-Za-z0-9_./+-]+", word)
        words.append(word if plain else f'"{systemd.escaped(word).replace("$", "$$")}"')
    return " ".join(words)


def _refuse_second(kind: str) -> None:
    """Refuse a second timer: it is harmless, but its passes would only wait for the first."""
    if kind == "cron" and systemd.TIMER in systemd.installed():
        other = "systemd"
    elif kind == "systemd" and _in_crontab():
        other = "cron"
    else:
        return
    raise SetupError(
        f"{other} already runs the passes, and two timers would only compete for the lock:"
        f" first run 'assigner timers uninstall {other}'"
    )


def _in_crontab() -> bool:
    """Whether cron runs the passes; False if the user may not have a crontab."""
    try:
        text = cron.read()
    except SetupError:
        return False
    return cron.has(text)


def _placed(texts: Mapping[str, str]) -> dict[str, bytes]:
    return {str(systemd.directory() / name): text.encode() for name, text in texts.items()}


def _socket_here(settings: config.Settings) -> list[str]:
    """The socket of the tmux server that the user is in, if no setting names one."""
    socket = os.environ.get("TMUX", "").rsplit(",", 2)[0]
    named = "ASSIGNER_TMUX_SOCKETS" in {**config.env_file(), **os.environ}
    known = {os.path.realpath(path) for path in settings.sockets}
    if named or not socket.startswith("/") or ":" in socket or os.path.realpath(socket) in known:
        return []
    return [socket]


def _home() -> str | None:
    try:
        return pwd.getpwuid(os.getuid()).pw_dir
    except KeyError:
        return None
