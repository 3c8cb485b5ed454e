"""Installs and removes hooks in the agents' own configuration; keeps the other text unchanged.

Keeps a copy of each file's earlier content in the state directory, to restore it byte for byte.
"""

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from assigner.agents.hook_rules import Place
from assigner.agents.hooks import codex_trust, config_files, json_edit
from assigner.agents.provider import Provider
from assigner.config import Settings
from assigner.errors import SetupError, UsageError
from assigner.shells.posix import quote
from assigner.store import state_dir
from assigner.system import private_files, resources

_MARK = "|| : assigner"  # the end of each command that assigner installs
_MADE = "Written by `hooks install "  # a text in each plugin that assigner installs


@dataclass(frozen=True)
class Change:
    """A file to change: its new text, or None to delete it."""

    path: Path
    before: str | None
    after: str | None


@dataclass(frozen=True)
class Options:
    """Arguments and variables that make an agent report without installed hooks."""

    argv: list[str] = field(default_factory=list)
    variables: dict[str, str] = field(default_factory=dict)


def supported(provider: Provider) -> Place:
    """Where the agent's hooks are installed.  UsageError if its provider file has no [hooks]."""
    if provider.hooks is None:
        raise UsageError(f"the provider file of '{provider.name}' describes no hooks")
    return provider.hooks.place


def file_of(place: Place) -> Path:
    """The path of the file with the hooks.  SetupError if its directory is unknown."""
    return _directory(place) / place.file


def install(provider: Provider, settings: Settings, *, trust: bool = False) -> list[Change]:
    """The changes that install the hooks.  Writes nothing.  SetupError if that is impossible."""
    place = supported(provider)
    path = file_of(place)
    now = config_files.read(path)
    base = _base(provider, settings, path, now)
    if place.format == "plugin":
        if now is not None and _MADE not in now:
            raise SetupError(f"'{path}' was not made by 'hooks install': move it away")
        changes = [Change(path, now, _plugin(settings))]
    else:
        text = base or ""
        for event in place.events:
            group = _group(provider, place, event, settings)
            text = _edit(path, text, event, group)
        changes = [Change(path, now, text)]
    if trust:
        if place.format != "hooks":
            raise UsageError(f"'{provider.name}' runs hooks without --trust")
        config = _directory(place) / "config.toml"
        old = config_files.read(config)
        keys = _keys(place, path, changes[0].after or "")
        changes.append(Change(config, old, codex_trust.trusting(config, old, keys)))
    return [change for change in changes if change.before != change.after]


def remove(provider: Provider, settings: Settings) -> list[Change]:
    """The changes that remove the hooks.  Writes nothing.  SetupError if that is impossible."""
    place = supported(provider)
    path = file_of(place)
    now = config_files.read(path)
    if place.format == "plugin":
        ours = now is not None and _MADE in now
        changes = [Change(path, now, None if ours else now)]
    else:
        changes = [Change(path, now, _base(provider, settings, path, now))]
    if place.format == "hooks":
        config = _directory(place) / "config.toml"
        old = config_files.read(config)
        new = codex_trust.without(old)
        made = _kept(provider, settings).get(str(config), {"before": ""})["before"] is None
        changes.append(Change(config, old, None if made and not new else new))
    return [change for change in changes if change.before != change.after]


def state(provider: Provider, settings: Settings) -> tuple[str, str]:
    """The state of the agent's hooks, and what to do about it ('' if nothing).

    The states: installed; missing; outdated (for other events, another `hook` program or another
    spool); untrusted.  Raises SetupError if the agent's file is not usable.
    """
    place = supported(provider)
    now = config_files.read(file_of(place))
    if place.format == "plugin":
        if now is None or _MADE not in now:
            return "missing", ""
        if now != _plugin(settings):
            return "outdated", "install again"
        return "installed", ""
    found = _commands(place, now or "")
    if not found:
        return "missing", ""
    if any(
        found.get(event) != [_command(provider, event, settings)]
        for event in {*place.events, *found}
    ):
        return "outdated", "install again"
    if json_edit.load(now or "").get("disableAllHooks") is True:
        return "untrusted", "'disableAllHooks' is set there"
    if place.format == "hooks":
        config = _directory(place) / "config.toml"
        keys = _keys(place, file_of(place), now or "")
        if not codex_trust.trusts(config, config_files.read(config), keys):
            return "untrusted", untrusted(provider)
    return "installed", ""


