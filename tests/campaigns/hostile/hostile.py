"""Hostile input: texts that shells, tmux, git, terminals and parsers read as something else.

ASSIGNER_HOSTILE says how many cases a field has (`make test-hostile`); without it they are few,
and the same every time.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from hypothesis import HealthCheck, Phase, example, settings
from hypothesis import strategies as st

from harness.workplace import ROOT, Workplace

CASES = int(os.environ.get("ASSIGNER_HOSTILE", "0"))
# What a terminal obeys, or what turns its lines around
OBEYED = re.compile(
    "[\\x00-\\x09\\x0b-\\x1f\\x7f-\\x9f\\u061c\\u200e\\u200f\\u2028-\\u202e\\u2066-\\u2069]"
)
COMMANDS = (
    "$(touch marker)", "`touch marker`", "; touch marker;", "&& touch marker &",
    "| touch marker |",
    "\ntouch marker\n", "#(touch marker)", "';touch marker;'", '";touch marker;"', ")touch marker(",
    "<(touch marker)", "$((touch marker))", "(touch marker)", "!touch marker", "> marker",
    ">marker",
    "\\`touch marker\\`", "${x:-$(touch marker)}", "' $(touch marker) '", "%(touch marker)",
    "*/[$(touch marker)]", "a[$(touch marker)]=1", "{ touch marker }", "\\\ntouch marker\n",
)  # fmt: skip
PIECES = (
    *COMMANDS, "#{pane_id}", "#[fg=red]", "#{?1,a,b}", "#{q:x}", "##", "%H:%M", "%%", "%if 1",
    "'", '"', "\\", "''", "$", "$HOME", "${HOME}", "~", "~root", "!!", "!-1", "^a^b", "=ls", "-x",
    "--", "--help", "@{-1}", "@", "..", "/", "{a,b}", "*", "?", "[a-z]", "\t", " ", "  ", "\n",
    "\r", "\x1b[201~", "\x1b[200~", "\x1b]0;t\x07", "\x1b[2J", "\x9b31m", "\x03", "\x04", "\x15",
    "\x16", "\x7f", "\0", "\u202e", "\u2028", "\x85", "\u200b", "\ufeff", "e\u0301", "\u6f22",
    "\U0001f642", "\u00e9", "\U000e0041", "&", "|", "<", ">", ";", "(", ")", "EOF", "# x", "a", "b",
    ":", "=", ",", "%s", "\\n", "\\x41", "\ud800", "\udcff", "9" * 40, "x" * 300, "NULL", "' OR 1",
)  # fmt: skip


# What some field takes, so that most of what is made of these is delivered
_REFUSED = re.compile("[\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f\\u2028\\ud800-\\udfff]")
_TAKEN = [piece for piece in PIECES if not _REFUSED.search(piece)]
_LINE = [piece for piece in _TAKEN if "\n" not in piece]

TEXT = st.lists(st.sampled_from(PIECES) | st.characters(), min_size=1, max_size=12).map("".join)
LINES = st.lists(st.sampled_from(_TAKEN), min_size=1, max_size=12).map("".join)
LINE = st.lists(st.sampled_from(_LINE), min_size=1, max_size=6).map("".join)
_SPOILT = (
    b"", b"\0" * 1000, b"[" * 100_000, b'{"a":' * 100_000, b'"' + b"x" * 3_000_000 + b'"',
    b"\xff\xfe", b"\xef\xbb\xbf{}", b"null", b"1e999", b'{"a": NaN}', b"9" * 100_000,
    b'{"session_id": "s", "prompt": "\\ud800\\u0000"}', b"\n" * 100_000, b"'''" * 1000,
)  # fmt: skip
# Bytes of all kinds: nothing, noise, spoilt JSON, deep and long things
GARBAGE = (
    st.sampled_from(_SPOILT)
    | st.binary(max_size=1000)
    | st.lists(TEXT, max_size=4).map(lambda texts: json.dumps(texts).encode())
    | st.tuples(TEXT.map(lambda text: as_bytes(text)), st.binary(max_size=5)).map(b"\n".join)
)


def tries(number: int, *, shrinks: bool = True) -> settings:
    """How often a property is tried; one that needs a tmux server is not `shrinks`."""
    return settings(
        max_examples=CASES or number,
        derandomize=not CASES,
        database=None,
        phases=[Phase.explicit, Phase.generate, *([Phase.shrink] if shrinks else [])],
        suppress_health_check=list(HealthCheck),
        print_blob=True,
    )


def each_piece(test: Callable[..., None]) -> Callable[..., None]:
    """Every piece is tried by itself, too, whatever chance brings as `text`."""
    for piece in PIECES:
        test = example(text=piece)(test)
    return test


@st.composite
def accepted(
    draw: st.DrawFn, takes: Callable[[str], bool], likely: st.SearchStrategy[str] = LINE
) -> str:
    """A hostile text of those that a field takes; what it does with the others is tried first."""
    text = draw(TEXT)
    return text if takes(text) else draw(likely.filter(takes))


def as_bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def as_argument(text: str, instead: str = "") -> str:
    """What of it can be an argument of a program or a variable's value."""
    return re.sub("[\0\ud800-\udc7f\udd00-\udfff]", instead, text)


