"""timers: the crontab, the units, and what installs them.

The user's own crontab and units are never changed: `crontab` and `systemctl` are stand-ins on the
PATH, or the real ones with directories of their own, in a namespace.
"""

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from json import loads
from pathlib import Path

import pytest

from assigner import config
from assigner.maintenance import timers as maintenance_timers
from harness.workplace import PATH, PIPES, ROOT, TMUX, Result, Workplace, wait_for

BEGIN, END = b"# BEGIN assigner\n", b"# END assigner\n"
MARKER = "# Made by assigner: `assigner timers uninstall systemd` removes it"
ALL_PASSES = {
    "tick", "scan", "keepalive", "observe", "retry-failed", "assign-next", "deliver",
    "sync-context", "cleanup-stale", "foundation-check",
}  # fmt: skip

CRONTAB = """#!/bin/sh
spool={spool}
echo "$1" >>"$spool/calls"
[ ! -e "$spool/trick" ] || . "$spool/trick"
case $1 in
-l) [ -e "$spool/tab" ] || {{ echo "no crontab for tester" >&2; exit 1; }}; cat "$spool/tab" ;;
-r) rm "$spool/tab" ;;
-) cat >"$spool/new" && mv "$spool/new" "$spool/tab" ;;
esac
"""
SYSTEMCTL = """#!/bin/sh
spool={spool}
echo "$*" >>"$spool/calls"
[ ! -e "$spool/trick" ] || . "$spool/trick"
case $* in
*is-enabled*|*is-active*) [ -e "$spool/on" ] ;;
*enable*) >>"$spool/on" ;;
*disable*) rm "$spool/on" ;;
esac
"""
LOGINCTL = "#!/bin/sh\n{{ [ -e {spool}/lingers ] && echo yes; }} || echo no\n"


class Machine:
    """A person's PATH with programs that stand in for the system's, and where those keep things."""

    def __init__(self, work: Workplace) -> None:
        self.work = work
        self.bin, self.spool = work.path / "bin", work.path / "spool"
        self.bin.mkdir()
        self.spool.mkdir()
        self.tab = self.spool / "tab"
        self.units = work.home / ".config/systemd/user"
        work.environment["PATH"] = f"{self.bin}:{PATH}"
        stand_ins = {"crontab": CRONTAB, "systemctl": SYSTEMCTL, "loginctl": LOGINCTL}
        for name, text in stand_ins.items():
            (self.bin / name).write_text(text.format(spool=shlex.quote(str(self.spool))))
            (self.bin / name).chmod(0o755)

    def timers(self, *args: str, status: int = 0, **where: Mapping[str, str]) -> Result:
        return self.work.tool("timers", *args, status=status, **where)

    def trick(self, script: str) -> None:
        """From now on the stand-ins run this first."""
        (self.spool / "trick").write_text(script)

    def calls(self) -> list[str]:
        """What was asked of the stand-ins since the last time."""
        path = self.spool / "calls"
        found = path.read_text().splitlines() if path.exists() else []
        path.unlink(missing_ok=True)
        return found

    def refuses(self, message: str, *args: str, status: int = 78) -> None:
        """One line with that message, and nothing is changed."""
        before = [p.read_bytes() for p in (self.tab, *self.units.glob("*")) if p.is_file()]
        result = self.timers(*args, status=status)
        assert (result.out, result.err.count("\n")) == ("", 1), result
        assert message in result.err
        after = [p.read_bytes() for p in (self.tab, *self.units.glob("*")) if p.is_file()]
        assert after == before


@pytest.fixture
def machine(work: Workplace) -> Machine:
    return Machine(work)


def parsed(crontab: str) -> tuple[dict[str, str], list[str]]:
    """Settings and commands of a crontab, as crontab(5) reads them."""
    settings, commands = {}, []
    for line in crontab.splitlines():
        if match := re.fullmatch(r"(\w+)=(.*)", line):
            value = match[2]
            settings[match[1]] = value[1:-1] if re.fullmatch(r"(['\"]).*\1", value) else value
        elif line and not line.startswith("#"):
            command = line.split(None, 5)[5]
            assert not re.search(r"(?<!\\)%", command)
            commands.append(command.replace("\\%", "%"))
    return settings, commands


