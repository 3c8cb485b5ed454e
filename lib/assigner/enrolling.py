"""enroll: which sessions may be given prompts.  Nothing is ever typed into another."""

import json
import os
import re
from dataclasses import asdict
from fnmatch import fnmatchcase
from typing import NamedTuple

from assigner import (
    agents,
    clock,
    drafting,
    proc,
    providers,
    scanning,
    screen,
    sessions,
    tmux,
    trusting,
)
from assigner.db import Row, Store
from assigner.errors import AssignerError, UsageError
from assigner.looking import Known, Sight, look
from assigner.recognising import Provider

# tmux expands `#`, rewrites `.` and `:`, and gives meaning to `=`, `$`, `@`, `%` and a first `-`
PLAIN_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,63}\Z")


def enrolled(store: Store) -> list[Row]:
    """The sessions that may be given prompts; `by` is a pattern of the settings, or `name`."""
    patterns = store.settings.session_patterns
    return [
        {**row, "by": next((p for p in patterns if fnmatchcase(row["name"], p)), "name")}
        for row in store.rows("sessions")
        if row["enrolled"]
    ]


class Choice(NamedTuple):
    """What a person says of a session: which provider it is (None: what is seen), the `command`
    of a one-shot executor or by which an agent is started, whose account it uses; whether its
    agent may be started again for a prompt, then goes on with its conversation, and has leave to
    act unasked; whether it is started again where it died, and what its agent may trust.
    """

    provider: str | None = None
    command: str | None = None
    account: str | None = None
    respawn: bool = False
    resumes: bool = False
    auto_approve: bool = False
    keepalive: bool = False
    trust: tuple[str, ...] = ()


def enroll(store: Store, name: str, choice: Choice = Choice(), *, at_prompt: bool = False) -> Row:  # noqa: B008 - it is immutable
    """Opt a session in, and learn how a shell's empty prompt ends; its row.

    With `at_prompt` the person says that the prompt which is shown now is empty, whatever it
    looks like.  UsageError for a session that is not there, and what can run in none.
    """
    session = sessions.find(store, name)
    if session["status"] == "offline" and not _is_there(session):
        raise UsageError(f"session '{name}' is offline: {session['status_reason']}")
    check(choice)
    endings = json.loads(session["prompt_endings"])
    if at_prompt and (ending := asdict(_shown(store, session))) not in endings:
        endings = [*endings, ending]
    provider = choice.provider or _seen(store, session, choice)
    command = _command(session, provider, choice)
    start = _start(session, provider) if choice.keepalive else {}
    with store.transaction():
        store.update(
            "sessions",
            session["id"],
            enrolled=1,
            opted_out=0,
            learn=1,
            provider=provider,
            provider_given=1,
            command=command,
            respawn=int(choice.respawn),
            resumes=int(choice.resumes),
            auto_approve=int(choice.auto_approve),
            trusted=json.dumps([os.path.realpath(path) for path in choice.trust]),
            keepalive=int(choice.keepalive),
            **start,
            account=choice.account or _account_of(choice.command, provider),
            prompt_endings=json.dumps(endings, ensure_ascii=False),
        )
        store.run("renew_session", name=name)
        store.run("release_held", held_by="target missing", held_on=name)
        if session["provider"] != provider:
            # what ran in it may be paused, what runs in it now not
            store.run("release_held", held_by="pause", held_on=session["provider"])
    scanning.scan(store)
    session = sessions.find(store, name)
    if choice.keepalive:
        keep_environment(store, session)
    return sessions.find(store, name)


def renew(store: Store, name: str, choice: Choice) -> Row | None:
    """Have a session that is kept alive, and is not there, be started again though it was given
    up; its row.  None where that is not what is asked for.
    """
    session = sessions.find(store, name)
    if not session["keepalive"] or not session["enrolled"] or session["status"] != "offline":
        return None
    if choice not in (Choice(), Choice(keepalive=True)):
        return None
    with store.transaction():
        store.run("renew_session", name=name)
    return sessions.find(store, name)


def keep_environment(store: Store, session: Row) -> None:
    """Keep that in which what runs in a session was started, once it is there."""
    if session["environment"] is None and not session["starting"] and not store.dry:
        is_agent = agents.is_agent(session["provider"])
        pid = proc_of(session) if is_agent else session["pane_pid"]
        from assigner import launching

        launching.keep(store, session["name"], pid)


def check(choice: Choice) -> None:
    """Refuse a provider that is not known, and a command that no shell can run.  UsageError."""
    drafting.check_target(None, choice.provider, providers.names())
    command = choice.command
    if choice.provider == "command" and command is None:
        raise UsageError("a one-shot executor needs its command: give --command")
    if choice.provider == "shell" and command is not None:
        raise UsageError("a shell needs no command: --command is for agents and one-shot executors")
    if command is not None and (not command.strip() or screen.clean(command) != command):
        raise UsageError("the command is empty or has a control character: give a shell command")


