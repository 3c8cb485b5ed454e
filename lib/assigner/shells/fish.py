"""The files for fish: one that the session sources, and two for the processes it starts.

fish has no subshells.  The prompt runs in a separate fish, under `status job-control full`:
otherwise it would share the session's process group.  It sees exported variables, autoloaded
functions and the user's configuration, but not what the session does not export.  A sh between
the two leads the group: an interrupted fish exits with status 0, and one that executes another
program cannot report.
"""

from assigner.shells import posix
from assigner.shells.spec import Task, Tools


def quote(text: str) -> str:
    """The text quoted as one word: in single quotes only `'` and `\\` are special in fish."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def files(task: Task, tools: Tools) -> dict[str, str]:
    """`ctx` is for the session, `leader` for its child sh, `process` for the fish below that sh."""
    return {
        "ctx": _session(task, tools),
        "leader": _leader(task, tools),
        "process": _process(task, tools),
    }


def _report(task: Task, tools: Tools, file: str, name: str) -> str:
    """`name` is placed in double quotes, in which fish expands variables."""
    return f'{quote(tools.mv)} {quote(task.run)}/{file} {quote(task.spool)}."{name}"'


def _session(task: Task, tools: Tools) -> str:
    begun = _report(task, tools, "go", "begun.$fish_pid")
    # an earlier prompt's values may keep programs from starting; they are restored below
    text = f"if LD_PRELOAD= LD_LIBRARY_PATH= {begun} 2>/dev/null\n"
    text += "set -l fish_trace\n"  # tracing would show values
    text += "set -l s 0\nset -l step\nset -l fish (status fish-path)\n"
    text += "".join(map(_retake, task.retaken))
    if task.directory is not None:
        text += f"builtin cd -- {quote(task.directory)} >/dev/null; or set step cd.$status\n"
    for name, value in task.variables.items():
        text += (
            f"if not set -q __assigner_{name}; or not {_is_ours(name)}\n"
            f"  if not set -qg {name}; set -g __assigner_{name} -\n"
            f'  else if set -qgx {name}; set -g __assigner_{name} "=" ${name}\n'
            f"  else; set -g __assigner_{name} + ${name}; end\n"
            "end\n"
            f"true; set -gx {name} {quote(value)}; or set step env.1\n"  # set keeps $status
            f'set -g __assigned_{name} "${name}"\n'
        )
    text += 'if test -z "$step"\n'
    text += "set -l control full\n"
    text += "status is-full-job-control; or set control interactive\n"
    text += "status job-control full\n"
    text += f"{quote(tools.sh)} {quote(task.run)}/leader $fish\n"
    text += "set s $status\nstatus job-control $control\n"
    # a stopped job has status 0 here
    text += f"test $s = 0; and test -e {quote(task.run)}/done; and set s 148\nelse\n"
    text += f"{_report(task, tools, 'ready', 'step.$step')}\n"
    text += "set s (string split . -- $step)[2]\nend\n"
    return text + f"{_report(task, tools, 'exit', 'exit.$s')} 2>/dev/null\nend\n"


def _retake(name: str) -> str:
    """Restore the variable to its value before the first prompt that set it."""
    saved = f"__assigner_{name}"
    return (
        f'if {_is_ours(name)}\nswitch "${saved}[1]"\n'
        f'  case "="; set -gx {name} ${saved}[2..]\n'
        f"  case +; set -gu {name} ${saved}[2..]\n"
        f'  case "-"; set -eg {name}\n'
        f"end\nend\nset -eg {saved} __assigned_{name}\n"
    )


def _is_ours(name: str) -> str:
    """Whether the variable still has the prompt's value; a value that the user set since stays."""
    given = f"__assigned_{name}"
    return (
        f'begin; set -qg {name}; and begin; not set -qg {given}; or test "${name}" = "${given}"'
        "; end; end"
    )


def _leader(task: Task, tools: Tools) -> str:
    mv, run, spool = (posix.quote(word) for word in (tools.mv, task.run, task.spool))
    return (
        f'{mv} {run}/group {spool}.group."$$" || exit 125\n'
        "i=; trap i=1 INT\n"
        f'"$1" -c {posix.quote(f"source {quote(task.run)}/process")}\n'
        's=$?; [ "$s$i" = 01 ] && s=130\n'
        f'[ "$s" = 130 ] || {mv} {run}/done {spool}.done."$s" 2>/dev/null\n'
        'exit "$s"\n'
    )