def run_as_cron(work: Workplace, crontab: str) -> list[subprocess.Popen[str]]:
    """Start each line's command in cron's environment, with short pauses."""
    settings, commands = parsed(crontab)
    environment = {
        "HOME": str(work.home), "LOGNAME": "tester", "PATH": PATH, "SHELL": "/bin/sh", **settings
    }  # fmt: skip
    return [
        subprocess.Popen(
            ["/bin/sh", "-c", command.replace("sleep 10", "sleep 0.3")],
            env=environment, cwd=work.home, stdin=subprocess.DEVNULL, **PIPES,
        )
        for command in commands
    ]  # fmt: skip


def block_of(machine: Machine) -> str:
    data = machine.tab.read_bytes()
    return data[data.index(BEGIN) : data.index(END)].decode()


# --- cron ---------------------------------------------------------------------------------------

TABS = {
    "nothing": b"",
    "jobs": b"MAILTO=me\n# mine\n0 5 * * * backup --all\n",
    "CRLF": b"0 5 * * * a\r\n\r\n",
    "no newline at the end": b"0 5 * * * a\n0 6 * * * b",
    "no UTF-8": b"# \xff\xfe caf\xe9\n* * * * * a\n",
    "names like ours": b"# BEGIN assigner of tasks\n * * * * * echo '# END assigner'\n",
}


@pytest.mark.parametrize("case", TABS)
def test_other_lines_stay_byte_for_byte(machine: Machine, case: str) -> None:
    before = TABS[case]
    if before:
        machine.tab.write_bytes(before)
    assert machine.timers("install", "cron").out == "cron: installed\ncrontab\n"
    whole = before if before.endswith(b"\n") or not before else before + b"\n"
    data = machine.tab.read_bytes()
    assert data.startswith(whole + BEGIN)
    assert data.endswith(END)
    machine.tab.write_bytes(data + b"* * * * * later\r\n")  # a person's, below ours
    machine.calls()
    assert machine.timers("install", "cron").out == "cron: unchanged\ncrontab\n"
    assert machine.calls() == ["-l"]
    environment = {"ASSIGNER_SESSIONS": "agent-*"}
    assert machine.timers("install", "cron", env=environment).out.startswith("cron: installed")
    changed = machine.tab.read_bytes()
    assert changed.count(BEGIN) == 1
    assert changed.startswith(whole + BEGIN)
    assert changed.endswith(END + b"* * * * * later\r\n")
    assert b"\nASSIGNER_SESSIONS=agent-*\n" in changed
    assert machine.timers("uninstall", "cron").out == "cron: removed\ncrontab\n"
    assert machine.tab.read_bytes() == whole + b"* * * * * later\r\n"
    assert machine.timers("uninstall", "cron").out == "cron: not installed\ncrontab\n"


def test_crontab_of_ours_alone_goes_with_it(machine: Machine) -> None:
    machine.timers("install", "cron")
    machine.timers("uninstall", "cron")
    assert not machine.tab.exists()


def test_dry_run_prints_the_crontab_and_changes_nothing(machine: Machine) -> None:
    machine.tab.write_bytes(TABS["no UTF-8"])
    command = [sys.executable, ROOT / "bin/timers", "install", "cron", "--dry-run"]
    out = subprocess.run(command, env=machine.work.environment, capture_output=True, check=True)
    assert machine.tab.read_bytes() == TABS["no UTF-8"]
    assert not machine.work.state.exists()
    assert "-" not in machine.calls()
    machine.timers("install", "cron")
    assert machine.tab.read_bytes() == out.stdout
    told = machine.timers("uninstall", "cron", "--dry-run", "--json").json
    assert (told["timers"], told["outcome"], told["places"]) == ("cron", "removed", ["crontab"])
    assert told["contents"]["crontab"].startswith(r"# \xff\xfe caf\xe9")
    assert machine.tab.read_bytes() == out.stdout