def untrusted(provider: Provider) -> str:
    """What the user must do so that the agent trusts the installed hooks."""
    return (
        f"start {provider.name} once and choose 'Trust all and continue', or"
        f" 'hooks install {provider.name} --trust'"
    )


def apply(provider: Provider, settings: Settings, changes: Sequence[Change]) -> None:
    """Write the changes, each file atomically, and keep the old content.  SetupError."""
    directory = _directory(supported(provider))
    targets = [config_files.target(change.path, directory) for change in changes]
    _remember(provider, settings, changes)
    for change, target in zip(changes, targets, strict=True):
        try:
            if config_files.read(change.path) != change.before:
                raise SetupError(f"'{change.path}' was changed just now: try again")
            if change.after is None:
                target.unlink()
            else:
                config_files.write(target, change.after)
        except OSError as error:
            raise SetupError(f"cannot write '{change.path}': {error.strerror}") from None


def options(provider: Provider, settings: Settings) -> Options:
    """The options with which an agent reports its turns; empty if its hooks are installed.

    Writes only below the state directory.  Raises SetupError.
    """
    if provider.hooks is None or state(provider, settings)[0] == "installed":
        return Options()
    place = provider.hooks.place
    if place.format == "plugin":
        path = _session_file(settings, f"{provider.name}.js", _plugin(settings))
        content = os.environ.get("OPENCODE_CONFIG_CONTENT", "")
        try:
            content = json_edit.append(content, ["plugin"], path.as_uri())
        except ValueError as error:
            raise SetupError(f"OPENCODE_CONFIG_CONTENT has unexpected content: {error}") from None
        return Options(variables={"OPENCODE_CONFIG_CONTENT": content.strip()})
    groups = {event: [_group(provider, place, event, settings)] for event in place.events}
    if place.format == "settings":
        text = json.dumps({"hooks": groups}, indent=2) + "\n"
        path = _session_file(settings, f"{provider.name}-settings.json", text)
        return Options(["--settings", str(path)])
    argv = []
    for event, value in groups.items():
        argv += ["-c", f"hooks.{event}={codex_trust.value(value)}"]
    keys = _keys(place, Path("/<session-flags>/config.toml"), json.dumps({"hooks": groups}))
    trust = {key: {"trusted_hash": digest} for key, digest in keys.items()}
    return Options([*argv, "-c", f"hooks.state={codex_trust.value(trust)}"])


def _directory(place: Place) -> Path:
    """The agent's own directory; symlinks in a variable's value are resolved, as agents do."""
    value = os.environ.get(place.variable)
    if value:
        if not value.startswith("/"):
            raise SetupError(f"{place.variable} is not an absolute path: '{value}'")
        return Path(os.path.realpath(value))
    home = os.environ.get("HOME")
    if not home:
        raise SetupError(f"neither HOME nor {place.variable} is set")
    return Path(home) / place.default


def _command(provider: Provider, event: str, settings: Settings) -> str:
    """The command that the agent runs; does nothing if `hook` is gone.

    Uses `exec`, so that the parent process that `hook` reports is the agent.
    """
    hook, spool = (str(path) for path in (resources.data("bin") / "hook", settings.spool))
    for path in (hook, spool):
        if not path.isprintable():
            raise SetupError(f"cannot write this path into a hook: {path!a}")
    words = f"{quote(hook)} {quote(spool)} {provider.name} {event}"
    return f"[ -x {quote(hook)} ] && exec {words} 2>/dev/null {_MARK}"


def _group(provider: Provider, place: Place, event: str, settings: Settings) -> dict[str, Any]:
    command = _command(provider, event, settings)
    return {"hooks": [{"type": "command", "command": command, "timeout": place.timeout}]}


