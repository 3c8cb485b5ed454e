"""One marked block in the person's crontab; every other byte of it stays as it is.

Of a crontab only crontab(1) may know where it lies.  It has no compare-and-set: what is to be
replaced is read once more just before.
"""

import re

from assigner import programs
from assigner.errors import BusyError, SetupError

BEGIN, END = "# BEGIN assigner", "# END assigner"

_LINE = re.compile(rb"[^\n]*\n|[^\n]+\Z")


def update(block: str | None, *, dry: bool) -> tuple[bytes, bytes]:
    """Have the crontab contain our block, or with None no block; what it was, and what it is now.

    Raises SetupError, with nothing changed, where that cannot be done.
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
    raise BusyError("somebody else changes the crontab at the same time: try again")


def read() -> bytes:
    """The person's crontab, empty where there is none.  SetupError where it cannot be told."""
    done = _crontab("-l")
    if done.status == 0:
        return done.out
    # crontab(1) has no other sign of it than these words, under LC_ALL=C, beside status 1
    if done.status == 1 and "no crontab for" in done.problem:
        return b""
    raise SetupError(f"cannot read the crontab, nothing was changed: {done.problem}")


def replaced(old: bytes, block: str | None) -> bytes:
    """The crontab with the block where the former one stood, else at its end; or without one.

    A missing newline at the end is added: without it cron would not take the file.  Raises
    SetupError where the markers are broken.
    """
    before, _, after = _parts(old)
    if block is not None:
        if before and not before.endswith(b"\n"):
            before += b"\n"
        before += f"{BEGIN}\n{block}{END}\n".encode()
    new = before + after
    return new + b"\n" if new != old and new and not new.endswith(b"\n") else new


def has(text: bytes, block: str | None = "") -> bool:
    """Whether that block is in it; with None: none of ours; by default: any of ours."""
    _, ours, _ = _parts(text)
    if not block:
        return bool(ours) is (block is not None)
    return ours == f"{BEGIN}\n{block}{END}\n".encode()


def _parts(text: bytes) -> tuple[bytes, bytes, bytes]:
    """What stands before our block, the block with its markers, and what stands after it."""
    lines = _LINE.findall(text)
    begins, ends = (
        [number for number, line in enumerate(lines, 1) if line.strip() == marker.encode()]
        for marker in (BEGIN, END)
    )
    if not begins and not ends:
        return text, b"", b""
    if len(begins) != 1 or len(ends) != 1 or begins > ends:
        raise SetupError(
            "the crontab has no one block from begin to end, nothing was changed:"
            f" '{BEGIN}' in {_named(begins)}, '{END}' in {_named(ends)}; mend it with 'crontab -e'"
        )
    first, last = begins[0] - 1, ends[0]
    return b"".join(lines[:first]), b"".join(lines[first:last]), b"".join(lines[last:])


def _named(numbers: list[int]) -> str:
    return f"line {', '.join(map(str, numbers))}" if numbers else "no line"


def _write(text: bytes) -> None:
    done = _crontab("-", given=text) if text else _crontab("-r")
    if done.status:
        raise SetupError(f"crontab refused the change, nothing was changed: {done.problem}")


def _crontab(*arguments: str, given: bytes = b"") -> programs.Done:
    try:
        return programs.run("crontab", *arguments, given=given)
    except programs.NotInstalled:
        raise SetupError(
            "cannot find 'crontab': install cron (Debian, Ubuntu: cron; Fedora, Arch: cronie),"
            " or use systemd: 'assigner timers install systemd'"
        ) from None
