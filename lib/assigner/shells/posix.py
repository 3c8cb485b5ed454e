"""The sourced file in the language of bash, zsh and dash.

The file turns `set -e` off instead of using `||`, because a shell ignores a prompt's `set -e`
inside `||`.  It turns `set -x` and `set -v` off because they show values.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from assigner.shells.spec import Task, Tools


@dataclass(frozen=True)
class Dialect:
    """The constructs that differ between the shells."""

    builtin: str
    forget: str
    steady: str
    unsteady: str
    report_group: str
    pipe: str
    is_exported: str
    unexport: str
    wait_out: str
    end_at_once: str
    was_interrupted: str


_FORGET_BASH = """\
case "$( {{ HISTTIMEFORMAT= builtin history 1; }} 2>/dev/null )" in
  *" . "*/{run}/ctx*) builtin history -d -1 2>/dev/null || : ;;
esac
"""

_UNSTEADY = "".join(f'case "$__assigner_e" in *{flag}*) set -{flag} ;; esac\n' for flag in "evx")

# The parent of this sh is the subshell, whose pid is the prompt's process group
_GROUP_OF_PARENT = '{sh} -c \'exec "$0" "$1" "$2.$PPID"\' {mv} {run}/group {spool}.group'

BASH = Dialect(
    builtin="builtin",
    forget=_FORGET_BASH,
    steady="",
    unsteady=_UNSTEADY,
    report_group='{mv} {run}/group {spool}.group."$BASHPID"',
    pipe='{left} | {tee} {run}/response\n__assigner_s="${{PIPESTATUS[0]}}"\n',
    is_exported="[[ ${{{name}@a}} = *x* ]]",
    unexport="builtin export -n {name}={value}",
    wait_out="",
    end_at_once="",
    was_interrupted="",
)
ZSH = Dialect(
    builtin="builtin",
    forget="",
    steady='[[ -o err_return ]] && __assigner_e="=$__assigner_e"; setopt no_err_return\n',
    unsteady='case "$__assigner_e" in "="*) setopt err_return ;; esac\n' + _UNSTEADY,
    report_group=_GROUP_OF_PARENT,
    pipe='{left} | {tee} {run}/response\n__assigner_s="${{pipestatus[@]:0:1}}"\n',
    is_exported="[[ ${{(t){name}}} = *export* ]]",
    unexport="builtin typeset -g +x {name}={value}",
    # By itself an interrupted zsh does not wait for its subshell, which then writes after the next
    # prompt, and exits with the status of the last builtin, which may be 0
    wait_out="trap '' INT\n",
    end_at_once="trap 'builtin exit 130' INT\n",
    was_interrupted='[ "$__assigner_s" = 130 ] || ',
)
DASH = Dialect(
    builtin="\\command",
    forget="",
    steady="",
    unsteady=_UNSTEADY,
    report_group=_GROUP_OF_PARENT,
    # dash keeps no status of a pipe's first command: an extra descriptor carries it
    pipe=(
        "exec 3>&1\n"
        '__assigner_s=$( {{ {{ {left} 3>&- 4>&-\n\\command echo "$?" >&4; }}'
        " | {tee} {run}/response >&3 4>&-; }} 4>&1 )\n"
        "exec 3>&-\n"
    ),
    is_exported='case "$(\\command export -p)" in *"export {name}="*) ;; *) false ;; esac',
    unexport="\\command unset {name}; {name}={value}",
    wait_out="",
    end_at_once="",
    was_interrupted="",
)


def quote(text: str) -> str:
    """The text quoted as one word.  shlex leaves `=ls` unquoted, which zsh expands."""
    return "'" + text.replace("'", "'\"'\"'") + "'"


def maker(dialect: Dialect) -> Callable[[Task, Tools], dict[str, str]]:
    """A function that makes the files for that shell."""
    return partial(_files, dialect)


def _files(dialect: Dialect, task: Task, tools: Tools) -> dict[str, str]:
    mv, run, spool = quote(tools.mv), quote(task.run), quote(task.spool)
    builtin = dialect.builtin

    def report(file: str, name: str) -> str:
        return f'{mv} {run}/{file} {spool}."{name}"'

    # an earlier prompt's values may keep programs from starting; they are restored below
    text = "LD_PRELOAD= LD_LIBRARY_PATH= "
    text += f"{report('go', 'begun.$$')} 2>/dev/null || return 0\n"
    text += '__assigner_e="$-"; set +evx\n'
    text += dialect.steady
    text += dialect.forget.format(run=quote("/".join(task.run.split("/")[-2:])))
    text += "__assigner_s=0\n__assigner_step=\n"
    text += "".join(_retake(dialect, name) for name in task.retaken)
    if task.directory is not None:
        text += f"{builtin} cd -- {quote(task.directory)} >/dev/null || __assigner_step=cd.$?\n"
    if task.variables:
        text += _exports(dialect, task.variables)
    text += 'if [ -z "$__assigner_step" ]; then\n(\n'
    group = dialect.report_group.format(sh=quote(tools.sh), mv=mv, run=run, spool=spool)
    text += f"{group} || {builtin} exit 125\n"
    step = report("ready", "step.$1")
    text += f'__assigner_fail() {{ {step}; {builtin} exit "${{1##*.}}"; }}\n'
    for name, value in {**task.announced, "ASSIGNER_REPORT": tools.report}.items():
        text += f"{builtin} export {name}={quote(value)}\n"
    text += _steps(dialect, task, tools)
    text += f"{report('ready', 'started')} || {builtin} exit 125\n"
    text += "unset -f __assigner_fail\n"
    text += _run(dialect, task, tools)
    done = report("done", "done.$__assigner_s")
    text += f'{dialect.was_interrupted}{done} 2>/dev/null\n{builtin} exit "$__assigner_s"\n'
    text += ")\n__assigner_s=$?\nelse\n"
    step = report("ready", "step.$__assigner_step")
    text += f"{step}\n__assigner_s=${{__assigner_step##*.}}\nfi\n"
    text += f"{report('exit', 'exit.$__assigner_s')} 2>/dev/null\n"
    text += dialect.unsteady
    text += f"{builtin} unset __assigner_s __assigner_step __assigner_e __assigner_c\n"
    return {"ctx": text}


_SHOWN = "exec >&3 2>&4 3>&- 4>&-\n"


def launcher(task: Task, tools: Tools, base: Mapping[str, str], line: str, *, back: str) -> str:
    """A script for any POSIX sh that prepares the context and then becomes what `line` starts.

    Exports `base` first.  If a step fails, the script reports that and starts `line` in `back`
    with `base` alone.
    """
    mv, run, spool, sh = quote(tools.mv), quote(task.run), quote(task.spool), DASH

    def report(file: str, name: str) -> str:
        return f'{mv} {run}/{file} {spool}."{name}"'

    exports = "".join(f"export {name}={quote(value)}\n" for name, value in base.items())
    unsets = "".join(f"unset {name}\n" for name in task.variables)
    text = f"__assigner_again() {{\n{unsets}{exports}{_SHOWN}cd -- {quote(back)}\nexec {line}\n}}\n"
    step = report("ready", "step.$1")
    text += f"__assigner_fail() {{ {step}; __assigner_again; }}\nexec 3>&1 4>&2\n{exports}"
    text += f"{report('go', 'begun.$$')} 2>/dev/null || __assigner_again\n"
    if task.directory is not None:
        text += f'cd -- {quote(task.directory)} >/dev/null || __assigner_fail "cd.$?"\n'
    for name, value in task.variables.items():
        text += f'export {name}={quote(value)} || __assigner_fail "env.$?"\n'
    # the output of the steps goes to a file, not to the agent's screen
    text += f"exec >{run}/output 2>&1\n{_steps(sh, task, tools)}{_SHOWN}"
    return text + f"{report('ready', 'started')} || __assigner_again\nexec {line}\n"


def starter(exports: Mapping[str, str], directory: str, line: str, *, file: str, rm: str) -> str:
    """A script for any POSIX sh that exports variables and becomes what `line` starts in a
    directory.  It runs once: it begins by removing itself, the file `file`.
    """
    text = f"{quote(rm)} -- {quote(file)} 2>/dev/null || exit 125\n"
    text += "".join(f"export {name}={quote(value)}\n" for name, value in exports.items())
    return text + f"cd -- {quote(directory)} >/dev/null || exit\nexec {line}\n"


def _retake(dialect: Dialect, name: str) -> str:
    """Restore the variable to its value before the first prompt that set it."""
    builtin = dialect.builtin
    unexport = dialect.unexport.format(name=name, value=f'"${{__assigner_{name}#+}}"')
    return (
        f"if {_is_ours(name)}; then\n"
        f'case "${{__assigner_{name}-}}" in\n'
        f'  "="*) {builtin} export {name}="${{__assigner_{name}#=}}" ;;\n'
        f'  "+"*) {unexport} ;;\n'
        f"  -) {builtin} unset {name} ;;\n"
        f"esac\nfi\n{builtin} unset __assigner_{name} __assigned_{name}\n"
    )


def _is_ours(name: str) -> str:
    """Whether the variable still has the prompt's value; a value that the user set since stays."""
    return f'[ "${{{name}+x}}${{{name}-}}" = "x${{__assigned_{name}-${{{name}-}}}}" ]'


