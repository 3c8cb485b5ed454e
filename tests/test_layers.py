"""Imports point down only, costly ones wait until they are used, and a tool fits on one screen."""

import ast
import os
import re
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter

import pytest

from support import ROOT

LAYERS = {
    4: {
        "cli",
        "output",
        "tools",
        "command",
        "completing",
        "goaltelling",
        "manuals",
        "sending",
        "joining",
        "telling",
        "timers",
    },
    # 3: whatever is not named here
    2: {
        "access",
        "databases",
        "db",
        "lock",
        "log",
        "tmux",
        "keyboard",
        "serving",
        "git",
        "proc",
        "files",
        "checkrun",
        "records",
        "programs",
        "crontab",
        "systemd",
    },
    1: {"sql", "config"},
    0: {
        "matching",
        "pairing",
        "backoff",
        "screen",
        "styles",
        "clock",
        "dialects",
        "jsontext",
        "sentinels",
    },
    -1: {"fish"},
    -2: {"posix"},
    -3: {"errors", "package", "task"},
}
TOP = 5  # `__init__`, the face of it all
PEERS = {2, 3, 4}  # layers whose modules may import each other, without cycles
RUNS_PROGRAMS = {"tmux", "git", "programs"}
COSTLY = {"argcomplete", "tabulate", "dotenv", "sqlite_utils"}

MODULES = {path.stem: path.read_text() for path in sorted((ROOT / "lib/assigner").glob("*.py"))}
TOOLS = {path.name: path for path in sorted((ROOT / "bin").glob("[!._]*")) if not path.suffix}


def layer(module: str) -> int:
    if module == "__init__":
        return TOP
    return next((number for number, names in LAYERS.items() if module in names), 3)


def imports(node: ast.AST, at_once: bool = True) -> Iterator[tuple[str, bool]]:
    """Dotted names that are imported below `node`, and whether that happens on import."""
    for child in ast.iter_child_nodes(node):
        match child:
            case ast.Import(names=names):
                yield from ((name.name, at_once) for name in names)
            case ast.ImportFrom(module=origin, names=names, level=level):
                package = ".".join(filter(None, ["assigner" if level else None, origin]))
                yield from ((f"{package}.{name.name}", at_once) for name in names)
            case ast.If(test=ast.Name(id="TYPE_CHECKING"), body=body, orelse=orelse):
                yield from imports(ast.Module(body, []), at_once=False)
                yield from imports(ast.Module(orelse, []), at_once)
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.Lambda():
                yield from imports(child, at_once=False)
            case _:
                yield from imports(child, at_once)


def faults(sources: dict[str, str]) -> list[str]:
    """What a package of these modules (name: source) does against the rules."""
    found = []
    graph: dict[str, set[str]] = {}
    for module, source in sources.items():
        graph[module] = set()
        for name, at_once in imports(ast.parse(source)):
            outer, _, inner = name.partition(".")
            if outer == "sh" and module not in RUNS_PROGRAMS:
                found.append(f"{module} runs programs by itself")
            if outer in COSTLY and at_once:
                found.append(f"{module} imports {outer} before it is used")
            if outer != "assigner":
                continue
            target = inner.partition(".")[0]
            target = target if target in sources else "__init__"
            if module != "__init__":
                graph[module].add(target)
            elif at_once and target != "__init__":
                found.append(f"__init__ imports {target} before it is used")
            own = layer(module)
            if layer(target) > own or (layer(target) == own and own not in PEERS | {TOP}):
                found.append(f"{module} ({own}) imports {target} ({layer(target)})")
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        found.append(f"cycle: {' - '.join(error.args[1])}")
    return found


def manual(source: str) -> str:
    """The first line of a tool's manual: of its docstring or, in sh, of its first comment."""
    if "python" in source.partition("\n")[0]:
        return (ast.get_docstring(ast.parse(source)) or "").partition("\n")[0]
    return source.splitlines()[1].removeprefix("# ")


def test_package_keeps_its_layers() -> None:
    assert MODULES
    assert faults(MODULES) == []


def test_layers_name_no_module_twice() -> None:
    named = [name for names in LAYERS.values() for name in names]
    assert len(named) == len(set(named))


@pytest.mark.parametrize(
    ("sources", "fault"),
    [
        ({"clock": "from assigner import config", "config": ""}, "clock (0) imports config (1)"),
        ({"clock": "import assigner.screen", "screen": ""}, "clock (0) imports screen (0)"),
        ({"db": "from .prompts import add", "prompts": ""}, "db (2) imports prompts (3)"),
        ({"prompts": "def f():\n from . import cli", "cli": ""}, "prompts (3) imports cli (4)"),
        ({"prompts": "import assigner", "__init__": ""}, "prompts (3) imports __init__ (5)"),
        ({"prompts": "from assigner import send_prompt"}, "prompts (3) imports __init__ (5)"),
        (
            {"a": "from assigner import b", "b": "def f():\n import assigner.a"},
            "cycle: a - b - a",
        ),
        (
            {"__init__": "from assigner.db import x", "db": ""},
            "__init__ imports db before it is used",
        ),
        ({"proc": "import sh"}, "proc runs programs by itself"),
        ({"proc": "def f():\n from sh import ls"}, "proc runs programs by itself"),
        ({"db": "import sqlite_utils.db"}, "db imports sqlite_utils before it is used"),
        (
            {"db": "try:\n import dotenv\nexcept ImportError: ..."},
            "db imports dotenv before it is used",
        ),
        ({"db": "class A:\n from tabulate import x"}, "db imports tabulate before it is used"),
    ],
)
def test_faults_are_found(sources: dict[str, str], fault: str) -> None:
    assert fault in faults(sources)


@pytest.mark.parametrize(
    "sources",
    [
        {"cli": "from assigner import clock, output", "clock": "", "output": ""},
        {"prompts": "from assigner.sessions import idle", "sessions": ""},
        {"__init__": "def send_prompt():\n from assigner.prompts import add", "prompts": ""},
        {"tmux": "import sh", "git": "from sh import git"},
        {"db": "if TYPE_CHECKING:\n import sqlite_utils"},
        {"db": "def f():\n import sqlite_utils"},
    ],
)
def test_what_is_allowed_is_no_fault(sources: dict[str, str]) -> None:
    assert faults(sources) == []


def test_only_proc_reads_what_only_linux_has() -> None:
    """Another system becomes a second file.  The tool in sh that an agent runs cannot wait for
    Python, and reads it by itself.
    """
    assert {name for name, source in MODULES.items() if reads_proc(source)} == {"proc"}
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
