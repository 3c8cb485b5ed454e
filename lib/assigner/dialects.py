"""The file that a shell session sources: context, prompt, reports; one text per shell.

    claim     rename the token; who has renamed it first, this file or the toolkit, has won
    context   in the session's own shell: cd, what an earlier prompt exported is taken back,
              what this one names is exported
    subshell  branch, prerequisites, a check of the outcome, then the prompt, in a subshell of
              its own; `exit`, `cd` or `set -e` in it cannot harm the session, and its status
              is reported even if it was stopped for a while
    reports   each is one rename of a file made beforehand, its content is its name

Only builtins and absolute paths are used, for a prerequisite may change PATH, and a person
may have aliases.  `set -e` is put aside rather than caught with `||`, in which the shell
would ignore a `set -e` of the prompt; `set -x` and `set -v` because they show values.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Task:
    """What the file is to do.  `spool` begins each report's path: SPOOL/ATTEMPT."""

    run: str
    spool: str
    directory: str | None
    physical: str | None
    variables: Mapping[str, str]
    retake: Sequence[str]
    branch: str | None
    prerequisites: Sequence[str]
    expected: Mapping[str, str]
    validate: bool
    one_shot: bool
    worktree: str | None = None  # of its own: `physical` is in there, and `branch` is its branch


@dataclass(frozen=True)
class Tools:
    """Absolute paths of the programs that the file may run."""

    mv: str
    sh: str
    tee: str
    git: str


@dataclass(frozen=True)
class Dialect:
    """Where the shells differ."""

    forget: str
    steady: str
    unsteady: str
    pipe_status: str
    is_exported: str
    unexport: str
    wait_out: str
    end_at_once: str
    was_interrupted: str


_FORGET_BASH = """\
case "$(HISTTIMEFORMAT= builtin history 1 2>/dev/null)" in
  */{run}/*) builtin history -d -1 2>/dev/null || : ;;
esac
"""

_UNSTEADY = "".join(f'case "$__assigner_e" in *{flag}*) set -{flag} ;; esac\n' for flag in "evx")

DIALECTS = {
    "bash": Dialect(
        forget=_FORGET_BASH,
        steady="",
        unsteady=_UNSTEADY,
        pipe_status="${PIPESTATUS[0]}",
        is_exported="[[ ${%s@a} = *x* ]]",
        unexport="builtin export -n",
        wait_out="",
        end_at_once="",
        was_interrupted="",
    ),
    "zsh": Dialect(
        forget="",
        steady='[[ -o err_return ]] && __assigner_e="=$__assigner_e"; setopt no_err_return\n',
        unsteady='case "$__assigner_e" in "="*) setopt err_return ;; esac\n' + _UNSTEADY,
        pipe_status="${pipestatus[1]}",
        is_exported="[[ ${(t)%s} = *export* ]]",
        unexport="builtin typeset -g +x",
        # Of itself an interrupted zsh does not wait for its subshell, which then writes behind
        # the next prompt, and ends with the status of the last builtin, which may be 0
        wait_out="trap '' INT\n",
        end_at_once="trap 'builtin exit 130' INT\n",
        was_interrupted='[ "$__assigner_s" = 130 ] || ',
    ),
}


def quote(text: str) -> str:
    """One word, whatever is in it.  shlex leaves `=ls` bare, which zsh expands."""
    return "'" + text.replace("'", "'\"'\"'") + "'"


def script(shell: str, task: Task, tools: Tools) -> str:
    """The text of the file for `shell`, a key of DIALECTS."""
    dialect = DIALECTS[shell]
    mv = quote(tools.mv)

    def report(kind: str, rest: str = "") -> str:
        return f'{mv} {quote(task.run)}/{kind} {quote(task.spool)}."{kind}{rest}"'

    text = f'{mv} {quote(task.run)}/go {quote(task.spool)}."begun.$$" 2>/dev/null || return 0\n'
    text += '__assigner_e="$-"; set +evx\n'
    text += dialect.steady
    text += dialect.forget.format(run=quote("/".join(task.run.split("/")[-2:])))
    text += "__assigner_s=0\n__assigner_step=\n"
    text += "".join(_retake(dialect, name) for name in task.retake if name not in task.variables)
    if task.directory is not None:
        text += f"builtin cd -- {quote(task.directory)} >/dev/null || __assigner_step=cd.$?\n"
    if task.variables:
        text += _exports(dialect, task.variables)
    text += 'if [ -z "$__assigner_step" ]; then\n(\n'
    # the parent of this sh is the subshell: its pid is that of the prompt's process group
    text += f'{quote(tools.sh)} -c \'exec "$0" "$1" "$2.$PPID"\' {mv}'
    text += f" {quote(task.run)}/group {quote(task.spool)}.group || builtin exit 125\n"
    text += f'__assigner_fail() {{ {report("step", ".$1")}; builtin exit "${{1##*.}}"; }}\n'
    text += _subshell_steps(task, tools)
    text += f"{report('started')} || builtin exit 125\n"
    text += "unset -f __assigner_fail\n"
    text += _run(task, tools, dialect)
    done = report("done", ".$__assigner_s")
    text += f'{dialect.was_interrupted}{done} 2>/dev/null\nbuiltin exit "$__assigner_s"\n'
    text += ")\n__assigner_s=$?\nelse\n"
    text += f"{report('step', '.$__assigner_step')}\n__assigner_s=${{__assigner_step##*.}}\nfi\n"
    text += f"{report('exit', '.$__assigner_s')} 2>/dev/null\n"
    text += dialect.unsteady
    text += "builtin unset __assigner_s __assigner_step __assigner_e\n"
    return text


