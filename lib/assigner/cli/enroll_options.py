"""enroll: its options, and how they become enrolled sessions."""

import argparse

from assigner import errors
from assigner.cli import runner
from assigner.errors import AssignerError, UsageError
from assigner.queue import sessions
from assigner.sessions import create as sessions_create
from assigner.sessions import enroll as sessions_enroll
from assigner.sessions import scan
from assigner.store.database import Row, Store
from assigner.store.rows import Session


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of `enroll`."""
    parser.add_argument("names", nargs="*", metavar="NAME", help="a tmux session, or a pane of it")
    parser.add_argument(
        "--create", action="store_true", help="create the session if it does not exist"
    )
    parser.add_argument(
        "--workdir", type=runner.directory, metavar="DIR", help="the directory of a new session"
    )
    parser.add_argument("--shell", metavar="PATH", help="the shell of a new session")
    parser.add_argument(
        "--provider", metavar="P", help="what runs in the session (default: detect it)"
    )
    parser.add_argument(
        "--command", metavar="CMD",
        help="one-shot: CMD reads each prompt on standard input; for an agent: how to start it",
    )  # fmt: skip
    parser.add_argument(
        "--respawn", action="store_true",
        help="restart the agent for another context (default: describe it in the prompt)",
    )  # fmt: skip
    parser.add_argument(
        "--resume", dest="resumes", action="store_true",
        help="with --respawn or --keepalive: continue the conversation in the same directory",
    )  # fmt: skip
    parser.add_argument(
        "--auto-approve", action="store_true",
        help="start the agent with its option to act without asking",
    )  # fmt: skip
    parser.add_argument(
        "--trust", type=runner.directory, action="append", default=[], metavar="DIR",
        help="make the agent trust this directory and everything below (repeated)",
    )  # fmt: skip
    parser.add_argument(
        "--keepalive", action="store_true", help="restart the session as it is now when it dies"
    )
    parser.add_argument(
        "--account",
        metavar="NAME",
        help="the account whose usage limit counts (default: one for each agent)",
    )
    parser.add_argument(
        "--at-prompt",
        action="store_true",
        help="the session shows its empty prompt now: remember that",
    )
    parser.add_argument(
        "--settle", type=runner.seconds, metavar="SECONDS",
        help="wait this long for a new session's prompt (default 5; for an agent 20)",
    )  # fmt: skip
    parser.add_argument("--remove", action="store_true", help="no longer type into the sessions")
    parser.add_argument(
        "--list", action="store_true", help="list the enrolled sessions, and what enrolled each"
    )


def check(args: argparse.Namespace) -> None:
    if args.list and (args.names or args.create or args.remove or args.at_prompt):
        raise UsageError("--list takes no NAME, --create, --remove or --at-prompt")
    if not (args.names or args.list):
        raise UsageError("the following arguments are required: NAME, or --list")
    given = args.provider, args.command, args.account
    flags = (
        args.at_prompt, args.respawn, args.resumes, args.auto_approve, args.trust, args.keepalive
    )  # fmt: skip
    if args.remove and (any(flags) or given != (None, None, None)):
        raise UsageError("--remove takes no other option")
    again = args.respawn or args.keepalive
    if args.resumes and not again:
        raise UsageError("--resume needs --respawn or --keepalive")
    if (args.auto_approve or args.trust) and not (again or args.create):
        raise UsageError("--auto-approve and --trust need --respawn, --keepalive or --create")
    if args.create and (args.remove or args.at_prompt):
        raise UsageError("--create excludes --remove and --at-prompt")
    if not args.create and (args.workdir is not None or args.shell is not None):
        raise UsageError("--workdir and --shell are for --create")


def wish_of(args: argparse.Namespace) -> sessions_create.Wish:
    """The requested session."""
    choice = sessions_enroll.Choice(
        args.provider, args.command, args.account, args.respawn, args.resumes, args.auto_approve,
        args.keepalive, tuple(args.trust),
    )  # fmt: skip
    return sessions_create.Wish(args.workdir, args.shell, choice)


def create(
    store: Store, args: argparse.Namespace, name: str, silent: str | None
) -> list[Row | Session]:
    try:
        row = sessions_create.create(store, name, wish_of(args), settle=args.settle, silent=silent)
    except AssignerError as error:
        if error.status != errors.FAILED:
            raise
        runner.complain(args, str(error))
        return []
    if row["status"] not in ("idle", "unknown", None):
        runner.complain(args, f"'{name}' is not ready yet: {row['status_reason']}")
    return [row]


def enroll(store: Store, args: argparse.Namespace) -> list[Row | Session]:
    silent = scan.scan(store).silent.get(store.settings.sockets[0])
    names = list(dict.fromkeys(args.names))
    wish = wish_of(args)
    lacking = sessions_create.lacking(store, names, wish) if args.create else []
    for name in names:
        if name not in lacking:
            sessions.find(store, name)
    rows: list[Row | Session] = []
    for name in names:
        if name in lacking:
            rows += create(store, args, name, silent)
        elif args.remove:
            rows.append(sessions_enroll.leave(store, name))
        elif row := sessions_enroll.renew(store, name, wish.choice):
            rows.append(row)
        else:
            rows.append(sessions_enroll.enroll(store, name, wish.choice, at_prompt=args.at_prompt))
    return rows
