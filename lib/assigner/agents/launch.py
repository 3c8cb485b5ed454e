"""Makes the command lines that restart an agent or a shell."""

import shlex
import shutil

from assigner.agents.provider import Provider
from assigner.errors import UsageError
from assigner.store.rows import Launch
from assigner.system import processes


def command_line(provider: Provider, session: Launch, options: list[str], *, resumed: bool) -> str:
    """The sh command line that starts the agent of a session, with `options` as extra arguments.

    With `resumed` the agent continues the session's conversation, if the session allows that.
    """
    launch = provider.launch
    parts = [session["command"] or provider.start, *map(shlex.quote, options)]
    if session["auto_approve"] and launch.approve:
        parts.append(launch.approve)
    if resumed and session["resume_conversation"] and session["conversation"] and launch.resume:
        parts.append(launch.resume.replace("{conversation}", shlex.quote(session["conversation"])))
    return " ".join(parts)


def running_line(pid: int) -> str:
    """The command line of a running agent, quoted for sh.  UsageError if it has none."""
    arguments = processes.arguments(pid)
    if not arguments or not shutil.which(arguments[0], path=processes.environment(pid).get("PATH")):
        raise UsageError("cannot read the command line of the running agent: give --command")
    return shlex.join(arguments)


def shell_line(pid: int) -> str:
    """The sh command line that restarts the shell of a pane.  UsageError if it is unknown."""
    arguments = processes.arguments(pid)
    if arguments and arguments[0].startswith("-"):  # a login shell, as login(1) and tmux name it
        return shlex.join([arguments[0][1:], "-l", *arguments[1:]])
    return running_line(pid)
