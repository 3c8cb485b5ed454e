"""One marked block in the user's crontab; every other byte stays as it is.

Only crontab(1) knows where a crontab is stored.  It has no compare-and-set, so update() reads the
crontab again just before it replaces it.
"""

import re

from assigner.errors import BusyError, SetupError
from assigner.system import programs

BEGIN, END = "# BEGIN assigner", "# END assigner"

_LINE = re.compile(rb"[^\n]*\n|[^\n]+\Z")


def update(block: str | None, *, dry: bool) -> tuple[bytes, bytes]:
    """Put the block into the crontab, or with None remove it.

    Returns the crontab before and after.  Raises SetupError, with nothing changed, if that fails;
    BusyError if another process keeps changing the crontab.
    """
    for _ in range(5):
        old = read()
        new = replaced(old, block)
        if dry or new == old:
            return old, new
        if read() == old:
            _write(new)
            if not has(read(), block):
                break
            return old, new
    raise BusyError("another process is changing the crontab: try again")


def read() -> bytes:
    """The user's crontab, empty if there is none.  SetupError if it cannot be read."""
    done = _crontab("-l")
    if done.status == 0:
        return done.out
    # crontab(1) shows that there is no crontab only by these words (in LC_ALL=C) and status 1
    if done.status == 1 and "no crontab for" in done.problem:
        return b""
    raise SetupError(f"cannot read the crontab (nothing was changed): {done.problem}")


def replaced(old: bytes, block: str | None) -> bytes:
    """The crontab with the block in place of the former one, else at its end; or without one.

    Adds a missing newline at the end, without which cron rejects the file.  Raises SetupError if
    the markers are broken.
    """
    before, _, after = _parts(old)
    if block is not None:
        if before and not before.endswith(b"\n"):
            before += b"\n"
        before += f"{BEGIN}\n{block}{END}\n".encode()
    new = before + after
    return new + b"\n" if new != old and new and not new.endswith(b"\n") else new


def has(text: bytes, block: str | None = "") -> bool:
    """Whether the crontab has this block; None: has no block; by default: any block of assigner."""
    _, ours, _ = _parts(text)
    if not block:
        return bool(ours) is (block is not None)
    return ours == f"{BEGIN}\n{block}{END}\n".encode()


def _parts(text: bytes) -> tuple[bytes, bytes, bytes]:
    """The text before the block, the block with its markers, and the text after it."""
    lines = _LINE.findall(text)
    begins, ends = (
        [number for number, line in enumerate(lines, 1) if line.strip() == marker.encode()]
        for marker in (BEGIN, END)
    )
    if not begins and not ends:
        return text, b"", b""
    if len(begins) != 1 or len(ends) != 1 or begins > ends:
        raise SetupError(
            "the markers of the block in the crontab do not match (nothing was changed):"
            f" '{BEGIN}' in {_named(begins)}, '{END}' in {_named(ends)}; fix it with 'crontab -e'"
        )
    first, last = begins[0] - 1, ends[0]
    return b"".join(lines[:first]), b"".join(lines[first:last]), b"".join(lines[last:])


def _named(numbers: list[int]) -> str:
    return f"line {', '.join(map(str, numbers))}" if numbers else "no line"


def _write(text: bytes) -> None:
    done = _crontab("-", given=text) if text else _crontab("-r")
    if done.status:
        raise SetupError(f"crontab rejected the change (nothing was changed): {done.problem}")


def _crontab(*arguments: str, given: bytes = b"") -> programs.Done:
    try:
        return programs.run("crontab", *arguments, given=given)
    except programs.NotInstalled:
        raise SetupError(
            "cannot find 'crontab': install cron (Debian, Ubuntu: cron; Fedora, Arch: cronie),"
            " or use systemd: 'assigner timers install systemd'"
        ) from None