class Said(NamedTuple):
    """How one call of a tool ended."""

    argv: list[str]
    status: int
    out: str
    err: str


_BATCH = 500
_DRIVER = """
import io, json, runpy, signal, sys
from pathlib import Path
calls = json.loads(sys.stdin.buffer.read())
streams = sys.stdin, sys.stdout, sys.stderr, sys.argv
answers = []
for argv in calls:
    argv = [word.encode("utf-8", "surrogatepass").decode("utf-8", "surrogateescape")
            if "\\ud800" not in word else word for word in argv]
    out = io.TextIOWrapper(io.BytesIO(), "utf-8")
    err = io.TextIOWrapper(io.BytesIO(), "utf-8", "backslashreplace")
    sys.stdin, sys.stdout, sys.stderr = io.TextIOWrapper(io.BytesIO()), out, err
    path = str(Path({bin!r}) / argv[0])
    sys.argv = [path, *argv[1:]]
    status = 0
    try:
        runpy.run_path(path, run_name="__main__")
    except SystemExit as end:
        status = end.code or 0
    except BaseException as error:
        import traceback
        status = -1
        err.write("Traceback " + "".join(traceback.format_exception(error)))
    for stream in (out, err):
        stream.flush()
    told = (stream.buffer.getvalue().decode("utf-8", "backslashreplace") for stream in (out, err))
    answers.append([status, *told])
sys.stdin, sys.stdout, sys.stderr, sys.argv = streams
json.dump(answers, sys.stdout)
"""


def calls(work: Workplace, argvs: Sequence[Sequence[object]], **env: str) -> list[Said]:
    """Run tools one after the other in one process, which costs a tenth of one each."""
    words = [[str(word) for word in argv] for argv in argvs]
    if len(words) > _BATCH:
        return calls(work, words[:_BATCH], **env) + calls(work, words[_BATCH:], **env)
    done = subprocess.run(
        [sys.executable, "-c", _DRIVER.replace("{bin!r}", repr(str(ROOT / "bin")))],
        input=json.dumps(words).encode(), capture_output=True, cwd="/",
        env={**work.environment, **env}, timeout=600,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode("utf-8", "replace")[-3000:]
    answers: list[Any] = json.loads(done.stdout)
    return [Said(argv, *answer) for argv, answer in zip(words, answers, strict=True)]


def harmless(said: Said) -> None:
    """One clear line or an answer, an exit status that is documented, nothing that is obeyed."""
    assert said.status in (0, 1, 2, 75, 78), said
    assert "Traceback" not in said.err and "internal error" not in said.err, said
    for text in (said.out, said.err):
        assert not OBEYED.search(text.replace("\n", "")), said
    if said.status in (2, 78):
        assert said.err.count("\n") == 1 and said.err.startswith(said.argv[0]), said
    if "--json" in said.argv and said.out:
        json.loads(said.out)


def markers(*places: Path) -> list[Path]:
    """What a text has done that was only to be carried."""
    found = [path for place in places for path in place.rglob("marker*")]
    return found + [path for path in (Path("/marker"), ROOT / "marker") if path.exists()]
