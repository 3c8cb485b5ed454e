"""What a look at a pane starts from, and its result."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from assigner.shells import prompt_line
from assigner.tmux import panes as tmux_panes

if TYPE_CHECKING:
    from assigner.agents.screen_rules import Verdict, View

Key = tuple[str, str]  # a socket, and a pane's id


class Known(NamedTuple):
    """What the database knows of a session before the look."""

    provider: str | None = None
    endings: Sequence[prompt_line.Ending] = ()
    learning: str = "on"  # as the column prompt_learning
    prompt: int | None = None
    attempt: int | None = None
    group: int | None = None
    given: bool = False  # the user has named the provider
    preparing: bool = False  # its agent is being restarted
    starting: bool = False  # no pass has seen it since its start
    ours: float | None = None  # when assigner's last line began to run, in epoch seconds
    account: str | None = None  # whose usage limit counts, if it is not the provider's
    limited_until: str | None = None  # the end of the last limit that the session has shown
    turn_began_at: float | None = None  # by its hooks, in epoch seconds
    turn_ended_at: float | None = None  # by its hooks or transcript
    wants_prompts: bool = False  # a prompt may be typed next


class Shown(NamedTuple):
    """An agent's screen, and its status by the provider's rules."""

    screen: tmux_panes.Screen
    view: "View"
    verdict: "Verdict"


class Sight(NamedTuple):
    """The result of a look: status, reason, the shell, and the ending of its empty prompt if the
    look has learned one; or the agent, its version and its screen; and the end of the usage limit.
    """

    pane: tmux_panes.Pane
    status: str
    reason: str
    shell: str | None = None
    directory: str | None = None
    line: tmux_panes.Line | None = None
    ending: prompt_line.Ending | None = None
    agent: str | None = None
    shown: Shown | None = None
    limited_until: str | None = None
    version: str | None = None
    is_untested: bool = False
