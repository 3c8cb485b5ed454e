"""Asks tmux in bulk; keys.py types.

This relies on facts found by experiment (tmux 3.3a to 3.5a):
- a client without `-u` rewrites every byte outside 0x20-0x7e; `-N` starts no server;
- a hung server blocks its client forever: timeout(1) ends the client, even if assigner is killed;
- `source-file -` takes any number of commands and continues after a bad target;
- a truncated line does not parse, and then tmux executes nothing of the whole input;
- tmux runs the commands of one `if-shell -F` with nothing in between;
- paste-buffer into a dead pane crashes the 3.3a server: the condition checks pane_dead.
"""

import os
from collections.abc import Iterable, Mapping

from assigner.errors import AssignerError, SetupError
from assigner.tmux import environment


class NoServer(Exception):
    """The socket has no server."""


class Unreachable(Exception):
    """The server cannot be asked, so whether it runs is unknown: a timeout, or no permission."""


def listed(socket: str, timeout: float, form: str) -> list[str]:
    """A line for every pane, in the format `form` (tmux(1)).  Raises NoServer, Unreachable."""
    return call(socket, timeout, "list-panes", "-a", "-F", form)[0].split("\n")[:-1]


def client_version() -> str:
    """The output of `tmux -V`, such as `tmux 3.3a`.  SetupError without tmux."""
    import sh

    try:
        return str(sh.Command("tmux")("-V", _tty_out=False)).strip()
    except (sh.CommandNotFound, sh.ErrorReturnCode) as error:
        raise SetupError(f"cannot run 'tmux -V': {error.__class__.__name__}") from None


def both(wanted: Mapping[str, object], condition: str) -> str:
    """A format that is true if `condition` is true and each variable has its `wanted` value."""
    for name, value in wanted.items():
        condition = f"#{{&&:#{{==:#{{{name}}},{value}}},{condition}}}"
    return condition


def quote(text: str) -> str:
    """The text quoted as one word for tmux's parser.

    In single quotes only the quote is special, and a newline, after which tmux drops blanks and
    comments.
    """
    return "'" + text.replace("'", "'\\''").replace("\n", "'\"\\n\"'") + "'"


def number(option: str) -> str:
    """The format of an option that holds a number: empty if somebody set it to other text."""
    return f"#{{?#{{{option}}},#{{e|+:#{{{option}}},0}},}}"


def frame() -> str:
    """A word that no program in a pane can guess; it marks assigner's own lines in the answer."""
    return os.urandom(8).hex()


def framed(text: str, mark: str) -> Iterable[tuple[str, str]]:
    """The rest of each marked line, with the text up to the next marked line."""
    for part in ("\n" + text).split(f"\n{mark} ")[1:]:
        head, _, rest = part.partition("\n")
        yield head, rest


def source(socket: str, timeout: float, script: list[str]) -> str:
    """Have the server execute the lines of `script` through one client; the output.

    Ignores bad targets.  Raises NoServer, Unreachable.
    """
    if not script:
        return ""
    return call(socket, timeout, "source-file", "-", given="\n".join(script) + "\n")[0]


def call(socket: str, timeout: float, *arguments: str, given: str | None = None) -> tuple[str, int]:
    """Run one tmux client, which starts no server: its output and its exit status.

    `timeout` is in seconds, `given` is standard input.  Raises NoServer, Unreachable.
    """
    out, problem, status = client(socket, timeout, *arguments, given=given)
    if status and problem:
        _explain(problem)
    return out, status


def client(
    socket: str,
    timeout: float,
    *arguments: str,
    given: str | None = None,
    directory: str | None = None,
) -> tuple[str, str, int]:
    """Run one tmux client: its output, its error messages, and its exit status.

    With a directory it may start a server, which takes over that directory and the environment.
    """
    import shutil
    import subprocess  # not sh, which costs a pass ten times as much

    # timeout(1), because it ends the client even if we are killed
    program = shutil.which("timeout")
    if program is None:
        raise SetupError("cannot find 'timeout': install coreutils and tmux")
    command = [
        program, "--foreground", "-k", "1", str(timeout), "tmux", "-u",
        *([] if directory else ["-N"]), "-S", socket, *arguments,
    ]  # fmt: skip
    pipe = subprocess.PIPE
    own = environment.environment() if directory else None
    try:
        with subprocess.Popen(
            command, stdin=pipe, stdout=pipe, stderr=pipe, cwd=directory, env=own
        ) as process:
            try:
                out, err = process.communicate(
                    (given or "").encode("utf-8", "surrogateescape"), timeout + 2
                )
            except subprocess.TimeoutExpired as late:
                # the client has ended, but what it started holds its output open
                process.kill()
                out, err = late.stdout or b"", late.stderr or b""
    except (OSError, ValueError) as error:  # out of processes, files or memory
        if directory is not None and isinstance(error, OSError) and error.filename == directory:
            raise AssignerError(f"cannot enter '{directory}'") from None
        raise Unreachable(f"the tmux client cannot be started: {error}") from None
    status = process.returncode
    if status < 0:
        raise Unreachable(f"the tmux client died of signal {-status}")
    if status in (124, 137):
        raise Unreachable(f"tmux did not answer within {timeout:g} s")
    if status in (126, 127):
        raise SetupError("cannot run 'tmux': install it")
    problem = err.decode("utf-8", "replace").strip()
    return out.decode("utf-8", "backslashreplace"), problem, status


def _explain(problem: str) -> None:
    """Raise NoServer or Unreachable for the error message of a client; return for any other.

    The words are the only evidence: the exit status is always 1, and a second call could find
    another state.  tmux never translates them, since it does not set LC_MESSAGES.  Only this
    function knows them.
    """
    if "no server running" in problem or "Connection refused" in problem:
        raise NoServer(problem)
    if "No such file or directory" in problem and "error connecting" in problem:
        raise NoServer(problem)
    if "error connecting" in problem or "lost server" in problem or "server exited" in problem:
        raise Unreachable(problem.splitlines()[0])
