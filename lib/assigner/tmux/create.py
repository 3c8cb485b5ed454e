"""Create tmux sessions, revive dead panes and discard windows."""

from collections.abc import Sequence

from assigner.errors import AssignerError
from assigner.tmux import client, environment
from assigner.tmux.panes import Pane

_LATEST = ("set-option", "-gw", "window-size", "latest")
_MANUAL = ("set-option", "-gw", "window-size", "manual")


def create(
    socket: str,
    timeout: float,
    name: str,
    directory: str,
    command: Sequence[str] = (),
    *,
    transient: bool = False,
    stays: bool = False,
) -> tuple[str, int]:
    """Create a detached session, and the server if none runs.  Returns the pane's id and its pid.

    `name` must not contain anything that tmux expands or rewrites.  Without a command tmux runs its
    default command; it would pass a single word to a shell.  A server started here outlives this
    process and gets only the login part of the environment.  The session outlives its clients,
    whatever the user's options.  A `transient` session ends with its command; with `stays` the pane
    and its output outlive the command.  Raises AssignerError if tmux refuses.
    """
    lasting = (
        ";", "set-option", "-t", f"={name}:", "destroy-unattached", "off",
        # tmux shows what it does not understand of its configuration in the first pane
        ";", "if-shell", "-F", "-t", f"={name}:", "#{pane_in_mode}",
        f"send-keys -X -t '={name}:' cancel",
    )  # fmt: skip
    passing = (";", "set-option", "-w", "-t", f"={name}:", "remain-on-exit", "off")
    keeping = (";", "set-option", "-p", "-t", f"={name}:", "remain-on-exit", "on")
    environment.make_socket_directory(socket)
    is_manual = _is_manual(socket, timeout, name)
    out, problem, status = client.client(
        socket, timeout, *((*_LATEST, ";") if is_manual else ()),
        "new-session", "-d", "-s", name, "-x", "160", "-y", "48", "-P", "-F",
        "#{pane_id} #{pane_pid}", *(["--", *command] if command else []),
        *lasting,
        *(passing if transient else ()),
        *(keeping if stays else ()),
        *((";", *_MANUAL) if is_manual else ()),
        directory=directory,
    )  # fmt: skip
    if is_manual and status:  # tmux skips the rest of a list after a command that fails
        client.client(socket, timeout, *_MANUAL)
    pane, _, pid = out.strip().partition(" ")
    if status or not pid.isdigit():
        raise AssignerError(
            f"tmux cannot make the session '{name}' on '{socket}': {problem or 'no answer'}"
        )
    return pane, int(pid)


def _is_manual(socket: str, timeout: float, name: str) -> bool:
    """Whether the server's option window-size has to be changed while a session is made.

    With `manual`, tmux up to 3.6a crashes when it makes a session (tmux pull request 4849).  While
    no client is attached, another value resizes no window.  Raises AssignerError if one is.
    """
    try:
        out, _ = client.call(socket, timeout, "list-sessions", "-F", "#{session_attached}")
        options, _ = client.call(socket, timeout, "show-options", "-gwv", "window-size")
    except client.NoServer:
        return False
    except client.Unreachable as error:
        raise AssignerError(f"cannot make the session '{name}' on '{socket}': {error}") from None
    if options.strip() != "manual":
        return False
    if any(line not in ("", "0") for line in out.split("\n")):
        raise AssignerError(
            f"cannot make the session '{name}': with the option 'window-size manual' tmux would"
            " crash; run 'tmux set-option -g window-size latest' first"
        )
    return True


def revive(pane: Pane, timeout: float, command: Sequence[str]) -> bool:
    """Run a command in a dead pane, unless another process has run in the pane since.

    Returns whether the command was started.  Raises NoServer, Unreachable.
    """
    condition = client.both(pane.identity.formats, "#{pane_dead}")
    words = " ".join(map(client.quote, command))
    answer = f"display-message -p -t {pane.id}"
    script = (
        f"if-shell -F -t {pane.id} {client.quote(condition)}"
        f" {{ respawn-pane -t {pane.id} {words} ; {answer} revived }} {{ {answer} refused }}"
    )
    return client.source(pane.socket, timeout, [script]).strip() == "revived"


def discard(socket: str, timeout: float, pane: str, pid: int) -> None:
    """Kill the session of a pane, if the pane's process still has that pid."""
    condition = f"#{{==:#{{pane_pid}},{pid}}}"
    client.call(socket, timeout, "if-shell", "-F", "-t", pane, condition, f"kill-session -t {pane}")
