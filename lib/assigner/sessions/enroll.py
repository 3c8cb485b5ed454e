"""enroll: allows assigner to type into a session.  It never types into any other session."""

import json
import os
import re
from dataclasses import asdict
from fnmatch import fnmatchcase
from typing import NamedTuple

from assigner import clock
from assigner.agents import detect, registry
from assigner.agents.hooks import folder_trust
from assigner.agents.provider import Provider
from assigner.errors import AssignerError, UsageError
from assigner.queue import drafts, prompts, sessions
from assigner.sessions import known_panes, scan
from assigner.sessions.look import is_there, look, shell_of
from assigner.sessions.sight import Known, Sight
from assigner.shells import prompt_line
from assigner.store.database import Row, Store
from assigner.store.rows import Session
from assigner.system import processes, terminal_text
from assigner.tmux import client
from assigner.tmux import panes as tmux_panes

# tmux expands `#`, rewrites `.` and `:`, and interprets `=`, `$`, `@`, `%` and a leading `-`
PLAIN_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,63}\Z")


def enrolled(store: Store) -> list[Row]:
    """The enrolled sessions; `by` is a pattern of the settings, or `name`."""
    patterns = store.settings.session_patterns
    return [
        {**row, "by": next((p for p in patterns if fnmatchcase(row["name"], p)), "name")}
        for row in store.rows("sessions/list")
        if row["enrolled"]
    ]


class Choice(NamedTuple):
    """The options of enroll for a session.

    `provider`: None to detect it.  `command`: the command line of a one-shot executor, or the one
    that starts an agent.  `respawn`: assigner may restart the agent for a prompt.  `resumes`: it
    may continue the agent's conversation.  `auto_approve`: the agent may act without asking.
    `keepalive`: keepalive restarts the session.  `trust`: directories that the agent trusts.
    """

    provider: str | None = None
    command: str | None = None
    account: str | None = None
    respawn: bool = False
    resumes: bool = False
    auto_approve: bool = False
    keepalive: bool = False
    trust: tuple[str, ...] = ()


def enroll(
    store: Store,
    name: str,
    choice: Choice = Choice(),  # noqa: B008 - it is immutable
    *,
    at_prompt: bool = False,
) -> Session:
    """Enroll a session.  Returns its row.

    With `at_prompt` the session shows an empty prompt now, of any form: remembers how it ends.
    UsageError for a missing session, and for options that do not fit it.
    """
    session = sessions.find(store, name)
    if session["status"] == "offline" and not is_there(session):
        raise UsageError(f"session '{name}' is offline: {session['status_reason']}")
    check(choice)
    endings = json.loads(session["prompt_endings"])
    if at_prompt and (ending := asdict(_shown(store, session))) not in endings:
        endings = [*endings, ending]
    provider = choice.provider or _seen(store, session, choice)
    command = _command(session, provider, choice)
    start = _start(session, provider) if choice.keepalive else {}
    with store.transaction():
        sessions.enroll(
            store,
            session,
            provider=provider,
            provider_given=1,
            command=command,
            respawn=int(choice.respawn),
            resume_conversation=int(choice.resumes),
            auto_approve=int(choice.auto_approve),
            trusted_dirs=json.dumps([os.path.realpath(path) for path in choice.trust]),
            keepalive=int(choice.keepalive),
            **start,
            account=choice.account or _account_of(choice.command, provider),
            prompt_endings=json.dumps(endings, ensure_ascii=False),
        )
        sessions.renew(store, name)
        prompts.look_again(store)
    scan.scan(store)
    session = sessions.find(store, name)
    if choice.keepalive:
        keep_environment(store, session)
    return sessions.find(store, name)


def renew(store: Store, name: str, choice: Choice) -> Session | None:
    """Let keepalive try again to restart an offline session that it has given up.

    Returns the session's row; None if the session or the options do not ask for that.
    """
    session = sessions.find(store, name)
    if not session["keepalive"] or not session["enrolled"] or session["status"] != "offline":
        return None
    if choice not in (Choice(), Choice(keepalive=True)):
        return None
    with store.transaction():
        sessions.renew(store, name)
    return sessions.find(store, name)


def keep_environment(store: Store, session: Session) -> None:
    """Save the environment of a session's process, to restart the session with it."""
    if session["environment_file"] is None and not session["start_file"] and not store.dry:
        is_agent = detect.is_agent(session["provider"])
        pid = proc_of(session) if is_agent else session["pane_pid"]
        from assigner.sessions import environment

        environment.keep(store, session["name"], pid)


def check(choice: Choice) -> None:
    """Refuse an unknown provider, and a command that no shell can run.  UsageError."""
    drafts.check_target(None, choice.provider, registry.names())
    command = choice.command
    if choice.provider == "command" and command is None:
        raise UsageError("a one-shot executor needs its command: give --command")
    if choice.provider == "shell" and command is not None:
        raise UsageError("a shell needs no command: --command is for agents and one-shot executors")
    if command is not None and (not command.strip() or terminal_text.clean(command) != command):
        raise UsageError("the command is empty or has a control character: give a shell command")


