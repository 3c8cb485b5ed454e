"""fresh - run `make demo` and `make test` on a machine that has nothing yet

Makes a minimal Debian with debootstrap, adds make and ca-certificates, and runs both in a copy of
this checkout: as root, and as an ordinary user without sudo.  For the user, make must first print
one line with what to install; fresh runs that line as root, then make again as the user.

The new machine uses this machine's package mirror, proxies, certificates and pip settings.  Its
processes and mounts are in namespaces of their own and end with each command.

Arguments that are not options are passed to pytest, to run fewer tests.

exit status: 0 all passed; 1 something failed; 2 usage; 78 cannot make such a machine here
"""

import argparse
import ast
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parents[1]
RELEASES = ("bookworm", "trixie")
USERS = ("root", "ordinary")
USER = 1000
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
BUNDLE = "/etc/ssl/certs/ca-certificates.crt"
# The variables that describe this machine's network, in addition to pip's
NETWORK = re.compile(r"(?i)(https?|ftp|no)_proxy|SSL_CERT_(FILE|DIR)|REQUESTS_CA_BUNDLE|PIP_\w+")
ASKS = re.compile(r"^setup: please run as root: (.+)$", re.MULTILINE)


def cannot(why: str) -> NoReturn:
    print(f"test-fresh: {why}", file=sys.stderr)
    raise SystemExit(78)


def said(*command: str) -> str:
    """What a command prints on this machine; empty if it fails or is missing."""
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout
    except OSError:
        return ""


