"""The floors of the library: which package may import which (see docs/architecture.md)."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter

import pytest

from harness.workplace import ROOT

# From the ground up.  A package imports from any floor below its own ...
FLOORS = [
    {"errors", "states", "clock"},
    {"system", "shells", "tmux", "config", "store"},
    {"agents", "agents.hooks", "agents.transcripts"},
    {"queue"},
    {"context", "sessions"},
    {"routing", "events", "outcomes", "delivery", "goals", "maintenance"},
    {"cli", "doctor", "monitor", "trial"},
    {"api", "web", "bin"},
]
# ... and on its own floor only from these.
ARROWS = {
    "clock": {"errors"},
    "shells": {"system"},
    "tmux": {"shells", "system"},
    "config": {"system"},
    "store": {"config", "system"},
    "agents.hooks": {"agents"},
    "agents.transcripts": {"agents"},
    "outcomes": {"events"},
    "delivery": {"outcomes", "events"},
    "cli": {"monitor", "trial"},
}
# Modules that run programs; every other module asks them.
RUN_PROGRAMS = {"tmux.client", "system.git", "system.programs"}
# Imported inside the function that needs them: they cost more than a pass that does nothing.
COSTLY = {
    "argcomplete", "asyncio", "ctypes", "dotenv", "filelock", "inspect", "logging", "sh",
    "sqlite_utils", "tabulate", "tomllib",
}  # fmt: skip
# A pass that has only shells to look at does not load modules that only agents need.
FOR_AGENTS = {
    "assigner.agents.oneshot", "assigner.agents.provider_file", "assigner.agents.screen_rules",
    "assigner.agents.unknown_screens", "assigner.sessions.witnesses",
}  # fmt: skip

LIBRARY = ROOT / "lib/assigner"
SOURCES = {
    ".".join(path.relative_to(LIBRARY).with_suffix("").parts).removesuffix(".__init__"): (
        path.read_text()
    )
    for path in sorted(LIBRARY.rglob("*.py"))
    if path != LIBRARY / "__init__.py"
}
TOOLS = {
    f"bin.{path.name}": source
    for path in sorted((ROOT / "bin").glob("[!._]*"))
    if path.is_file() and "python" in (source := path.read_text()).partition("\n")[0]
}


def package_of(module: str) -> str:
    """The name by which FLOORS knows a module's package."""
    parts = module.split(".")
    return ".".join(parts[:2]) if ".".join(parts[:2]) in FLOORS[2] else parts[0]


def floor_of(package: str) -> int:
    return next(number for number, names in enumerate(FLOORS) if package in names)


def imports(node: ast.AST, at_once: bool = True) -> Iterator[tuple[str, bool]]:
    """Dotted names imported below `node`, and whether that happens when the module is imported."""
    for child in ast.iter_child_nodes(node):
        match child:
            case ast.Import(names=names):
                yield from ((name.name, at_once) for name in names)
            case ast.ImportFrom(module=origin, names=names, level=0):
                yield from ((f"{origin}.{name.name}", at_once) for name in names)
            case ast.ImportFrom():
                yield "a relative import", at_once
            case ast.If(test=ast.Name(id="TYPE_CHECKING"), body=body, orelse=orelse):
                yield from imports(ast.Module(body, []), at_once=False)
                yield from imports(ast.Module(orelse, []), at_once)
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.Lambda():
                yield from imports(child, at_once=False)
            case _:
                yield from imports(child, at_once)


def faults(sources: dict[str, str]) -> list[str]:
    """How modules (name below assigner: source) break the rules above."""
    found = []
    graph: dict[str, set[str]] = {}
    for module, source in sources.items():
        package = package_of(module)
        for name, at_once in imports(ast.parse(source)):
            outer, _, inner = name.partition(".")
            if outer == "sh" and module not in RUN_PROGRAMS:
                found.append(f"{module} runs programs by itself")
            if outer in COSTLY and at_once:
                found.append(f"{module} imports {outer} before a function needs it")
            is_below = floor_of(package) < floor_of("outcomes") and package != "agents"
            is_below &= f"assigner.{module}" not in FOR_AGENTS
            if at_once and is_below and {name, name.rpartition(".")[0]} & FOR_AGENTS:
                found.append(f"{module} imports {inner} before a function needs it")
            if outer != "assigner" or not inner or package == package_of(inner):
                continue
            graph.setdefault(package, set()).add(package_of(inner))
            above = floor_of(package_of(inner)) - floor_of(package)
            if above > 0 or (not above and package_of(inner) not in ARROWS.get(package, ())):
                found.append(f"{module} imports {inner}")
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        found.append(f"cycle: {' - '.join(error.args[1])}")
    return found


def test_every_import_keeps_to_the_floors() -> None:
    assert SOURCES and TOOLS
    assert faults(SOURCES | TOOLS) == []


@pytest.mark.parametrize(
    ("module", "source", "fault"),
    [
        ("clock", "from assigner import config", "clock imports config"),
        ("errors", "from assigner import clock", "errors imports clock"),
        ("shells.posix", "from assigner.tmux import panes", "shells.posix imports tmux.panes"),
        ("queue.prompts", "import assigner.tmux", "imports tmux"),
        ("agents.detect", "def f():\n from assigner.agents.hooks import install", "hooks.install"),
        ("queue.prompts", "def f():\n from assigner.cli import runner", "imports cli.runner"),
        ("system.git", "import sh", "system.git imports sh before"),
        ("store.log", "def f():\n import sh", "store.log runs programs"),
        ("store.lock", "try:\n import filelock\nexcept ImportError: ...", "filelock before"),
        ("goals.goals", "class A:\n from tabulate import x", "tabulate before"),
        ("sessions.look", "from assigner.agents.screen_rules import judge", "judge before"),
        ("sessions.scan", "from assigner.agents import unknown_screens", "unknown_screens before"),
        ("outcomes.check_runner", "import ctypes", "ctypes before"),
    ],
)
def test_faults_are_found(module: str, source: str, fault: str) -> None:
    if fault.startswith("imports"):  # an import from a lower floor is allowed
        assert faults({module: source}) == [] or fault in faults({module: source})[0]
    else:
        assert any(fault in found for found in faults({module: source}))


def test_packages_say_what_they_are_for_and_import_nothing() -> None:
    for path in LIBRARY.rglob("__init__.py"):
        tree = ast.parse(path.read_text())
        assert ast.get_docstring(tree), path
        assert path.parent == LIBRARY or len(tree.body) == 1, path


def test_every_module_can_be_imported_alone() -> None:
    code = """
import importlib, os, sys
for name in sys.argv[1:]:
    child = os.fork()
    if not child:
        try:
            importlib.import_module(name)
        except BaseException as error:
            print(name, repr(error), flush=True)
        os._exit(0)
    os.waitpid(child, 0)
"""
    names = [f"assigner.{name}" for name in SOURCES]
    done = subprocess.run([sys.executable, "-c", code, *names], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
