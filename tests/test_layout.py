"""The layout: tests mirror the library, tools are short, one module knows Linux."""

import ast
import os
import re
from pathlib import Path

import pytest

from harness.workplace import ROOT

LIBRARY, UNIT = ROOT / "lib/assigner", ROOT / "tests/unit"
MODULES = sorted(LIBRARY.rglob("*.py"))
TOOLS = {path.name: path for path in sorted((ROOT / "bin").glob("[!._]*")) if path.suffix == ""}


def manual(source: str) -> str:
    """The first line of a tool's manual: of its docstring or, in sh, of its first comment."""
    if "python" in source.partition("\n")[0]:
        return (ast.get_docstring(ast.parse(source)) or "").partition("\n")[0]
    return source.splitlines()[1].removeprefix("# ")


@pytest.mark.parametrize("path", sorted(UNIT.rglob("test_*.py")), ids=lambda path: path.stem)
def test_unit_tests_mirror_the_library(path: Path) -> None:
    module = LIBRARY / path.relative_to(UNIT).with_name(path.name.removeprefix("test_"))
    assert module.exists(), f"no '{module.relative_to(ROOT)}' to test"


@pytest.mark.parametrize(
    "path", sorted((ROOT / "tests/tools").glob("test_*.py")), ids=lambda p: p.stem
)
def test_tests_of_tools_name_a_tool(path: Path) -> None:
    assert path.stem.removeprefix("test_").replace("_", "-") in TOOLS


def test_only_proc_reads_what_only_linux_has() -> None:
    """Another system needs only a second file.  The sh tool that an agent runs cannot wait for
    Python, and reads it by itself.
    """
    assert {path for path in MODULES if reads_proc(path.read_text())} == {
        LIBRARY / "system/processes.py"
    }
    assert {name for name, path in TOOLS.items() if reads_proc(path.read_text())} == {"hook"}


def reads_proc(source: str) -> bool:
    if source.startswith("#!/bin/sh"):
        return "/proc/" in source
    texts = [n.value for n in ast.walk(ast.parse(source)) if isinstance(n, ast.Constant)]
    return any(isinstance(text, str) and re.match("/proc(/|$)", text) for text in texts)


def test_every_tool_fits_and_explains_itself() -> None:
    assert TOOLS
    for name, path in TOOLS.items():
        source = path.read_text()
        assert source.startswith(("#!/usr/bin/env python3\n", "#!/bin/sh\n")), name
        assert os.access(path, os.X_OK), f"{name} is not executable"
        assert len(source.splitlines()) <= 120, f"{name} is too long"
        assert manual(source).startswith(f"{name} - "), f"{name}: {manual(source)!r}"


@pytest.mark.parametrize(
    ("source", "first"),
    [
        ('#!/usr/bin/env python3\n"""scan - looks\n\nmore"""\n', "scan - looks"),
        ("#!/usr/bin/env python3\nimport os\n", ""),
        ("#!/bin/sh\n# hook - writes\n", "hook - writes"),
    ],
)
def test_manual(source: str, first: str) -> None:
    assert manual(source) == first