def _retake(dialect: Dialect, name: str) -> str:
    """Have the variable be again what it was before the first prompt that named it."""
    return (
        f'case "${{__assigner_{name}-}}" in\n'
        f'  "="*) builtin export {name}="${{__assigner_{name}#=}}" ;;\n'
        f'  "+"*) {dialect.unexport} {name}="${{__assigner_{name}#+}}" ;;\n'
        f"  -) builtin unset {name} ;;\n"
        f"esac\nbuiltin unset __assigner_{name}\n"
    )


def _exports(dialect: Dialect, variables: Mapping[str, str]) -> str:
    """Export all or, if one is read-only, none; remember what each was."""
    assignments = [f"builtin export {name}={quote(value)}" for name, value in variables.items()]
    text = (
        f'[ -n "$__assigner_step" ] || ( {" && ".join(assignments)} ) || __assigner_step=env.$?\n'
    )
    text += 'if [ -z "$__assigner_step" ]; then\n'
    for name, assignment in zip(variables, assignments, strict=True):
        text += (
            f'if [ -z "${{__assigner_{name}+x}}" ]; then\n'
            f'  if [ -z "${{{name}+x}}" ]; then __assigner_{name}=-;'
            f' elif {dialect.is_exported % name}; then __assigner_{name}="=${{{name}}}";'
            f' else __assigner_{name}="+${{{name}}}"; fi\n'
            f"fi\n{assignment}\n"
        )
    return text + "fi\n"


def _subshell_steps(task: Task, tools: Tools) -> str:
    git = quote(tools.git)
    text = ""
    if task.validate:
        for name, value in task.variables.items():
            text += f'[ "${{{name}-}}" = {quote(value)} ] || __assigner_fail env.1\n'
    if task.worktree is not None:
        assert task.physical is not None and task.branch is not None
        tree = quote(task.worktree)
        text += (
            f"if [ ! -e {tree}/.git ]; then\n"
            # git may still know it from before somebody deleted it
            f"  {git} worktree remove {tree} >/dev/null 2>&1\n"
            f"  {git} worktree add -q {tree} {quote(task.branch)}"
            ' || __assigner_fail "worktree.$?"\n'
            "fi\n"
            f'builtin cd -- {quote(task.physical)} >/dev/null || __assigner_fail "cd.$?"\n'
        )
    on_branch = ""
    if task.branch is not None:
        on_branch = f'[ "$({git} symbolic-ref -q --short HEAD)" = {quote(task.branch)} ]'
        text += (
            f"if ! {on_branch}; then\n"
            f'  [ -z "$({git} status --porcelain --untracked-files=no)" ]'
            " || __assigner_fail dirty.1\n"
            f'  {git} checkout -q {quote(task.branch)} -- || __assigner_fail "branch.$?"\n'
            f"  {on_branch} || __assigner_fail branch.1\n"
            "fi\n"
        )
    for number, command in enumerate(task.prerequisites, 1):
        text += f'eval {quote(command)} || __assigner_fail "prereq-{number}.$?"\n'
    if task.validate:
        if task.physical is not None:
            text += _in_directory(task.physical, "verify")
        if on_branch and task.prerequisites:
            text += f"{on_branch} || __assigner_fail verify.1\n"
        if "expected_cwd" in task.expected:
            text += _in_directory(task.expected["expected_cwd"], "session-state")
        if "git_branch" in task.expected:
            text += (
                f'[ "$({git} symbolic-ref -q --short HEAD)" = '
                f"{quote(task.expected['git_branch'])} ] || __assigner_fail session-state.1\n"
            )
    return text


def _in_directory(path: str, step: str) -> str:
    wanted = quote(f"{path}\n.")  # the point keeps $() from cutting off newlines at a name's end
    return f'[ "$(builtin pwd -P; builtin echo .)" = {wanted} ] || __assigner_fail {step}.1\n'


def _run(task: Task, tools: Tools, dialect: Dialect) -> str:
    """A subshell of its own: its status is known however it ends, and whoever waits for it."""
    run = quote(task.run)
    if task.one_shot:
        return (
            f"{dialect.wait_out}(\n{dialect.end_at_once}{dialect.unsteady}. {run}/command\n"
            f") <{run}/prompt | {quote(tools.tee)} {run}/response\n"
            f"__assigner_s={dialect.pipe_status}\n"
        )
    return (
        f"{dialect.wait_out}(\n{dialect.end_at_once}{dialect.unsteady}. {run}/prompt\n)\n"
        "__assigner_s=$?\n"
    )
