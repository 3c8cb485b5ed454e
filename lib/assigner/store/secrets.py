"""The secret variables of prompts, each set in a file of mode 0600."""

import json
import os
import re
from collections.abc import Mapping
from typing import Any

from assigner.config import Settings
from assigner.store import state_dir
from assigner.system import private_files


def save_secrets(settings: Settings, values: Mapping[str, str]) -> str:
    """Save secret values of variables in a separate file.  Returns its name."""
    name = os.urandom(8).hex()
    state_dir.write(settings.secrets / name, json.dumps(dict(values)))
    return name


def variables(settings: Settings, prompt: Mapping[str, Any]) -> dict[str, str]:
    """A prompt's variables with their values, including the secret ones.

    Raises OSError, KeyError or ValueError if the secret values are gone.
    """
    found: dict[str, Any] = json.loads(prompt["env_vars"])
    if prompt["secrets"]:
        kept = load_secrets(settings, prompt["secrets"])
        found = {name: kept[name] if value is None else value for name, value in found.items()}
    if any(value is None for value in found.values()):
        raise KeyError("a value is missing")
    return found


def load_secrets(settings: Settings, name: str) -> dict[str, str]:
    """The values that save_secrets saved under that name.  Raises OSError if they are gone."""
    if not re.fullmatch(r"[0-9a-f]{16}", name):
        raise FileNotFoundError(name)
    with private_files.own_file(settings.secrets / name) as file:
        values = json.loads(file.read().decode())
    return {str(key): str(value) for key, value in values.items()}
