"""assigner - list the tools, or run one: `assigner NAME ...`

For people who install with pip, pipx or uv, where bare names such as `scan` would collide.
"""

import os
import runpy
import sys

from assigner import tools

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
    if "_ARGCOMPLETE" in os.environ:  # a shell asks what could be typed next
        from assigner import completing

        completing.answer()
    names = tools.names()
    if len(sys.argv) < 2 or sys.argv[1] in ("-h", "--help") or sys.argv[1:] == ["help"]:
        lines = ["usage: assigner NAME [ARGUMENT ...]; assigner NAME --help is its manual", ""]
        lines += [f"  {name:<17}{tools.summary(name)}" for name in names]
        from assigner import cli

        print("\n".join(lines))
        cli.flush()
        return
    option, equals, value = sys.argv[1].partition("=")
    given = OLDER.get(option, [sys.argv[1]]) + ([value] if option in OLDER and equals else [])
    name, *arguments = [*given, *sys.argv[2:]]
    if name == "help":
        name, arguments = arguments[0], ["--help"]
    if name not in names:
        from assigner import screen

        problem = f"assigner: no tool '{screen.visible(name)}': 'assigner' lists them"
        print(problem, file=sys.stderr)
        raise SystemExit(2)
    path = str(tools.PLACE / name)
    if tools.is_sh(name):
        os.execv("/bin/sh", ["sh", path, *arguments])  # noqa: S606 - there is no line to misread
    sys.argv = [name, *arguments]
    runpy.run_path(path, run_name="__main__")
