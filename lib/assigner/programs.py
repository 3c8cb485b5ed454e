"""Programs of the system that are asked now and then: crontab, systemctl, loginctl."""

import io
import os
from dataclasses import dataclass

from assigner.errors import AssignerError

_PATIENCE = 60


class NotInstalled(Exception):
    """No program of that name is on the PATH."""


@dataclass(frozen=True)
class Done:
    """How a program ended."""

    status: int
    out: bytes
    problem: str


def run(name: str, *arguments: str, given: bytes = b"") -> Done:
    """Run a program to its end; its messages are in English.  Raises NotInstalled."""
    import sh  # 35 ms, and only who runs one pays

    out, err = io.BytesIO(), io.BytesIO()
    try:
        command = sh.Command(name)(
            *arguments,
            _in=given, _out=out, _err=err, _env={**os.environ, "LC_ALL": "C"},
            _timeout=_PATIENCE, _tty_out=False, _return_cmd=True, _ok_code=list(range(256)),
        )  # fmt: skip
    except sh.CommandNotFound:
        raise NotInstalled(name) from None
    except (sh.SignalException, sh.TimeoutException):
        raise AssignerError(f"'{name} {' '.join(arguments)}' did not come to its end") from None
    problem = " ".join(err.getvalue().decode("utf-8", "backslashreplace").split())
    return Done(command.exit_code, out.getvalue(), problem or f"exit status {command.exit_code}")
