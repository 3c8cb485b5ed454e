"""Any number of agents' recorded screens, to measure what judging them costs."""

import json
from itertools import cycle, islice
from typing import NamedTuple

from assigner.agents import registry
from assigner.agents.provider import Provider
from assigner.agents.screen_rules import View, judge
from harness.workplace import ROOT

AGENTS = ("claude", "codex", "opencode")
_RECORDED = ROOT / "tests" / "data" / "screens-agents"


class Screen(NamedTuple):
    """What one look at an agent's pane returns."""

    agent: Provider
    colored: str
    meta: dict[str, object]


def recorded(number: int) -> list[Screen]:
    """`number` screens, of every agent and in every status."""
    found = [
        Screen(registry.agent(agent), path.read_text(), json.loads(meta.read_text()))
        for agent in AGENTS
        for path in sorted((_RECORDED / agent).glob("*.ansi"))
        if (meta := path.with_suffix(".json")).exists()
    ]
    return list(islice(cycle(found), number))


def judged(screens: list[Screen]) -> None:
    """Judge all screens."""
    for screen in screens:
        judge(screen.agent, View.from_colored(screen.colored, screen.meta))