def _process(task: Task, tools: Tools) -> str:
    """The file for the new fish, which sets the context again after the user's configuration."""
    text = (
        "set -l fish_trace\n"
        "function __assigner_fail\n"
        f"  {_report(task, tools, 'ready', 'step.$argv[1]')}\n"
        '  builtin exit (string split . -- "$argv[1]")[2]\n'
        "end\n"
    )
    if task.directory is not None:
        text += f"builtin cd -- {quote(task.directory)}; or __assigner_fail cd.1\n"
    text += "".join(f"set -gx {name} {quote(value)}\n" for name, value in task.variables.items())
    for name, value in {**task.announced, "ASSIGNER_REPORT": tools.report}.items():
        text += f"set -gx {name} {quote(value)}\n"
    text += _steps(task, tools)
    text += f"{_report(task, tools, 'ready', 'started')}; or builtin exit 125\n"
    text += "functions -e __assigner_fail\nset -el fish_trace\n"
    run = quote(task.run)
    if task.one_shot:
        text += "set -l fish (status fish-path)\n"
        text += f"$fish -c {quote(f'source {run}/command')} <{run}/prompt"
        return text + f" | {quote(tools.tee)} {run}/response\nbuiltin exit $pipestatus[1]\n"
    return text + f"source {run}/prompt\nbuiltin exit $status\n"


def _steps(task: Task, tools: Tools) -> str:
    git = quote(tools.git)
    head = f"set -l head ({git} symbolic-ref -q HEAD)\n"
    text = ""
    if task.validate:
        for name, value in task.variables.items():
            text += f'test "${name}" = {quote(value)}; or __assigner_fail env.1\n'
    if task.branch is not None:  # these variables would point git at another repository
        text += 'test -z "$GIT_DIR$GIT_WORK_TREE"; or __assigner_fail git.1\n'
    branch, ref = quote(task.branch or ""), quote(f"refs/heads/{task.branch}")
    if task.worktree is not None:
        tree, place = quote(task.worktree), quote(task.physical or task.worktree)
        text += (
            f"if not test -e {tree}/.git\n"
            # git may still list a tree that somebody deleted
            f"  {git} worktree remove {tree} >/dev/null 2>&1\n"
            f"  {git} worktree add -q {tree} {branch}\n"
            "  set -l made $status\n"
            # a hook may fail after the tree is made
            f"  test -e {tree}/.git; or __assigner_fail worktree.$made\n"
            "end\n"
            f"builtin cd -- {place}; or __assigner_fail cd.1\n"
        )
    if task.branch is not None:
        text += (
            f'{head}if test "$head" != {ref}\n'
            f"  set -l changes ({git} status --porcelain --untracked-files=no)\n"
            '  test -z "$changes"; or __assigner_fail dirty.1\n'
            f"  {git} checkout -q --recurse-submodules {branch} --\n"
            "  set -l switched $status\n"
            # a hook may fail after the switch, which is done
            f'  {head}  test "$head" = {ref}; or __assigner_fail branch.$switched\n'
            "end\n"
        )
    for number, command in enumerate(task.prerequisites, 1):
        text += f"eval {quote(command)}; or __assigner_fail prereq-{number}.$status\n"
    if task.validate:
        if task.physical is not None:
            text += _in_directory(task.physical, "verify")
        if task.branch is not None and task.prerequisites:
            text += f'{head}test "$head" = {ref}; or __assigner_fail verify.1\n'
        if "expected_cwd" in task.expected:
            text += _in_directory(task.expected["expected_cwd"], "session-state")
        if "git_branch" in task.expected:
            expected = quote(f"refs/heads/{task.expected['git_branch']}")
            text += f'{head}test "$head" = {expected}; or __assigner_fail session-state.1\n'
    return text


def _in_directory(path: str, step: str) -> str:
    wanted = quote(path + "\n")  # the output of pwd with its last newline
    return (
        f"test (builtin pwd -P | string collect --no-trim-newlines) = {wanted}"
        f"; or __assigner_fail {step}.1\n"
    )
