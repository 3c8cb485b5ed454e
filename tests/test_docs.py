"""The documentation: its links, paths and settings exist, and its commands have their options."""

import re
import shlex
from collections.abc import Iterator
from functools import cache
from itertools import takewhile
from pathlib import Path

import pytest

from assigner import config
from assigner.cli import registry, runner
from harness.workplace import ROOT

PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
# What assigner exports to prompts, and what only the tests read
NOT_SETTINGS = {"ATTEMPT", "SPOOL", "REPORT", "FEEDBACK", "AGENTS"}
# The beginning of a command line that a reader types
COMMAND = re.compile(r"^(?:    |\$ )(?:assigner |(?=make ))(.*)")


def anchors(text: str) -> set[str]:
    """The anchors that GitHub makes of a page's headings."""
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def dead_links(page: Path, text: str) -> list[str]:
    """The relative links of a page that name no file, or no heading in it."""
    dead = []
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        name, _, anchor = link.partition("#")
        target = (page.parent / name) if name else page
        if "://" in link:
            continue
        if not target.exists() or (anchor and anchor not in anchors(target.read_text())):
            dead.append(link)
    return dead


def commands(text: str) -> Iterator[list[str]]:
    """The words of each command line of `assigner` and `make`, without comments."""
    for line in text.replace(" \\\n", " ").splitlines():
        if match := COMMAND.match(line):
            words = shlex.split(match[1], comments=True)
            yield list(takewhile(lambda word: word not in ("|", "||", "&&", ";"), words))


@cache
def parser(name: str) -> runner.Parser | None:
    return registry.parser(name)


def unknown(words: list[str]) -> list[str]:
    """The tool, target or options of a command line that do not exist."""
    name, *arguments = words
    if name == "make":
        targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
        return [word for word in arguments if "=" not in word and word not in targets]
    if name not in registry.names():
        return [name]
    known = parser(name)
    options = [word.partition("=")[0] for word in arguments if re.match(r"--\w", word)]
    return [word for word in options if known and word not in known._option_string_actions]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    assert dead_links(page, page.read_text()) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_exist(page: Path) -> None:
    assert [words for words in commands(page.read_text()) if unknown(words)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_settings_exist(page: Path) -> None:
    named = set(re.findall(r"\bASSIGNER_([A-Z_]+[A-Z])\b", page.read_text())) - NOT_SETTINGS
    assert {name for name in named if f"ASSIGNER_{name}" not in config.KNOWN} == set()


def test_pages_have_commands_to_check() -> None:
    assert sum(1 for page in PAGES for _ in commands(page.read_text())) > 50


def test_every_tool_is_in_the_guide() -> None:
    guide = (ROOT / "docs/guide.md").read_text()
    assert [name for name in registry.names() if f"`{name}`" not in guide] == []


@pytest.mark.parametrize(
    ("text", "dead"),
    [
        ("[a](guide.md)", []),
        ("[a](guide.md#tools)", []),
        ("[a](guide.md#nothing)", ["guide.md#nothing"]),
        ("[a](nothing.md)", ["nothing.md"]),
        ("# One (or `two`)\n[a](#one-or-two)", ["#one-or-two"]),
    ],
)
def test_dead_links_are_found(text: str, dead: list[str]) -> None:
    assert dead_links(ROOT / "docs/agents.md", text) == dead


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ("    assigner send 'a --b' --target one", []),
        ("$ assigner send a --targat one", ["--targat"]),
        ("    assigner sent a", ["sent"]),
        ("    make demo ARGS=--dry-run  # and more", []),
        ("    make demos", ["demos"]),
    ],
)
def test_wrong_commands_are_found(line: str, wrong: list[str]) -> None:
    (words,) = commands(line)
    assert unknown(words) == wrong


TOP = "lib|sql|tests|bin|docs|systemd|demo|bench|tools"
PACKAGES = (
    "agents|cli|context|delivery|doctor|goals|maintenance|outcomes|queue|routing|sessions|shells"
    "|store|system|tmux"
)
EXAMPLES = re.compile(r"[A-Z]{3,}|robot|oldest|shells$")  # NAME, TABLE/VERB; what a reader adds


def paths(text: str) -> set[str]:
    """The files and directories of the checkout that a page names, as paths in it."""
    named = set(re.findall(rf"(?<![\w/.~-])((?:{TOP})/[\w./-]+)", text))
    modules = set(re.findall(rf"(?<![\w/.~-])((?:{PACKAGES})/\w[\w/]*(?:\.py)?)", text))
    named |= {f"lib/assigner/{module}" for module in modules}
    return {path.rstrip("./") for path in named if not EXAMPLES.search(path)}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_paths_exist(page: Path) -> None:
    found = paths(page.read_text())
    there = {path for path in found for end in ("", ".py") if (ROOT / f"{path}{end}").exists()}
    assert found - there == set()