def _plugin(settings: Settings) -> str:
    template = Path(__file__).with_name("opencode.js")
    spool = json.dumps(str(settings.spool))
    return template.read_text("utf-8").replace('"@SPOOL@"', spool)


def _is_ours(group: object) -> bool:
    """Whether assigner installed a group of hooks."""
    hooks = group.get("hooks") if isinstance(group, dict) else None
    return bool(hooks) and all(
        isinstance(hook, dict) and str(hook.get("command", "")).endswith(_MARK)
        for hook in hooks or ()
    )


def _groups(text: str) -> dict[str, list[Any]]:
    """All groups of hooks in a file, by event."""
    hooks = json_edit.load(text).get("hooks")
    found = hooks if isinstance(hooks, dict) else {}
    return {event: groups for event, groups in found.items() if isinstance(groups, list)}


def _commands(place: Place, text: str) -> dict[str, list[str]]:
    """The commands that assigner installed in a file, by event."""
    found = {}
    for event, groups in _groups(text).items():
        ours = [hook["command"] for group in groups if _is_ours(group) for hook in group["hooks"]]
        if ours:
            found[event] = ours
    return found


def _keys(place: Place, path: Path, text: str) -> dict[str, str]:
    """The digest of each hook that assigner installed, by Codex's name for the hook."""
    found = {}
    for event, groups in _groups(text).items():
        for index, group in enumerate(groups):
            if _is_ours(group):
                key, digest = codex_trust.identity(path, event, index, group["hooks"][0])
                found[key] = digest
    return found


def _edit(path: Path, text: str, event: str, group: dict[str, Any]) -> str:
    try:
        return json_edit.append(text, ["hooks", event], group)
    except ValueError as error:
        raise SetupError(f"'{path}' has unexpected content: {error}") from None


def _base(provider: Provider, settings: Settings, path: Path, now: str | None) -> str | None:
    """The file without assigner's hooks: the original, or the user's later version of it."""
    if now is None or provider.hooks is None or provider.hooks.place.format == "plugin":
        return None
    kept = _kept(provider, settings).get(str(path), {})
    if kept.get("digest") == _digest(now):
        before = kept.get("before")
        return before if before is None else str(before)
    text = now
    for event in _commands(provider.hooks.place, text):
        text = json_edit.remove(text, ["hooks", event], _is_ours)
    if text != now and kept and kept.get("before") is None and not json_edit.load(text):
        return None
    return text


def _session_file(settings: Settings, name: str, text: str) -> Path:
    path = _home(settings) / name
    try:
        if not path.exists() or path.read_text("utf-8") != text:
            config_files.write(path, text)
    except OSError as error:
        raise SetupError(f"cannot write '{path}': {error.strerror}") from None
    return path


def _home(settings: Settings) -> Path:
    """hooks/ in the state directory."""
    state_dir.prepare(settings)
    home = settings.home / "hooks"
    private_files.own_directory(home)
    return home


def _kept(provider: Provider, settings: Settings) -> Mapping[str, Any]:
    """The original content of the agent's files, and a digest of what assigner wrote."""
    try:
        found = json.loads((settings.home / "hooks" / f"{provider.name}.json").read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _remember(provider: Provider, settings: Settings, changes: Sequence[Change]) -> None:
    path = _home(settings) / f"{provider.name}.json"
    kept = dict(_kept(provider, settings))
    for change in changes:
        path_name = str(change.path)
        if change.path.suffix == ".toml":  # assigner's entries in it have a mark
            if change.before is None:
                kept[path_name] = {"before": None}
            continue
        base = _base(provider, settings, change.path, change.before)
        if change.after is None or change.after == base:
            kept.pop(path_name, None)
        else:
            kept[path_name] = {"before": base, "digest": _digest(change.after)}
    try:
        if kept:
            config_files.write(path, json.dumps(kept))
        else:
            path.unlink(missing_ok=True)
    except OSError as error:
        raise SetupError(f"cannot write '{path}': {error.strerror}") from None


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