def _exports(dialect: Dialect, variables: Mapping[str, str]) -> str:
    """Export all variables, or none if one is read-only; save their earlier values."""
    assignments = [
        f"{dialect.builtin} export {name}={quote(value)}" for name, value in variables.items()
    ]
    text = (
        f'[ -n "$__assigner_step" ] || ( {" && ".join(assignments)} ) || __assigner_step=env.$?\n'
    )
    text += 'if [ -z "$__assigner_step" ]; then\n'
    for name, assignment in zip(variables, assignments, strict=True):
        text += (
            f'if [ -z "${{__assigner_{name}+x}}" ] || ! {_is_ours(name)}; then\n'
            f'  if [ -z "${{{name}+x}}" ]; then __assigner_{name}=-;'
            f" elif {dialect.is_exported.format(name=name)};"
            f' then __assigner_{name}="=${{{name}}}";'
            f' else __assigner_{name}="+${{{name}}}"; fi\n'
            f'fi\n{assignment}\n__assigned_{name}="${{{name}}}"\n'
        )
    return text + "fi\n"


def _steps(dialect: Dialect, task: Task, tools: Tools) -> str:
    git = quote(tools.git)
    text = ""
    if task.validate:
        for name, value in task.variables.items():
            text += f'[ "${{{name}-}}" = {quote(value)} ] || __assigner_fail env.1\n'
    if task.branch is not None:  # these variables would point git at another repository
        text += '[ -z "${GIT_DIR-}${GIT_WORK_TREE-}" ] || __assigner_fail git.1\n'
    if task.worktree is not None:
        tree, place = quote(task.worktree), quote(task.physical or task.worktree)
        text += (
            f"if [ ! -e {tree}/.git ]; then\n"
            # git may still list a tree that somebody deleted
            f"  {git} worktree remove {tree} >/dev/null 2>&1\n"
            f"  {git} worktree add -q {tree} {quote(task.branch or '')} || __assigner_c=$?\n"
            # a hook may fail after the tree is made
            f'  [ -e {tree}/.git ] || __assigner_fail "worktree.${{__assigner_c-1}}"\n'
            "fi\n"
            f'{dialect.builtin} cd -- {place} >/dev/null || __assigner_fail "cd.$?"\n'
        )
    on_branch = ""
    if task.branch is not None:
        on_branch = _on_branch(git, task.branch)
        text += (
            f"if ! {on_branch}; then\n"
            f'  [ -z "$({git} status --porcelain --untracked-files=no)" ]'
            " || __assigner_fail dirty.1\n"
            f"  {git} checkout -q --recurse-submodules {quote(task.branch)} -- || __assigner_c=$?\n"
            # a hook may fail after the switch, which is done
            f'  {on_branch} || __assigner_fail "branch.${{__assigner_c-1}}"\n'
            "fi\n"
        )
    for number, command in enumerate(task.prerequisites, 1):
        text += f'eval {quote(command)} || __assigner_fail "prereq-{number}.$?"\n'
    if task.validate:
        if task.physical is not None:
            text += _in_directory(dialect, task.physical, "verify")
        if on_branch and task.prerequisites:
            text += f"{on_branch} || __assigner_fail verify.1\n"
        if "expected_cwd" in task.expected:
            text += _in_directory(dialect, task.expected["expected_cwd"], "session-state")
        if "git_branch" in task.expected:
            text += f"{_on_branch(git, task.expected['git_branch'])}"
            text += " || __assigner_fail session-state.1\n"
    return text


def _on_branch(git: str, branch: str) -> str:
    """Test that a branch is checked out; --short differs if a tag has the same name."""
    return f'[ "$({git} symbolic-ref -q HEAD)" = {quote(f"refs/heads/{branch}")} ]'


def _in_directory(dialect: Dialect, path: str, step: str) -> str:
    wanted = quote(f"{path}\n.")  # the dot protects trailing newlines of a name from $()
    shown = f"$({dialect.builtin} pwd -P; {dialect.builtin} echo .)"
    return f'[ "{shown}" = {wanted} ] || __assigner_fail {step}.1\n'


def _run(dialect: Dialect, task: Task, tools: Tools) -> str:
    """Run the prompt in a subshell, so that even `exit` in it leaves a status to report."""
    run = quote(task.run)
    begin = f"(\n{dialect.end_at_once}{dialect.unsteady}"
    if task.one_shot:
        left = f"{begin}. {run}/command\n) <{run}/prompt"
        return dialect.wait_out + dialect.pipe.format(left=left, tee=quote(tools.tee), run=run)
    return f"{dialect.wait_out}{begin}. {run}/prompt\n)\n__assigner_s=$?\n"