BROKEN = {
    "no end": BEGIN + b"* * * * * a\n",
    "no begin": b"* * * * * a\n" + END,
    "end first": END + BEGIN,
    "twice": (BEGIN + END) * 2,
    "begun twice": BEGIN + BEGIN + END,
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_markers_are_left_to_the_person(machine: Machine, case: str) -> None:
    machine.tab.write_bytes(b"# mine\n" + BROKEN[case])
    for action in ("install", "uninstall"):
        machine.refuses("markers of the block", action, "cron")
    assert machine.calls() == ["-l", "-l"]


def test_broken_markers_are_named_by_line(machine: Machine) -> None:
    machine.tab.write_bytes(b"# mine\n" + BEGIN)
    said = machine.timers("install", "cron", status=78).err
    assert "'# BEGIN assigner' in line 2, '# END assigner' in no line" in said


REFUSALS = {
    "not allowed": (
        "echo 'You (tester) are not allowed to use this program (crontab)' >&2; exit 1",
        "cannot read the crontab (nothing was changed): You (tester) are not allowed",
    ),
    "odd status": ("echo 'no crontab for tester' >&2; exit 2", "cannot read the crontab"),
    "silent": ("exit 1", "cannot read the crontab (nothing was changed): exit status 1"),
    "write": (
        "[ $1 = -l ] || { echo 'disk is full' >&2; exit 1; }",
        "crontab rejected the change (nothing was changed): disk is full",
    ),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_crontab_that_fails_stops_it(machine: Machine, case: str) -> None:
    machine.tab.write_bytes(b"# mine\n")
    script, message = REFUSALS[case]
    machine.trick(script)
    machine.refuses(message, "install", "cron")


def test_crontab_that_changes_meanwhile_loses_nothing(machine: Machine) -> None:
    """Somebody adds a line after our first look; then somebody who never stops."""
    once = '[ -e "$spool/once" ] || {{ >"$spool/once"; trap "echo {0} >>\'$spool/tab\'" 0; }}\n'
    machine.tab.write_bytes(b"# mine\n")
    machine.trick(once.format("'# added'"))
    machine.timers("install", "cron")
    assert machine.tab.read_bytes().startswith(b"# mine\n# added\n" + BEGIN)
    machine.trick("echo '# more' >>\"$spool/tab\"")
    said = machine.timers("uninstall", "cron", status=75).err
    assert said == "timers: another process is changing the crontab: try again\n"


def test_without_cron_it_says_what_to_install(machine: Machine) -> None:
    (machine.bin / "crontab").unlink()
    machine.work.environment["PATH"] = str(machine.bin)
    machine.refuses("cannot find 'crontab': install cron (Debian, Ubuntu: cron;", "install", "cron")
    machine.refuses("cannot find 'crontab'", "uninstall", "cron")


def test_block_delivers_prompts_with_nobody_helping(machine: Machine) -> None:
    """With blanks, quotes and % in the paths, and a setting that only the person's shell has."""
    work = machine.work
    odd = work.path / "100% a 'b'"
    work.state = odd / "state"
    work.database = work.state / "assigner.db"
    work.environment |= {"ASSIGNER_HOME": str(work.state), "ASSIGNER_HOST": "elsewhere"}
    odd.mkdir()
    (odd / "bin").mkdir()
    work.environment["PATH"] = f"{odd / 'bin'}:relative:{machine.bin}:{PATH}"
    machine.timers("install", "cron")
    work.enrolled("one")
    work.tool("send", "printf '%s' \"$0\" >~/ran", "--workdir", work.home)
    block = block_of(machine)
    assert "relative" not in block
    assert str(odd / "bin").replace("%", "\\%").split("'")[0] in block

    def delivered() -> bool:
        for process in run_as_cron(work, block):
            assert process.communicate(timeout=60) == ("", "")
            assert process.returncode == 0
        return bool(work.prompt(1)["status"] == "completed")

    wait_for(delivered)
    log = (work.state / "logs/tick.log").read_text()
    assert " tick: pass=deliver prompt=1 attempt=1 session=one action=typed\n" in log
    assert work.row("SELECT host FROM heartbeats WHERE script = 'tick'") == {"host": "elsewhere"}


def test_sockets_are_those_that_the_person_sees(machine: Machine) -> None:
    environment = machine.work.environment
    given = environment.pop("ASSIGNER_TMUX_SOCKETS")
    uid = os.getuid()

    def sockets(**variables: str) -> str | None:
        dry = machine.timers("install", "cron", "--dry-run", env=variables).out
        return parsed(dry)[0].get("ASSIGNER_TMUX_SOCKETS")

    other = "/run/other/default"
    assert sockets() is None
    assert sockets(ASSIGNER_TMUX_SOCKETS=given, TMUX=f"{other},1,0") == given
    assert sockets(TMUX_TMPDIR="/run/mine") == f"/run/mine/tmux-{uid}/default"
    assert sockets(TMUX=f"/tmp/tmux-{uid}/default,12,0") is None
    assert sockets(TMUX=f"{other},12,0") == f"/tmp/tmux-{uid}/default:{other}"
    said = machine.timers("install", "cron", env={"TMUX": f"{other},12,0"}).err
    assert f"note: passes also look at the tmux server '{other}'" in said
    machine.timers("uninstall", "cron")
    settings = machine.work.home / ".config/assigner/.env"
    settings.parent.mkdir(parents=True)
    settings.write_text("ASSIGNER_TMUX_SOCKETS=/run/x\n")  # which the passes read themselves
    assert sockets(TMUX_TMPDIR="/run/mine", TMUX=f"{other},12,0") is None


def test_secrets_stay_out(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    secrets = {"ASSIGNER_TOKEN": "hush", "ASSIGNER_SESSIONS": "a*", "API_KEY": "hush"}
    for kind in ("cron", "systemd"):
        dry = machine.timers("install", kind, "--dry-run", env=secrets)
        assert "ASSIGNER_SESSIONS=a*" in dry.out
        assert "hush" not in dry.out + dry.err
    monkeypatch.setattr(config, "KNOWN", {*config.KNOWN, *secrets})  # all may become settings
    for name, value in secrets.items():
        monkeypatch.setenv(name, value)
    known = maintenance_timers.environment(None)
    assert known["ASSIGNER_SESSIONS"] == "a*"
    assert "hush" not in known.values()


def test_long_path_gives_way_to_what_cron_can_hold(machine: Machine) -> None:
    long = [machine.work.path / (f"{n}" * 200) for n in range(5)]
    for path in long:
        path.mkdir()
    given = ":".join(map(str, [*long, machine.bin]))
    for name in ("git", "tmux"):
        (machine.bin / name).symlink_to("/bin/true")
    dry = machine.timers("install", "cron", "--dry-run", env={"PATH": given}).out
    kept = ":".join([str(machine.bin), "/usr/local/bin", "/usr/bin", "/bin"])
    assert f"export PATH={shlex.quote(kept)} " in shlex.split(parsed(dry)[1][0])[2]
    long_socket = {"XDG_STATE_HOME": "/" + "x" * 900}
    machine.work.environment |= long_socket
    machine.refuses("the command is too long for a crontab", "install", "cron")


def test_settings_that_no_crontab_can_hold(machine: Machine) -> None:
    machine.work.environment["ASSIGNER_SESSIONS"] = "\"'"
    machine.refuses("ASSIGNER_SESSIONS has both kinds of quotes", "install", "cron")
    machine.work.environment["ASSIGNER_SESSIONS"] = " a #b"
    dry = machine.timers("install", "cron", "--dry-run").out
    assert parsed(dry)[0]["ASSIGNER_SESSIONS"] == " a #b"
    machine.work.environment |= {"ASSIGNER_SESSIONS": "", "TMUX": "/a\x1bb,1,0"}
    machine.work.environment.pop("ASSIGNER_TMUX_SOCKETS")
    machine.refuses(r"ASSIGNER_TMUX_SOCKETS has a control character: '/tmp", "install", "cron")


def test_example_is_true_for_this_checkout(work: Workplace) -> None:
    """Every line of it runs, those also that stand there as a choice."""
    text = (ROOT / "crontab.example").read_text()
    assert text.startswith("PATH=/")
    text = text.replace("/home/me/src/assigner", str(ROOT))
    text = text.replace("/home/me/.local/state/assigner", str(work.state))
    text = text.replace("/tmp/tmux-1000/default", str(work.socket))
    text = re.sub(r"^#(\w+=|[*\d]\S* [*\d])", r"\1", text, flags=re.MULTILINE)
    settings, commands = parsed(text)
    assert settings == {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "ASSIGNER": f"{ROOT}/.venv/bin/assigner",
        "ASSIGNER_HOME": str(work.state),
        "ASSIGNER_TMUX_SOCKETS": str(work.socket),
    }
    assert len(commands) == len(ALL_PASSES)
    for process in run_as_cron(work, text):
        assert process.communicate(timeout=120) == ("", "")
        assert process.returncode == 0
    assert {row["script"] for row in work.rows("SELECT script FROM heartbeats")} == ALL_PASSES


def test_block_has_the_loop_of_the_example(machine: Machine) -> None:
    _, (example,) = parsed((ROOT / "crontab.example").read_text())
    _, (block,) = parsed(machine.timers("install", "cron", "--dry-run").out)
    loop = example.removesuffix(" >/dev/null 2>&1")
    assigner = shlex.quote(str(Path(sys.executable).with_name("assigner")))
    assert loop.replace('"$ASSIGNER"', assigner) in shlex.split(block)[2]


@pytest.mark.parametrize("action", ["install", "uninstall"])
@pytest.mark.parametrize("kind", ["cron", "systemd"])
def test_make_calls_the_same(action: str, kind: str) -> None:
    command = ["make", "-n", "--no-print-directory", f"{action}-{kind}", "ARGS=--dry-run"]
    said = subprocess.run(command, cwd=ROOT, check=True, **PIPES).stdout
    assert said.endswith(f" bin/timers {action} {kind} --dry-run\n")


# --- systemd ------------------------------------------------------------------------------------


def test_units_are_installed_once_and_taken_back(machine: Machine) -> None:
    said = machine.timers("install", "systemd", env={"ASSIGNER_SESSIONS": 'a"%\\'})
    service, timer = machine.units / "assigner.service", machine.units / "assigner.timer"
    assert said.out == f"systemd: installed\n{service}\n{timer}\n"
    assert "note: the timer stops when you log out; to keep it running: 'sudo login" in said.err
    assert {path.stat().st_mode & 0o777 for path in (service, timer)} == {0o644}
    assert 'Environment="ASSIGNER_SESSIONS=a\\"%%\\\\"\n' in service.read_text()
    assert machine.calls() == [
        "-l",  # of the crontab, in which there might be a timer
        "--user show -p Version",
        "--user --quiet daemon-reload",
        "--user is-enabled --quiet assigner.timer",
        "--user --quiet enable assigner.timer",
        "--user --quiet restart assigner.timer",
    ]
    (machine.spool / "lingers").touch()
    assert machine.timers("install", "systemd").out.startswith("systemd: installed\n")
    machine.calls()
    again = machine.timers("install", "systemd")
    assert (again.out, again.err) == (f"systemd: unchanged\n{service}\n{timer}\n", "")
    assert not [call for call in machine.calls() if "restart" in call or "reload" in call]
    foreign = machine.units / "mine.service"
    foreign.touch()
    assert machine.timers("uninstall", "systemd").out.startswith("systemd: removed\n")
    assert machine.calls()[-2:] == [
        "--user --quiet disable --now assigner.timer",
        "--user --quiet daemon-reload",
    ]
    assert list(machine.units.iterdir()) == [foreign]
    assert machine.timers("uninstall", "systemd").out == "systemd: not installed\n"
    assert machine.calls() == []


def test_units_of_others_are_left_alone(machine: Machine) -> None:
    machine.timers("install", "systemd")
    theirs = machine.units / "assigner.service"
    for make in (
        lambda: theirs.write_text("[Service]\n"),
        lambda: theirs.symlink_to(ROOT / "systemd/assigner.service"),
    ):
        theirs.unlink()
        make()
        machine.calls()
        machine.refuses(
            f"'timers install' did not create '{theirs}': move it away", "install", "systemd"
        )
        assert machine.calls() == ["-l"]
    said = machine.timers("uninstall", "systemd", status=1)
    assert said.err == f"timers: 'timers install' did not create '{theirs}': it was kept\n"
    assert said.out == f"systemd: removed\n{machine.units}/assigner.timer\n"
    assert list(machine.units.iterdir()) == [theirs]


@pytest.mark.parametrize("fails", ["daemon-reload", "enable", "restart"])
def test_failure_leaves_the_units_as_they_were(machine: Machine, fails: str) -> None:
    trick = f'case "$*" in "--user --quiet {fails}"*) echo "it is tired" >&2; exit 1 ;; esac\n'
    machine.trick(trick)
    message = f"'systemctl --user {fails}"
    machine.refuses(message, "install", "systemd", status=1)
    assert list(machine.units.iterdir()) == []
    machine.trick("")
    machine.timers("install", "systemd")
    machine.trick(trick)
    machine.work.environment["ASSIGNER_SESSIONS"] = "changed"
    machine.refuses("it is tired", "install", "systemd", status=1)


def test_without_systemd_or_its_manager(machine: Machine) -> None:
    machine.timers("install", "systemd")
    machine.trick("echo 'Failed to connect to bus: No medium found' >&2; exit 1")
    message = "your systemd manager does not answer: Failed to connect to bus: No medium found; log"
    machine.work.environment["ASSIGNER_SESSIONS"] = "changed"
    machine.refuses(message, "install", "systemd")
    machine.refuses("'sudo loginctl enable-linger ", "install", "systemd")
    said = machine.timers("uninstall", "systemd", status=1)
    assert (
        "the files were removed, but the timer may still be running: your systemd manager"
        in said.err
    )
    assert list(machine.units.iterdir()) == []
    (machine.bin / "systemctl").unlink()
    machine.work.environment["PATH"] = str(machine.bin)
    machine.refuses("cannot find 'systemctl': use cron", "install", "systemd")


def test_second_timer_is_refused(machine: Machine) -> None:
    machine.timers("install", "cron")
    machine.refuses("cron already runs the passes, and two timers", "install", "systemd")
    machine.trick("[ $1 != -l ] || exit 1")  # no crontab for this person: nothing runs from it
    machine.timers("install", "systemd")
    machine.timers("uninstall", "systemd")
    machine.trick("")
    machine.timers("uninstall", "cron")
    machine.timers("install", "systemd")
    machine.refuses("first run 'assigner timers uninstall systemd'", "install", "cron")


def test_units_of_a_dry_run(machine: Machine) -> None:
    told = machine.timers("install", "systemd", "--dry-run", "--json").json
    assert told["outcome"] == "installed"
    assert list(told["contents"]) == told["places"]
    plain = machine.timers("install", "systemd", "--dry-run").out
    assert plain == "".join(f"# {place}\n{text}" for place, text in told["contents"].items())
    assert not machine.units.exists()
    assert machine.calls() == ["-l", "-l"]


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd-analyze(1)")
def test_systemd_finds_no_fault_in_the_units(machine: Machine) -> None:
    """As they lie in the checkout, and as installed with an odd environment."""
    odd = {"ASSIGNER_SESSIONS": "a\"%h $HOME \\ 'b' ü", "ASSIGNER_HOST": "x"}
    machine.timers("install", "systemd", env=odd)
    runtime = {"XDG_RUNTIME_DIR": str(machine.work.path), "PATH": PATH}
    for place in (ROOT / "systemd", machine.units):
        units = sorted(place.glob("assigner.*"))
        assert len(units) == 2
        done = subprocess.run(
            ["systemd-analyze", "--user", "verify", *units],
            env={"HOME": str(machine.work.home), **runtime},
            **PIPES,
        )
        said = [line for line in done.stderr.splitlines() if "assigner" in line]
        assert (done.returncode, said) == (0, []), done.stderr


# --- the real ones ------------------------------------------------------------------------------


def apart(*command: str, **options: object) -> list[str]:
    """A command with mounts of its own."""
    return ["unshare", "--mount", "--propagation", "private", *command]


def can(*command: str) -> bool:
    return (
        os.geteuid() == 0 and subprocess.run(apart(*command), capture_output=True).returncode == 0
    )


CRON_SPOOL = """
mount -t tmpfs tmpfs /var/spool/cron && mkdir /var/spool/cron/crontabs &&
chgrp crontab /var/spool/cron/crontabs 2>/dev/null; chmod 1730 /var/spool/cron/crontabs
"""
needs_crontab = pytest.mark.skipif(
    not shutil.which("crontab") or not can("sh", "-c", "mount -t tmpfs tmpfs /var/spool/cron"),
    reason="no crontab(1), or no mounts of one's own (which root can make)",
)


@needs_crontab
def test_real_crontab_takes_the_block_and_gives_it_back(work: Workplace) -> None:
    tool = f"{sys.executable} {ROOT}/bin/timers"
    script = f"""{CRON_SPOOL}
        set -e
        {tool} install cron; {tool} uninstall cron; ! crontab -l
        printf '0 5 * * * a\\r\\n# \\377\\n' | crontab -; crontab -l | cksum
        {tool} install cron; crontab -l; {tool} install cron; {tool} uninstall cron
        crontab -l | cksum"""
    environment = {**work.environment, "ASSIGNER_SESSIONS": "100% 'a b'"}
    done = subprocess.run(apart("sh", "-c", script), env=environment, **PIPES, timeout=60)
    assert done.returncode == 0, done
    outcomes = re.findall(r"^cron: (.*)", done.stdout, re.MULTILINE)
    assert outcomes == ["installed", "removed", "installed", "unchanged", "removed"]
    assert "no crontab for" in done.stderr
    first, last = re.findall(r"^\d+ \d+$", done.stdout, re.MULTILINE)
    assert first == last


@needs_crontab
@pytest.mark.skipif(not shutil.which("cron"), reason="no cron(8)")
@pytest.mark.skipif(
    "ASSIGNER_TEST_MINUTES" not in os.environ, reason="takes two minutes: make test-timers"
)
def test_real_cron_delivers_prompts_every_ten_seconds(work: Workplace) -> None:
    """Nothing but cron does anything; its mail goes to a file, in which there is none."""
    work.enrolled("one")
    work.tool("send", "echo ran >ran", "--workdir", work.path)
    mail = work.path / "mail"
    script = f"""{CRON_SPOOL}
        mount -t tmpfs tmpfs /run; mount -t tmpfs tmpfs /etc/cron.d
        mount --bind /dev/null /etc/crontab
        printf '#!/bin/sh\\ncat >>{mail}\\n' >/run/sendmail; chmod +x /run/sendmail
        [ ! -e /usr/sbin/sendmail ] || mount --bind /run/sendmail /usr/sbin/sendmail
        {sys.executable} {ROOT}/bin/timers install cron || exit
        exec {shutil.which("cron")} -f"""
    cron = subprocess.Popen(apart("sh", "-c", script), env=work.environment, **PIPES)
    seen: set[str] = set()

    def ticks() -> int:
        row = work.rows("SELECT finished_at FROM heartbeats WHERE script = 'tick'")
        seen.update(r["finished_at"] for r in row)
        return len(seen)

    try:
        wait_for(lambda: cron.poll() is not None or ticks() >= 1, 75)
        wait_for(lambda: cron.poll() is not None or ticks() >= 6, 75)
        assert work.prompt(1)["status"] == "completed"
        assert len({moment[:16] for moment in seen}) == 1  # all of them in one minute
        assert (work.path / "ran").read_text() == "ran\n"
        assert not mail.exists()
    finally:
        end_tree(cron)


def end_tree(process: subprocess.Popen[str]) -> None:
    """End a process and all that came of it: cron gives each job a session of its own."""
    with process:
        parents = subprocess.run(["ps", "-eo", "ppid=,pid="], **PIPES).stdout.split()
        tree = [process.pid]
        for pid in tree:
            tree += [
                int(c) for p, c in zip(parents[::2], parents[1::2], strict=True) if int(p) == pid
            ]
        for pid in tree:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


SYSTEMD = "/usr/lib/systemd/systemd"
# The manager wants to see a machine that systemd has booted, and a cgroup tree of its own.
MANAGER = """
mount -t tmpfs tmpfs /run/systemd && mkdir -p /run/systemd/system || exit
umount -R /sys/fs/cgroup 2>/dev/null
mount -t cgroup2 none /sys/fs/cgroup && mkdir {group} && echo $$ >{group}/cgroup.procs || exit
exec unshare --cgroup {systemd} --user --log-target=console
"""


class Manager:
    """A real `systemd --user` with mounts and a cgroup of its own."""

    def __init__(self, work: Workplace) -> None:
        self.work = work
        runtime = work.path / "runtime"
        runtime.mkdir(mode=0o700)
        work.environment["XDG_RUNTIME_DIR"] = str(runtime)
        group = f"/sys/fs/cgroup/assigner-test-{os.getpid()}"
        script = MANAGER.format(group=group, systemd=SYSTEMD)
        self.process = subprocess.Popen(apart("sh", "-c", script), env=work.environment, **PIPES)

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """A command that sees the manager."""
        inside = ["nsenter", "--mount", "-t", str(self.process.pid), "--"]
        return subprocess.run([*inside, *command], env=self.work.environment, timeout=60, **PIPES)

    def is_up(self) -> bool:
        return self.run("systemctl", "--user", "show", "-p", "Version").returncode == 0

    def end(self) -> None:
        if self.process.poll() is None:
            self.run("systemctl", "--user", "exit")
        with suppress(subprocess.TimeoutExpired):
            self.process.communicate(timeout=20)
        with self.process:
            self.process.kill()


@pytest.fixture
def manager(work: Workplace) -> Iterator[Manager]:
    if not Path(SYSTEMD).exists() or not can("sh", "-c", "mount -t cgroup2 none /sys/fs/cgroup"):
        pytest.skip("no systemd, or no mounts of one's own (which root can make)")
    manager = Manager(work)
    try:
        wait_for(lambda: manager.process.poll() is not None or manager.is_up())
        if manager.process.poll() is not None:
            pytest.skip("systemd --user does not run here")
        yield manager
    finally:
        manager.end()


def test_real_systemd_delivers_and_spares_what_a_pass_started(
    work: Workplace, manager: Manager
) -> None:
    """The timer ticks by itself; a tmux server that was started from the service lives on."""
    work.enrolled("one")
    work.tool("send", "echo ran >ran", "--workdir", work.path)
    timers = [sys.executable, str(ROOT / "bin/timers")]
    done = manager.run(*timers, "install", "systemd")
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, "systemd: installed"), done
    wait_for(lambda: (work.path / "ran").exists(), 30)
    wait_for(lambda: work.prompt(1)["status"] == "completed", 30)
    assert manager.run(*timers, "install", "systemd").stdout.startswith("systemd: unchanged\n")

    work.stop_server()
    units = work.home / ".config/systemd/user"
    text = (units / "assigner.service").read_text()
    start = f"{TMUX} -S {work.socket} -f /dev/null new-session -d -s kept sleep 1000"
    text = re.sub("^ExecStart=.*", f"ExecStart={start}", text, flags=re.MULTILINE)
    (units / "starts.service").write_text(text)
    assert manager.run("systemctl", "--user", "daemon-reload").returncode == 0
    assert manager.run("systemctl", "--user", "start", "starts.service").returncode == 0
    state = ["systemctl", "--user", "show", "-p", "ActiveState", "starts.service"]
    assert manager.run(*state).stdout == "ActiveState=inactive\n"
    assert work.tmux("list-sessions", "-F", "#{session_name}") == "kept"

    done = manager.run(*timers, "uninstall", "systemd", "--json")
    assert loads(done.stdout)["outcome"] == "removed"
    assert [path.name for path in units.iterdir() if path.is_file()] == ["starts.service"]
    assert "assigner" not in manager.run("systemctl", "--user", "list-timers", "--all").stdout
    assert work.tmux("list-sessions", "-F", "#{session_name}") == "kept"
