"""Manual pages: each tool's docstring and parser as roff for man(1) (groff_man(7))."""

import argparse
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from textwrap import dedent

from assigner.cli import registry
from assigner.system import resources

# Characters that roff interprets, or that man shows as a look-alike which no shell accepts
_SPECIAL = {
    "\\": "\\e", "-": "\\-", "'": "\\(aq", "`": "\\(ga", "^": "\\(ha", "~": "\\(ti",
}  # fmt: skip
_CODE = re.compile(r"`([^`\n]+)`")
_STATUS = re.compile(r"(?:^|; )(\d+) ")
# A paragraph that is a section of its own
_SECTIONS = {"exit status:": "EXIT STATUS", "example:": "EXAMPLES", "examples:": "EXAMPLES"}

_ABOUT = """\
Queues prompts in one SQLite file and types each exactly once into an enrolled tmux session.  A
prompt names the directory, git branch, variables and prerequisites that it needs, and assigner
prepares them in the session first.  Small tools do the work: each makes one short pass and exits.

Without TOOL, or with --help, assigner lists the tools.  `assigner TOOL --help` and
`assigner help TOOL` print a tool's manual without man(1)."""
_FILES = {
    "~/.local/state/assigner": "the state directory: $ASSIGNER_HOME, else $XDG_STATE_HOME/assigner",
    "~/.local/state/assigner/assigner.db": "the database, in the state directory",
    "~/.local/state/assigner/goals.db": "the goals, next to the database, unless"
    " $ASSIGNER_GOALS names another file",
    "~/.local/state/assigner/foundation": "state and work log of each session that has a profile",
    "~/.config/assigner/foundation.toml": "the profiles, see foundation-check",
    "~/.config/assigner/.env": "settings, NAME=value lines as under ENVIRONMENT, owned and"
    " writable by you alone; $XDG_CONFIG_HOME/assigner/.env where that is set",
}


def pages() -> dict[str, str]:
    """All pages by the names of their files: assigner.1, and assigner-NAME.1 for each tool."""
    made = {f"assigner-{name}.1": "\n".join(_tool(name)) + "\n" for name in registry.names()}
    return {"assigner.1": "\n".join(_overview()) + "\n", **made}


def _overview() -> Iterator[str]:
    yield from _head("assigner", "hand queued prompts to the shells and agents that run in tmux")
    yield from (".SH SYNOPSIS", ".B assigner", ".RI [ TOOL", ".RI [ ARGUMENT ...]]")
    yield from (".SH DESCRIPTION", *_text(_ABOUT))
    yield ".SH TOOLS"
    for group, names in registry.GROUPS.items():
        yield f".SS {group.capitalize()}"
        for name in names:
            yield from _item(f"{_bold(f'assigner-{name}')}(1)", registry.summary(name))
    yield ".SH EXIT STATUS"
    yield from _text("The exit statuses of all tools; the page of each tool has the details.")
    for status, meaning in (
        ("0", "done"),
        ("1", "some item failed"),
        ("2", "wrong usage: nothing was done"),
        ("70", "internal error of assigner"),
        ("75", "another process is busy: try again"),
        ("78", "the setup is wrong"),
    ):
        yield from _item(_bold(status), meaning)
    yield ".SH FILES"
    for path, what in _FILES.items():
        yield from _item(_italic(path), what)
    yield ".SH ENVIRONMENT"
    yield from _text("Variables override the file of settings.")
    for name, what in _settings():
        yield from _item(_bold(name), what)
    yield from _item(_bold("NO_COLOR"), "if set to anything, tables have no colors")
    yield from (".SH SEE ALSO", ".BR tmux (1)")


def _tool(name: str) -> Iterator[str]:
    """One tool's page."""
    title, _, rest = registry.manual(name).partition("\n")
    yield from _head(f"assigner-{name}", title.partition(" - ")[2].replace("`", ""))
    parser = registry.parser(name)
    yield from (".SH SYNOPSIS", _bold(f"assigner {name}"))
    if parser:
        yield from _usage(parser)
    paragraphs = [text for text in rest.strip("\n").split("\n\n") if text.strip()]
    apart = {_SECTIONS[text.split(":")[0] + ":"]: text for text in paragraphs if _is_section(text)}
    yield ".SH DESCRIPTION"
    plain = [text for text in paragraphs if not _is_section(text)]
    yield from _text("\n\n".join(plain) or f"{title.partition(' - ')[2].capitalize()}.")
    if parser:
        yield ".SH OPTIONS"
        formatter = parser._get_formatter()
        for action in sorted(parser._actions, key=lambda action: bool(action.option_strings)):
            yield from _item(_words(action), formatter._expand_help(action))
    if status := apart.get("EXIT STATUS"):
        yield ".SH EXIT STATUS"
        _, *pairs = _STATUS.split(" ".join(status.partition(":")[2].split()))
        for number, meaning in zip(pairs[::2], pairs[1::2], strict=True):
            yield from _item(_bold(number), meaning)
    if examples := apart.get("EXAMPLES"):
        yield ".SH EXAMPLES"
        label, colon, text = examples.partition(":")
        yield from _verbatim(" " * len(label + colon) + text)
    others = [other for other in registry.names() if other != name and _is_named(other, rest)]
    yield ".SH SEE ALSO"
    *before, last = ("assigner", *(f"assigner-{other}" for other in others))
    yield from (f".BR {_escaped(page)} (1)," for page in before)
    yield f".BR {_escaped(last)} (1)"


