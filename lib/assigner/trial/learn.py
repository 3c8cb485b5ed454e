"""What a trial learns of how an agent takes a text, and the provider file that says so."""

import json
import re
from contextlib import suppress
from pathlib import Path

from assigner.agents import prompt_text, provider_file, registry
from assigner.agents.prompt_match import Typed
from assigner.agents.provider import Provider
from assigner.errors import AssignerError
from assigner.system import private_files, user_config
from assigner.trial.place import SESSION, Place

_MARKER = re.compile(r"\[[^\[\]\n]*\b[Pp]aste[^\[\]\n]*\](?: #\d+)?")

_TYPING = re.compile(r"\[\s*typing\s*\]\s*(#.*)?\Z")


class Learnt:
    """What a trial has learnt, where that differs from the provider file.

    `unknown_marker` stands in the composer for a long paste, `pasted` is the expression that
    matches it; `delay` is the delay before Enter, in milliseconds; `wrappers` are expressions for
    what the agent puts around a prompt.
    """

    def __init__(self, provider: Provider) -> None:
        self.provider = provider
        self.unknown_marker = ""
        self.pasted: str | None = None
        self.delay: int | None = None
        self.wrappers: list[str] = []

    def watch(self, place: Place, text: str) -> bool:
        """Look for an unknown marker of a pasted text in the composer; whether there is one."""
        if self.unknown_marker:
            return True
        draft = ""
        with suppress(AssignerError):
            draft = place.tool("inspect", SESSION).get("draft") or ""
        found = _MARKER.fullmatch(draft.strip())
        if found is None or prompt_text.marker(draft, self.provider.manner):
            return False
        self.unknown_marker = found[0]
        self.pasted = pattern(found[0], text)
        self.apply(place)
        return True

    def typed(self, text: str) -> str:
        """What assigner types for a prompt: disarmed, for instance."""
        return prompt_text.prompt(self.provider.manner, text, prompt_text.Lack())

    def is_known(self, text: str, whole: str) -> bool:
        """Whether the provider file knows what is around a text in `whole`; learns it if not."""
        typed = self.typed(text)
        if Typed(typed, self.provider.manner).is_prompt(whole):
            return True
        parts = whole.split(typed.strip() if typed.strip() in whole else text.strip(), 1)
        found = [pattern(part.strip()) for part in parts if part.strip()]
        self.wrappers = list(dict.fromkeys(found))
        return False

    @property
    def keys(self) -> dict[str, str]:
        """What has been learnt, as keys of the table [typing] and their TOML values."""
        found = {}
        if self.delay is not None:
            found["delay"] = str(self.delay)
        if self.pasted is not None:
            found["pasted"] = json.dumps(self.pasted, ensure_ascii=False)  # as TOML has it
        if self.wrappers:
            known = [wrapper.pattern for wrapper in self.provider.manner.wrappers]
            found["wrappers"] = json.dumps([*known, *self.wrappers], ensure_ascii=False)
        return found

    def apply(self, place: Place) -> None:
        """Have the trial go on with what has been learnt."""
        place.describe(self.described())

    def described(self) -> str:
        """The text of the provider file, with what has been learnt."""
        return with_typing(registry.text(registry.files()[self.provider.name]), self.keys)

    def write(self, path: Path) -> None:
        """Write the provider file as the user's own.

        SetupError if what was learnt does not fit into it; OSError.
        """
        text = self.described()
        table = user_config.table(path, text)
        provider_file.Reader(path).provider(self.provider.name, str(path), table)
        private_files.make_private(path.parent)
        new = path.with_name(f".{path.name}.new")
        new.write_text(text)
        new.chmod(0o600)
        new.replace(path)


def pattern(marker: str, text: str | None = None) -> str:
    """An expression for markers like this one, which stands for this text, or for wrappers.

    The number that is the text's count of line breaks, lines or characters becomes a group, any
    other number `\\d+`; a quoted value may be any other.
    """
    if text is None:
        parts = [_escaped(part) for part in re.split(r'"[^"\n]*"', marker)]
        return '"[^"\\n]*"'.join(re.sub(r"\d+", r"\\d+", part) for part in parts)
    newlines = text.count("\n")
    counts = {str(newlines): "newlines", str(newlines + 1): "lines", str(len(text)): "chars"}
    parts = re.split(r"(\d+)", marker)
    for index in range(1, len(parts), 2):
        name = counts.pop(parts[index], None)
        parts[index] = rf"(?P<{name}>\d+)" if name else r"\d+"
    for index in range(0, len(parts), 2):
        parts[index] = _escaped(parts[index])
    return "".join(parts)


def _escaped(text: str) -> str:
    return re.sub(r"([\[\](){}.*+?^$|\\])", r"\\\1", text)


def with_typing(text: str, keys: dict[str, str]) -> str:
    """The text of a provider file with these keys in its table [typing]."""
    if not keys:
        return text
    lines = text.splitlines()
    heads = [at for at, line in enumerate(lines) if _TYPING.match(line)]
    if not heads:
        heads = [len(lines) + 1]
        lines += ["", "[typing]"]
    begin = heads[0] + 1
    end = next((at for at in range(begin, len(lines)) if lines[at].startswith("[")), len(lines))
    kept = [line for line in lines[begin:end] if line.partition("=")[0].strip() not in keys]
    learnt = [f"{key} = {value}" for key, value in keys.items()]
    return "\n".join([*lines[:begin], *learnt, *kept, *lines[end:]]) + "\n"
