"""Manual pages: valid roff, complete, and found by man."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from assigner import config
from assigner.cli import manpages, registry
from harness.workplace import PATH, PIPES, ROOT, Workplace

TOOLS = sorted(path.name for path in (ROOT / "bin").glob("[!._]*") if path.stem != "assigner")
PAGES = sorted(["assigner.1", *(f"assigner-{name}.1" for name in TOOLS)])
WIDE = {"COLUMNS": "200"}

needs_man = pytest.mark.skipif(not shutil.which("man"), reason="no man on this machine")


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where all pages have been written."""
    place = tmp_path_factory.mktemp("pages")
    with Workplace(place / "work") as work:
        files = [row["file"] for row in work.tool("manual", "--dir", place, "--json").json]
    assert sorted(files) == [str(place / "man1" / page) for page in PAGES]
    return place


def shown(page: Path) -> str:
    """A page as man shows it on a terminal without bold, in one piece."""
    environment = {"PATH": PATH, "LC_ALL": "C.UTF-8", "MANWIDTH": "200", "GROFF_NO_SGR": "1"}
    # Newer groffs hyphenate though the page says no
    command = ["man", "--warnings", "--no-hyphenation", "-l", page]
    environment["MANROFFOPT"] = "-rHY=0"
    done = subprocess.run(command, env=environment, check=True, **PIPES)
    assert done.stderr == "", page
    return " ".join(re.sub(".\b", "", done.stdout).split())


@needs_man
def test_pages_tell_what_help_tells(pages: Path, work: Workplace) -> None:
    for name in TOOLS:
        page = shown(pages / "man1" / f"assigner-{name}.1")
        manual, _, options = work.tool(name, "--help", env=WIDE).out.partition("\noptions:\n")
        sections = ["NAME", "SYNOPSIS", "DESCRIPTION", "EXIT STATUS", "SEE ALSO"]
        for section in [*sections, "OPTIONS"] if options else sections:  # in sh they are described
            assert f" {section} " in page, name
        words = re.findall(r"[\w-]{3,}", manual.partition("\n\n")[2] + options)
        assert set(words) - {"exit", "status", "examples", "positional", "arguments"} <= set(
            re.findall(r"[\w-]{3,}", page)
        ), name


@needs_man
def test_what_is_copied_from_a_page_is_what_was_written(pages: Path) -> None:
    assert (
        "EXAMPLES send 'make test' --workdir ~/api --git-branch main --prereq 'npm ci' send --file"
    ) in shown(pages / "man1/assigner-send.1")
    assert "[--apply | --verify-only]" in shown(pages / "man1/assigner-cleanup-stale.1")


@needs_man
def test_first_page_has_all_tools_and_settings(pages: Path) -> None:
    page = shown(pages / "man1/assigner.1")
    for name in TOOLS:
        assert f" assigner-{name}(1) " in page
    for setting in config.KNOWN:
        assert f" {setting} " in page


def test_pages_have_no_look_alikes_of_what_shells_read(pages: Path) -> None:
    """Some groffs set a bare - ' ` ^ ~ as another character, others (Debian's) do not."""
    for page in (pages / "man1").iterdir():
        assert re.findall(r"(?<!\\)-|['`^~]", page.read_text()) == [], page


@pytest.mark.skipif(not shutil.which("groff"), reason="no groff on this machine")
def test_groff_has_nothing_to_say(pages: Path) -> None:
    done = subprocess.run(
        ["groff", "-ww", "-z", "-man", *sorted((pages / "man1").iterdir())], check=True, **PIPES
    )
    assert done.stderr == ""


@needs_man
def test_odd_text_is_shown_as_it_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    odd = ".so /etc/passwd\n'br \\fB\\n(.g it's `a -- b` ~ ^ \u00e9 \u6f22 \"q\""
    text = f"odd - 100 % of .odd\n\n{odd}\n\n  .indented {odd}\n\nexit status: 0 done; 3 {odd}\n"
    monkeypatch.setattr(registry, "names", lambda: ["odd"])
    monkeypatch.setattr(registry, "manual", lambda name: text)
    monkeypatch.setattr(registry, "parser", lambda name: None)
    manpages.write(tmp_path, manpages.pages())
    page = shown(tmp_path / "man1/assigner-odd.1")
    seen = " ".join(odd.replace("`", "").split())
    assert page.count(seen) == 2
    assert " ".join(odd.split()) in page.partition(".indented")[2]


@needs_man
def test_man_finds_the_pages_of_a_person(work: Workplace) -> None:
    (work.home / ".local/bin").mkdir(parents=True)
    path = f"{PATH}:{work.home}/.local/bin"
    told = work.tool("manual", env={"PATH": path})
    assert (told.err, len(told.out.splitlines())) == ("", len(PAGES) + 2)
    found = subprocess.run(
        ["man", "-w", "assigner-send"], env={"PATH": path, "HOME": str(work.home)}, **PIPES
    )
    assert found.stdout == f"{work.home}/.local/share/man/man1/assigner-send.1\n"


def test_where_man_does_not_look_is_told(work: Workplace) -> None:
    place = work.path / "data/man"
    told = work.tool("manual", env={"XDG_DATA_HOME": str(place.parent)})
    assert told.err == f"manual: man does not look in '{place}': export MANPATH='{place}:'\n"
    beside = {"PATH": f"{PATH}:{place.parent.parent}/bin"}
    for env, quiet in (
        ({"MANPATH": f"/usr/share/man:{place}"}, True),
        (beside, True),
        (beside | {"MANPATH": ":/usr/share/man"}, True),
        (beside | {"MANPATH": "/usr/share/man"}, False),
    ):
        assert (work.tool("manual", "--dir", place, env=env).err == "") is quiet, env


def test_a_dry_run_writes_nothing_and_a_fault_is_one_line(work: Workplace) -> None:
    assert len(work.tool("manual", "--dry-run", "--json").json) == len(PAGES)
    assert list(work.home.iterdir()) == []
    (work.path / "file").touch()
    refused = work.tool("manual", "--dir", work.path / "file", status=1)
    assert refused.err == f"manual: '{work.path}/file/man1': Not a directory\n"


@pytest.mark.parametrize(
    ("source", "manual"),
    [
        ('#!/usr/bin/env python3\n"""scan - looks\n\nmore"""\n', "scan - looks\n\nmore"),
        (
            "#!/bin/sh\n# hook - writes\n#\n# more\n#   a\nset -e\n# no\n",
            "hook - writes\n\nmore\n  a",
        ),
    ],
)
def test_manual_of_a_source(source: str, manual: str) -> None:
    assert registry.manual_in(source) == manual


def test_help_of_a_tool_by_name(work: Workplace) -> None:
    assert work.tool("assigner", "help", "send").out == work.tool("assigner", "send", "--help").out
    assert work.tool("assigner", "help").out == work.tool("assigner").out
    assert work.tool("assigner", "help", "none", status=2).err.startswith(
        "assigner: unknown tool 'none'"
    )
