"""`providers check`: the options, the table, the file."""

import shutil
from pathlib import Path

from assigner.agents import registry
from assigner.cli import output, progress, runner
from assigner.errors import AssignerError, UsageError
from assigner.system import programs, user_config
from assigner.trial import course, setup
from assigner.trial.checks import CHECKS
from assigner.trial.course import Course
from assigner.trial.place import Place

COLUMNS = ("check", "verdict", "detail", "seconds")
_PATIENCE = 120.0


def check(args: runner.Arguments) -> None:
    """Run the checks that the arguments choose, print a row for each, and write what was learnt."""
    name = args.name
    known = [other for other in registry.files() if registry.table(other).get("trial")]
    if name is None:
        raise UsageError(f"give an agent (known: {', '.join(known)})")
    if name not in registry.files():
        near = runner.nearest(name, known)
        raise UsageError(f"unknown agent '{name}'{near} (agents that can be checked: {known})")
    for wanted in args.only or ():
        if wanted not in CHECKS:
            raise UsageError(f"no check is named '{wanted}' (known: {', '.join(CHECKS)})")
    if args.force and not args.write:
        raise UsageError("--force is for --write")
    provider = registry.agent(name)
    file = _own_file(name) if args.write else None
    if file and file.exists() and not args.force:
        raise UsageError(f"'{file}' exists: give --force to replace it")
    keep = _kept(args.keep) if args.keep else None
    chosen = {key: value for key, value in CHECKS.items() if not args.only or key in args.only}
    place = Place(provider, setup.read(name), hooks=not args.no_hooks)
    with programs.ended_in_order(), place, progress.meter("checks") as report:
        trial = Course(place, args.timeout or _PATIENCE)
        rows = []
        for row in course.run(trial, chosen, keep, report):
            rows.append(row)
            if args.verbose:
                runner.say(args, f"{row['check']}: {row['verdict']} {row['detail']}".rstrip())
        if keep:
            place.model.log.touch()
            shutil.copy(place.model.log, keep / "requests.jsonl")
    output.rows(rows, args, columns=COLUMNS)
    if learnt := trial.learnt.keys:
        said = ", ".join(f"{key} = {value}" for key, value in learnt.items())
        if file:
            trial.learnt.write(file)
            runner.say(args, f"wrote '{file}' with {said}")
        else:
            runner.say(args, f"learnt for [typing]: {said} (--write makes a file of it)")
    elif file:
        runner.say(args, "nothing was learnt that the provider file does not say: wrote no file")
    args.failed = any(row["verdict"] != "ok" for row in rows)


def _own_file(name: str) -> Path:
    directory = user_config.own("providers")
    if directory is None:
        raise AssignerError("neither HOME nor XDG_CONFIG_HOME is set: there is no place to write")
    return directory / f"{name}.toml"


def _kept(path: str) -> Path:
    """An empty directory for what is kept."""
    directory = Path(path)
    directory.mkdir(parents=True, exist_ok=True)
    if any(directory.iterdir()):
        raise UsageError(f"'{directory}' is not empty")
    return directory
