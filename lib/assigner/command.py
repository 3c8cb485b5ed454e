"""assigner - list the tools, or run one: `assigner NAME ...`

For people who install with pip, pipx or uv, where bare names such as `scan` would collide.
"""

import ast
import os
import runpy
import sys
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
_INSTALLED = _PACKAGE / "_bin"
TOOLS = _INSTALLED if _INSTALLED.is_dir() else _PACKAGE.parents[1] / "bin"

# Older spellings, each with what it leads to; what stands behind it is passed on.
OLDER = {
    "--send": ["send"],
    "--queue": ["queue"],
    "--sessions": ["sessions"],
    "--prompts": ["prompts"],
    "--status": ["status"],
    "--retry": ["retry"],
    "--retry-all": ["retry", "--all"],
    "--cancel": ["cancel"],
    "--clear": ["clear"],
}


def main() -> None:
    """Run the tool that the first argument names; without one, list them all."""
    names = tools()
    if len(sys.argv) < 2 or sys.argv[1] in ("-h", "--help", "help"):
        lines = ["usage: assigner NAME [ARGUMENT ...]; assigner NAME --help is its manual", ""]
        lines += [f"  {name:<17}{_summary(TOOLS / name)}" for name in names]
        from assigner import cli

        print("\n".join(lines))
        cli.flush()
        return
    option, equals, value = sys.argv[1].partition("=")
    given = OLDER.get(option, [sys.argv[1]]) + ([value] if option in OLDER and equals else [])
    name = given[0]
    if name not in names:
        print(f"assigner: no tool '{name}': 'assigner' lists them", file=sys.stderr)
        raise SystemExit(2)
    sys.argv = [*given, *sys.argv[2:]]
    runpy.run_path(str(TOOLS / name), run_name="__main__")


def tools() -> list[str]:
    """The names of all tools but this one."""
    return sorted(
        entry.name
        for entry in os.scandir(TOOLS)
        if entry.is_file() and entry.name != "assigner" and not entry.name.startswith((".", "_"))
    )


def _summary(path: Path) -> str:
    doc = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return doc.partition("\n")[0].partition(" - ")[2]