def check_agent(agent: Provider, choice: Choice) -> None:
    """Refuse options that the agent does not support.  UsageError."""
    if choice.auto_approve and not agent.launch.approve:
        raise UsageError(f"{agent.name} does not support --auto-approve: use its own settings")
    if choice.resumes and not agent.launch.resume:
        raise UsageError(f"{agent.name} cannot continue a conversation: leave out --resume")
    folder_trust.check(agent, choice.trust)


def _command(session: Session, provider: str, choice: Choice) -> str | None:
    """The command that restarts a session's agent: the given one, else the one that started it.

    UsageError for options that only agents support.
    """
    agent = detect.known(provider)
    if agent:
        check_agent(agent, choice)
    wanted = {
        "--respawn": choice.respawn,
        "--resume": choice.resumes,
        "--auto-approve": choice.auto_approve,
        "--trust": choice.trust,
    }
    for option in [option for option, given in wanted.items() if given and agent is None]:
        raise UsageError(
            f"{option} is for agents, but session '{session['name']}' runs a {provider}"
        )
    if not ((choice.respawn or choice.keepalive) and agent) or choice.command:
        return choice.command
    if session["pane_pid"] == proc_of(session) and session["command"]:
        return str(
            session["command"]
        )  # the command that assigner started, without the options that it adds
    from assigner.agents import launch

    return launch.running_line(proc_of(session))


def _start(session: Session, provider: str) -> Row:
    """The columns from which keepalive restarts a session.  UsageError if it cannot restart it."""
    name = session["name"]
    if not PLAIN_NAME.match(name):
        raise UsageError(
            f"session '{name}' cannot be kept alive: it must have one pane, and a name of letters,"
            " digits, _ and - only"
        )
    agent = detect.known(provider)
    if session["start_file"]:  # its row already has them
        return {}
    directory = processes.directory(proc_of(session) if agent else session["pane_pid"])
    if directory is None:
        raise UsageError(f"session '{name}' cannot be kept alive: its directory is unknown")
    from assigner.agents import launch

    line = None if agent else launch.shell_line(session["pane_pid"])
    return {"start_dir": directory, "start_command": line, "environment_file": None}


def proc_of(session: Session) -> int:
    """The pid of a session's foreground process; 0 if it is unknown."""
    return processes.front(session["pane_pid"]) or 0


def _account_of(command: str | None, provider: str) -> str | None:
    """The account of a command line: the agent if it is an agent's one-shot mode, else None."""
    once = registry.once(command) if provider == "command" else None
    return once[0] if once else None


def _seen(store: Store, session: Session, choice: Choice) -> str:
    """The provider that a look at the session shows: an agent, a shell, or a one-shot command.

    With another program in front an enrolled session keeps its provider; for others nothing is
    assumed: AssignerError.
    """
    sight = _sight(store, session, known_panes.expectations(None, None))
    if sight and sight.agent:
        return sight.agent
    if choice.command:
        return "command"
    front = processes.front(session["pane_pid"]) if sight else None
    process = processes.stat(front) if front else None
    if process is None or shell_of(process):
        return "shell"
    if session["enrolled"] and session["provider"]:
        return str(session["provider"])
    raise AssignerError(
        f"no provider knows '{process.comm}', which runs in session '{session['name']}':"
        " wait until it has ended, or say which provider this is: --provider P"
    )


def leave(store: Store, name: str) -> Session:
    """Opt a session out.  Returns its row.  UsageError if it has a prompt, or is unknown."""
    session = sessions.find(store, name)
    if session["current_task_id"]:
        raise UsageError(
            f"session '{name}' has prompt {session['current_task_id']}:"
            " wait for the prompt to end, or cancel it"
        )
    with store.transaction():
        if not sessions.leave(store, session):
            raise UsageError(f"session '{name}' has just been given a prompt: try again")
        prompts.look_again(store)
    return sessions.find(store, name)


def _shown(store: Store, session: Session) -> prompt_line.Ending:
    """The ending of the prompt that the session shows now."""
    sight = _sight(store, session, known_panes.expectations(session, None))
    if sight is None:
        raise UsageError(f"session '{session['name']}' is {session['status']}")
    ending = prompt_line.learn(sight.line.text, sight.line.cursor_x) if sight.line else None
    if ending is None:
        raise UsageError(f"session '{session['name']}' does not show an empty prompt")
    return ending


def _sight(store: Store, session: Session, known: Known) -> Sight | None:
    """Look at a session now; None if its pane is gone.  AssignerError if tmux does not answer."""
    panes, _ = known_panes.list_panes(store)
    pane = next((pane for pane in panes if pane.identity == tmux_panes.PaneId.of(session)), None)
    if pane is None:
        return None
    try:
        return look(store, [(pane, known)], clock.now())[pane.socket, pane.id]
    except (client.NoServer, client.Unreachable) as error:
        raise AssignerError(f"cannot look at session '{session['name']}': {error}") from None
