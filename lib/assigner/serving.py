"""What a tmux server of our making is given: an environment, a place for its socket."""

import contextlib
import os
import stat

from assigner.dialects import DIALECTS
from assigner.errors import SetupError

# What login(1) and a desktop set, which people expect in their sessions
_LOGIN = {
    "HOME", "USER", "LOGNAME", "SHELL", "PATH", "LANG", "LANGUAGE", "TZ", "TERM", "TMPDIR",
    "TMUX_TMPDIR", "EDITOR", "VISUAL", "DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY",
    "SSH_AUTH_SOCK", "DBUS_SESSION_BUS_ADDRESS", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME",
    "XDG_STATE_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_SESSION_ID",
}  # fmt: skip


def environment() -> dict[str, str]:
    """What sessions may know of our environment: what a login gives, and no secret of ours.

    A shell that no prompt can be typed to, as cron's SHELL, is left out: tmux then takes the
    person's own.
    """
    return {
        name: value
        for name, value in os.environ.items()
        if (name in _LOGIN or name.startswith("LC_"))
        and (name != "SHELL" or os.path.basename(value) in DIALECTS)
    }


def make_socket_directory(socket: str) -> None:
    """Make tmux's own directory, which it makes only where it is not told the socket.

    Under the same conditions as tmux: a directory of ours that is closed to others.  SetupError.
    """
    directory = os.path.dirname(socket)
    if os.path.basename(directory) != f"tmux-{os.geteuid()}":
        return
    try:
        with contextlib.suppress(FileExistsError):
            os.mkdir(directory, 0o700)
        status = os.lstat(directory)
    except OSError as error:
        raise SetupError(f"cannot make '{directory}': {error.strerror}") from None
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid() or status.st_mode & 0o007:
        raise SetupError(f"'{directory}' is not a directory that is yours alone")
