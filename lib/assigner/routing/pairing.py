"""Decide which waiting prompt gets which idle session.

Priorities are strict: a class of equal priority is paired completely before the next one.
Within a class

1. older prompts come first when sessions are scarce: by age, each prompt is served if it can be
   served together with all those already chosen.  This greedy choice also serves as many as
   possible (Edmonds and Fulkerson, "Transversals and matroid partition", 1965);

2. the chosen prompts settle on a level of match, the best levels first and older prompts first:
   a prompt settles if every other chosen one keeps a session, and every settled one its level.
   So no prompt takes a session that matches another better while an equally good one is free.

Both steps move prompts along augmenting paths (Berge 1957), breadth first.  Every chosen prompt
has a session at every moment, so nothing needs a repair at the end.
"""

from collections import deque
from collections.abc import Sequence
from heapq import heapify, heappop, heapreplace
from itertools import groupby, pairwise
from operator import attrgetter
from typing import Any, NamedTuple


class Candidate(NamedTuple):
    """A session that may take the prompt."""

    session: int
    match: int  # in points
    order: Any = ()  # sorts candidates of equal match, the smallest is tried first


class Waiting(NamedTuple):
    """A prompt that may run now, with the free sessions that may take it."""

    priority: int
    candidates: Sequence[Candidate]


def pair(prompts: Sequence[Waiting]) -> list[tuple[int, int]]:
    """Pairs (index of a prompt, session), in the order of the prompts.

    `prompts` are sorted by falling priority, then oldest first.  Raises ValueError if the
    priorities rise.  No prompt and no session is in two pairs.
    """
    if any(later.priority > prompt.priority for prompt, later in pairwise(prompts)):
        raise ValueError("prompts are not in order of falling priority")
    pairs: dict[int, int] = {}
    for _, members in groupby(range(len(prompts)), key=lambda index: prompts[index].priority):
        taken = set(pairs.values())
        pairs |= _pair_class(
            {
                index: sorted(
                    (c for c in prompts[index].candidates if c.session not in taken),
                    key=lambda c: (-c.match, c.order),
                )
                for index in members
            }
        )
    return sorted(pairs.items())


def _pair_class(wishes: dict[int, list[Candidate]]) -> dict[int, int]:
    """The session of each prompt that gets one; `wishes` by age, each sorted best first."""
    seating = _Seating()
    for prompt, candidates in wishes.items():
        seating.admit(prompt, [candidate.session for candidate in candidates])

    levels = {prompt: groupby(wishes[prompt], attrgetter("match")) for prompt in seating.session_of}

    def next_level(prompt: int) -> tuple[int, int, list[int]]:
        match, candidates = next(levels[prompt])
        return -match, prompt, [candidate.session for candidate in candidates]

    unsettled = [next_level(prompt) for prompt in levels]
    heapify(unsettled)
    while unsettled:
        _, prompt, sessions = unsettled[0]  # the best level, the oldest prompt
        if seating.settle(prompt, sessions):
            heappop(unsettled)
        else:
            heapreplace(unsettled, next_level(prompt))
    return seating.session_of


class _Seating:
    """Prompts and the sessions they hold, one each, and the sessions they may move to."""

    def __init__(self) -> None:
        self.session_of: dict[int, int] = {}
        self.prompt_of: dict[int, int] = {}
        self.choices: dict[int, list[int]] = {}
        self.settled: set[int] = set()
        # The sessions that a failed search has tried form a ring: their holders may move only
        # among them, or into earlier rings, from which nothing leads back.  Choices only narrow, so
        # that stays true: a prompt outside the ring (None: in no ring) need not try them again.
        self.ring_of: dict[int, frozenset[int]] = {}

    def admit(self, prompt: int, choices: list[int]) -> None:
        """Seat a new prompt if all seated ones can stay seated, preferably on a free session."""
        if self._seat(prompt, [choices]):
            self.choices[prompt] = choices

    def settle(self, prompt: int, choices: list[int]) -> bool:
        """Move `prompt` into `choices` for good, if every other prompt can keep to its own.

        Tries the choices in order, those that settled prompts hold last.  Always succeeds if
        `choices` contains the session that `prompt` holds.
        """
        left = self.session_of.pop(prompt)
        del self.prompt_of[left]
        by_ease = sorted(choices, key=lambda session: self.prompt_of.get(session) in self.settled)
        if self._seat(prompt, [[session] for session in by_ease], left):
            self.choices[prompt] = choices
            self.settled.add(prompt)
            return True
        self.session_of[prompt] = left
        self.prompt_of[left] = prompt
        return False

    def _seat(self, prompt: int, bids: list[list[int]], left: int | None = None) -> bool:
        """Give an unseated prompt a session of its first possible bid; others may move.

        Nothing moves if there is none.  `left` is the session that the prompt had.
        """
        wanted_by: dict[int, int] = {}
        for bid in bids:
            movers = deque([(prompt, bid)])
            while movers:
                mover, wanted = movers.popleft()
                for session in wanted:
                    ring = self.ring_of.get(session)
                    if session in wanted_by or (ring and left not in ring):
                        continue
                    wanted_by[session] = mover
                    if session not in self.prompt_of:
                        self._shift(session, wanted_by)
                        return True
                    holder = self.prompt_of[session]
                    movers.append((holder, self.choices[holder]))
        self.ring_of |= dict.fromkeys(wanted_by, frozenset(wanted_by))
        return False

    def _shift(self, free: int | None, wanted_by: dict[int, int]) -> None:
        """Move every prompt along the path that ends at the free session."""
        while free is not None:
            mover = wanted_by[free]
            left = self.session_of.get(mover)
            self.session_of[mover] = free
            self.prompt_of[free] = mover
            free = left
