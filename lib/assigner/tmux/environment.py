"""The environment and the socket directory of tmux servers that assigner starts."""

import contextlib
import os
import stat

from assigner.errors import SetupError
from assigner.shells.dialects import DIALECTS

# Variables that login(1) and a desktop set, and that people expect in their sessions
_LOGIN = {
    "HOME", "USER", "LOGNAME", "SHELL", "PATH", "LANG", "LANGUAGE", "TZ", "TERM", "TMPDIR",
    "TMUX_TMPDIR", "EDITOR", "VISUAL", "DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY",
    "SSH_AUTH_SOCK", "DBUS_SESSION_BUS_ADDRESS", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME",
    "XDG_STATE_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_SESSION_ID",
}  # fmt: skip


def environment() -> dict[str, str]:
    """The part of this environment that sessions get: a login's variables, and no secrets.

    Omits a SHELL to which no prompt can be typed, such as cron's: tmux then uses the user's own.
    """
    return {
        name: value
        for name, value in os.environ.items()
        if (name in _LOGIN or name.startswith("LC_"))
        and (name != "SHELL" or os.path.basename(value) in DIALECTS)
    }


def make_socket_directory(socket: str) -> None:
    """Make tmux's socket directory, which tmux makes only for its default socket.

    Raises SetupError if tmux would refuse it: the user must own it, and others must not enter it.
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
        raise SetupError(f"'{directory}' must be a directory that only you can access")