def check_agent(agent: Provider, choice: Choice) -> None:
    """Refuse what an agent cannot be started with.  UsageError."""
    if choice.auto_approve and not agent.launch.approve:
        raise UsageError(f"{agent.name} has no option for --auto-approve: see its own settings")
    if choice.resumes and not agent.launch.resume:
        raise UsageError(f"{agent.name} cannot go on with a conversation: leave out --resume")
    trusting.check(agent, choice.trust)


def _command(session: Row, provider: str, choice: Choice) -> str | None:
    """What starts the agent of a session again: what a person says, else what has started it.

    UsageError for what only an agent can do.
    """
    agent = agents.known(provider)
    if agent:
        check_agent(agent, choice)
    wanted = {
        "--respawn": choice.respawn,
        "--resume": choice.resumes,
        "--auto-approve": choice.auto_approve,
        "--trust": choice.trust,
    }
    for option in [option for option, given in wanted.items() if given and agent is None]:
        raise UsageError(f"{option} is for agents, and '{session['name']}' is a {provider}")
    if not ((choice.respawn or choice.keepalive) and agent) or choice.command:
        return choice.command
    if session["pane_pid"] == proc_of(session) and session["command"]:
        return str(session["command"])  # what we have started it with, our own options left out
    from assigner import launching

    return launching.running_line(proc_of(session))


def _start(session: Row, provider: str) -> Row:
    """What it takes to start a session again as it is.  UsageError for what cannot be."""
    name = session["name"]
    if not PLAIN_NAME.match(name):
        raise UsageError(
            f"'{name}' cannot be kept alive: not one pane, or a name that is not made of letters,"
            " digits, _ and -"
        )
    agent = agents.known(provider)
    if session["starting"]:  # what it is made as is known
        return {}
    directory = proc.directory(proc_of(session) if agent else session["pane_pid"])
    if directory is None:
        raise UsageError(f"where '{name}' stands cannot be told: it cannot be kept alive")
    from assigner import launching

    line = None if agent else launching.shell_line(session["pane_pid"])
    return {"start_dir": directory, "start_line": line, "environment": None}


def proc_of(session: Row) -> int:
    """The process in front of a session."""
    return proc.front(session["pane_pid"]) or 0


def _account_of(command: str | None, provider: str) -> str | None:
    """An agent's one-shot mode uses the account of the agent."""
    once = providers.once(command) if provider == "command" else None
    return once[0] if once else None


def _seen(store: Store, session: Row, choice: Choice) -> str:
    """What runs in a session, as a look tells: an agent, or a shell, which may run a command."""
    sight = _sight(store, session, scanning.expectations(None, None))
    if sight and sight.agent:
        return sight.agent
    return "command" if choice.command else "shell"


def _is_there(session: Row) -> bool:
    """Whether the pane of a session lives, whatever has left it."""
    return session["pane_pid"] is not None and proc.is_session_leader(session["pane_pid"])


def leave(store: Store, name: str) -> Row:
    """Opt a session out; UsageError while a prompt runs in it, or for an unknown one."""
    session = sessions.find(store, name)
    if session["current_task_id"]:
        raise UsageError(
            f"session '{name}' has prompt {session['current_task_id']}:"
            " wait for its end, or cancel it"
        )
    with store.transaction():
        store.update("sessions", session["id"], enrolled=0, opted_out=1, keepalive=0, starting=None)
        store.run("hold_target", name=name)
    return sessions.find(store, name)


def _shown(store: Store, session: Row) -> screen.Ending:
    """The ending of the prompt that stands on the session's screen now."""
    sight = _sight(store, session, scanning.expectations(session, None))
    if sight is None:
        raise UsageError(f"session '{session['name']}' is {session['status']}")
    ending = screen.learn(sight.line.text, sight.line.cursor_x) if sight.line else None
    if ending is None:
        raise UsageError(f"session '{session['name']}' does not stand at an empty prompt")
    return ending


def _sight(store: Store, session: Row, known: Known) -> Sight | None:
    """A fresh look at a session; None if its pane is gone.  AssignerError if tmux is silent."""
    panes, _ = scanning.list_panes(store)
    wanted = session["socket"], session["pane_id"], session["pane_pid"]
    pane = next((p for p in panes if (p.socket, p.id, p.pid) == wanted), None)
    if pane is None:
        return None
    try:
        return look(store, [(pane, known)], clock.now())[pane.socket, pane.id]
    except (tmux.NoServer, tmux.Unreachable) as error:
        raise AssignerError(f"session '{session['name']}' cannot be looked at: {error}") from None