def require_tools() -> None:
    """Exit with one line and status 78 if this machine cannot make a Debian."""
    if os.geteuid() != 0:
        cannot("debootstrap and chroot need root: run 'make test-fresh' as root")
    apart = ["unshare", "--mount", "--pid", "--fork", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    if shutil.which("unshare") is None or subprocess.run(apart, capture_output=True).returncode:
        cannot("cannot make a mount namespace here (unshare --mount --pid)")
    if shutil.which("debootstrap") is None:
        said("apt-get", "update")
        said("apt-get", "install", "-y", "--no-install-recommends", "debootstrap")
    if shutil.which("debootstrap") is None:
        cannot("debootstrap is not installed and apt-get cannot install it")


def mirror() -> list[str]:
    """This machine's Debian mirror, if apt knows one; otherwise debootstrap uses its default."""
    found = said("apt-get", "indextargets", "--format", "$(REPO_URI)", "Label: Debian")
    return found.split()[:1]


def apt_settings() -> str:
    """The settings by which apt reaches its mirror: proxies, timeouts, checks; not its sources."""
    lines = said("apt-config", "dump").splitlines()
    return "".join(f"{line}\n" for line in lines if re.match(r"Acquire::(https?|Check-)", line))


def network() -> dict[str, str]:
    """The variables by which pip and other programs reach the network as on this machine."""
    found = {}
    for line in said(sys.executable, "-m", "pip", "config", "list").splitlines():
        if match := re.fullmatch(r"(?:global|install)\.([\w-]+)=('.*'|\".*\")", line):
            name = f"PIP_{match[1].upper().replace('-', '_')}"
            found[name] = " ".join(ast.literal_eval(match[2]).split())
    return found | {name: value for name, value in os.environ.items() if NETWORK.fullmatch(name)}


def local_paths(variables: dict[str, str]) -> list[Path]:
    """The files and directories of this machine that the variables name."""
    words = (word.removeprefix("file://") for value in variables.values() for word in value.split())
    found = {Path(word) for word in words if word.startswith("/") and Path(word).exists()}
    found |= {Path(BUNDLE)} & {Path(BUNDLE).resolve()}
    # a package index refers to files beside it
    return sorted({Path(*path.parts[:3]) if path.is_dir() else path for path in found})


class Machine:
    """A Debian system in a directory, with a copy of this checkout for one user."""

    def __init__(self, root: Path, user: str) -> None:
        self.root, self.user = root, user
        self.variables = network()
        self.shared = local_paths(self.variables)
        self.home = "/root" if user == "root" else "/home/ordinary"
        for path in self.shared:
            place = self._inside(path)
            place.parent.mkdir(parents=True, exist_ok=True)
            if path.is_dir():
                place.mkdir(exist_ok=True)
            elif not place.exists():
                place.touch()
        for name in ("resolv.conf", "hosts"):
            shutil.copy(Path("/etc", name), root / "etc" / name)
        (root / "etc/apt/apt.conf.d/90test-fresh").write_text(apt_settings())
        if user != "root":
            self.run(["useradd", "--uid", str(USER), "--create-home", "ordinary"], by_root=True)
        self._copy_checkout()

    def _inside(self, path: Path | str) -> Path:
        return self.root / str(path).lstrip("/")

    def _copy_checkout(self) -> None:
        """Copy this checkout with uncommitted changes, but without generated files."""
        place = self._inside(f"{self.home}/checkout")
        subprocess.run(["git", "clone", "-q", "--no-hardlinks", ROOT, place], check=True)
        listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        names = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout
        for name in filter(None, names.split("\0")):
            (place / name).unlink(missing_ok=True)
            if (ROOT / name).is_symlink() or (ROOT / name).exists():
                (place / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, place / name, follow_symlinks=False)
        if self.user != "root":
            subprocess.run(["chown", "-R", f"{USER}:{USER}", place], check=True)

    def run(self, command: list[str], by_root: bool = False) -> tuple[int, str]:
        """Run a command in the checkout and show its output; returns its status and output."""
        root = shlex.quote(str(self.root))
        steps = ["set -e", f"mount -t proc proc {root}/proc", f"mount --rbind /dev {root}/dev"]
        for path in self.shared:
            source, place = shlex.quote(str(path)), shlex.quote(str(self._inside(path)))
            steps += [f"mount --bind {source} {place}", f"mount -o remount,ro,bind {place}"]
        who = "0:0" if by_root or self.user == "root" else f"{USER}:{USER}"
        home = "/root" if who == "0:0" else self.home
        bare = {"HOME": home, "PATH": PATH, "TERM": "xterm", "DEBIAN_FRONTEND": "noninteractive"}
        set_up = [f"{name}={value}" for name, value in {**self.variables, **bare}.items()]
        inner = f"cd {self.home}/checkout 2>/dev/null || cd /; exec {shlex.join(command)}"
        chroot = ["chroot", f"--userspec={who}", "--groups=", str(self.root)]
        steps.append(f"exec {shlex.join([*chroot, 'env', '-i', *set_up, 'sh', '-c', inner])}")
        apart = [
            "unshare",
            "--mount",
            "--propagation",
            "private",
            "--pid",
            "--fork",
            "--kill-child",
        ]
        lines = []
        with subprocess.Popen(
            [*apart, "sh", "-c", "\n".join(steps)], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", errors="replace",
        ) as process:  # fmt: skip
            assert process.stdout
            for line in process.stdout:
                print(f"    {line}", end="", flush=True)
                lines.append(line)
        return process.returncode, "".join(lines)


def passes(machine: Machine, target: str, arguments: list[str]) -> bool:
    """Whether `make TARGET` passes, after installing what setup asks an ordinary user for."""
    command = ["make", target]
    if target == "test" and arguments:
        command.append(f"ARGS={shlex.join(arguments).replace('$', '$$')}")
    status, output = machine.run(command)
    asked = ASKS.findall(output)
    if status == 0 or not asked:
        return status == 0
    if machine.user == "root" or output.count("setup: ") != 1:
        return False
    machine.run(["apt-get", "-q", "update"], by_root=True)
    installed, _ = machine.run(["sh", "-c", asked[0]], by_root=True)
    return installed == 0 and machine.run(command)[0] == 0


@contextmanager
def debian(release: str, keep: Path) -> Iterator[Path]:
    """A directory with a minimal Debian, from which the machine of each kind of user starts."""
    base = keep / release
    command = ["debootstrap", "--variant=minbase", "--include=make,ca-certificates"]
    done = subprocess.run(
        [*command, release, base, *mirror()], capture_output=True, text=True, check=False
    )
    if done.returncode:
        last = (done.stdout + done.stderr).strip().splitlines()[-1:]
        cannot(f"debootstrap cannot make {release}: {''.join(last)}")
    try:
        yield base
    finally:
        shutil.rmtree(base)


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="test-fresh",
        description=(__doc__ or "").strip(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--release", metavar="NAME", help="one Debian (default: bookworm, trixie)")
    parser.add_argument("--user", choices=USERS, help="one kind of user (default: both)")
    parser.add_argument("--only", choices=("demo", "test"), help="one target (default: both)")
    args, arguments = parser.parse_known_args()
    require_tools()
    failed = []
    with tempfile.TemporaryDirectory(prefix="assigner-fresh-") as directory:
        for release in [args.release] if args.release else RELEASES:
            print(f"{release}: making a minimal Debian", flush=True)
            with debian(release, Path(directory)) as base:
                for user in [args.user] if args.user else USERS:
                    root = Path(directory, f"{release}-{user}")
                    subprocess.run(["cp", "-a", base, root], check=True)
                    machine = Machine(root, user)
                    for target in [args.only] if args.only else ("demo", "test"):
                        name = f"{release}, {user}: make {target}"
                        print(name, flush=True)
                        start = time.monotonic()
                        ok = passes(machine, target, arguments)
                        failed += [] if ok else [name]
                        took = f"{time.monotonic() - start:.0f} s"
                        print(f"{name}: {'passed' if ok else 'FAILED'} in {took}", flush=True)
                    shutil.rmtree(root)
    for name in failed:
        print(f"test-fresh: failed: {name}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
