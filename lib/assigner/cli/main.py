"""assigner - list the tools, or run one: `assigner TOOL ...`

People who install with pip, pipx or uv need this one command on the PATH: bare names such as
`scan` would collide with other programs.
"""

import os
import runpy
import sys
from typing import NoReturn

from assigner.cli import registry

# Older spellings, each with the tool and the arguments that it means; its value is passed on
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
    if "_ARGCOMPLETE" in os.environ:  # a shell asks for completions
        from assigner.cli import completion

        completion.answer()
    if len(sys.argv) < 2 or sys.argv[1] in ("-h", "--help") or sys.argv[1:] == ["help"]:
        _print(overview())
        return
    if sys.argv[1:] == ["--version"]:
        from importlib import metadata

        _print(f"assigner {metadata.version('assigner')}")
        return
    option, equals, value = sys.argv[1].partition("=")
    given = OLDER.get(option, [sys.argv[1]]) + ([value] if option in OLDER and equals else [])
    name, *arguments = [*given, *sys.argv[2:]]
    if name == "help":
        name, arguments = arguments[0], ["--help"]
    names = registry.names()
    if name not in names:
        _refuse(name, names)
    path = str(registry.PLACE / name)
    if registry.is_sh(name):
        os.execv("/bin/sh", ["sh", path, *arguments])  # noqa: S606 - there is no line to misread
    from assigner.cli import runner

    runner.usage_prefix = "assigner "
    sys.argv = [name, *arguments]
    runpy.run_path(path, run_name="__main__")


def overview() -> str:
    """The tools in groups, each with its summary."""
    lines = ["usage: assigner TOOL [ARGUMENT ...]", "       assigner [--help | --version]"]
    for group, names in registry.GROUPS.items():
        lines += ["", group, *(f"  {name:<17}{registry.summary(name)}" for name in names)]
    return "\n".join([*lines, "", "'assigner TOOL --help' prints the manual of a tool"])


def _print(text: str) -> None:
    from assigner.cli import runner

    print(text)
    runner.flush()


def _refuse(name: str, names: list[str]) -> NoReturn:
    from assigner.cli import runner
    from assigner.system import terminal_text

    is_option = name.startswith("-")
    known = [*OLDER, "--help", "--version"] if is_option else [*names, "help"]
    hint = runner.nearest(name, known)
    kind = "option" if is_option else "tool"
    print(
        f"assigner: unknown {kind} '{terminal_text.visible(name)}'{hint};"
        " run 'assigner' for a list",
        file=sys.stderr,
    )
    raise SystemExit(2)