def _settings() -> Iterator[tuple[str, str]]:
    """Every setting with its description in .env.example."""
    file = resources.data(".env.example")
    for block in file.read_text(encoding="utf-8").split("\n\n"):
        *lines, last = block.splitlines()
        if found := re.match(r"#(ASSIGNER_\w+)=(.*)", last):
            text = " ".join(line.removeprefix("# ") for line in lines)
            value = f"`{found[2]}`"
            yield found[1], f"{text} {value}" if "xample:" in text else f"{text}  Default: {value}."


def _head(name: str, what: str) -> Iterator[str]:
    yield f'.TH {_escaped(name.upper())} 1 "" assigner "assigner manual"'
    yield from (".nh", ".ad l", ".SH NAME", f"{_escaped(name)} \\- {_escaped(what)}")


def _usage(parser: argparse.ArgumentParser) -> Iterator[str]:
    """The usage as argparse shows it: mutually exclusive options with bars between."""
    groups = parser._mutually_exclusive_groups
    grouped = {action: group for group in groups for action in group._group_actions}
    options = [action for action in parser._actions if action.option_strings]
    for action in [*options, *parser._get_positional_actions()]:
        group = grouped.get(action)
        if group is None:
            words = _words(action, all_spellings=False)
            yield words if action.required else f"[{words}]"
        elif group._group_actions[0] is action:
            words = " | ".join(_words(each, all_spellings=False) for each in group._group_actions)
            yield words if group.required else f"[{words}]"


def _words(action: argparse.Action, *, all_spellings: bool = True) -> str:
    """An option with its value, or a positional argument, as it is written."""
    value = _value(action)
    if not action.option_strings:
        return value
    spellings = action.option_strings if all_spellings else action.option_strings[:1]
    return ", ".join(" ".join(filter(None, (_bold(text), value))) for text in spellings)


def _value(action: argparse.Action) -> str:
    if action.nargs == 0:
        return ""
    if isinstance(action.metavar, str) or not action.choices:
        shown = action.metavar if isinstance(action.metavar, str) else action.dest.upper()
        value = _italic(shown)
    else:
        value = "|".join(_bold(str(choice)) for choice in action.choices)
    return f"{value} ..." if action.nargs in ("+", "*") else value


def _text(text: str) -> Iterator[str]:
    """Paragraphs as roff; indented ones and lists keep their lines."""
    for index, paragraph in enumerate(text.split("\n\n")):
        if index:
            yield ".PP"
        if re.search(r"^\s|^\S+:  ", paragraph, re.MULTILINE):
            yield from _verbatim(paragraph)
        else:
            yield from _filled(paragraph)


def _verbatim(text: str) -> Iterator[str]:
    lines = dedent(text.strip("\n").expandtabs()).split("\n")
    yield from (".RS 4", ".nf")
    yield from (_escaped(line.strip() if len(lines) == 1 else line) for line in lines)
    yield from (".fi", ".RE")


def _filled(text: str) -> Iterator[str]:
    """Lines that man joins; text between backquotes is bold."""
    for line in text.split("\n"):
        parts = _CODE.split(line)
        marked = [
            _bold(part) if index % 2 else _escaped(part, index == 0)
            for index, part in enumerate(parts)
        ]
        if shown := "".join(marked).strip():
            yield shown


def _item(term: str, what: str) -> Iterator[str]:
    yield from (".TP", term, *_filled(what))


def _bold(text: str) -> str:
    return f"\\fB{_escaped(text, False)}\\fR"


def _italic(text: str) -> str:
    return f"\\fI{_escaped(text, False)}\\fR"


def _escaped(text: str, starts_line: bool = True) -> str:
    """Text escaped so that roff prints it unchanged."""
    shown = "".join(
        _SPECIAL.get(char) or (char if char.isascii() else f"\\[u{ord(char):04X}]") for char in text
    )
    return f"\\&{shown}" if starts_line and shown.startswith(".") else shown


def _is_section(paragraph: str) -> bool:
    return paragraph.startswith(tuple(_SECTIONS))


def _is_named(tool: str, text: str) -> bool:
    """Whether a text names a tool, and does not just use the word."""
    if "-" in tool:
        return bool(re.search(rf"\b{tool}\b", text))
    return bool(re.search(rf"`{tool}\b", text))


def write(directory: Path, made: Mapping[str, str], *, dry: bool = False) -> list[Path]:
    """Write the pages to man1 in `directory`, each atomically.  Returns their paths.  OSError."""
    section = directory / "man1"
    if not dry:
        section.mkdir(parents=True, exist_ok=True)
        for name, text in made.items():
            aside = section / f".{name}.new"
            aside.write_text(text, encoding="ascii")
            aside.rename(section / name)
    return [section / name for name in made]


def is_searched(directory: Path, environment: Mapping[str, str]) -> bool:
    """Whether man looks there: by MANPATH, or next to a directory on the PATH (manpath(5))."""
    named = environment.get("MANPATH", "").split(":")
    if str(directory) in named:
        return True
    beside = {str(directory.parent / "bin"), str(directory.parent.parent / "bin")}
    return "" in named and bool(beside & set(environment.get("PATH", "").split(":")))
